"""A child: its leader, started by us or taken over from an earlier supervisor, its process group, and its end."""

import logging
import signal
from typing import Protocol

import trio

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Ending, Exit, Launch, Swept
from dumb_actors.model.spec import StopStep
from dumb_actors.process import procfs
from dumb_actors.process.leader import KILL_TIMEOUT_S, AnyLeader, Order, end_leader, start_leader
from dumb_actors.process.lineage import Family, Lineage
from dumb_actors.process.privileges import Tools, wrap
from dumb_actors.process.spawner import Spawner
from dumb_actors.process.tree import Sweep, group_left

__all__ = ["CgroupLike", "Output", "ProcessChild", "environment"]

SWEEP_TIMEOUT_S = 3.0
GROUP_TIMEOUT_S = 1.0
OUTPUT_TIMEOUT_S = 5.0
CGROUP_TIMEOUT_S = 3.0

NO_CONTINUE = frozenset({signal.SIGKILL, signal.SIGCONT, signal.SIGSTOP, signal.SIGTSTP})

_log = logging.getLogger(__name__)


class Output(Protocol):
    """Where the output of one generation goes."""

    async def finish(self) -> tuple[str, ...]:
        """Drain and close it; returns its last lines. Called once, when nobody of the generation is left to write."""


class CgroupLike(Protocol):
    """A control group that holds one generation, and nothing else."""

    @property
    def path(self) -> str:
        """Its directory."""

    def kill(self) -> None:
        """Send SIGKILL to everybody in it; an `OSError` says that this was not done."""

    def is_empty(self) -> bool:
        """Tell whether nobody is in it."""

    async def wait_empty(self) -> None:
        """Return when nobody is in it. Cancellation: safe."""


class ProcessChild:
    """A live child, made by `child.spawn_child` or `child.adopted_child`. It is a `Child` as the actors know it."""

    def __init__(
        self,
        leader: AnyLeader,
        *,
        launch: Launch,
        family: Family,
        lineage: Lineage,
        spawner: Spawner,
        output: Output,
        subreaper: bool,
        cgroup: CgroupLike | None = None,
        tools: Tools | None = None,
    ) -> None:
        self._leader = leader
        self._launch = launch
        self._family = family
        self._lineage = lineage
        self._spawner = spawner
        self._output = output
        self._subreaper = subreaper
        self._cgroup = cgroup
        self._tools = tools or Tools()
        self._stopped = False
        self._ending: Ending | None = None

    @property
    def family(self) -> Family:
        """Whom it consists of, as far as they were seen."""
        return self._family

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

        Each signal is followed by SIGCONT: a process that was stopped would not see it otherwise.

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
                self._signal(signal.Signals[step.signal])
            else:
                await self._run_command(step)
            with trio.move_on_after(step.wait):
                await self._leader.wait()

    def _signal(self, number: signal.Signals) -> None:
        self._leader.signal_group(number)
        if number not in NO_CONTINUE:
            self._leader.signal_group(signal.SIGCONT)

    async def _run_command(self, step: StopStep) -> None:
        try:
            order = self._order_for(step.command or ())
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

    def release(self) -> None:
        """Let it live on and be somebody else's: nothing is signalled, reaped or drained, and nothing open then."""
        self._leader.release()
        self._lineage.remove(self._family, empty=True)

    def _order_for(self, command: tuple[str, ...]) -> Order:
        """Have a command run as the user that the service runs as."""
        launch = self._launch
        wrapped = wrap(
            command,
            env=environment(launch),
            uid=launch.uid,
            gid=launch.gid,
            groups=launch.groups,
            tools=self._tools,
        )
        return Order(argv=wrapped.argv, cwd=launch.cwd, env=wrapped.env)

    async def finish(self) -> Ending:
        """
        Leave nothing: SIGKILL to the group, sweep what left it, reap the leader, drain and close the output.

        Takes at most 17 s of the run's clock, and milliseconds unless a process hangs in the kernel. What does not end
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
        self._kill_cgroup()
        if self._leader.poll() is None:
            with trio.move_on_after(KILL_TIMEOUT_S):
                await self._leader.wait()
        sweep = Sweep(self._family, self._lineage, subreaper=self._subreaper, scan=self._must_scan())
        await sweep.run(timeout_s=SWEEP_TIMEOUT_S)
        left = list(sweep.left.values())
        if not await end_leader(self._leader, timeout_s=0):
            left.append(Swept(pid=self.pid, command=procfs.command_of(self.pid)))
        elif not self._leader.group_is_empty():
            left += await group_left(self.pid, timeout_s=GROUP_TIMEOUT_S)
        if self._cgroup is not None:
            left += await _left_in(self._cgroup, besides={one.pid for one in left})
        self._leader.close()
        self._lineage.remove(self._family, empty=not left)
        return Ending(
            exit=self._leader.exit or Exit(),
            tree_empty=not left,
            tree_proof=self._proof(),
            swept=tuple(sweep.swept.values()),
            left=tuple(left),
            last_lines=await self._finish_output(),
        )

    def _must_scan(self) -> bool:
        """Tell whether the sweep walks the process table: never before the replacement of a crashed child of ours."""
        if self._cgroup is not None:
            return False
        # Orphans of one that was taken over went to another process than ours.
        return not self._family.is_pinned or (self._stopped and not self._subreaper)

    def _proof(self) -> str:
        if self._cgroup is not None:
            return "cgroup"
        proves = self._subreaper and self._family.is_pinned and not self._has_strangers()
        return "subreaper" if proves else "best_effort"

    def _has_strangers(self) -> bool:
        """Tell whether an orphan came to us that shows nothing of whose it is: it may be of this family."""
        for pid in procfs.main_thread_children():
            stat = None if pid in self._lineage.own else procfs.read_stat(pid)
            if stat is not None and not stat.is_dead and not self._lineage.claims(stat):
                return True
        return False

    def _kill_cgroup(self) -> None:
        if self._cgroup is None:
            return
        try:
            self._cgroup.kill()
        except OSError as error:
            # Whether that matters is seen by whether it is empty in the end. The walk stands in for it.
            _log.warning("cgroup.not_killed", extra={"service": self._launch.service, "reason": str(error)})
            self._cgroup = None

    async def _finish_output(self) -> tuple[str, ...]:
        with trio.move_on_after(OUTPUT_TIMEOUT_S):
            return await self._output.finish()
        return ()


async def _left_in(cgroup: CgroupLike, *, besides: set[int]) -> list[Swept]:
    """Wait until nobody is in *cgroup*, within bounds; say who is left."""
    with trio.move_on_after(CGROUP_TIMEOUT_S):
        await cgroup.wait_empty()
    if cgroup.is_empty():
        return []
    pids = [pid for pid in procfs.pids_in(cgroup.path) if pid not in besides]
    if not pids and not besides:
        return [Swept(pid=0, command=f"not known: somebody in {cgroup.path}")]
    return [Swept(pid=pid, command=procfs.command_of(pid)) for pid in pids]


def environment(launch: Launch) -> dict[str, str]:
    """Give the whole environment of the programs of *launch*: its own and the marker."""
    return {**launch.env, procfs.MARKER_NAME: launch.marker}
