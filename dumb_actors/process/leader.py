"""
One started program: its `Popen`, its pidfd, its process group.

The rule behind everything here: a pid and a group id are ours only until the leader is *reaped*. So its end is seen by
the pidfd and read with WNOWAIT, the group is signalled while the zombie still holds its number, and reaping comes last.
"""

import contextlib
import errno
import functools
import os
import resource
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

import attrs
import trio

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Exit, describe_argv
from dumb_actors.process import pidfd, procfs

__all__ = ["KILL_TIMEOUT_S", "AnyLeader", "Leader", "Order", "end_leader", "start_leader"]

_encoded = functools.lru_cache(maxsize=4096)(os.fsencode)

KILL_TIMEOUT_S = 5.0
"""How long SIGKILL may take to end a leader before it is reported as left (state D)."""


@attrs.frozen(kw_only=True)
class Order:
    """
    What `start_leader` starts.

    Attributes:
        argv, cwd, env: Of the program; `env` is the whole of it.

        output_fd: Its standard output, and its standard error unless `error_fd` is given; None: dropped.

        error_fd: Its standard error; None: as the output.

        umask: What its new files are not allowed; -1: as ours.

        nofile: Limits (soft, hard) of open files; None: as ours.

        executable: Absolute path of the program, as a lookup found it; None: the kernel is asked for each entry of
            PATH in turn. What the program sees as its name is ``argv[0]`` in both cases.
    """

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    output_fd: int | None = None
    error_fd: int | None = None
    umask: int = -1
    nofile: tuple[int, int] | None = None
    executable: str | None = None


class AnyLeader(Protocol):
    """A leader, started by us (`Leader`) or taken over (`AdoptedLeader`)."""

    start_ticks: int
    exit: Exit | None

    @property
    def pid(self) -> int:
        """Process id, group id and session id."""

    async def wait(self) -> Exit:
        """Return how it ended, once it has; it is not reaped by us. Several tasks may wait. Cancellation: safe."""

    def poll(self) -> Exit | None:
        """Give how it ended, or None while it lives; it is not reaped by us."""

    def signal_group(self, number: int) -> None:
        """Send a signal to the group, and to nobody else's; nothing happens when nobody is in it."""

    def group_is_empty(self) -> bool:
        """Tell whether the group has no member, dead ones included."""

    async def reap(self) -> None:
        """Collect the exit status of a leader that has ended, if that is our business."""

    def abandon(self) -> None:
        """Leave a leader that does not end (state D) to itself, or to a thread that reaps it when it does."""

    def release(self) -> None:
        """Let it live on and be somebody else's; nothing is open then."""

    def close(self) -> None:
        """Close the pidfd. Who still waits gets `trio.ClosedResourceError`."""


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
    _watch: pidfd.EndWatch = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._watch = pidfd.EndWatch(self._pidfd)

    @property
    def pid(self) -> int:
        """Process id, group id and session id."""
        return self._popen.pid

    async def wait(self) -> Exit:
        """
        Return how it ended, once it has; it is not reaped.

        Several tasks may wait. Cancellation: safe.
        """
        self.exit = await self._watch.wait(self.poll, self._wait_longer)
        return self.exit

    async def _wait_longer(self) -> Exit | None:
        """Wait for the status of one that has ended: a debugger is attached, and has to be told first."""
        return await trio.to_thread.run_sync(_wait_blocking, self.pid, abandon_on_cancel=True)

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

    def release(self) -> None:
        """Let it live on and be somebody else's, when we end or when another supervisor of this process adopts it."""
        # Else its destructor would complain, and have each later Popen poll it.
        self._popen.returncode = 0
        self.close()

    def close(self) -> None:
        """Close the pidfd. Who still waits gets `trio.ClosedResourceError`."""
        trio.lowlevel.notify_closing(self._pidfd)
        os.close(self._pidfd)


def _read_exit(pid: int, flags: int) -> Exit | None:
    try:
        result = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | flags)
    except ChildProcessError:  # somebody in this process waits for every child and took the status
        return Exit()
    return None if result is None else pidfd.exit_of_result(result)


def _wait_blocking(pid: int) -> Exit | None:
    return _read_exit(pid, 0)


async def end_leader(leader: AnyLeader, *, timeout_s: float = KILL_TIMEOUT_S) -> bool:
    """Reap a leader that had SIGKILL; one that does not end is left to a thread. Tells whether it ended."""
    if leader.poll() is None:
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
            executable=order.executable,
            cwd=order.cwd,
            # As bytes already: otherwise this is a third of what a spawn takes of the interpreter.
            env={_encoded(name): _encoded(text) for name, text in order.env.items()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output if order.error_fd is None else order.error_fd,
            start_new_session=True,
            # Two calls of close_range(2), however many descriptors there are.
            close_fds=True,
            umask=order.umask,
        )
    except (OSError, ValueError) as error:
        raise _spawn_failed(order, error) from error
    try:
        descriptor = os.pidfd_open(popen.pid)
    except OSError as error:  # no descriptors left
        os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        raise _spawn_failed(order, error) from error
    if order.nofile is not None:
        # It may be another user's by a set-uid bit: then it keeps the higher limit of ours.
        with contextlib.suppress(OSError):
            resource.prlimit(popen.pid, resource.RLIMIT_NOFILE, order.nofile)
    return Leader(popen, descriptor, procfs.start_ticks_of(popen.pid))


def _spawn_failed(order: Order, error: OSError | ValueError) -> SpawnFailed:
    """Make an error of ours; a `ValueError` is a NUL or `=` where the kernel allows none."""
    number = error.errno if isinstance(error, OSError) else None
    path = os.fsdecode((error.filename if isinstance(error, OSError) else None) or order.argv[0])
    text = (error.strerror if isinstance(error, OSError) else str(error)) or str(error)
    if number == errno.ENOEXEC:
        path = order.executable or path
        text = f"{_why_no_program(order.cwd, path)}: {text}"
    where = f"{path}: " if path != order.argv[0] else ""
    return SpawnFailed(
        f"cannot start {describe_argv(tuple(order.argv))} in {order.cwd}: {where}{text}",
        errno=number,
        argv=order.argv,
        cwd=order.cwd,
        path=path,
    )


def _why_no_program(cwd: str, path: str) -> str:
    """Say why the kernel refuses to run a file that may be executed: a shell would have run a mere script."""
    missing = "it has no '#!' line that says what runs it"
    try:
        # A name without a slash was found in PATH, and we do not know where.
        with open(os.path.join(cwd, path), "rb") as file:  # noqa: PTH118, PTH123
            begin = file.read(256)
    except OSError:
        return f"it is no program for this machine, or {missing}"
    return "it is no program for this machine" if b"\0" in begin or b"\x7fELF" in begin else missing
