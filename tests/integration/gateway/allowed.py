"""Each user's own work at the broker and what it must not do: by hand, in the protocol's words."""

from catalyst.contracts.registry import TABLES

EV_GET = "$JS.API.DIRECT.GET.EV"
DONE = f"{EV_GET}.done.acme.c-1"
CREATE = "cmd.acme.environment.environment.acme-dev.create-environment.v1"
UPDATE = "cmd.acme.environment.organization.acme.update-organization.v1"
SUSPEND = "cmd.acme.environment.organization.acme.suspend-organization.v1"
FOREIGN = "cmd.globex.environment.organization.globex.update-organization.v1"
EVENT = "evt.acme.environment.organization.acme.organization-suspended.v1"
OUT = "out.acme.environment.organization.acme.fail-onboarding.v1"

MAY = {
    "environment": [
        EVENT,
        OUT,
        "st.acme.environment.organization.acme",
        "done.acme.c-1",
        "chk.acme.c-1",
        "chk.acme.c-1.2",
        "clm._.environment.acme-dev",
        "clm.acme.use.u-1",
        "tmr.acme.environment.onboarding.acme.deadline",
        "dlq.acme.environment.organization.acme.c1",
        "rsp.acme.x.c-1",
        SUSPEND,
        EV_GET,
        DONE,
        "$JS.API.STREAM.MSG.GET.EV",
        "$JS.API.STREAM.PURGE.DLQ",
        "$JS.API.CONSUMER.MSG.NEXT.CMD.environment--commands",
        "$JS.ACK.CMD.environment--commands.1.1.1.1.0",
        "$KV.leases.environment",
        "$KV.cursors.environment",
    ],
    "projector": [
        "$KV.rm.current",
        "$KV.rm_abc.acme._.organization._.acme",
        EV_GET,
        "$JS.API.STREAM.CREATE.KV_rm_abc",
        "$JS.API.STREAM.DELETE.KV_rm_abc",
        "$JS.API.CONSUMER.CREATE.EV.projector-1",
        "$JS.API.CONSUMER.CREATE.KV_rm_abc.hub-1",
        "$JS.API.CONSUMER.MSG.NEXT.EV.projector-1",
    ],
    "gateway": [
        "$SRV.PING.catalyst-billing",
        CREATE,
        SUSPEND,
        FOREIGN,
        "cmd._.environment.organization.x.retry.v1",
        "qry.acme.environment.plan-organization-deletion.v1",
        DONE,
        EV_GET,
        "$JS.API.DIRECT.GET.DLQ",
        "$JS.API.CONSUMER.CREATE.EV.gateway-1",
        "use.acme.http",
    ],
    "operator": [
        CREATE,
        SUSPEND,
        FOREIGN,
        "qry.acme.environment.plan-organization-deletion.v1",
        EV_GET,
        "$JS.API.DIRECT.GET.KV_rm_abc",
        "$JS.API.STREAM.LIST",
        "$JS.API.CONSUMER.INFO.EV.environment--relay",
        "$JS.API.CONSUMER.CREATE.EV.mine",
        "$JS.ACK.EV.mine.1.1.1.1.0",
        "ws.acme-dev.flux.kustomization",
        "use.acme.model",
    ],
    "simulator": [
        "ws.acme-dev.flux.kustomization",
        "$JS.API.CONSUMER.CREATE.EV.simulator-1",
        "$JS.API.CONSUMER.CREATE.FACTS.simulator-1",
    ],
    "acme-org-admin": [CREATE, UPDATE, DONE, "qry.acme.environment.x.v1", "use.acme.model"],
    "acme-org-developer": [DONE, "use.acme.model"],
    "acme-org-viewer": [DONE, "use.acme.model"],
}
"""Each member's own work, in the words of the protocol; written by hand, not derived."""

