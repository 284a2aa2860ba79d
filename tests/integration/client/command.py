"""Runs the command line against a stack, in this process."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.integration.client.stack import Stack

from catalyst.cli import contexts
from catalyst.cli.contexts import Context, Credentials
from catalyst.cli.main import ended


@dataclass(frozen=True)
class Ran:
    """What one run of the command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def command(stack: Stack, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Return what runs the command as a sovereign-admin of the stack.

    Connections are kept where `XDG_CONFIG_HOME` says, which the test must have set.
    """
    assert os.environ["XDG_CONFIG_HOME"]
    context = Context(
        http=stack.http,
        nats=stack.nats,
        operator=Credentials(user=stack.user, password=stack.password, token=stack.token()),
        data=str(stack.data),
    )
    contexts.register(contexts.default_path(), contexts.LOCAL, context)

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        code = ended(list(arguments))
        said = capsys.readouterr()
        return Ran(int(code), said.out, said.err)

    return run
