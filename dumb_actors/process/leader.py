"""
One started program: its `Popen`, its pidfd, its process group.

The rule behind everything here: a pid and a group id are ours only until the leader is *reaped*. So its end is seen by
the pidfd and read with WNOWAIT, the group is signalled while the zombie still holds its number, and reaping comes last.
"""

import contextlib
import os
import resource
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence

import attrs
import trio

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Exit, describe_argv
from dumb_actors.process import procfs

__all__ = ["KILL_TIMEOUT_S", "Leader", "Order", "end_leader", "start_leader"]

KILL_TIMEOUT_S = 5.0
"""How long SIGKILL may take to end a leader before it is reported as left (state D)."""


@attrs.frozen(kw_only=True)
class Order:
    """What `start_leader` starts; `output_fd` None drops the output, `nofile` None leaves the limit as ours is."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    output_fd: int | None = None
    nofile: tuple[int, int] | None = None


@attrs.define(eq=False)
class Leader:
    """
    A program in a session and group of its own, as made by `start_leader`.

    Attributes:
        start_ticks: Start in clock ticks since boot; with `pid` its identity.

        exit: How it ended, as soon as `wait` or `poll` found out.
    """

    # The Popen must stay referenced while the process lives: dropped live ones are polled by each later Popen.
    _popen: subprocess.Popen[bytes]
    _pidfd: int
    start_ticks: int
    exit: Exit | None = None
    _watch: trio.Event | None = None

    @property
    def pid(self) -> int:
        """Process id, group id and session id."""
        return self._popen.pid

    async def wait(self) -> Exit:
        """
        Return how it ended, once it has; it is not reaped.

        Several tasks may wait. Cancellation: safe.
        """
        if self.exit is not None:
            await trio.lowlevel.checkpoint()
        while self.exit is None:
            # Trio allows one waiter for a descriptor: the first waits there, the others for the first, and one of
            # them takes over if it is cancelled.
            if self._watch is not None:
                await self._watch.wait()
                continue
            self._watch = trio.Event()
            try:
                await trio.lowlevel.wait_readable(self._pidfd)
                if self.poll() is None:  # a debugger is attached, and has to be told first
                    self.exit = await trio.to_thread.run_sync(_wait_blocking, self.pid, abandon_on_cancel=True)
            finally:
                self._watch.set()
                self._watch = None
        return self.exit

    def poll(self) -> Exit | None:
        """Give how it ended, or None while it lives; it is not reaped."""
        if self.exit is None:
            self.exit = _read_exit(self.pid, os.WNOHANG)
        return self.exit

    def signal_group(self, number: int) -> None:
        """Send a signal to the group; nothing happens when nobody is in it or nobody may be signalled."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            # Whether something is left is found out by looking, not by this answer.
            return

    def group_is_empty(self) -> bool:
        """Tell whether the group has no member; before `reap` the leader, even dead, is one."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    async def reap(self) -> None:
        """Collect the exit status of a leader that has ended, by its pid and through its `Popen`."""
        if self._popen.poll() is None:  # a debugger again
            self.abandon()
        await trio.lowlevel.checkpoint()

    def abandon(self) -> None:
        """Leave a leader that does not end (state D) to a daemon thread, which reaps it whenever it does end."""
        threading.Thread(target=self._popen.wait, name=f"dumb-actors reaper {self.pid}", daemon=True).start()

    def close(self) -> None:
        """Close the pidfd. Who still waits gets `trio.ClosedResourceError`."""
        trio.lowlevel.notify_closing(self._pidfd)
        os.close(self._pidfd)


def _read_exit(pid: int, flags: int) -> Exit | None:
    try:
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | flags)
    except ChildProcessError:  # somebody in this process waits for every child and took the status
        return Exit()
    return None if result is None else _exit_of(result)


def _wait_blocking(pid: int) -> Exit | None:
    return _read_exit(pid, 0)


def _exit_of(result: os.waitid_result) -> Exit:
    if result.si_code == os.CLD_EXITED:
        return Exit(code=result.si_status)
    try:
        name = signal.Signals(result.si_status).name
    except ValueError:  # a real-time signal
        name = f"SIGRTMIN+{result.si_status - signal.SIGRTMIN}"
    return Exit(signal=name, core_dumped=result.si_code == os.CLD_DUMPED)


async def end_leader(leader: Leader, *, timeout_s: float = KILL_TIMEOUT_S) -> bool:
    """Reap a leader that had SIGKILL; one that does not end is left to a thread. Tells whether it ended."""
    with trio.move_on_after(timeout_s):
        await leader.wait()
    if leader.poll() is None:
        leader.abandon()
        return False
    await leader.reap()
    return True


def start_leader(order: Order) -> Leader:
    """
    Start a program in a new session. Blocks for some milliseconds, longer on a slow disk: call it in a `Spawner`.

    Raises:
        SpawnFailed: It could not be started; nothing of it is left.
    """
    output = subprocess.DEVNULL if order.output_fd is None else order.output_fd
    try:
        # No preexec_fn, user= or group=: each of them turns vfork off and makes this ten times slower.
        popen = subprocess.Popen(
            list(order.argv),
            cwd=order.cwd,
            env=dict(order.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            close_fds=True,
        )
    except (OSError, ValueError) as error:
        raise _spawn_failed(order, error) from error
    try:
        pidfd = os.pidfd_open(popen.pid)
    except OSError as error:  # no descriptors left
        os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        raise _spawn_failed(order, error) from error
    if order.nofile is not None:
        # It may be another user's by a set-uid bit: then it keeps the higher limit of ours.
        with contextlib.suppress(OSError):
            resource.prlimit(popen.pid, resource.RLIMIT_NOFILE, order.nofile)
    stat = procfs.read_stat(popen.pid)
    return Leader(popen, pidfd, stat.start_ticks if stat is not None else 0)


def _spawn_failed(order: Order, error: OSError | ValueError) -> SpawnFailed:
    """Make an error of ours; a `ValueError` is a NUL or `=` where the kernel allows none."""
    number = error.errno if isinstance(error, OSError) else None
    path = (error.filename if isinstance(error, OSError) else None) or order.argv[0]
    text = error.strerror if isinstance(error, OSError) else str(error)
    where = f"{os.fsdecode(path)}: " if os.fsdecode(path) != order.argv[0] else ""
    return SpawnFailed(
        f"cannot start {describe_argv(tuple(order.argv))} in {order.cwd}: {where}{text}",
        errno=number,
        argv=order.argv,
        cwd=order.cwd,
        path=os.fsdecode(path),
    )
