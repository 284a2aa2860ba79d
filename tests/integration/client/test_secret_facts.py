"""A Secret that an observer publishes as a fact: set aside with its bytes, shown nowhere else."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from tests.integration.client.shop import Shop, open_shop
from tests.integration.client.test_verbs import ENV, MANIFESTS, ORG
from tests.support.waiting import until

from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import Outgoing
from catalyst.cli import contexts
from catalyst.cli.dlq import unreadable
from catalyst.contracts.decision import Arrived, Context, Decision
from catalyst.contracts.permissions import OPERATOR
from catalyst.provisioning.domain import observing

pytestmark = [pytest.mark.real, pytest.mark.guarantee("G6.7")]

VALUE = "aHVudGVyMg-only-here"


def secret(**metadata: Any) -> bytes:
    """Return a watched Secret, with what kubectl keeps of it in an annotation."""
    kept = json.dumps({"kind": "Secret", "stringData": {"password": VALUE}})
    labels = {"organization": ORG, "application": "blog", "environment": ENV}
    found = {
        "kind": "Secret",
        "metadata": {
            "name": "blog-credentials",
            "namespace": "blog",
            "resourceVersion": "1",
            "labels": {f"openova.io/{name}": text for name, text in labels.items()},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": kept},
            **metadata,
        },
        "data": {"password": VALUE},
    }
    return msgspec.json.encode({"type": "MODIFIED", "object": found})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A stack in which whatever is seen of a Secret meets a bug."""
    folder = tmp_path_factory.mktemp("shop")
    manifests = folder / "omantel.yaml"
    manifests.write_text(MANIFESTS)
    observe = observing.react

    def buggy(state: Any, happened: Any, context: Context) -> Decision:
        seen = happened if isinstance(happened, tuple) else ()
        if any(isinstance(one, Arrived) and one.value.evidence.kind == "Secret" for one in seen):
            raise LookupError("a bug")
        return observe(state, happened, context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(observing, "react", buggy)
        with open_shop(folder, starter=False) as found:
            found.well("apply", "-f", str(manifests))
            yield found


async def told(*facts: bytes) -> str:
    """Publish as an observer would; return the stack's address."""
    known = contexts.load(contexts.default_path())
    local = known.contexts[known.current]
    who = local.operator
    async with connect(local.nats, name=OPERATOR, user=who.user, password=who.password) as js:
        for fact in facts:
            await js.publish(Outgoing(f"ws.{ENV}.k8s.Secret.blog.blog-credentials", fact))
    return local.http


async def test_a_secret_that_was_set_aside_is_shown_to_whoever_runs_it_alone(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = secret(uid="u-1")
    # One that meets the bug, one without the id that it has to have, one that is cut off.
    address = await told(sent, secret(), sent[:-30])

    async def letters(*more: str, by: str = "") -> list[Any]:
        ran = await asyncio.to_thread(shop.well, "dlq", "list", "-o", "json", *more, by=by)
        found: list[Any] = ran.json["items"]
        return found

    async def all_there() -> bool:
        return len(await letters()) == 3

    await until(all_there, pause=0.1)
    found = await letters()
    apart = [one for one in found if unreadable(one["subject"])]
    assert sorted(one["reason"] for one in apart) == ["invalid-data", "malformed-json"]
    (parked,) = [one for one in found if one not in apart]
    assert (parked["reason"], parked["aggregate"]["organization"]) == ("bug", ORG)

    # What says how the stack is, and what is listed, hold nothing of it.
    said = [
        await asyncio.to_thread(shop.run, *words)
        for words in (
            ("doctor",),
            ("doctor", "-o", "json"),
            ("dlq", "list"),
            ("dlq", "list", "-o", "json"),
            ("events", "--org", ORG, "-o", "json"),
            ("get", "applications", "--org", ORG, "-o", "json"),
        )
    ]
    assert "3" in said[0].out
    assert not [ran for ran in said if VALUE in ran.out + ran.err]
    async with httpx.AsyncClient(base_url=address) as http:
        measured = (await http.get("/metrics")).text
    assert "catalyst_http_requests" in measured
    assert VALUE not in measured
    assert any(record.message == "dead letter" for record in caplog.records)
    logged = [logging.Formatter().format(record) + str(vars(record)) for record in caplog.records]
    assert not [line for line in logged if VALUE in line]

    # A member of the Organization learns that something was set aside, and why.
    (mine,) = await letters("--org", ORG, by=shop.owner)
    assert mine["subject"] == parked["subject"]
    show = ("dlq", "show", "-o", "json")
    withheld = await asyncio.to_thread(shop.well, *show, parked["subject"], by=shop.owner)
    assert VALUE not in withheld.out
    assert withheld.json["body"] == ""
    assert "sovereign-admin" in withheld.json["withheld"]
    for one in apart:
        refused = await asyncio.to_thread(shop.run, *show, one["subject"], by=shop.owner)
        assert refused.code != 0
        whole = await asyncio.to_thread(shop.well, *show, one["subject"])
        assert VALUE in whole.json["body"]
