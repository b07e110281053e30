"""A child of the host: its processes together with its record on disk, its output, its socket and its control group."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import attrs
import trio

from dumb_actors.actors.latewrites import LateWrites
from dumb_actors.errors import UnusablePath
from dumb_actors.logs.parts import Position
from dumb_actors.model.child import Ending, Exit, Launch
from dumb_actors.model.spec import StopStep
from dumb_actors.process.cgroup import Cgroup
from dumb_actors.process.notify import NotifySocket
from dumb_actors.process.process_child import ProcessChild
from dumb_actors.process.records import Records
from dumb_actors.process.spawner import Spawner

__all__ = ["Belongings", "HostedChild", "JointOutput", "StreamLike"]

log = logging.getLogger("dumb_actors.host")

LINES_OF_EACH = 10
KILLED_IN_A_SHELL = 137
"""What a shell ends with when its program was killed by SIGKILL."""


class StreamLike(Protocol):
    """A stream of a mover or of a keeper."""

    @property
    def fifo(self) -> str:
        """Path of its FIFO."""

    @property
    def log_path(self) -> str | None:
        """Its log file."""

    @property
    def start(self) -> Position:
        """Where in the log it begins."""

    async def finish(self) -> tuple[str, ...]:
        """Drain and close it; give its last lines."""


@attrs.frozen
class JointOutput:
    """The output of one generation: one stream, or one for each of standard output and standard error, or none."""

    streams: Sequence[StreamLike] = ()

    async def finish(self) -> tuple[str, ...]:
        """Finish all of them; of two, give the last lines of each, those of standard error last."""
        if len(self.streams) == 1:
            return await self.streams[0].finish()
        found: dict[int, tuple[str, ...]] = {}

        async def finish_one(index: int, stream: StreamLike) -> None:
            found[index] = await stream.finish()

        async with trio.open_nursery() as nursery:
            for index, stream in enumerate(self.streams):
                nursery.start_soon(finish_one, index, stream)
        if len(found) < 2:
            return found.get(0, ())
        return tuple(line for index in sorted(found) for line in found[index][-LINES_OF_EACH:])


@attrs.define(eq=False, kw_only=True)
class Belongings:
    """
    What one generation has besides its processes.

    Attributes:
        output: Where its output goes.

        notices: Its notification socket; None: it has none.

        cgroup: Its control group; None: it has none.
    """

    output: JointOutput
    notices: NotifySocket | None = None
    cgroup: Cgroup | None = None


@attrs.define(eq=False, kw_only=True)
class HostedChild:
    """
    A child, own or adopted; see `Child`.

    Attributes:
        launch: Its order.

        processes: Its leader and all that descends from it.

        belongings: What else it has.

        facts: What is worth to be told of how it was started.
    """

    launch: Launch
    processes: ProcessChild
    belongings: Belongings
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    _records: Records
    _late: LateWrites
    _spawner: Spawner
    _on_gone: Callable[["HostedChild"], None]

    @property
    def pid(self) -> int:
        """Of the leader."""
        return self.processes.pid

    async def wait(self) -> Exit:
        """Return when the leader has ended; see `Child`."""
        return await self.processes.wait()

    async def attend(self, tell: Callable[[str], None]) -> None:
        """Read the notification socket; see `Child`."""
        if self.belongings.notices is not None:
            await self.belongings.notices.attend(self.processes.family, tell)

    async def note_ready(self) -> None:
        """Record it; see `Child`."""
        await self._record(self._records.write_ready)

    async def terminate(self, steps: tuple[StopStep, ...]) -> None:
        """Carry out the stop steps; see `Child`."""
        if self.belongings.notices is None:
            await self.processes.terminate(steps)
            return
        async with trio.open_nursery() as nursery:
            # Also now, when nobody listens any more: a service that stops may have much to say and is not held up.
            nursery.start_soon(self.attend, _nobody)
            await self.processes.terminate(steps)
            nursery.cancel_scope.cancel()

    async def finish(self) -> Ending:
        """Leave nothing, drain the output, have the end recorded, remove socket and control group; see `Child`."""
        try:
            ending = self._with_memory(await self.processes.finish())
            self._late.post(self.launch, partial(self._records.write_ended, ending=ending))
        finally:
            self._let_go()
            if self.belongings.cgroup is not None:
                self.belongings.cgroup.remove()
        return ending

    def _with_memory(self, ending: Ending) -> Ending:
        """Say where the kernel ended it because its memory ran out."""
        cgroup = self.belongings.cgroup
        was_killed = ending.exit.signal == "SIGKILL" or ending.exit.code == KILLED_IN_A_SHELL
        if cgroup is None or not was_killed or not cgroup.oom_kills():
            return ending
        return attrs.evolve(ending, exit=attrs.evolve(ending.exit, oom=True))

    async def leave(self) -> None:
        """Let go of it, whose output the keeper goes on moving; see `Child`."""
        self.processes.release()
        # The path is in its environment: the next supervisor opens the socket again.
        self._let_go()
        await trio.lowlevel.checkpoint()

    def _let_go(self) -> None:
        if self.belongings.notices is not None:
            self.belongings.notices.close()
        self._on_gone(self)

    async def _record(self, write: Callable[[Launch], None]) -> None:
        try:
            await self._spawner.run(write, self.launch)
        except UnusablePath:
            log.exception("record.not_written service=%r", self.launch.service)


def _nobody(says: str) -> None:
    """Hear nothing."""
