"""What a person reads while an Application starts: its steps, and a blocker where there is one.

The simulated cluster takes seconds for each stage here, as a real one does.
"""

import asyncio
import sys
from collections.abc import Iterator

import pytest
from tests.integration.client.shop import WAIT_SECONDS, Shop, open_shop
from tests.integration.client.test_verbs import CODE, ENV, MANIFESTS, ORG, PRICES, pasted

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G14.19")]
PLAN = ("plan", "install", "bp-wordpress", "--env", ENV, "--set", "siteTitle=Hi")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    manifests = folder / "omantel.yaml"
    manifests.write_text(MANIFESTS)
    with open_shop(folder, pace="2.0") as found:
        found.well("apply", "-f", str(manifests))
        found.well("billing", "price-book", "apply", str(PRICES), by=found.bookkeeper)
        found.well("voucher", "issue", "40.000", "OMR", "--code", CODE)
        found.well("voucher", "redeem", CODE, "--org", ORG, by=found.owner)
        found.once_said("bp-wordpress", "catalog", "search", "wordpress", "--org", ORG)
        yield found


def test_a_normal_start_is_blocked_by_nothing(shop: Shop) -> None:
    planned = shop.well(*PLAN, "--as", "blog")
    watched = shop.well(*pasted(planned.err, "apply"))
    assert "observe    running" in watched.out
    assert "completed, 100 %" in watched.out
    assert "blocked by" not in watched.out


@pytest.mark.guarantee("G13.13", "G13.14")
async def test_what_fails_is_told_and_goes_on_once_it_is_mended(shop: Shop) -> None:
    word = ("simulate", "shop", "crash-loop", "--env", ENV)
    told = await asyncio.to_thread(shop.well, *word)
    assert pasted(told.err, "simulate") == ["simulate", "shop", "well", *word[3:], "--org", ORG]
    planned = await asyncio.to_thread(shop.well, *PLAN, "--as", "shop")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from catalyst.cli.entry import run; run()"),
        *pasted(planned.err, "apply"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(WAIT_SECONDS):
        while not lines or "crash-loop" not in lines[-1]:
            lines.append((await child.stdout.readline()).decode())
            assert lines[-1], lines
        assert any("blocked by" in line for line in lines)
        assert "the container ends again and again" in lines[-1]
        # Every list says it in a word: no row ends at what only waits for it.
        for kinds, said in (
            ("changes", "crash loop"),
            ("environments", "degraded CrashLoopBackOff (shop) (simulated)"),
            ("organizations", f"degraded CrashLoopBackOff ({ENV}) (simulated)"),
        ):
            listed = await asyncio.to_thread(shop.well, "get", kinds, "--org", ORG)
            assert said in listed.out
        await asyncio.to_thread(shop.well, *pasted(told.err, "simulate"))
        assert "completed, 100 %" in (await child.stdout.read()).decode()
        assert await child.wait() == 0
