"""Whatever anybody publishes to the queue: an answer or a dead letter with a reason."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.broker import SharedBroker
from tests.support.invariants import check_log, whole_log
from tests.support.rig import Sender, acme, runtime, working
from tests.support.waiting import until

from catalyst.chassis import parking
from catalyst.chassis.jetstream import topology
from catalyst.chassis.jetstream.broker import JetStream
from catalyst.chassis.jetstream.connection import connect
from catalyst.chassis.jetstream.port import BrokerError, Outgoing
from catalyst.contracts import codec, registry
from catalyst.contracts import topology as contract
from catalyst.contracts.message import COMMAND_ID, Outcome
from catalyst.contracts.rejection import CODES

pytestmark = pytest.mark.real

CREATE = "environment.create-organization.v1"
SUBJECT = "cmd.acme.environment.organization.acme.create-organization.v1"

LETTERS = st.sampled_from([*'abcXYZ019-_=.*> \n\r\t\0é€\u2028\U0001f600\x7f"\\/'])
TEXT = st.text(LETTERS, max_size=24)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    TEXT,
    st.sampled_from(["2026-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:60Z"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ENVELOPE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "c-1",
    "source": "fuzz",
    "type": CREATE,
    "data": acme(),
}


@st.composite
def envelopes(draw: st.DrawFn) -> bytes:
    """A message that is right but for some attributes, or in a wrong spelling of JSON."""
    body = {**ENVELOPE, "id": draw(st.from_regex(r"\A[a-z_-]{1,8}\Z"))}
    changed = draw(
        st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "type",
                    "time",
                    "subject",
                    "organization",
                    "actor",
                    "process",
                    "data",
                    "specversion",
                    "correlationid",
                    "traceparent",
                    "source",
                ]
            ),
            JSON,
            max_size=3,
        )
    )
    if draw(st.booleans()):
        changed = {**changed, "data": {**acme(), draw(TEXT): draw(JSON)}}
    text = json.dumps({**body, **changed}, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()):
        name = draw(st.sampled_from(["id", "data", "type"]))
        text = text[:-1] + f', "{name}": 1}}'
    return text.encode("utf-8", "surrogatepass")


BODIES = st.one_of(
    envelopes(),
    st.binary(max_size=64),
    JSON.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    st.integers(1, 3000).map(lambda n: b"[" * n),
    st.integers(1, 400).map(
        lambda n: (
            b'{"specversion":"1.0","id":"deep","source":"s","type":"t","data":'
            + b'{"a":' * n
            + b"1"
            + b"}" * (n + 1)
        )
    ),
    st.sampled_from([b"", b"null", b"{}", b"\xff\xfe", b"\xef\xbb\xbf{}"]),
    st.just(json.dumps({**ENVELOPE, "id": "big", "data": "x" * 262_144}).encode()),
)
TOKENS = st.sampled_from(
    [
        "a" * 900,
        "\x01",
        *[
            "acme",
            "_",
            "=",
            "=2E",
            "=2e",
            "=FF",
            "=41",
            "é",
            "-",
            "organization",
            "policy",
            "create-organization",
        ],
        *["retry", "take-answer", "v1", "v0", "v99"],
    ]
)
SUBJECTS = st.one_of(
    st.just(SUBJECT),
    st.sampled_from(list(registry.COMMANDS)).map(
        lambda type_: f"cmd.acme.environment.organization.acme.{type_.split('.')[1]}.v1"
    ),
    st.tuples(TOKENS, st.lists(TOKENS, min_size=1, max_size=6)).map(
        lambda parts: f"cmd.{parts[0]}.environment.{'.'.join(parts[1])}"
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Authorization", "Catalyst-Reply", "Catalyst-Actor", "Catalyst-Since", "traceparent"]
    ),
    st.one_of(
        TEXT,
        st.sampled_from(
            [
                "Bearer a.b.c",
                "Bearer x y",
                "rsp.acme.a b",
                "cmd.acme.environment.organization.acme.retry.v1",
                *["Bearer", "rsp.acme.>", "rsp.acme.", "rsp.acme.ok", "service:x"],
            ]
        ),
    ),
    max_size=2,
)


def _id_of(body: bytes) -> str:
    """The id that somebody would look for an outcome under, or nothing."""
    try:
        found = msgspec.json.decode(body, type=dict[str, Any]).get("id")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return found if isinstance(found, str) and COMMAND_ID.fullmatch(found) else ""


async def _empty(js: JetStream) -> None:
    async def condition() -> bool:
        return not (await js.stream_state("CMD")).messages

    await until(condition)


async def _check_ends(js: JetStream, sent: list[tuple[int, str, bytes]]) -> None:
    """Assert that each message has an outcome, or stands as a dead letter with its reason."""
    done = {}
    for stored in await whole_log(js):
        if stored.subject.startswith("done."):
            found = msgspec.json.decode(stored.data, type=Outcome)
            assert found.code in {"", *CODES}
            done[stored.subject.split(".")[1], found.id] = found
    letters = {}
    for stored in await js.replay("DLQ", ">"):
        letter = parking.read(stored)
        assert letter.reason in CODES, letter
        assert letter.reason != "internal", letter
        assert letter.detail
        letters[letter.sequence] = letter
    for seq, subject, body in sent:
        if seq in letters:
            assert letters[seq].body == body
            continue
        name = _id_of(body)
        assert name, (subject, body)
        # Not recorded, by contract: an id of a service's kind from somebody else.
        assert name.startswith("_") or (subject.split(".")[1], name) in done, (subject, body)


@pytest.mark.guarantee("G5.4", "G5.9")
@given(messages=st.lists(st.tuples(SUBJECTS, BODIES, HEADERS), min_size=12, max_size=25))
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
async def test_nothing_that_is_published_stops_the_worker(
    shared_broker: SharedBroker, messages: list[tuple[str, bytes, Mapping[str, str]]]
) -> None:
    access = shared_broker.account()
    async with connect(access.url, name="w", user=access.user, password=access.password) as js:
        await topology.ensure(js, contract.topology_of("environment"))
        async with working(js) as worker:
            sent = []
            for subject, body, headers in messages:
                ack = await js.publish(Outgoing(subject, body, headers))
                sent.append((ack.seq, subject, body))
            good = await Sender(js).send(CREATE, "omantel", acme())
            assert (await Sender(js).outcome("omantel", good)).status == "accepted"
            await _empty(js)
            assert worker.active.is_set()
        await check_log(js)
        await _check_ends(js, sent)
        assert js.link.drops == 0


@pytest.mark.guarantee("G5.9")
@pytest.mark.parametrize(
    "subject",
    [
        b"cmd.acme.environment.organization.\xff\xfe.create-organization.v1",
        b"cmd." + b"a" * 3000 + b".environment.organization.a.create-organization.v1",
        b"cmd.acme.environment.x",
        b"cmd.acme.environment.organization.acme.create-organization.v1.more",
    ],
    ids=["not-utf8", "long", "short", "more"],
)
async def test_a_subject_that_cannot_be_read_becomes_a_dead_letter(
    js: JetStream, subject: bytes
) -> None:
    async with working(js):
        await js.link.send(b"PUB %b 2\r\n{}\r\n" % subject)

        async def listed() -> bool:
            return (await js.stream_state("DLQ")).messages == 1

        await until(listed)
        await _empty(js)
        (letter,) = [parking.read(item) for item in await js.replay("DLQ", ">")]
        assert letter.reason in {"subject-mismatch", "too-large"}
        assert js.link.drops == 0


@pytest.mark.guarantee("G5.11")
async def test_a_wrong_field_is_recorded_in_words_with_an_example(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
        sent = await sender.send(CREATE, "acme", acme(parent_org="A B"))
        found = await sender.outcome("acme", sent)
        (error,) = found.errors
        said = (
            "must be 3 to 32 lower-case letters, digits or '-', beginning with a letter; for "
            "example `acme`"
        )
        assert (error.pointer, error.message) == ("/data/parent_org", said)
        assert (found.code, found.message) == ("invalid-data", f"parent_org: {said}")


@pytest.mark.guarantee("G5.9")
async def test_a_refusal_that_quotes_a_whole_body_can_be_recorded(js: JetStream) -> None:
    """The text of a refusal has a limit of its own: it must not exceed the broker's."""
    sender = Sender(js)
    # A field that nobody knows is named: in the text, and in the error's pointer and text.
    name = "x" * 250_000
    async with working(js):
        sent = await sender.send(CREATE, "acme", acme(**{name: 1}))
        found = await sender.outcome("acme", sent)
        (error,) = found.errors
        assert (found.code, error.rule) == ("invalid-data", "unknown-field")
        assert error.pointer.startswith("/data/xxx")
        assert max(map(len, (found.message, error.pointer, error.message))) == 500
        assert len(codec.encode(found)) < 3000


