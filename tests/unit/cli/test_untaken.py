"""What sources hold and nobody can install yet, as it stands below a list of them."""

from __future__ import annotations

from typing import Any

import pytest

from catalyst.cli import get, owned, source, untaken
from catalyst.client.rows import Freshness, Page, Row


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
    assert list(untaken.told_waiting(docs)) == [
        "team: bp-app 1.0.0 waits for bp-db ^1, bp-mail *",
        "team: bp-own 2.0.0 waits for itself: bp-own → bp-b → bp-own",
        "nobody can install what waits; `catalyst get blueprints public-bp-app` says more of one",
    ]
    own = list(untaken.told_waiting(docs[2:]))
    assert "`catalyst get blueprints private-bp-own --org acme`" in own[-1]
    assert list(untaken.told_waiting([docs[0], docs[3]])) == []


def test_of_many_some_are_told_and_how_many_there_are() -> None:
    many = blueprint("bp-app", *(waits(f"1.0.{n}", missing=NEED) for n in range(untaken.SHOWN + 2)))
    found = list(untaken.told_waiting([many]))
    assert len(found) == untaken.SHOWN + 2
    assert (
        found[-2] == f"team: {untaken.SHOWN + 2} of its versions wait, and {untaken.SHOWN} are told"
    )


def test_a_list_of_sources_counts_what_waits_of_each_one_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    docs = [
        blueprint("bp-app", waits("1.0.0", missing=NEED), waits("1.1.0", missing=NEED)),
        blueprint("bp-own", waits("2.0.0", missing=NEED), owner="acme"),
    ]
    asked: list[str | None] = []

    def told(_target: object, kinds: str, owner: str | None) -> list[dict[str, Any]]:
        assert kinds == "blueprints"
        asked.append(owner)
        return docs

    async def pages(*_: object) -> list[Page]:
        about = {"origin": "public", "status": "ready", "versions": 3, "bad": 0, "refused": ()}
        rows = [
            Row(key=f"{key}._.source._.{name}", seq=1, doc={**about, "name": name, **whose})
            for key, name, whose in (
                ("_", "team", {"organization": None}),
                ("acme", "team", {"organization": "acme"}),
                ("_", "other", {"organization": None}),
            )
        ]
        return [Page(rows=tuple(rows), fresh=Freshness(as_of=1, head=1), next="")]

    monkeypatch.setattr(owned, "docs", told)
    monkeypatch.setattr(get, "_all", pages)
    source.list_(url="http://x:1")
    heading, *rows = capsys.readouterr().out.splitlines()
    at = heading.split().index("WAITING")
    assert [line.split()[at] for line in rows] == ["2", "1", "0"]
    # They are read once, for the column and for what stands below it.
    assert asked == [None]
