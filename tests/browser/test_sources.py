"""What stands in the page's files, read without a browser."""

import re
from typing import Final

from tests.support.browser import ROOT

from catalyst.contracts.registry import SERVICES
from catalyst.contracts.roles import (
    COMMAND_ROLES,
    OWNER_ROLES,
    READS_EVERYWHERE,
    READS_OWN,
)
from catalyst.contracts.tables.role import BUILDERS
from catalyst.projector.views.table import BY_KIND

STATIC: Final = ROOT / "services" / "gateway" / "src" / "catalyst" / "gateway" / "static"


def test_no_file_makes_markup_or_code_from_text() -> None:
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc"
        r"|createContextualFragment|setAttribute\(\s*[\"']on|javascript:"
    )
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=|\sstyle=")
    paths = [path for path in STATIC.rglob("*") if path.suffix in {".js", ".html"}]
    assert len(paths) > 10
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert not sinks.search(text), path.name
        if path.suffix == ".html":
            assert not inline.search(text)


def test_every_part_of_the_script_is_asked_for_at_once() -> None:
    index = (STATIC / "index.html").read_text(encoding="utf-8")
    wanted = set(re.findall(r'<link rel="modulepreload" href="/js/([a-z]+\.js)">', index))
    assert wanted == {path.name for path in (STATIC / "js").iterdir()} - {"main.js"}


def test_no_file_is_long() -> None:
    for path in STATIC.rglob("*"):
        if path.is_file():
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path.name


def test_every_kind_of_row_has_a_name_for_people_and_a_state() -> None:
    names, states = (STATIC / "js" / "kinds.js").read_text(encoding="utf-8").split("const STATES")
    named = re.findall(r'^  \["([a-z-]+)", "[A-Z][a-z ]+", "[A-Z][a-z ]+"\],$', names, re.MULTILINE)
    told = re.findall(r'^  "?([a-z-]+)"?: \(doc\) =>', states, re.MULTILINE)
    assert sorted(named) == sorted(told) == sorted(BY_KIND)


def test_bills_are_asked_for_by_exactly_those_who_may_read_them() -> None:
    text = (STATIC / "js" / "rights.js").read_text("utf-8")
    told = {
        name: set(re.findall(r'"([a-z-]+)"', roles))
        for name, roles in re.findall(r"(everywhere|own): \[([^\]]+)\]", text)
    }
    for kind in ("invoice", "credit-note", "usage"):
        for name, table in {"everywhere": READS_EVERYWHERE, "own": READS_OWN}.items():
            assert told[name] == {role for role, kinds in table.items() if kind in kinds}
    vouchers = re.findall(r"VOUCHERS = \[([^\]]+)\]", text)
    redeem = {role for roles in vouchers for role in re.findall(r'"([a-z-]+)"', roles)}
    assert redeem == COMMAND_ROLES["billing.redeem-voucher.v1"]


def test_what_was_set_aside_is_mended_by_exactly_those_who_may() -> None:
    text = (STATIC / "js" / "rights.js").read_text("utf-8")
    mend = set(re.findall(r'"([a-z-]+)"', re.findall(r"MENDS = \[([^\]]+)\]", text)[0]))
    for service in SERVICES:
        for verb in ("retry", "drop"):
            assert mend == COMMAND_ROLES[f"{service}.{verb}.v1"]


def test_what_is_kept_from_whoever_is_no_member_is_read_by_every_member_and_nobody_else() -> None:
    views = (STATIC / "js" / "views.js").read_text("utf-8")
    inside = re.findall(r"([a-z]+):", re.findall(r"INSIDE = \{([^}]+)\}", views)[0])
    kinds = {name.removesuffix("s") for name in inside}
    assert kinds == {"application", "change"}
    rights = (STATIC / "js" / "rights.js").read_text("utf-8")
    audit = set(re.findall(r'"([a-z-]+)"', re.findall(r"OFFICERS = \[([^\]]+)\]", rights)[0]))
    for kind, others in {"application": set(), "change": audit}.items():
        assert others == {role for role, read in READS_EVERYWHERE.items() if kind in read}
        assert all(kind in READS_OWN[role] for role in OWNER_ROLES.values())
    approve = COMMAND_ROLES["provisioning.approve-change.v1"]
    ((by_role, by_row),) = re.findall(r"BUILDERS = \{ roles: \[(.+)\], listed: \[(.+)\] \}", rights)
    seen = set(re.findall(r'"([a-z-]+)"', by_role))
    assert seen == approve - audit == BUILDERS
    listed = set(re.findall(r'"([a-z-]+)"', by_row))
    assert listed == {entry for entry, role in OWNER_ROLES.items() if role in seen}
    meant = dict(re.findall(r'([a-z]+): "([a-z-]+)"', re.findall(r"LISTED = \{([^}]+)", rights)[0]))
    assert meant == OWNER_ROLES
    assert COMMAND_ROLES["provisioning.cancel-change.v1"] == seen | {"sovereign-admin"}
    assert '|| session.roles.includes("sovereign-admin")' in rights


def test_the_platforms_money_is_kept_by_exactly_those_who_may() -> None:
    text = (STATIC / "js" / "rights.js").read_text("utf-8")
    ((vouchers, prices),) = re.findall(r'KEEPERS = \{ vouchers: "(.+)", prices: "(.+)" \}', text)
    for verb in ("issue", "revoke"):
        assert COMMAND_ROLES[f"billing.{verb}-voucher.v1"] == {vouchers}
    assert COMMAND_ROLES["billing.apply-price-book.v1"] == {prices}
