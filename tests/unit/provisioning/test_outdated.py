"""Versions that were registered before a rule came which they break."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from tests.support import planning
from tests.support.gates import Gate
from tests.support.planning import Others, plan
from tests.support.plans import PROD, apply, locked, run, town

from catalyst.blueprints import document, package, reading
from catalyst.blueprints.lint import lint
from catalyst.contracts import blueprint_v1 as blue1
from catalyst.contracts.provisioning_v1 import ChangeOpened
from catalyst.contracts.provisioning_values_v1 import Action, Locked, PlanRequest
from catalyst.contracts.rejection import Rejected
from catalyst.provisioning import checking, gathering
from catalyst.provisioning.domain import foreign, outdated
from catalyst.provisioning.domain.plan import Plan

DOCUMENT = """\
apiVersion: catalyst.openova.io/v1
kind: Blueprint
metadata: {{name: bp-{name}}}
spec:
  version: {version}
  card: {{title: {title}}}
  configSchema:
    type: object
    properties:
      near: {{type: boolean, default: true}}
      word: {{type: string, default: hello}}
  manifests: {{source: {{kind: Kustomize, ref: manifests}}}}
"""
LIST = "resources: [app.yaml]\n"
APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: "${{{{ application.name }}}}"}}
spec:
  selector: {{matchLabels: {{app: agent}}}}
  template:
    metadata: {{labels: {{app: agent}}}}
    spec:
      {reach}
      containers: [{{name: agent, image: "agent:1", args: ["${{{{ config.word }}}}"]}}]
"""
BAD = 'hostNetwork: "${{ config.near }}"'
WORSE = "hostPID: true"
GOOD = "restartPolicy: Always"
WHY = "manifests/app.yaml:9: hostNetwork gives the pod what belongs to its node (powers)"
Origin = blue1.Origin


