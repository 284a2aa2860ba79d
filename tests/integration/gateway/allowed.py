"""What each user of the broker may publish and hear: by hand, in the protocol's words.

Every kind of subject there is, and who may: whoever is not named must be refused. Nothing here is
derived from what `catalyst.contracts.permissions` generates.
"""

from collections.abc import Iterator

from catalyst.contracts.registry import SERVICES, TABLES

WORKERS = frozenset(SERVICES)
PEOPLE = frozenset({"acme-org-admin", "acme-org-developer", "acme-org-viewer"})
MEMBERS = WORKERS | {"projector", "gateway", "operator", "simulator"}
EVERYBODY = MEMBERS | PEOPLE
DOORS = frozenset({"gateway", "operator"})
NOBODY: frozenset[str] = frozenset()

ASKS = {
    "environment": {"provisioning"},
    "blueprint": set(),
    "catalog": {"provisioning", "billing"},
    "provisioning": {"provisioning"},
    "billing": {"provisioning"},
}
"""Whose queries are asked by which service."""
NAMES = {
    "environment": "environment-controller",
    "blueprint": "blueprint-controller",
    "catalog": "catalog-svc",
}
"""Under which name a member connects, where it is not its service's."""
EVENT = "evt.acme.environment.organization.acme.organization-suspended.v1"

Row = tuple[str, frozenset[str]]
"""A subject, and who may."""


def publishing() -> Iterator[Row]:
    """Yield every kind of subject that somebody may try to publish to."""
    yield from _facts()
    yield from _commands()
    yield from _buckets()
    yield from _streams()
    yield from _consumers()
    for name in MEMBERS | {"acme", "globex"}:
        yield f"_INBOX_{NAMES.get(name, name)}.x", NOBODY
    for subject in ("_INBOX.x", "$SYS.REQ.SERVER.PING", "$JS.EVENT.ADVISORY.API", "anything"):
        yield subject, NOBODY


def _facts() -> Iterator[Row]:
    for service in SERVICES:
        own = f"acme.{service}.thing.x"
        for subject in (f"evt.{own}.happened.v1", f"st.{own}", f"tmr.{own}.t", f"dlq.{own}.c1"):
            yield subject, frozenset({service})
        yield f"due.{own}.t", NOBODY
    for subject in (
        "done.acme.c-1",
        "chk.acme.c-1",
        "chk.acme.c-1.2",
        "clm._.environment.acme-dev",
        "clm.acme.use.u-1",
        # To another service's process: the service that is addressed relays it, as its sender's.
        "out.acme.environment.organization.acme.fail-onboarding.v1",
        "rsp.acme.x.c-1",
        "rsp._.x.c-1",
    ):
        yield subject, WORKERS
    yield "ws.acme-dev.flux.kustomization", frozenset({"operator", "simulator"})
    yield "use.acme.model", DOORS | {"acme-org-admin"}
    yield "use.globex.model", DOORS
    for name in MEMBERS:
        mine = NOBODY if name in {"simulator", "operator"} else frozenset({name})
        for prefix in ("prb", "prd"):
            yield f"{prefix}.{NAMES.get(name, name)}.1", mine


def _commands() -> Iterator[Row]:
    for service in SERVICES:
        # A service relays what is sent to it, and to nobody else.
        yield f"cmd.acme.{service}.thing.x.do.v1", DOORS | {service}
        yield f"cmd._.{service}.thing.x.retry.v1", DOORS | {service}
        yield f"qry.acme.{service}.ask.v1", DOORS | PEOPLE | ASKS[service]
        yield f"qry.globex.{service}.ask.v1", DOORS | ASKS[service]
        yield f"$SRV.PING.catalyst-{service}", DOORS
    yield "cmd.acme.nobody.thing.x.do.v1", NOBODY
    yield "qry.acme.nobody.ask.v1", NOBODY
    yield "$SRV.INFO", frozenset({"operator"})
    sends = DOORS | {"environment"}
    own = "cmd.acme.environment"
    for subject in (
        f"{own}.environment.acme-dev.create-environment.v1",
        f"{own}.organization.acme.update-organization.v1",
        f"{own}.organization.acme.change-owners.v1",
        f"{own}.policy.careful.define-policy.v1",
    ):
        yield subject, sends | {"acme-org-admin"}
        yield subject.replace("acme", "globex"), sends
    for subject in (
        f"{own}.organization.acme.suspend-organization.v1",
        f"{own}.organization.acme.create-organization.v1",
        f"{own}.environment.acme-dev.admit-application.v1",
        f"{own}.organization.acme.retry.v1",
        # The right command, and another kind of thing or nobody's.
        f"{own}.policy.acme.update-organization.v1",
        "cmd._.environment.organization.acme.update-organization.v1",
    ):
        yield subject, sends
    plan = "cmd.acme.provisioning.change.x.apply-plan.v1"
    yield plan, DOORS | {"provisioning", "acme-org-admin", "acme-org-developer"}


