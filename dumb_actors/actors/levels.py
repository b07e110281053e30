"""
Dependency levels: how actors tell each other that they are ready or lost.

Readiness is a level, not an edge: what a dependent reads is the present value, whenever it looks. Each (dependency,
dependent) pair has a memory channel of its own that holds one conflated value, so that nothing can be missed, nothing
can pile up, and a dependent that does not read slows nobody.
"""

import contextlib
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs
import trio

from dumb_actors.model.phase import Phase, has_child, is_ready, meets
from dumb_actors.model.spec import Until

__all__ = ["Changed", "Inlet", "Level", "Outlet", "level_channel"]


@attrs.frozen(kw_only=True)
class Level:
    """
    What a service tells its dependents.

    Attributes:
        wished: Somebody wants it to run.

        phase: Where it is.

        generation: Of its latest child.

        reason: Why it is there; for a failed one, what went wrong.

        published: What it offers while it is ready: ports, paths.

        seq: The number of the event of its last transition; 0 before the first.
    """

    wished: bool = False
    phase: Phase = Phase.STOPPED
    generation: int = 0
    reason: str = ""
    published: Mapping[str, Any] = MappingProxyType({})
    seq: int = 0

    @property
    def has_child(self) -> bool:
        """A child lives and is not being stopped."""
        return has_child(self.phase)

    @property
    def is_ready(self) -> bool:
        """Readiness was proved and the child still lives; a one-shot that has done its work counts."""
        return is_ready(self.phase)

    def meets(self, until: Until) -> bool:
        """Tell whether a dependent that waits *until* may go."""
        return meets(self.phase, until)

    def __str__(self) -> str:
        return f"{self.phase}: {self.reason}" if self.reason else str(self.phase)


class Outlet:
    """The writing end of one level channel; owned by the dependency."""

    def __init__(self, send: "trio.MemorySendChannel[Level]", receive: "trio.MemoryReceiveChannel[Level]") -> None:
        self._send = send
        self._receive = receive

    def put(self, level: Level) -> None:
        """Replace the value in the channel; never blocks."""
        with contextlib.suppress(trio.WouldBlock):
            self._receive.receive_nowait()  # an older value that nobody has read yet
        self._send.send_nowait(level)


class Inlet:
    """The reading end of one level channel; owned by the dependent."""

    def __init__(self, target: str, receive: "trio.MemoryReceiveChannel[Level]") -> None:
        self.target = target
        self.level = Level()
        self._receive = receive

    def catch_up(self) -> None:
        """Take the value that is there now; for the time before `follow` runs."""
        with contextlib.suppress(trio.WouldBlock):
            self.level = self._receive.receive_nowait()

    async def follow(self, changed: "Changed") -> None:
        """Keep `level` up to date and fire *changed*, until cancelled; one task per inlet does this."""
        async for level in self._receive:
            self.level = level
            changed.fire()


def level_channel(target: str) -> tuple[Outlet, Inlet]:
    """Make the two ends of a conflating channel for the level of *target*."""
    send, receive = trio.open_memory_channel[Level](1)
    return Outlet(send, receive.clone()), Inlet(target, receive)


class Changed:
    """
    A wake-up for whoever watches a value: look at the value, then wait, then look again.

    Between the look and `wait()` must be no checkpoint; then no change can be missed.
    """

    def __init__(self) -> None:
        self._event = trio.Event()

    def fire(self) -> None:
        """Wake everybody who waits now."""
        self._event.set()
        self._event = trio.Event()

    async def wait(self, deadline: float = math.inf) -> None:
        """Return at the next `fire()`, or at *deadline* (of the run's clock)."""
        if deadline == math.inf:  # by far the most, and a scope costs more than the wait
            await self._event.wait()
            return
        with trio.CancelScope(deadline=deadline):
            await self._event.wait()
