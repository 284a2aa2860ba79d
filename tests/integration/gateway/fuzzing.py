"""Requests that fit or break the document of the HTTP doors, and what any answer has to be."""

import gzip
import itertools
import json
import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import requests
from hypothesis import reject
from hypothesis import strategies as st
from requests import Request
from schemathesis import Case
from schemathesis.core.errors import InvalidSchema
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from catalyst.chassis.problems import MEDIA_TYPE as PROBLEM_JSON
from catalyst.contracts.message import COMMAND_ID
from catalyst.contracts.registry import COMMANDS
from catalyst.contracts.rejection import CODES
from catalyst.gateway.commands import CLOUD_EVENT, JSON
from catalyst.gateway.events import EVENT_STREAM
from catalyst.projector.views.table import BY_PLURAL

Draw = Callable[[st.SearchStrategy[Any]], Any]
"""Draws from a strategy, within one example."""

SLUG: Final = "acme"
"""The Organization that requests may hit."""
DESCRIBED: Final = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
"""Whether an answer is one of the document, whatever was asked."""
NAMED: Final = frozenset({"invalid-data", "invalid-query", "usage-invalid"})
"""Codes of refusals that are about places, each of which has to be named."""
WAITING: Final = frozenset({"min_seq", "Prefer"})
"""Parameters that let a request wait, and only then it may be answered with 504."""
BYTES: Final = st.binary(max_size=40).map(
    lambda raw: bytes(byte for byte in raw if byte == 9 or (byte >= 32 and byte != 127))
)
"""What may stand in a header (RFC 9110, 5.5), odd or not."""
TIMEOUT: Final = (5.0, 30.0)
"""Seconds to connect, and of silence; nothing here waits that long."""


@dataclass
class Known:
    """Values that mean something here, so that not every request is about nothing."""

    log: str
    found: dict[str, deque[str]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=8))
    )
    """What answers told, by the parameter that takes it."""

    def of(self, name: str) -> list[str]:
        """Return values for a parameter; none if it takes nothing that could be known."""
        sequences = ["0", "1", "7", "9" * 18]
        places = [*self.found["last_event_id"], f"{self.log}.3", f"{self.log}.{'9' * 19}", "x.1"]
        plain = {
            "organization": [SLUG, "_", "nobody", f"{SLUG}.*", "ACME"],
            "environment": [f"{SLUG}-dev", "x"],
            "id": [SLUG, f"{SLUG}-dev", "usd"],
            "name": [SLUG, "deletion-plan", "search", "statement", "quote", "plan"],
            "kinds": [*list(BY_PLURAL)[:6], "all", "organizations,environments", "organizations,"],
            "min_seq": sequences,
            "log": [self.log, "another"],
            "continue": [*self.found["continue"], "W10", "WzEsMiwzLDRd", *sequences],
            "last_event_id": places,
            "Last-Event-ID": places,
            "command": list(self.found["command"]),
            "label": ["openova.io/tier=sme", "!tier,a!=b"],
            "field": ["phase=ready", "phase!=x,display_name"],
            "follow": ["true"],
            "since": ["2020-01-01T00:00:00Z", *TIMES],
            "subject": [f"dlq.{SLUG}.environment.organization.{SLUG}.command"],
            "type": ["environment.organization-created.v1"],
            "Prefer": ["wait=1", "respond-async, wait=0"],
            "If-None-Match": ["*", 'W/"a", "b"', *self.found["etag"]],
        }
        return plain.get(name, [])

    def learn(self, answer: requests.Response) -> None:
        """Remember what an answer tells for later requests."""
        if "ETag" in answer.headers:
            self.found["etag"].append(answer.headers["ETag"])
        if is_stream(answer):
            lines = answer.text.splitlines()
            ids = [line.removeprefix("id: ") for line in lines if line.startswith("id: ")]
            self.found["last_event_id"].extend(ids[:1])
            return
        body = answer.json() if answer.content else None
        if not isinstance(body, dict):
            return
        for name in ("continue", "cursor"):
            if body.get(name) is not None:
                self.found["continue" if name == "continue" else "last_event_id"].append(
                    str(body[name])
                )
        if body.get("type") in COMMANDS:
            self.found["command"].append(body["id"])
            self.found["id"].append(body["id"])