MUST_NOT = {
    "environment": [
        "evt.acme.billing.account.acme.account-opened.v1",
        "st.acme.billing.account.acme",
        "cmd.acme.billing.account.acme.open-account.v1",
        "dlq.acme.billing.account.acme.c1",
        "_INBOX_gateway.x",
        "_INBOX.x",
        "$KV.rm.current",
        "$KV.rm_abc._ck",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.PURGE.EV",
        "$JS.API.STREAM.MSG.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "use.acme.model",
        "anything",
    ],
    "projector": [
        EVENT,
        SUSPEND,
        "done.acme.c-1",
        "out.acme.environment.organization.acme.fail-onboarding.v1",
        "rsp.acme.x",
        "$KV.cursors.environment",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.DELETE.CMD",
        "$JS.API.STREAM.DELETE.KV_rm",
        "$JS.API.STREAM.PURGE.EV",
        "$JS.API.STREAM.MSG.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "$JS.API.CONSUMER.CREATE.CMD.thief",
        "$JS.API.CONSUMER.CREATE.USE.thief",
        "$JS.API.CONSUMER.DELETE.EV.environment--relay",
        "$JS.API.CONSUMER.MSG.NEXT.CMD.environment--commands",
        "$JS.ACK.EV.environment--relay.1.1.1.1.0",
    ],
    "gateway": [
        EVENT,
        OUT,
        "done.acme.c-1",
        "rsp.acme.x",
        "cmd.acme.nobody.thing.x.do.v1",
        "dlq.acme.environment.organization.acme.c1",
        "$KV.rm.current",
        "$KV.leases.environment",
        "$JS.API.STREAM.CREATE.EV",
        "$JS.API.STREAM.UPDATE.EV",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "$JS.API.CONSUMER.MSG.NEXT.CMD.environment--commands",
        "$JS.API.CONSUMER.DELETE.EV.environment--relay",
    ],
    "operator": [
        EVENT,
        OUT,
        "done.acme.c-1",
        "$KV.rm.current",
        "$JS.API.STREAM.UPDATE.EV",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.PURGE.EV",
        "$JS.API.STREAM.MSG.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "$JS.API.CONSUMER.CREATE.CMD.thief",
        "$JS.API.CONSUMER.CREATE.USE.thief",
        "$JS.API.CONSUMER.DELETE.EV.environment--relay",
        "$JS.API.CONSUMER.CREATE.EV.environment--relay",
        "$JS.ACK.EV.environment--relay.1.1.1.1.0",
        "_INBOX_gateway.x",
    ],
    "simulator": [
        EVENT,
        SUSPEND,
        "done.acme.c-1",
        "rsp.acme.x",
        "use.acme.model",
        "$KV.leases.environment",
        "$JS.API.STREAM.DELETE.FACTS",
        "$JS.API.STREAM.MSG.GET.CMD",
        "$JS.API.CONSUMER.CREATE.CMD.thief",
        "$JS.API.CONSUMER.CREATE.FACTS.provisioning--observation",
        "$JS.API.CONSUMER.MSG.NEXT.CMD.environment--commands",
    ],
    "acme-org-admin": [
        FOREIGN,
        SUSPEND,
        EVENT,
        "cmd.acme.environment.organization.acme.create-organization.v1",
        "cmd.acme.environment.environment.acme-dev.admit-application.v1",
        "cmd._.environment.organization.acme.update-organization.v1",
        f"{EV_GET}.done.globex.c-1",
        f"{EV_GET}.evt.acme.environment.organization.acme.organization-created.v1",
        EV_GET,
        "qry.globex.environment.x.v1",
        "use.globex.model",
        "rsp.acme.x",
        "$JS.API.STREAM.INFO.EV",
    ],
    "acme-org-developer": [CREATE, UPDATE, FOREIGN],
    "acme-org-viewer": [CREATE, UPDATE, FOREIGN],
}
MAY_HEAR = {
    "environment": ["_INBOX_environment-controller.x.y", "qry.*.environment.plan.v1", "$SRV.PING"],
    "projector": ["_INBOX_projector.x"],
    "gateway": ["_INBOX_gateway.x", "rsp.acme.x.*"],
    "operator": ["_INBOX.x.*", "_INBOX_operator.x", "rsp.acme.x.*", "evt.acme.>"],
    "simulator": ["_INBOX_simulator.x"],
    "acme-org-admin": ["_INBOX_acme.x", "rsp.acme.x.*"],
    "acme-org-developer": ["_INBOX_acme.x"],
    "acme-org-viewer": ["_INBOX_acme.x"],
}
EVERYTHING_OF_OTHERS = [">", "cmd.>", "done.>", "_INBOX_stranger.>", "$JS.API.>", "$KV.>"]
MUST_NOT_HEAR = {
    "environment": ["rsp.>", "evt.>", "_INBOX.>", "_INBOX_gateway.>", "qry.acme.billing.x.v1"],
    "projector": ["rsp.>", "evt.>", "_INBOX.>", "_INBOX_environment.>"],
    "gateway": ["evt.>", "_INBOX.>", "_INBOX_environment.>"],
    "operator": ["_INBOX_gateway.>"],
    "simulator": ["rsp.>", "evt.>", "ws.>", "_INBOX.>", "_INBOX_gateway.>"],
    "acme-org-admin": ["rsp.globex.>", "rsp.>", "evt.acme.>", "_INBOX.>", "_INBOX_globex.>"],
    "acme-org-developer": ["rsp.globex.>", "evt.acme.>"],
    "acme-org-viewer": ["rsp.globex.>", "evt.acme.>"],
}
for table in TABLES:
    # What each hears events, facts or use by: without one of these it starts and hears nothing.
    hears = [("EV", item.name) for item in table.reactions]
    hears += [(item.stream, item.name) for item in table.sources]
    for stream, name in hears:
        durable = f"{stream}.{table.service}--{name}"
        MAY.setdefault(table.service, []).extend(
            [
                f"$JS.API.CONSUMER.CREATE.{durable}",
                f"$JS.API.CONSUMER.INFO.{durable}",
                f"$JS.API.CONSUMER.MSG.NEXT.{durable}",
                f"$JS.ACK.{durable}.1.1.1.1.0",
            ]
        )
for table in TABLES[1:]:
    # What holds for every service, told of `environment` in full above.
    own = f"acme.{table.service}.{table.aggregates[0]}.x"
    MAY[table.service] = [
        *MAY.get(table.service, []),
        f"evt.{own}.happened.v1",
        f"st.{own}",
        f"cmd.{own}.do.v1",
        "done.acme.c-1",
        "rsp.acme.x.c-1",
        f"$JS.API.CONSUMER.MSG.NEXT.CMD.{table.service}--commands",
        f"$JS.ACK.CMD.{table.service}--commands.1.1.1.1.0",
    ]
    MUST_NOT[table.service] = [
        EVENT,
        SUSPEND,
        "st.acme.environment.organization.acme",
        "dlq.acme.environment.organization.acme.c1",
        "_INBOX_gateway.x",
        "$KV.rm.current",
        "$JS.API.STREAM.DELETE.EV",
        "$JS.API.STREAM.MSG.GET.CMD",
        "$JS.API.CONSUMER.MSG.NEXT.CMD.environment--commands",
        "$JS.API.CONSUMER.DELETE.EV.environment--relay",
        "$JS.ACK.EV.environment--relay.1.1.1.1.0",
    ]
    MAY_HEAR[table.service] = [f"_INBOX_{table.member}.x", f"qry.*.{table.service}.ask.v1"]
    MUST_NOT_HEAR[table.service] = ["rsp.>", "evt.>", "_INBOX.>", "qry.acme.environment.x.v1"]
