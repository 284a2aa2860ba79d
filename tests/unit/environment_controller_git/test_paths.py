"""Names that become paths: only those that cannot lead anywhere else."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.each import each

from catalyst.environment_controller.adapters.git_root import BadName, GitRoot, RootBusy

ROOT = GitRoot(Path("/root-of-homes"))

HOSTILE = [
    "",
    ".",
    "..",
    "../other",
    "acme/../other",
    "/etc",
    "Acme",
    "-acme",
    "acme.git",
    "acme\n",
    "acme\x00",
    "acme%2f..",
    "\u0430cme",
    "a" * 64,
]


@each(HOSTILE)
def test_a_hostile_name_never_becomes_a_path(name: str) -> None:
    with pytest.raises(BadName):
        ROOT.live(name)
    with pytest.raises(BadName):
        ROOT.archived(name)
    with pytest.raises(BadName):
        ROOT.repository("acme", name)


@given(st.text(), st.text())
def test_a_repository_stands_two_steps_below_the_live_folder_or_nowhere(
    organization: str, name: str
) -> None:
    try:
        path = ROOT.repository(organization, name)
    except BadName:
        return
    homes = Path("/root-of-homes/homes")
    assert path.resolve().parent.parent == homes
    assert path == homes / organization / f"{name}.git"


def test_the_root_is_let_go_only_when_nothing_is_done_in_it(tmp_path: Path) -> None:
    root, rival = GitRoot(tmp_path), GitRoot(tmp_path)
    inside, closed, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        with root.use():
            inside.set()
            ended.wait(10)

    def close() -> None:
        root.close()
        closed.set()

    threads = [threading.Thread(target=work), threading.Thread(target=close)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    with pytest.raises(RootBusy), rival.use():
        pytest.fail("two hold the root")
    assert not closed.is_set()
    ended.set()
    assert closed.wait(10)
    for thread in threads:
        thread.join(10)
    with rival.use():
        assert rival.held
    rival.close()


def test_the_home_of_an_organization_is_called_home() -> None:
    assert ROOT.repository("acme") == Path("/root-of-homes/homes/acme/home.git")
