"""What fails is told as soon as it does in CI: a run that is cut short may never sum it up."""

import os
import time

import pytest
from xdist.workermanage import WorkerController

LINES = 12
"""Of what a test ended with, counted from its end: where it failed, and how."""


class _Failing:
    """Tells of each failure, and of what each worker was at when the run was cut short."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal
        self._began = time.monotonic()
        self._at: dict[str, tuple[str, float]] = {}
        """What each worker told of last, and when."""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        node: WorkerController | None = getattr(report, "node", None)
        if node is not None:
            self._at[node.gateway.id] = report.nodeid, self._since()
        if not report.failed:
            return
        self._line(f"failed after {report.duration:.0f} s: {report.nodeid} ({report.when})")
        for line in report.longreprtext.splitlines()[-LINES:]:
            self._terminal.write_line(f"    {line}")

    def pytest_keyboard_interrupt(self) -> None:
        for worker, (test, at) in sorted(self._at.items()):
            self._line(f"{worker} told of {test} last, {self._since() - at:.0f} s ago")

    def _since(self) -> float:
        return time.monotonic() - self._began

    def _line(self, said: str) -> None:
        self._terminal.ensure_newline()
        self._terminal.write_line(f"{self._since():.0f} s: {said}")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Tell it in the process that hears of every test."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if "CI" not in os.environ or hasattr(session.config, "workerinput"):
        return
    if isinstance(terminal, pytest.TerminalReporter):
        session.config.pluginmanager.register(_Failing(terminal), "failing")
