"""What a shell is told of the things of a stack when a line goes on."""

import json
from collections.abc import Callable

import pytest
from tests.integration.client.approving import ENV, ORG, applied
from tests.integration.client.command import Ran
from tests.integration.client.shop import WAIT_SECONDS, Shop
from tests.support.each import each

from catalyst.cli import target
from catalyst.cli.calling import COMPLETING


@each(["get environments --org", "billing balance --org", "plan delete-organization"])
def test_organizations_are_completed(
    line: str, *, catalyst: Callable[..., Ran], organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMPLETING, "complete_bash")
    for begun, told in ((organization[:-1], [organization]), ("nothing", [])):
        monkeypatch.setenv("COMP_WORDS", f"catalyst {line} {begun}")
        monkeypatch.setenv("COMP_CWORD", str(len(line.split()) + 1))
        ran = catalyst()
        assert (ran.code, ran.out.split(), ran.err) == (0, told, "")


@each(
    [
        ("get organizations", "{org}", ["{org}"]),
        ("plan ", "inst", ["install"]),
        ("", "simul", ["simulate"]),
    ]
)
def test_verbs_and_what_they_are_about_are_completed(
    line: str,
    begun: str,
    told: list[str],
    *,
    catalyst: Callable[..., Ran],
    organization: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["catalyst", *line.format(org=organization).split()]
    monkeypatch.setenv(COMPLETING, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join([*words, begun.format(org=organization)]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    ran = catalyst()
    expected = [name.format(org=organization) for name in told]
    assert (ran.code, ran.out.split(), ran.err) == (0, expected, "")


@pytest.mark.real
@pytest.mark.guarantee("G27.16")
def test_blueprints_changes_and_what_runs_are_completed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, _ = applied(shop, "hush")
    # That the machine is busy is no reason to offer nothing here.
    monkeypatch.setattr(target, "COMPLETING_SECONDS", WAIT_SECONDS)

    def told(line: str) -> list[str]:
        words = ["catalyst", *line.split(" ")]
        with monkeypatch.context() as shell:
            shell.setenv(COMPLETING, "complete_bash")
            shell.setenv("COMP_WORDS", " ".join(words))
            shell.setenv("COMP_CWORD", str(len(words) - 1))
            # What a shell asks stands in its variables alone.
            return shop.well(words[1]).out.split()

    assert told(f"plan install --org {ORG} bp-wordp") == ["bp-wordpress"]
    assert told(f"plan install --env {ENV} wordp") == ["wordpress"]
    assert told(f"catalog show --org {ORG} vaultw") == ["vaultwarden"]
    assert told(f"catalog hide --org {ORG} vaultw") == ["vaultwarden"]
    assert told("blueprint yank bp-vaultw") == ["bp-vaultwarden"]
    assert told("source sync star") == told("source remove star") == ["starter"]
    assert told(f"source sync --org {ORG} star") == []
    issued = shop.well("voucher", "issue", "2.000", "OMR", "-o", "json")
    code = json.loads(issued.out)["code"]
    shop.once_said(code[:8], "get", "vouchers", "-o", "json")
    assert told(f"voucher revoke {code[:4]}") == [code[:8]]
    shop.well("voucher", "revoke", code, "--reason", "Why")
    shop.once_said("revoked", "get", "vouchers", "-o", "json")
    assert told(f"voucher revoke {code[:4]}") == []
    for line in (f"approve --org {ORG}", "cancel", "plan show", "get changes"):
        assert change in told(f"{line} {change[:-1]}")
    shop.well("cancel", change, "--reason", "Why", by=shop.owner)
    shop.once_said("cancelled", "get", "changes", change)
    assert told(f"cancel {change[:-1]}") == []
    assert told(f"plan show {change[:-1]}") == [change]
