"""A small program that is run beside a service, to its end: how it ended, what it wrote last, nothing left of it."""

import os
import signal
from collections.abc import Sequence

import attrs
import trio

from dumb_actors.model.child import Exit, Launch
from dumb_actors.process import procfs
from dumb_actors.process.leader import Leader, Order, end_leader, start_leader
from dumb_actors.process.lineage import Family, Lineage
from dumb_actors.process.lookup import Lookup
from dumb_actors.process.privileges import Tools, wrap
from dumb_actors.process.spawner import Spawner
from dumb_actors.process.tree import Sweep, group_left

__all__ = ["Programs"]

KEPT_BYTES = 4096
PIECE_BYTES = 64 * 1024
SWEEP_TIMEOUT_S = 1.0


@attrs.define(eq=False)
class Programs:
    """
    Runs programs for services: questions about their health, say.

    Attributes:
        spawner: Whose threads fork.

        lineage: Of the supervisor; what a program starts is known in it while the program runs.

        lookup: Checks program and directory before, so that a dead mount cannot freeze a spawner's thread.

        subreaper: This process is a sub-reaper.

        nofile: Limits (soft, hard) of open files; None: as ours.

        tools: What is put in front of a program that runs as another user.
    """

    spawner: Spawner
    lineage: Lineage
    lookup: Lookup
    subreaper: bool = False
    nofile: tuple[int, int] | None = None
    tools: Tools = attrs.field(factory=Tools)

    async def run(self, argv: Sequence[str], launch: Launch) -> tuple[Exit, bytes]:
        """
        Run *argv* as *launch* says (user, environment, directory), in a session and group of its own.

        It is over when the program itself ends; what it leaves running is killed then.

        Returns:
            How it ended, and the last 4 KiB of what it wrote to standard output and error.

        Raises:
            SpawnFailed: It could not be started.

            OSError: No descriptors are left.

        Cancellation: the program is killed with its group and with what left the group as far as it can be found.
        That is shielded and takes milliseconds, unless a process hangs in the kernel: then at most some seconds.
        """
        await self.lookup.check_launch(argv, launch.cwd, launch.env.get("PATH"), service=launch.service)
        # Not the service's own marker: the two are swept at different times.
        marker = f"{launch.marker}.program"
        reading, writing = os.pipe()
        try:
            os.set_blocking(reading, False)
            try:
                order = self._order(argv, launch, marker, writing)
                leader = await self.spawner.run(start_leader, order)
            finally:
                os.close(writing)
            tail = bytearray()
            await self._see_through(leader, marker, reading, tail)
            return leader.exit or Exit(), bytes(tail)
        finally:
            os.close(reading)

    def _order(self, argv: Sequence[str], launch: Launch, marker: str, output_fd: int) -> Order:
        wrapped = wrap(
            argv,
            env={**launch.env, procfs.MARKER_NAME: marker},
            uid=launch.uid,
            gid=launch.gid,
            groups=launch.groups,
            tools=self.tools,
        )
        return Order(argv=wrapped.argv, cwd=launch.cwd, env=wrapped.env, output_fd=output_fd, nofile=self.nofile)

    async def _see_through(self, leader: Leader, marker: str, reading: int, tail: bytearray) -> None:
        family = Family(leader.pid, marker)
        self.lineage.add(family)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_collect, reading, tail)
                await leader.wait()
                nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await self._end(leader, family)
        # Everybody who could write is gone, so this is what the pipe held.
        while _take(reading, tail):
            pass

    async def _end(self, leader: Leader, family: Family) -> None:
        """Leave nothing; the order is that of a service's child."""
        if leader.poll() is None:
            family.look()
        leader.signal_group(signal.SIGKILL)
        with trio.move_on_after(SWEEP_TIMEOUT_S):
            await leader.wait()
        sweep = Sweep(family, self.lineage, subreaper=self.subreaper)
        await sweep.run(timeout_s=SWEEP_TIMEOUT_S)
        if await end_leader(leader, timeout_s=0) and not leader.group_is_empty():
            await group_left(leader.pid, timeout_s=SWEEP_TIMEOUT_S)
        leader.close()
        self.lineage.remove(family, empty=not sweep.left)


async def _collect(reading: int, tail: bytearray) -> None:
    """Read all the time, so that a program that writes much is not held up."""
    while True:
        await trio.lowlevel.wait_readable(reading)
        if not _take(reading, tail):
            return


def _take(reading: int, tail: bytearray) -> bool:
    """Read one piece and keep the end of it; False: nothing is there, now or for ever."""
    try:
        piece = os.read(reading, PIECE_BYTES)
    except BlockingIOError:
        return False
    tail += piece
    del tail[:-KEPT_BYTES]
    return bool(piece)