@st.composite
def cases(draw: st.DrawFn, operation: Any, mode: GenerationMode) -> Case[Any]:
    """Draw a request of an operation that fits its schema, or breaks it."""
    try:
        case: Case[Any] = draw(operation.as_strategy(generation_mode=mode))
    except InvalidSchema:
        # The generator's own fault (schemathesis 4.32, `_repeated`), now and then: "Cannot generate
        # an array with 1 demanded elements". Hypothesis draws another one.
        reject()
    case.body = _whole(case.body)
    headers: Any = case.headers or {}
    key = str(headers.get("Idempotency-Key", ""))
    if key.startswith("_") and COMMAND_ID.fullmatch(key):
        # No schema can say that a service may choose it, and some commands are sent as one here.
        reject()
    if case.media_type == CLOUD_EVENT and COMMAND_ID.fullmatch(key):
        # Nor can one say that header and message agree on the id.
        del headers["Idempotency-Key"]
    if isinstance(case.body, dict):
        _stay_here(case.body)
        _stay_here(case.body.get("data"))
    return case


def _whole(value: Any) -> Any:
    """Write 1.0 as 1: a schema takes both for a whole number, the contracts only the second."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _stay_here(data: Any) -> None:
    """Let no source of Blueprints be on another machine."""
    if isinstance(data, dict) and isinstance(data.get("location"), str):
        data["location"] = "http://127.0.0.1:9/none.git"


def meant(draw: Draw, case: Case[Any], known: Known) -> None:
    """Put values that mean something into some parameters of a request."""
    raw = case.operation.definition.raw
    for parameter in raw.get("parameters", ()):
        name, where = parameter["name"], parameter["in"]
        values = known.of(name)
        if values and draw(st.integers(0, 3)):
            attribute = {"path": "path_parameters", "header": "headers"}.get(where, "query")
            place = getattr(case, attribute)
            if not place:
                place = {}
                setattr(case, attribute, place)
            place[name] = draw(st.sampled_from(values))
    if case.headers:
        # Most ids that are drawn are those of an earlier command.
        case.headers.pop("Idempotency-Key", None)
    if isinstance(case.body, dict):
        if case.media_type == CLOUD_EVENT:
            case.body["id"] = f"fuzzed-{next(_NUMBERS)}"
        case.body = {key: _edge(draw, value) for key, value in case.body.items()}


TIMES: Final = (
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59",
    "2020-02-29T24:00:00Z",
    "2026-12-31T23:59:60Z",
)
NUMBERS: Final = (0, -1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30)
TEXTS: Final = (
    SLUG,
    "_",
    "",
    "a" * 300,
    "a\n",
    "\x00",
    "é",
    "e\u0301",
    "\u202e",
    "*",
    ">",
    "a.b",
    "../x",
)


def _edge(draw: Draw, value: Any) -> Any:
    """Put what is at the edge of a type into some leaves of a body."""
    if isinstance(value, dict):
        return {key: _edge(draw, item) for key, item in value.items()}
    if isinstance(value, list):
        return [_edge(draw, item) for item in value]
    if isinstance(value, bool) or value is None or draw(st.integers(0, 2)):
        return value
    if isinstance(value, str):
        return draw(st.sampled_from(TIMES if _TIME.match(value) else TEXTS))
    return draw(st.sampled_from(NUMBERS))


_NUMBERS: Final = itertools.count()
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")

ODD_HEADERS: Final = (
    "Idempotency-Key",
    "Authorization",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "Content-Type",
    "Accept",
    "Cookie",
    "traceparent",
)


def odd(draw: Draw, request: requests.PreparedRequest) -> None:
    """Give a request headers of odd bytes, or a body of an odd encoding."""
    if request.body and draw(st.booleans()):
        body, more = draw(_bodies(_raw(request.body)))
        request.body = body
        request.headers.update({**more, "Content-Length": str(len(body))})
        return
    name = draw(st.sampled_from(ODD_HEADERS))
    prefix = draw(st.sampled_from([b"", b'"', b"Bearer ", b"wait=", b"_", b"a" * 64, b"b" * 4000]))
    request.headers[name] = (prefix + draw(BYTES)).decode("latin-1").strip(" \t")


def _raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode("utf-8", "surrogatepass")


def _bodies(body: bytes) -> st.SearchStrategy[tuple[bytes, dict[str, str]]]:
    text = body.decode("utf-8", "replace")
    zipped = gzip.compress(body)
    found: list[tuple[bytes, dict[str, str]]] = [
        (text.encode("utf-16"), {}),
        (text.encode("utf-16"), {"Content-Type": f"{JSON}; charset=utf-16"}),
        (text.encode("latin-1", "replace") + b"\xe9", {"Content-Type": f"{JSON}; charset=latin-1"}),
        (b"\xef\xbb\xbf" + body, {}),
        (zipped, {"Content-Encoding": "gzip"}),
        (zipped, {}),
        (body[: len(body) // 2], {}),
        (body + body, {}),
        (b"", {}),
        (b"[" * 5000, {}),
        (b'{"a":' * 5000, {}),
        (b'{"a":1,"a":1}', {}),
        (b'{"a":NaN}', {}),
        (b'{"a":1e999}', {}),
        (b"1" * 5000, {}),
        (b'{"\\ud800":"\\udfff"}', {}),
        (b'"\\u0000"', {}),
        (b"null", {}),
        (b"x" * 1_100_000, {}),
        (body, {"Content-Type": "application/json;charset"}),
        (body, {"Content-Type": "text/plain"}),
        (body, {"Content-Type": ""}),
    ]
    return st.one_of(st.sampled_from(found), st.tuples(st.binary(max_size=60), st.just({})))


def sent(session: requests.Session, request: requests.PreparedRequest) -> requests.Response:
    """Send a request and return its answer: whole, or the first frames of a stream."""
    # Where no event comes, the second one of a stream of events would be a heartbeat.
    frames = 1 if "/v1/events" in str(request.url) else 3
    answer = session.send(request, stream=True, timeout=TIMEOUT, allow_redirects=False)
    if not is_stream(answer):
        assert answer.content is not None
        return answer
    found = b""
    with answer:
        for part in answer.iter_content(chunk_size=None):
            found += part
            if found.count(b"\n\n") >= frames:
                break
    answer._content = found
    return answer


def shown(request: requests.PreparedRequest) -> str:
    """Return a request for whoever has to find out what is wrong with it."""
    headers = {**request.headers, "Authorization": "left out"}
    return f"{request.method} {request.url} {headers} {_raw(request.body or b'')[:600]!r}"


def prepared(session: requests.Session, case: Case[Any], url: str) -> requests.PreparedRequest:
    """Return the request of a case, as the session would send it."""
    given = case.as_transport_kwargs(base_url=url)
    names = ("method", "url", "headers", "files", "data", "params", "cookies", "json")
    return session.prepare_request(Request(**{n: given[n] for n in names if n in given}))


def is_stream(answer: requests.Response) -> bool:
    """Return whether an answer is a stream of server-sent events."""
    return answer.headers.get("Content-Type", "").startswith(EVENT_STREAM)


def check(case: Case[Any], answer: requests.Response, *, pure: bool) -> None:
    """Hold an answer against the document; a `pure` case was sent as it was drawn."""
    if is_stream(answer):
        _check_frames(answer)
        checks_ = DESCRIBED[:3]
    else:
        checks_ = DESCRIBED
    more = [checks.negative_data_rejection] if pure else []
    case.validate_response(answer, checks=[*checks_, *more])
    _check_status(answer)
    kind = answer.headers.get("Content-Type", "")
    if kind == PROBLEM_JSON:
        problem = answer.json()
        assert CODES[problem["code"]].status == answer.status_code == problem["status"]
        _check_refusal(problem["code"], problem.get("errors", []))
        assert problem["detail"].strip()
    elif kind == JSON and answer.status_code == 200 and "digest" in answer.text:
        outcome = answer.json()
        if isinstance(outcome, dict) and outcome.get("status") == "rejected":
            assert outcome["code"] in CODES
            assert outcome["message"].strip()
            _check_refusal(outcome["code"], outcome.get("errors", []))


def _check_status(answer: requests.Response) -> None:
    status = answer.status_code
    if status < 500:
        return
    asked = (
        parse_qs(urlsplit(answer.request.url or "").query).keys() | answer.request.headers.keys()
    )
    assert (status == 504 and asked & WAITING) or (status == 501 and "at" in asked), answer.text


def _check_refusal(code: str, errors: list[dict[str, str]]) -> None:
    assert errors or code not in NAMED, code
    for error in errors:
        assert error["rule"], error
        assert error["message"].strip(), error
        assert error["pointer"] == "" or error["pointer"].startswith("/"), error


def _check_frames(answer: requests.Response) -> None:
    fields = {"event", "data", "id", "retry", ""}
    text = answer.content.decode("utf-8")
    assert text.endswith("\n\n"), text[-80:]
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        assert name in fields, line[:80]
        if name == "data":
            assert isinstance(json.loads(value), dict | list), line[:80]


def taken(answer: requests.Response) -> Iterator[tuple[str | None, str]]:
    """Yield whose command was taken and its id, if the answer says that one was."""
    if answer.status_code == 202 and "/v1/commands/" in str(answer.request.url):
        body = answer.json()
        yield body["organization"], body["id"]