def _buckets() -> Iterator[Row]:
    for subject in ("$KV.rm.current", "$KV.rm_abc.acme._.organization._.acme", "$KV.rm_abc._ck"):
        yield subject, frozenset({"projector"})
    # One of them frees the leases of the dead when everything starts.
    for service in SERVICES:
        yield f"$KV.leases.{service}", WORKERS
    yield "$KV.leases.topology", WORKERS | {"projector"}
    for service in SERVICES:
        for durable in ("relay", "timers"):
            yield f"$KV.cursors.{service}--{durable}", frozenset({service})
    yield "$O.blueprints.C.x", frozenset({"blueprint"})
    yield "$O.blueprints.M.x", frozenset({"blueprint"})
    yield "$O.others.C.x", NOBODY


LOGS = ("CMD", "EV", "FACTS", "USE", "DLQ")
READ_MODEL = "KV_rm_abc"
BUCKETS = ("KV_rm", "KV_leases", "KV_cursors", "OBJ_blueprints")
PROBES = ("PROBE", "PROBE_DISK")
CONTENT = frozenset({"blueprint", "catalog", "provisioning"})
_WIDE = frozenset({"projector", "operator"})
READERS = {
    "EV": WORKERS | _WIDE | {"gateway"},
    "DLQ": WORKERS | _WIDE | {"gateway"},
    "FACTS": _WIDE,
    "USE": _WIDE,
    "KV_rm": _WIDE | {"gateway"},
    "KV_leases": WORKERS | _WIDE,
    "KV_cursors": WORKERS | _WIDE,
    "OBJ_blueprints": CONTENT | _WIDE,
    READ_MODEL: _WIDE,
    **dict.fromkeys(PROBES, _WIDE),
    # What waits there holds other people's tokens.
    "CMD": NOBODY,
}
"""Who reads a stream message by message, whatever it is about."""
EMPTIED = {"DLQ": WORKERS, "USE": frozenset({"billing"})}
"""Who takes messages out of a stream."""


def _streams() -> Iterator[Row]:
    for stream, readers in READERS.items():
        call = "$JS.API.STREAM.{}." + stream
        shape = WORKERS | {"projector"}
        if stream in PROBES:
            shape = MEMBERS - {"simulator", "operator"}
        if stream == READ_MODEL:
            shape = frozenset({"projector"})
        yield call.format("CREATE"), shape
        yield call.format("UPDATE"), NOBODY if stream == READ_MODEL else frozenset({"environment"})
        yield call.format("DELETE"), shape if stream == READ_MODEL else NOBODY
        yield call.format("PURGE"), EMPTIED.get(stream, NOBODY)
        yield (
            call.format("INFO"),
            MEMBERS - {"simulator"} if stream != READ_MODEL else (_WIDE | {"gateway"}),
        )
        yield call.format("MSG.GET"), readers
        for verb in ("MSG.DELETE", "SNAPSHOT", "RESTORE", "LEADER.STEPDOWN", "PEER.REMOVE"):
            yield call.format(verb), NOBODY
    yield "$JS.API.STREAM.NAMES", MEMBERS - {"simulator"}
    yield "$JS.API.STREAM.LIST", MEMBERS - {"simulator"}
    yield "$JS.API.INFO", MEMBERS - {"simulator"}
    yield "$JS.API.ACCOUNT.PURGE.CATALYST", NOBODY
    yield "$JS.API.DIRECT.GET.EV", READERS["EV"]
    # No Organization's: where it finds nothing, its answer can be made a wish to the broker.
    for other in (
        "done.acme.c-1",
        "done.globex.c-1",
        EVENT,
        "st.acme.environment.organization.acme",
    ):
        yield f"$JS.API.DIRECT.GET.EV.{other}", READERS["EV"]
    yield f"$JS.API.DIRECT.GET.{READ_MODEL}", _WIDE | {"gateway"}
    # Not the operator, who writes there: an answer of the broker can be stored as an event.
    for written in (
        "CMD",
        "CMD.cmd.acme.x",
        "FACTS",
        "FACTS.ws.acme-dev.x",
        "USE",
        "USE.use.acme.x",
    ):
        yield f"$JS.API.DIRECT.GET.{written}", frozenset({"projector", "gateway"})


