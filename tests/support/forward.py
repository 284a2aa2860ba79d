"""No key goes back: what every reader of a stream in the tests holds each event against."""


class Forward:
    """The newest sequence of each key that a reader was told, deletions included."""

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}

    def begin(self) -> None:
        """Forget all: a snapshot begins, maybe of a log that was restored."""
        self._newest.clear()

    def met(self, key: str, seq: int) -> None:
        """Take note of a row or its deletion, which must not be older than what was told of it."""
        newest = self._newest.get(key, 0)
        assert seq >= newest, f"{key} went back from {newest} to {seq}"
        self._newest[key] = seq
