"""Questions that wait for their turn: the newest first, and none that nobody waits for any more.

Where more is asked than can be answered, whoever was next in a queue would have waited for so long
that nobody heard the answer; all the work would be for nothing, and asked for again. Of the newest,
those that are answered are heard. Called by `answering`.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from nats.micro.request import Request

MOST: Final = 1_000
"""Questions that wait at the same time."""
MOST_BYTES: Final = 64 * 1024**2
"""Of all their bodies and headers together."""

Answer = Callable[[str, bytes, Mapping[str, str]], Awaitable[bytes]]
"""Takes subject, body and headers of a question; returns the body of the answer."""


class Question(NamedTuple):
    """One question, and who answers it."""

    name: str
    request: Request
    headers: Mapping[str, str]
    answer: Answer
    until: float
    """When whoever asked gives up, by the loop's time."""
    place: str
    """Where its answer goes, which is no other question's."""

    @property
    def size(self) -> int:
        """Return how many bytes it has, headers included."""
        texts = (*self.headers, *self.headers.values())
        return len(self.request.data) + sum(map(len, texts))


class Waiting:
    """The questions of one member that nobody has begun to answer."""

    def __init__(self) -> None:
        """Begin with none."""
        self._questions: deque[Question] = deque()
        self._bytes = 0

    def put(self, question: Question, now: float) -> list[Question]:
        """Take a question; return those that have no place any more, the oldest first."""
        self._questions.append(question)
        self._bytes += question.size
        lost = []
        while len(self._questions) > MOST or self._bytes > MOST_BYTES:
            oldest = self._questions.popleft()
            self._bytes -= oldest.size
            if oldest.until > now:
                lost.append(oldest)
        return lost

    def take(self, now: float) -> Question | None:
        """Return the newest question that somebody waits for, and forget those on the way."""
        while self._questions:
            newest = self._questions.pop()
            self._bytes -= newest.size
            if newest.until > now:
                return newest
        return None

    def leave(self, place: str) -> None:
        """Forget the question whose answer would go to `place`, if it is here."""
        for question in self._questions:
            if question.place == place:
                self._questions.remove(question)
                self._bytes -= question.size
                return
