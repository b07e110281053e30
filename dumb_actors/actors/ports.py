"""
What an actor needs of the outside world, as Protocols.

Real processes stand behind them in `OsHost`, simulated ones on a virtual clock in `dumb_actors.testing`. Time itself is
Trio's clock on both sides.
"""

from types import TracebackType
from typing import Protocol, Self

import attrs

from dumb_actors.model.child import Ending, Exit, Launch
from dumb_actors.model.spec import ProbeSpec, StopStep

__all__ = ["Answer", "Child", "Host", "Probe"]


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


class Child(Protocol):
    """One live child of a service: its leader, its process group, and what slipped out of it."""

    @property
    def pid(self) -> int:
        """Of the leader."""

    async def wait(self) -> Exit:
        """Return when the leader has ended. It is not reaped yet, so its pid and group id are still its own."""

    async def terminate(self, steps: tuple[StopStep, ...]) -> None:
        """Carry out *steps* until the leader ends or the last wait is over. Cancelling it is safe at any point."""

    async def finish(self) -> Ending:
        """
        Leave nothing: SIGKILL to the group, sweep what left it, reap the leader, drain and close the output.

        Bounded in time by itself; run it shielded. Afterwards the object is of no more use.
        """


class Host(Protocol):
    """Makes children and probes."""

    async def prepare(self, launch: Launch) -> None:
        """
        Check that *launch* can be carried out, without starting anything.

        Raises:
            SpawnFailed: Program or directory are missing or unusable; names the path and the errno.
        """

    async def spawn(self, launch: Launch) -> Child:
        """
        Start a child. Run it shielded: cancelling it half-way would lose the child.

        Raises:
            SpawnFailed: It could not be started; nothing of it is left.
        """

    def probe(self, spec: ProbeSpec, launch: Launch | None) -> Probe:
        """Make the probe for *spec*; *launch* is the child it is about, None for a wait before a start."""