class Agents:
    """`bp-agent` in versions of an origin, and who answers for the catalogue."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, origin: Origin = "private") -> None:
        self.place = town()
        self.others = Others()
        self.origin: Origin = origin
        self.digests: dict[tuple[str, str], str] = {}
        self._patch = monkeypatch

    def holds(self, version: str, reach: str, name: str = "agent", app: str = APP) -> None:
        """Register a version, as if its rules were those of before."""
        written = DOCUMENT.format(name=name, version=version, title=name.title())
        made = package.of_files(
            {
                "blueprint.yaml": written.encode(),
                "manifests/kustomization.yaml": LIST.encode(),
                "manifests/app.yaml": app.format(reach=reach).encode(),
            }
        )
        assert document.read(made).blueprint is not None
        digest = package.digest(made)
        self._patch.setitem(planning.CONTENTS, digest, package.to_tar(made))
        self.digests[name, version] = digest
        self.place.given(
            foreign.blueprint_ref("acme", self.origin, f"bp-{name}"),
            blue1.VersionRegistered(
                name=f"bp-{name}",
                origin=self.origin,
                version=version,
                digest=digest,
                size=1,
                spec={},
                source="own",
            ),
        )

    def answer(self, *lock: tuple[str, str, str], **needs: str) -> None:
        """Let the catalogue find this lock: Blueprint, version and role of each."""
        self.others.locks["agent"] = [
            {
                "application": name,
                "blueprint": f"bp-{name}",
                "origin": self.origin,
                "version": version,
                "digest": self.digests[name, version],
                "role": role,
                "dependencies": needs if role == "target" else {},
            }
            for name, version, role in lock
        ]

    async def plan(self, action: Action, **more: Any) -> Plan:
        """Return a plan for the agent."""
        named = {"blueprint": "bp-agent"} if action == "install" else {}
        request = {"action": action, "environment": PROD, "application": "agent", **named, **more}
        return await plan(self.place, self.others, msgspec.convert(request, PlanRequest))

    async def refusal(self, action: Action, **more: Any) -> tuple[str, str, str]:
        """Return code, place and words of why there is no plan."""
        with pytest.raises(Rejected) as caught:
            await self.plan(action, **more)
        error = caught.value
        return error.code, error.errors[0].pointer, error.message

    async def runs(self, name: str, version: str, action: Action = "install", **more: Any) -> None:
        """Let a version have come by a change, before the rules of today."""
        with self._patch.context() as before:
            before.setattr(gathering.Gathering, "judged", _unjudged)
            self.answer(("agent", version, "target"))
            found = await self.plan(action, **more)
        apply(self.place, name, found)
        run(self.place, name)
        assert self.place.change(name).status == "completed"


async def _unjudged(_self: Any, facts: Any, _lock: Any) -> Any:
    return facts


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch) -> Agents:
    """Return the agents of an Organization: one of before, one that is well, one that is worse."""
    found = Agents(monkeypatch)
    found.holds("1.0.0", BAD)
    found.holds("1.1.0", GOOD)
    found.holds("2.0.0", WORSE)
    return found


@pytest.mark.guarantee("G20.11")
async def test_what_breaks_a_rule_of_today_comes_nowhere_anew(agents: Agents) -> None:
    agents.answer(("agent", "1.0.0", "target"))
    said = f"agent: bp-agent 1.0.0 would not be registered any more: {WHY}"
    assert await agents.refusal("install") == ("version-refused", "/request/version", said)
    agents.answer(("agent", "1.1.0", "target"))
    found = await agents.plan("install")
    assert found.blocked_by == ()
    assert not [one for one in found.risks if one.kind == "outdated"]


async def test_what_is_the_platform_s_may_what_a_registration_of_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for origin in ("sovereign", "public"):
        agents = Agents(monkeypatch, origin)
        agents.holds("1.0.0", BAD)
        agents.answer(("agent", "1.0.0", "target"))
        assert not (await agents.plan("install")).blocked_by


async def test_the_same_files_are_judged_for_each_who_brings_them(agents: Agents) -> None:
    agents.answer(("agent", "1.0.0", "target"))
    entry = agents.others.locks["agent"][0]
    for origin, refused in [("private", True), ("sovereign", False), ("private", True)]:
        entry["origin"] = origin
        if refused:
            await agents.refusal("install")
        else:
            await agents.plan("install")


@pytest.mark.guarantee("G20.11")
async def test_what_comes_along_is_judged_as_well_and_what_is_shared_is_told_of(
    agents: Agents,
) -> None:
    agents.holds("1.0.0", WORSE, "base")
    await agents.runs("ch-1", "1.1.0")
    agents.answer(("base", "1.0.0", "new"), ("agent", "1.1.0", "target"), base="base")
    code, pointer, said = await agents.refusal("upgrade", values={"word": "more"})
    assert (code, pointer) == ("version-refused", "/lock/base")
    assert said.startswith("base: bp-base 1.0.0 would not be registered any more: ")
    agents.answer(("base", "1.0.0", "shared"), ("agent", "1.1.0", "target"))
    found = await agents.plan("upgrade", values={"word": "more"})
    (risk,) = (one for one in found.risks if one.kind == "outdated")
    assert risk.message == (
        "base runs on: bp-base 1.0.0 would not be registered any more:"
        " manifests/app.yaml:9: hostPID gives the pod what belongs to its node (powers)"
    )


@pytest.mark.guarantee("G20.11")
async def test_what_runs_of_it_is_not_written_again_unless_it_reaches_less_then(
    agents: Agents,
) -> None:
    await agents.runs("ch-1", "1.0.0")
    said = (
        f"agent stays as it runs: bp-agent 1.0.0 would not be registered any more: {WHY};"
        " upgrade agent to a version without that, with its new values if it needs any,"
        " or uninstall it"
    )
    where = "/request/application"
    assert await agents.refusal("configure", values={"word": "more"}) == (
        *("version-refused", where, said),
    )
    found = await agents.plan("configure", values={"near": False})
    assert [one.kind for one in found.risks].count("outdated") == 1
    apply(agents.place, "ch-2", found)
    run(agents.place, "ch-2")
    # What it no longer reaches, it does not get back, nor by going back.
    assert (await agents.refusal("configure", values={"near": True}))[:2] == (
        *("version-refused", where),
    )
    assert (await agents.refusal("rollback"))[:2] == ("version-refused", "/request/revision")


@pytest.mark.guarantee("G20.11")
async def test_it_is_a_configuration_alone_that_may_take_reach_away(agents: Agents) -> None:
    await agents.runs("ch-1", "1.0.0")
    agents.answer(("agent", "1.0.0", "target"))
    found = await agents.refusal("upgrade", values={"near": False})
    assert found[:2] == ("version-refused", "/request/version")


@pytest.mark.guarantee("G20.11")
async def test_what_runs_of_it_goes_on_to_a_good_version_or_away(agents: Agents) -> None:
    await agents.runs("ch-1", "1.0.0")
    agents.answer(("agent", "2.0.0", "target"))
    code, pointer, said = await agents.refusal("upgrade")
    assert (code, pointer) == ("version-refused", "/request/version")
    assert said.startswith("agent: bp-agent 2.0.0 would not be registered any more: ")
    assert not (await agents.plan("uninstall")).blocked_by
    agents.answer(("agent", "1.1.0", "target"))
    apply(agents.place, "ch-2", await agents.plan("upgrade"))
    run(agents.place, "ch-2")
    code, pointer, said = await agents.refusal("rollback")
    assert (code, pointer) == ("version-refused", "/request/revision")
    assert said == f"agent: bp-agent 1.0.0 would not be registered any more: {WHY}"


@pytest.mark.guarantee("G20.11")
async def test_what_ran_before_it_is_gone_back_to_if_it_is_good(agents: Agents) -> None:
    await agents.runs("ch-1", "1.1.0")
    await agents.runs("ch-2", "2.0.0", "upgrade")
    found = await agents.plan("rollback")
    assert [one.version for one in found.lock] == ["1.1.0"]
    assert not found.blocked_by


async def test_a_version_is_looked_into_once(
    agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "KEPT", 2)
    looked: list[str] = []

    def counted(found: package.Package, *, own: bool) -> Any:
        assert own
        looked.append(package.digest(found))
        return lint(found, own=own)

    monkeypatch.setattr(checking, "lint", counted)
    made = checking.Checking()
    versions = ("1.1.0", "1.0.0", "1.1.0", "2.0.0", "1.1.0", "1.0.0")
    digests = [agents.digests["agent", version] for version in versions]
    for version, digest in zip(versions, digests, strict=True):
        content = reading.read_tar(planning.CONTENTS[digest])
        assert bool(await made.reason(digest, content)) is (version != "1.1.0")
    # The longest unused was forgotten, and no other.
    assert looked == [digests[0], digests[1], digests[3], digests[5]]


@pytest.mark.guarantee("G7.16")
async def test_what_is_being_looked_into_is_known_then_though_nobody_waits_for_it(
    agents: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, made = Gate(), checking.Checking()
    monkeypatch.setattr(checking, "lint", gate.before(lint))
    at = agents.digests["agent", "1.0.0"]
    content = reading.read_tar(planning.CONTENTS[at])
    assert await gate.given_up(lambda: made.reason(at, content))
    assert await made.reason(at, content)
    assert gate.passed == 1


async def test_into_what_is_the_platform_s_nobody_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checking, "lint", None)
    agents = Agents(monkeypatch, "public")
    agents.holds("1.0.0", BAD)
    agents.answer(("agent", "1.0.0", "target"))
    assert not (await agents.plan("install")).blocked_by


async def test_the_platform_s_own_of_the_same_files_is_taken_beside_it(agents: Agents) -> None:
    await agents.runs("ch-1", "1.1.0")
    agents.digests["same", "1.0.0"] = agents.digests["agent", "1.0.0"]
    agents.answer(
        ("agent", "1.0.0", "shared"), ("same", "1.0.0", "new"), ("agent", "1.1.0", "target")
    )
    mine, theirs, _ = agents.others.locks["agent"]
    mine["application"], theirs["origin"] = "mine", "sovereign"
    found = await agents.plan("upgrade", values={"word": "more"})
    told = [one.message.partition(" ")[0] for one in found.risks if one.kind == "outdated"]
    assert told == ["mine"]


def test_what_a_change_brings_is_what_it_writes_of_an_organization_s_own() -> None:
    def item(name: str, role: str, origin: str = "private") -> Locked:
        return msgspec.structs.replace(locked(name, role), origin=origin)

    lock = (
        *(item("new", "new"), item("shared", "shared"), item("public", "new", "public")),
        *(item("upgraded", "upgraded"), item("target", "target")),
    )
    opened: dict[Action, list[str]] = {}
    actions: tuple[Action, ...] = (
        *("install", "configure", "upgrade", "rollback"),
        *("uninstall", "delete-environment", "delete-organization"),
    )
    for action in actions:
        content = SimpleNamespace(request=PlanRequest(action=action), lock=lock)
        brought = outdated.brought(cast("ChangeOpened", content))
        opened[action] = [one.application for one in brought]
    every = ["new", "upgraded", "target"]
    brings = ("install", "upgrade", "rollback")
    assert opened == {action: every if action in brings else [] for action in actions}
