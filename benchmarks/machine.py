"""Where and with what was measured; nothing here tells one machine from another of its kind."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

from benchmarks.figure import percentile
from catalyst.cli.broker import server_binary

PACKAGES: Final = ("nats-py", "faststream", "msgspec", "starlette", "uvicorn", "sse-starlette")


def described() -> list[str]:
    """Return the machine and the versions, a line each."""
    server = subprocess.run(
        [server_binary(), "--version"], capture_output=True, text=True, check=True
    )
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return [
        f"{os.cpu_count()} cores of {_processor()}, {_memory_gib():.0f} GiB, {system}",
        f"Python {platform.python_version()}, {server.stdout.strip()}, {packages}",
        f"load of the last minute before the start: {os.getloadavg()[0]:.2f}; {jitter()}",
    ]


def jitter(samples: int = 500) -> str:
    """Return by how much a sleep of one millisecond overshoots: what no program can be better than.

    On a machine that is shared the 99th percentile is often above 10 ms.
    """
    late = []
    for _ in range(samples):
        began = time.perf_counter()
        time.sleep(0.001)
        late.append((time.perf_counter() - began) * 1000 - 1)
    return (
        f"a sleep of 1 ms overshoots by {percentile(late, 0.5):.2f} ms (p50), "
        f"{percentile(late, 0.99):.1f} ms (p99)"
    )


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    pages: int = os.sysconf("SC_PHYS_PAGES")
    size: int = os.sysconf("SC_PAGE_SIZE")
    return pages * size / 2**30