FOLLOWERS = {
    "EV": WORKERS | _WIDE | {"gateway", "simulator"},
    # Not the operator, who writes there: what a consumer reads, it may deliver as an event.
    "FACTS": frozenset({"projector", "simulator"}),
    # What a consumer of a work queue takes, its owner never sees.
    "CMD": NOBODY,
    "USE": NOBODY,
    "DLQ": frozenset({"projector"}),
    "KV_rm": frozenset({"projector"}),
    READ_MODEL: _WIDE,
    "KV_leases": frozenset({"projector"}),
    "PROBE": MEMBERS - {"simulator", "operator"},
    "PROBE_DISK": frozenset({"projector"}),
}
"""Who makes a consumer of its own."""


def _consumers() -> Iterator[Row]:
    for stream, followers in FOLLOWERS.items():
        yield f"$JS.API.CONSUMER.CREATE.{stream}.mine", followers
        yield f"$JS.API.CONSUMER.CREATE.{stream}.mine.evt.>", followers
        yield f"$JS.API.CONSUMER.CREATE.{stream}", NOBODY
        yield f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.mine", NOBODY
        yield f"$JS.API.CONSUMER.PAUSE.{stream}.mine", NOBODY
    for table in TABLES:
        own = frozenset({table.service})
        hears = [("CMD", "commands"), ("EV", "relay"), ("EV", "timers")]
        hears += [("EV", item.name) for item in table.reactions]
        hears += [(item.stream, item.name) for item in table.sources]
        for stream, name in hears:
            place = f"{stream}.{table.service}--{name}"
            for verb in ("CREATE", "MSG.NEXT"):
                yield f"$JS.API.CONSUMER.{verb}.{place}", own
            yield f"$JS.API.CONSUMER.CREATE.{place}.evt.>", own
            yield f"$JS.API.CONSUMER.DURABLE.CREATE.{place}", own
            yield f"$JS.ACK.{place}.1.1.1.1.0", own
            yield f"$JS.API.CONSUMER.DELETE.{place}", NOBODY
            for verb in ("PAUSE", "RESET", "UNPIN", "LEADER.STEPDOWN"):
                yield f"$JS.API.CONSUMER.{verb}.{place}", NOBODY
    yield "$JS.ACK.EV.mine.1.1.1.1.0", frozenset({"operator"})
    yield "$JS.ACK.CMD.mine.1.1.1.1.0", NOBODY


def hearing() -> Iterator[Row]:
    """Yield every kind of subject that somebody may try to hear."""
    for name in MEMBERS:
        yield f"_INBOX_{NAMES.get(name, name)}.>", frozenset({name})
    yield "_INBOX_acme.>", PEOPLE
    yield "_INBOX_globex.>", NOBODY
    yield "_INBOX.>", frozenset({"operator"})
    yield "rsp.acme.>", DOORS | PEOPLE
    yield "rsp.globex.>", DOORS
    yield "rsp.>", DOORS
    yield "evt.>", frozenset({"operator"})
    yield "evt.acme.>", frozenset({"operator"})
    for service in SERVICES:
        yield f"qry.*.{service}.ask.v1", frozenset({service})
        yield f"qry.acme.{service}.>", frozenset({service})
        yield f"cmd.*.{service}.>", NOBODY
    yield "$SRV.PING", WORKERS
    for subject in (
        *(">", "*.>", "cmd.>", "qry.>", "done.>", "out.>", "st.>", "clm.>", "tmr.>", "due.>"),
        *("chk.>", "dlq.>", "ws.>", "use.>", "prb.>", "prd.>", "$KV.>", "$KV.rm.>", "$O.>"),
        *("$JS.>", "$JS.API.>", "$JS.ACK.>", "$JS.EVENT.>", "$SYS.>"),
    ):
        yield subject, NOBODY
