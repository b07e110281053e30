"""
A leader that was not started by us: an earlier supervisor's, taken over by its pidfd.

Its parent is init, as a rule, or a sub-reaper above us, which reaps it whenever it likes. From that instant its pid is
free, so nothing here goes by the number once it has ended. It may also be our own child after all: when this process
is that sub-reaper, or the first one of a container. Then reaping it is our business.
"""

import contextlib
import os
import select
import threading

import attrs
import trio

from dumb_actors.model.child import Exit
from dumb_actors.process import pidfd
from dumb_actors.process.lineage import Family, Lineage
from dumb_actors.process.tree import Sweep

__all__ = ["AdoptedLeader", "end_remains"]


@attrs.define(eq=False)
class AdoptedLeader:
    """
    A leader that lived when it was proved, see `survivors`; the pidfd is ours from then on.

    Attributes:
        pid: Process id, group id and session id: until it has ended.

        start_ticks: Start in clock ticks since boot.

        exit: How it ended, as soon as `wait` or `poll` found out.
    """

    pid: int
    start_ticks: int
    _pidfd: int
    exit: Exit | None = None
    _watch: pidfd.EndWatch = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._watch = pidfd.EndWatch(self._pidfd)

    async def wait(self) -> Exit:
        """
        Return how it ended, once it has: `Exit()` where neither its parent nor the kernel tell.

        Several tasks may wait. Cancellation: safe.
        """
        self.exit = await self._watch.wait(self.poll, self._wait_longer)
        return self.exit

    async def _wait_longer(self) -> Exit | None:
        """Wait for the status of our own child that has ended: a debugger is attached, and has to be told first."""
        return await trio.to_thread.run_sync(_wait_blocking, self._pidfd, False, abandon_on_cancel=True)

    def poll(self) -> Exit | None:
        """Give how it ended, or None while it lives; it is not reaped by us."""
        if self.exit is None:
            try:
                self.exit = pidfd.waited_exit(self._pidfd)
            except ChildProcessError:
                if self._has_ended():
                    self.exit = pidfd.read_exit_of_stranger(self._pidfd, self.pid, self.start_ticks)
        return self.exit

    def _has_ended(self) -> bool:
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def signal_group(self, number: int) -> None:
        """
        Send a signal to its group; nothing happens when nobody is in it or nobody may be signalled.

        Before Linux 6.9 only while the leader lives: afterwards the number may be a stranger's, and the members have
        to be found one by one.
        """
        if pidfd.signal_group(self._pidfd, number) is None and self.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def group_is_empty(self) -> bool:
        """Tell whether the group has no member, dead ones included; before Linux 6.9: whether the leader has ended."""
        has_member = pidfd.signal_group(self._pidfd, 0)
        return self.poll() is not None if has_member is None else not has_member

    async def reap(self) -> None:
        """Collect its exit status if it is our child after all."""
        if not pidfd.reap(self._pidfd):  # a debugger again
            self.abandon()
        await trio.lowlevel.checkpoint()

    def abandon(self) -> None:
        """Leave it to its parent; if that is us, to a daemon thread, which reaps it whenever it ends."""
        try:
            pidfd.waited_exit(self._pidfd)
        except ChildProcessError:
            return
        arguments = (os.dup(self._pidfd), True)
        threading.Thread(
            target=_wait_blocking, args=arguments, name=f"dumb-actors reaper {self.pid}", daemon=True
        ).start()

    def release(self) -> None:
        """Let it live on and be somebody else's; nothing is open then."""
        self.close()

    def close(self) -> None:
        """Close the pidfd. Who still waits gets `trio.ClosedResourceError`."""
        trio.lowlevel.notify_closing(self._pidfd)
        os.close(self._pidfd)


def _wait_blocking(descriptor: int, reap: bool) -> Exit | None:  # noqa: FBT001 - called by a thread
    """Wait for a child; with *reap* collect it and close the descriptor."""
    try:
        result = os.waitid(os.P_PIDFD, descriptor, os.WEXITED | (0 if reap else os.WNOWAIT))
    except ChildProcessError:
        return Exit()
    finally:
        if reap:
            os.close(descriptor)
    return None if result is None else pidfd.exit_of_result(result)


async def end_remains(
    lineage: Lineage, *, marker: str, fifo: str | None, subreaper: bool, timeout_s: float = 3.0
) -> Sweep:
    """
    End what is left of a generation whose leader is gone: whoever bears its marker or has its FIFO open for writing.

    Args:
        lineage: Whose `own` processes are never touched.

        marker, fifo: Of the generation.

        subreaper: Orphans come to us, too.

        timeout_s: Upper bound in seconds of the run's clock.

    Returns:
        The sweep: `swept` were killed, `left` did not end.

    Cancellation: safe; what was killed is killed.
    """
    # The former pid of the leader proves nothing any more, and 0 is nobody's.
    family = Family(0, marker, fifo, is_pinned=False)
    sweep = Sweep(family, lineage, subreaper=subreaper, scan=True)
    await sweep.run(timeout_s=timeout_s)
    return sweep
