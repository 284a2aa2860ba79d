"""A command with a secret in it that meets a bug: set aside with its bytes, shown nowhere else."""

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.client.shop import Shop, open_shop
from tests.integration.client.test_verbs import MANIFESTS, ORG
from tests.support.waiting import until

from catalyst.billing.domain import redemption

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G6.7"), pytest.mark.guarantee("G12.6")]

CODE = "VCH-7QKD-M2XW-PA4R"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack in which whoever redeems a voucher meets a bug that quotes the code."""
    folder = tmp_path_factory.mktemp("shop")
    manifests = folder / "omantel.yaml"
    manifests.write_text(MANIFESTS)

    def buggy(code: str) -> str:
        raise LookupError(f"no voucher {code}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redemption, "voucher_id", buggy)
        with open_shop(folder, starter=False) as found:
            found.well("apply", "-f", str(manifests))
            yield found


async def test_the_code_of_a_redemption_that_was_set_aside_is_shown_to_whoever_runs_it_alone(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    send = ("send", "billing.redeem-voucher.v1", "--org", ORG, "--id", "r-1", "--no-wait")
    data = json.dumps({"code": CODE})
    sent = await asyncio.to_thread(
        shop.well, *send, "--command-id", "c-r", "--data", data, by=shop.owner
    )

    async def letters(by: str) -> list[Any]:
        mine = ("dlq", "list", "--org", ORG, "-o", "json")
        ran = await asyncio.to_thread(shop.well, *mine, by=by)
        found: list[Any] = ran.json["items"]
        return found

    async def there() -> bool:
        return len(await letters(shop.owner)) == 1

    await until(there, pause=0.1)
    (letter,) = await letters(shop.owner)
    assert (letter["reason"], letter["message"]["type"]) == ("bug", "billing.redeem-voucher.v1")
    assert re.fullmatch(r"LookupError in test_secret_commands\.py, line \d+", letter["detail"])

    said = [sent] + [
        await asyncio.to_thread(shop.run, *words, by=by)
        for by in (shop.owner, "")
        for words in (
            ("doctor",),
            ("dlq", "list", "--org", ORG, "-o", "json"),
            ("events", "--org", ORG, "-o", "json"),
            ("trace", "c-r", "--org", ORG, "-o", "json"),
            ("outcome", "c-r", "--org", ORG, "-o", "json"),
            ("get", "redemptions", "--org", ORG, "-o", "json"),
        )
    ]
    assert not [ran for ran in said if CODE in ran.out + ran.err]
    assert any(record.message == "rule failed" for record in caplog.records)
    logged = [logging.Formatter().format(record) + str(vars(record)) for record in caplog.records]
    assert not [line for line in logged if CODE in line]

    # A member of the Organization learns that it was set aside, and why.
    show = ("dlq", "show", letter["subject"], "-o", "json")
    withheld = (await asyncio.to_thread(shop.well, *show, by=shop.owner)).json
    assert withheld["body"] == ""
    assert "sovereign-admin" in withheld["withheld"]
    assert CODE in (await asyncio.to_thread(shop.well, *show)).json["body"]
