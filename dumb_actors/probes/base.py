"""What a probe is: a question to the world, asked until the answer is yes."""

from types import TracebackType
from typing import Protocol, Self

import attrs
import trio

__all__ = ["Answer", "NeverProbe", "Probe", "Stateless"]


@attrs.frozen
class Answer:
    """What a probe found: whether it holds, and in words what was seen (`connection refused`, `HTTP 503`)."""

    held: bool
    text: str


class Probe(Protocol):
    """
    One question to the world, asked until the answer is yes.

    It is a context manager: what it needs (a watch, a socket) exists only while somebody waits. It can be entered
    again after it was left, by one task at a time; to enter, ask a question that holds and leave costs next to nothing.
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


class Stateless:
    """Base of probes that hold nothing between two questions: to enter and to leave them does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Nothing is held."""


class NeverProbe(Stateless):
    """Stands in where there is nothing that could be asked: it never holds, and says why."""

    def __init__(self, what: str, why: str) -> None:
        self.what = what
        self._why = why

    async def ask(self) -> Answer:
        """See `Probe`."""
        await trio.lowlevel.checkpoint()
        return Answer(False, self._why)

    async def pause(self, waited_s: float) -> None:
        """Wait for ever: nothing will change."""
        await trio.sleep_forever()
