"""What sources hold and nobody can install yet, as it stands below a list of them."""

from __future__ import annotations

from typing import Any

from catalyst.cli import untaken


def blueprint(name: str, *versions: dict[str, Any], owner: str | None = None) -> dict[str, Any]:
    origin = "private" if owner else "public"
    made = [{"source": "team", "missing": (), "cycle": (), **one} for one in versions]
    return {"name": name, "origin": origin, "organization": owner, "versions": made}


def waits(version: str, **more: Any) -> dict[str, Any]:
    return {"version": version, "status": "pending", **more}


NEED = ({"blueprint": "bp-db", "version": "^1"}, {"blueprint": "bp-mail", "version": "*"})


def test_each_version_that_waits_is_told_with_what_for_and_where_there_is_more() -> None:
    docs = [
        blueprint("bp-done", {"version": "1.0.0", "status": "published"}),
        blueprint("bp-app", waits("1.0.0", missing=NEED), {"version": "0.9.0", "status": "yanked"}),
        blueprint("bp-own", waits("2.0.0", cycle=("bp-own", "bp-b", "bp-own")), owner="acme"),
        blueprint("bp-by-hand", waits("1.0.0", source="")),
    ]
    assert list(untaken.waiting(docs)) == [
        "team: bp-app 1.0.0 waits for bp-db ^1, bp-mail *",
        "team: bp-own 2.0.0 waits for itself: bp-own → bp-b → bp-own",
        "nobody can install what waits; `catalyst get blueprints public-bp-app` says more of one",
    ]
    own = list(untaken.waiting(docs[2:]))
    assert "`catalyst get blueprints private-bp-own --org acme`" in own[-1]
    assert list(untaken.waiting([docs[0], docs[3]])) == []


def test_of_many_some_are_told_and_how_many_there_are() -> None:
    many = blueprint("bp-app", *(waits(f"1.0.{n}", missing=NEED) for n in range(untaken.SHOWN + 2)))
    found = list(untaken.waiting([many]))
    assert len(found) == untaken.SHOWN + 2
    assert (
        found[-2] == f"team: {untaken.SHOWN + 2} of its versions wait, and {untaken.SHOWN} are told"
    )
