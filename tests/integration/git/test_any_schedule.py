"""The Git effect under any schedule that a durable and crashes can make of a log."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integration.git.log import Acme, Log
from typing_extensions import override

from catalyst.chassis.commits import seq_of
from catalyst.chassis.errors import Retry
from catalyst.contracts import environment_v1 as env1
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.domain import documents, environment, organization, policy
from catalyst.environment_controller.effects import effects
from catalyst.environment_controller.ports import Change

pytestmark = pytest.mark.real

TYPES: st.SearchStrategy[env1.EnvType] = st.sampled_from(["dev", "stg", "prod"])
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("environment"), TYPES),
        st.tuples(st.just("environment_deleted"), TYPES),
        st.tuples(st.just("moved"), TYPES, st.sampled_from(["fsn", "hel", "nbg"])),
        st.tuples(st.just("attached"), TYPES, st.sampled_from(["strict", None])),
        st.tuples(st.just("policy"), st.sampled_from(["strict", "open"]), st.integers(0, 90)),
        st.tuples(st.just("renamed"), st.sampled_from(["A", "B"])),
        st.tuples(st.just("suspended"), st.sampled_from(["unpaid", "asked"])),
        st.tuples(st.just("resumed")),
    ),
    min_size=1,
    max_size=10,
)


class Failing(DulwichHome):
    """Fails now and then, before a commit or after it."""

    fails: str = ""

    @override
    async def commit(self, change: Change) -> str | None:
        planned, self.fails = self.fails, ""
        if planned == "before":
            raise Retry("the disk does not answer")
        made = await super().commit(change)
        if planned == "after":
            raise Retry("the answer was lost")
        return made


async def wanted(log: Log) -> dict[str, bytes]:
    """The manifests as the states of the whole log have them."""
    acme = await log.load(organization.ref_of("acme"))
    files = {documents.ORGANIZATION: documents.organization_manifest(acme)}
    for env_type in ("dev", "stg", "prod"):
        name = f"acme-{env_type}"
        state = await log.load(environment.environment_ref("acme", name))
        files[documents.environment_path(name)] = documents.environment_manifest(state)
    for name in ("strict", "open"):
        found = await log.load(policy.policy_ref("acme", name))
        files[documents.policy_path(name)] = documents.policy_manifest(found, "acme")
    return {path: content for path, content in files.items() if content is not None}


def shown(repository: Path) -> tuple[Mapping[str, bytes], list[int]]:
    """Files and sequences on main, the newest first."""
    with closing(Repo(str(repository))) as repo:
        tip: ObjectID | None = repo.refs[Ref(b"refs/heads/main")]
        first, seqs = None, []
        while tip is not None:
            commit = repo.object_store[tip]
            assert isinstance(commit, Commit)
            first = first or commit
            seqs.append(seq_of(commit.message) or 0)
            tip = commit.parents[0] if commit.parents else None
        assert first is not None
        return files(repo, first.tree, ""), seqs


def files(repo: Repo, tree: ObjectID, above: str) -> dict[str, bytes]:
    found = repo.object_store[tree]
    if isinstance(found, Blob):
        return {above.removesuffix("/"): found.data}
    assert isinstance(found, Tree)
    inner: dict[str, bytes] = {}
    for entry in found.iteritems():
        inner |= files(repo, entry.sha, f"{above}{entry.path.decode()}/")
    return inner


@settings(max_examples=25, deadline=None)
@given(actions=ACTIONS, data=st.data())
async def test_main_ends_at_the_newest_manifests(
    actions: list[tuple[object, ...]],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    log = Log()
    acme = Acme(log)
    acme.created()
    acme.step("git-home")
    for number, (name, *args) in enumerate(actions):
        if number == len(actions) // 2:
            acme.step("manifests")
            acme.step_completed("manifests")
        getattr(acme, str(name))(*args)
    last = acme.renamed("Last")
    root = GitRoot(tmp_path_factory.mktemp("schedule"))
    git = Failing(root)
    (effect,) = effects(git)
    taken = [event for event in log.entries if isinstance(event.event, effect.events)]
    position = 0
    while position < len(taken):
        step = data.draw(
            st.sampled_from(["go", "go", "go", "restart", "back", "before", "after", "give-up"])
        )
        if step == "restart":
            (effect,) = effects(git)
        if step == "back":
            position = data.draw(st.integers(0, position))
        git.fails = {"give-up": "before"}.get(step, step)
        try:
            await effect.run(taken[position], log.load)
        except Retry:
            # A home that cannot be written is tried again, or given up after some attempts.
            skippable = taken[position].ref.aggregate != "onboarding"
            if step != "give-up" or not skippable or taken[position] == last:
                continue
        position += 1
    tree, seqs = shown(root.repository("acme"))
    assert tree == await wanted(log)
    assert seqs == sorted(set(seqs), reverse=True)
    assert seqs[0] == last.seq
    root.close()