@pytest.mark.guarantee("G5.6")
async def test_what_is_no_id_is_refused_and_kept_nowhere(js: JetStream) -> None:
    odd = {"correlationid": "c-1\n\0" + "x" * 5000, "traceparent": "00-\r\nX: y"}
    async with working(js):
        await js.publish(Outgoing(SUBJECT, msgspec.json.encode({**ENVELOPE, **odd})))
        found = await Sender(js).outcome("acme", "c-1")
        assert (found.code, found.errors[0].pointer) == ("invalid-envelope", "/correlationid")
        assert found.correlationid == "c-1"
        del odd["correlationid"]
        await js.publish(Outgoing(SUBJECT, msgspec.json.encode({**ENVELOPE, "id": "c-2", **odd})))
        assert (await Sender(js).outcome("acme", "c-2")).status == "accepted"
    assert not any(b"X: y" in item.data or b"xxx" in item.data for item in await whole_log(js))


@pytest.mark.parametrize(
    "reply", ["rsp.other.1", "rsp.acme.a b", "rsp.acme.*", "rsp.acme.", "cmd.acme.environment.x"]
)
async def test_no_answer_goes_where_it_may_not(js: JetStream, reply: str) -> None:
    """Neither the refusal of the reply subject nor any other refusal is sent there."""
    heard: list[bytes] = []
    sender = Sender(js)
    for subject in ("rsp.>", "cmd.acme.environment.x"):
        await js.link.tap(subject, lambda raw: heard.append(raw.data))
    async with working(js):
        headers = {"Catalyst-Reply": reply}
        refused = await sender.send(CREATE, "acme", acme(), headers=headers)
        assert (await sender.outcome("acme", refused)).code == "reply-not-allowed"
        bad = await sender.send(
            CREATE, "acme", acme(), headers={**headers, "Authorization": "Bearer nothing"}
        )
        assert (await sender.outcome("acme", bad)).code == "unauthenticated"
        headers = {"Catalyst-Reply": "rsp.acme.1"}
        fine = await sender.send(CREATE, "acme", acme(), headers=headers)
        await sender.outcome("acme", fine)
        await until(lambda: bool(heard))
    assert len(heard) == 1
    assert fine.encode() in heard[0]


