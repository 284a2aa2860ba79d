"""What a worker of pytest-xdist tells of a test: in one message, without what nobody reads.

It sends six otherwise, and each is packed, sent, unpacked and handed on in plain Python.
"""

import marshal
from collections.abc import Callable
from typing import Any

import pytest
from xdist.workermanage import WorkerController

AT_ONCE = 0.005
"""In seconds. A setup or teardown that took less is told in no list of durations either."""

_TOGETHER = "together"
_OF_A_TEST = frozenset({"testreport", "logfinish"})
_AT_ITS_END = "runtest_protocol_complete"


class _Telling:
    """Sends what there is to tell, of each test together."""

    def __init__(self, send: Callable[..., None], *, verbose: bool) -> None:
        self._send = send
        self._verbose = verbose
        """Whether somebody watches which test begins: then nothing waits for its end."""
        self._held: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **what: Any) -> None:
        if not self._verbose and event == "logstart":
            return
        if event == "testreport" and _at_once(what["data"]):
            return
        if event in _OF_A_TEST and not self._verbose:
            self._held.append((event, what))
        elif event == _AT_ITS_END and self._held:
            self._held.append((event, what))
            self._tell_held()
        else:
            self._tell_held()
            self._send(event, **what)

    def _tell_held(self) -> None:
        if self._held:
            self._send(_TOGETHER, told=marshal.dumps(self._held))
            self._held = []


def _at_once(report: dict[str, Any]) -> bool:
    """Return whether it is of what surrounds a test, and passed at once: nobody sees that."""
    passed: bool = report["outcome"] == "passed" and report["duration"] < AT_ONCE
    return passed and report["when"] != "call"


@pytest.hookimpl(tryfirst=True)
def pytest_report_to_serializable(report: pytest.CollectReport | pytest.TestReport) -> None:
    """Let a worker tell of what passed without its keywords: a third of what it sends."""
    if isinstance(report, pytest.TestReport) and report.passed:
        report.keywords = {}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let a worker tell of each test together."""
    verbose = session.config.get_verbosity() > 0
    for plugin in session.config.pluginmanager.get_plugins():
        if hasattr(plugin, "sendevent"):
            plugin.sendevent = _Telling(plugin.sendevent, verbose=verbose)


def pytest_configure_node(node: WorkerController) -> None:
    """Take apart what a worker tells together."""
    receive = node.process_from_remote

    def each(told: Any) -> None:
        if isinstance(told, tuple) and told[0] == _TOGETHER:
            for one in marshal.loads(told[1]["told"]):  # noqa: S302 - our own worker packed it
                receive(one)
        else:
            receive(told)

    node.process_from_remote = each
