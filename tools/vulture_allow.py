"""Names that vulture takes for dead code and that are not; read by vulture, never run.

Each is a parameter of a Protocol's method: the name belongs to the port, the body has no use of it.
"""

from __future__ import annotations

from typing import Any


def _allowed(port: Any) -> tuple[Any, ...]:
    return (
        port.checkpoint,  # the read model's transport
        port.expected,  # the read model's transport
    )