@pytest.mark.guarantee("G1.8")
async def test_an_id_is_used_up_by_nobody_but_its_owner(js: JetStream) -> None:
    sender = Sender(js)
    async with working(js):
        await sender.send(CREATE, "acme", acme(), command_id="_derived")
        bad = {"Authorization": "Bearer nothing"}
        await sender.send(CREATE, "acme", acme(), command_id="_derived", headers=bad)
        heard = asyncio.Event()
        answers: list[bytes] = []

        def take(raw: Any) -> None:
            answers.append(raw.data)
            heard.set()

        await js.link.tap("rsp.acme.1", take)
        first = await sender.send(CREATE, "acme", acme(), command_id="c-1")
        await sender.outcome("acme", first)
        reply = {"Catalyst-Reply": "rsp.acme.1"}
        other = acme(display_name="Other")
        await sender.send(CREATE, "acme", other, command_id="c-1", headers=reply)
        await heard.wait()
        assert b"command-id-reused" in answers[0]
        await _empty(js)
    log = [item.subject for item in await whole_log(js) if item.subject.startswith("done.")]
    assert log == ["done.acme.c-1"]


@pytest.mark.parametrize(
    ("time", "code"),
    [("2999-01-01T00:00:00Z", "command-from-future"), ("2026-01-01T00:00:00", "invalid-envelope")],
)
async def test_a_time_that_cannot_be_is_refused(js: JetStream, time: str, code: str) -> None:
    async with working(js):
        body = {**ENVELOPE, "time": time}
        await js.publish(Outgoing(SUBJECT, msgspec.json.encode(body)))
        assert (await Sender(js).outcome("acme", "c-1")).code == code


async def test_a_full_dead_letter_queue_is_waited_for(js: JetStream) -> None:
    await topology.ensure(js, contract.topology_of("environment"))
    config = (await js.stream_state("DLQ")).config
    await js.api("STREAM.UPDATE.DLQ", {**config, "max_bytes": 1})
    with pytest.raises(BrokerError):
        await js.publish(Outgoing("dlq.acme.a.b.c.c1", b"x"))
    worker = runtime(js)
    letter = parking.Letter(
        stream="CMD",
        sequence=1,
        time=(await js.stream_state("CMD")).ts,
        subject=SUBJECT,
        message_id="",
        message_type="",
        reason="malformed-json",
        body=b"{",
    )
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(parking.put_aside(worker.broker, "dlq.a.b.c.d.c1", letter))
        await asyncio.sleep(0)
        assert not waiting.done()
        await js.api("STREAM.UPDATE.DLQ", {**config, "max_bytes": -1})
    assert (await js.stream_state("DLQ")).messages == 1
    # The same letter again: it stands there, so there is nothing to wait for.
    await parking.put_aside(worker.broker, "dlq.a.b.c.d.c1", letter)
    assert (await js.stream_state("DLQ")).messages == 1
