"""
What an actor needs of the outside world, as Protocols.

Real processes stand behind them in `OsHost`, simulated ones on a virtual clock in `dumb_actors.testing`. Time itself is
Trio's clock on both sides.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from dumb_actors.logs.sink import GapNews
from dumb_actors.model.child import Ending, Exit, Launch
from dumb_actors.model.plan import Check
from dumb_actors.model.spec import ProbeSpec, StopStep, WaitSpec
from dumb_actors.probes.base import Answer, Probe
from dumb_actors.process.listening import Listener

__all__ = ["Adopted", "Answer", "Child", "Host", "Listener", "Probe"]


class Child(Protocol):
    """One live child of a service: its leader, its process group, and what slipped out of it."""

    @property
    def pid(self) -> int:
        """Of the leader."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What is worth to be told of how it was started, JSON-ready."""

    async def wait(self) -> Exit:
        """Return when the leader has ended. It is not reaped yet, so its pid and group id are still its own."""

    async def attend(self, tell: Callable[[str], None]) -> None:
        """
        Serve what the child needs while it lives, until cancelled: read its notification socket.

        *tell* is called with what the service says of itself (`STATUS=`). Returns at once when there is no socket.
        """

    async def terminate(self, steps: tuple[StopStep, ...]) -> None:
        """Carry out *steps* until the leader ends or the last wait is over. Cancelling it is safe at any point."""

    async def note_ready(self) -> None:
        """Record that it proved ready, so that a later supervisor need not doubt it. Cancelling it is harmless."""

    async def leave(self) -> None:
        """Let go of it and leave it running, for the next supervisor. Afterwards the object is of no more use."""

    async def finish(self) -> Ending:
        """
        Leave nothing: SIGKILL to the group, sweep what left it, reap the leader, drain and close the output.

        Bounded in time by itself; run it shielded. Afterwards the object is of no more use.
        """


@attrs.frozen(kw_only=True)
class Adopted:
    """
    What an earlier supervisor left of a service.

    Attributes:
        launch: The order that the child was made by; without its environment.

        child: The living child; None: a one-shot that had done its work.

        was_ready: It had proved ready.

        started_at, ready_at: When, Unix seconds; None: not known.
    """

    launch: Launch
    child: Child | None
    was_ready: bool = False
    started_at: float | None = None
    ready_at: float | None = None


class Host(Protocol):
    """
    Makes children and probes.

    Attributes:
        can_leave: Children can go on when this host has ended: somebody moves their output.
    """

    can_leave: bool

    def survivors(self) -> Mapping[str, Adopted]:
        """Give what an earlier supervisor left, by the name of the service; each is to be taken once."""

    def known_slugs(self) -> Mapping[str, str]:
        """Give the names of files by name of the service, as earlier supervisors used them."""

    def leave(self) -> None:
        """Let the output of the children that were left go on being moved when this host ends."""

    async def note_completed(self, launch: Launch, *, completed: bool) -> None:
        """Record that a one-shot has done its work, or that this counts no more. Cancelling it is harmless."""

    def next_generation(self, slug: str) -> int:
        """Give the number of the service's next child, above every one it ever had, also under earlier supervisors."""

    def reports(self) -> Sequence[str]:
        """Say what was found in the beginning that a person should know, a sentence each."""

    def on_gap(self, tell: Callable[[str, GapNews], None]) -> None:
        """Have *tell* called with a service's name when its log does not take what it writes, and when it does."""

    async def prepare(self, launch: Launch) -> Launch:
        """
        Check that *launch* can be carried out, without starting anything; give it with what was looked up for it.

        Raises:
            SpawnFailed: Program or directory are missing or unusable; names the path and the errno.
        """

    async def spawn(self, launch: Launch) -> Child:
        """
        Start a child. Run it shielded: cancelling it half-way would lose the child.

        Raises:
            SpawnFailed: It could not be started; nothing of it is left.
        """

    async def inspect(self, launch: Launch, waits: Sequence[WaitSpec]) -> Sequence[Check]:
        """
        Say what a start of *launch* would find, without starting anything; bounded in time.

        Args:
            launch: As `make_launch` gives it; nothing is done with its generation.

            waits: What the service waits for before.
        """

    async def listeners(self, ports: Sequence[int]) -> Sequence[Listener]:
        """Find who listens on *ports* (TCP) right now; bounded in time."""

    def probe(self, spec: ProbeSpec, launch: Launch | None) -> Probe:
        """Make the probe for *spec*; *launch* is the child it is about, None for a wait before a start."""

    def reap_orphans(self, *, alone: bool = False) -> list[int]:
        """Collect dead orphans that came to this process, by pid; see `process.subreaper.reap_foreign`."""
