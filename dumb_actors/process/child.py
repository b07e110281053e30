"""A child of our own: started by us, so that its exit can be read and its group is ours until we reap it."""

import logging
import signal
from typing import Protocol

import trio

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Ending, Exit, Launch, Swept
from dumb_actors.model.spec import StopStep
from dumb_actors.process import procfs
from dumb_actors.process.leader import KILL_TIMEOUT_S, Leader, Order, end_leader, start_leader
from dumb_actors.process.lineage import Family, Lineage
from dumb_actors.process.spawner import Spawner
from dumb_actors.process.tree import Sweep, group_left

__all__ = ["Output", "OwnChild", "own_child", "spawn_child", "start_child"]

SWEEP_TIMEOUT_S = 3.0
GROUP_TIMEOUT_S = 1.0
OUTPUT_TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)


class Output(Protocol):
    """Where the output of one generation goes."""

    async def finish(self) -> tuple[str, ...]:
        """Drain and close it; returns its last lines. Called once, when nobody of the generation is left to write."""


class OwnChild:
    """A live child, made by `spawn_child`. It is a `Child` as the actors know it."""

    def __init__(
        self,
        leader: Leader,
        *,
        launch: Launch,
        family: Family,
        lineage: Lineage,
        spawner: Spawner,
        output: Output,
        subreaper: bool,
    ) -> None:
        self._leader = leader
        self._launch = launch
        self._family = family
        self._lineage = lineage
        self._spawner = spawner
        self._output = output
        self._subreaper = subreaper
        self._stopped = False
        self._ending: Ending | None = None

    @property
    def pid(self) -> int:
        """Process, group and session id of the leader."""
        return self._leader.pid

    @property
    def start_ticks(self) -> int:
        """Start of the leader in clock ticks since boot; with `pid` it names it for ever."""
        return self._leader.start_ticks

    async def wait(self) -> Exit:
        """
        Return when the leader has ended; at once when it has already.

        It is not reaped yet, so its pid and group id are still its own. Several tasks may wait.

        Cancellation: safe.
        """
        return await self._leader.wait()

    async def terminate(self, steps: tuple[StopStep, ...]) -> None:
        """
        Carry out *steps* on the process group until the leader ends or the last wait is over; `finish` must follow.

        A command that cannot be started, fails or takes longer than its wait is logged, and the next step follows. A
        command that outlives the leader may finish, within its wait.

        Cancellation: safe at any point; a command under way is killed with its group.
        """
        self._stopped = True
        for step in steps:
            if self._leader.poll() is not None:
                break
            # Before the signal: once the leader is gone, nothing leads to those who left its group.
            self._family.look()
            if step.signal is not None:
                self._leader.signal_group(signal.Signals[step.signal])
            else:
                await self._run_command(step)
            with trio.move_on_after(step.wait):
                await self._leader.wait()

    async def _run_command(self, step: StopStep) -> None:
        order = Order(argv=step.command or (), cwd=self._launch.cwd, env=_environment(self._launch))
        try:
            command = await self._spawner.run(start_leader, order)
        except SpawnFailed as error:
            _log.warning("stop.command_failed", extra={"service": self._launch.service, "reason": str(error)})
            return
        try:
            with trio.move_on_after(step.wait):
                exit_ = await command.wait()
                if exit_.code != 0:
                    _log.warning("stop.command_failed", extra={"service": self._launch.service, "reason": str(exit_)})
                return
            _log.warning("stop.command_failed", extra={"service": self._launch.service, "reason": "took too long"})
        finally:
            command.signal_group(signal.SIGKILL)
            with trio.CancelScope(shield=True):
                await end_leader(command)
                command.close()

    async def finish(self) -> Ending:
        """
        Leave nothing: SIGKILL to the group, sweep what left it, reap the leader, drain and close the output.

        Takes at most 14 s of the run's clock, and milliseconds unless a process hangs in the kernel. What does not end
        is in `Ending.left`, and its exit status is collected whenever it comes.

        Returns:
            How the leader ended and what was swept or is left; the same again when called again.

        Cancellation: without effect, it is shielded; a cancelled caller gets its `Cancelled` at its next checkpoint.
        """
        with trio.CancelScope(shield=True):
            ending = self._ending = self._ending or await self._finish()
        return ending

    async def _finish(self) -> Ending:
        if self._leader.poll() is None:
            self._stopped = True
            self._family.look()
        # Before the leader is reaped: its zombie keeps the group's number from being given to a stranger.
        self._leader.signal_group(signal.SIGKILL)
        with trio.move_on_after(KILL_TIMEOUT_S):
            await self._leader.wait()
        sweep = Sweep(self._family, self._lineage, subreaper=self._subreaper, scan=self._stopped)
        await sweep.run(timeout_s=SWEEP_TIMEOUT_S)
        left = list(sweep.left.values())
        if not await end_leader(self._leader, timeout_s=0):
            left.append(Swept(pid=self.pid, command=procfs.command_of(self.pid)))
        elif not self._leader.group_is_empty():
            left += await group_left(self.pid, timeout_s=GROUP_TIMEOUT_S)
        self._leader.close()
        self._lineage.remove(self._family, empty=not left)
        return Ending(
            exit=self._leader.exit or Exit(),
            tree_empty=not left,
            tree_proof="subreaper" if self._subreaper else "best_effort",
            swept=tuple(sweep.swept.values()),
            left=tuple(left),
            last_lines=await self._finish_output(),
        )

    async def _finish_output(self) -> tuple[str, ...]:
        with trio.move_on_after(OUTPUT_TIMEOUT_S):
            return await self._output.finish()
        return ()


