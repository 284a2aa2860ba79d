"""What a shell is told of the things of a stack when a line goes on."""

from collections.abc import Callable

import pytest
from tests.integration.client.command import Ran
from tests.support.each import each

from catalyst.cli.calling import COMPLETING


@each(["get environments --org", "billing balance --org", "plan delete-organization"])
def test_organizations_are_completed(
    line: str, *, catalyst: Callable[..., Ran], organization: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMPLETING, "complete_bash")
    for begun, told in ((organization[:-1], [organization]), ("nothing", [])):
        monkeypatch.setenv("COMP_WORDS", f"catalyst {line} {begun}")
        monkeypatch.setenv("COMP_CWORD", str(len(line.split()) + 1))
        ran = catalyst()
        assert (ran.code, ran.out.split(), ran.err) == (0, told, "")
