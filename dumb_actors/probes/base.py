"""What a probe is: a question to the world, asked until the answer is yes."""

from types import TracebackType
from typing import Protocol, Self

import attrs

__all__ = ["Answer", "Probe"]


@attrs.frozen
class Answer:
    """What a probe found: whether it holds, and in words what was seen (`connection refused`, `HTTP 503`)."""

    held: bool
    text: str


class Probe(Protocol):
    """
    One question to the world, asked until the answer is yes.

    It is a context manager: what it needs (a watch, a socket) exists only while somebody waits.
    """

    @property
    def what(self) -> str:
        """What is asked, to go behind "waits for": `/mnt/x to exist`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    async def ask(self) -> Answer:
        """Ask once. Never raises for what the world does; a hang is cut by the caller's time-out."""

    async def pause(self, waited_s: float) -> None:
        """
        Return when it makes sense to ask again.

        That is at an event where the world tells of one; else after an interval that grows with *waited_s*, the
        seconds since the first question.
        """