def _environment(launch: Launch) -> dict[str, str]:
    return {**launch.env, procfs.MARKER_NAME: launch.marker}


async def spawn_child(
    spawner: Spawner,
    launch: Launch,
    *,
    output_fd: int | None,
    output: Output,
    subreaper: bool,
    nofile: tuple[int, int] | None = None,
    fifo: str | None = None,
    lineage: Lineage | None = None,
) -> OwnChild:
    """
    Start the leader of a new generation, in a session and group of its own.

    Args:
        spawner: Whose threads fork.

        launch: The order; `launch.marker` is put into the environment.

        output_fd: Becomes the child's standard output and error; None: dropped. It stays the caller's, who may close
            it afterwards.

        output: Finished with the child. When the spawn fails it is left to the caller.

        subreaper: This process is a sub-reaper (`subreaper.enable`), so that what left the group can be found.

        nofile: Limits (soft, hard) of open files for the child; None: as ours.

        fifo: Absolute path, without symbolic links, of the generation's output FIFO: an orphan that has it open
            belongs to this generation.

        lineage: Shared by all children of a supervisor; None: one for this child alone.

    Raises:
        SpawnFailed: The program could not be started; nothing of it is left.

    Cancellation: takes effect before the spawn or after it, never in between; a child is not lost.
    """
    leader = await spawner.run(start_child, launch, output_fd, nofile)
    return own_child(
        leader, launch, spawner=spawner, output=output, subreaper=subreaper, fifo=fifo, lineage=lineage or Lineage()
    )


def start_child(launch: Launch, output_fd: int | None, nofile: tuple[int, int] | None) -> Leader:
    """Start the leader; the blocking half of `spawn_child`, for a spawner thread that has more to do."""
    order = Order(argv=launch.argv, cwd=launch.cwd, env=_environment(launch), output_fd=output_fd, nofile=nofile)
    return start_leader(order)


def own_child(
    leader: Leader,
    launch: Launch,
    *,
    spawner: Spawner,
    output: Output,
    subreaper: bool,
    fifo: str | None,
    lineage: Lineage,
) -> OwnChild:
    """Make a started leader a child; the other half of `spawn_child`, without a checkpoint."""
    family = Family(leader.pid, launch.marker, fifo)
    lineage.add(family)
    return OwnChild(
        leader,
        launch=launch,
        family=family,
        lineage=lineage,
        spawner=spawner,
        output=output,
        subreaper=subreaper,
    )
