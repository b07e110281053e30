"""
What a pidfd can do that a pid cannot: name one process for ever, tell its end, and tell how it ended.

A pid is free again once its process was reaped, and for a process that is not our child we do not know when that is.
"""

import errno
import fcntl
import os
import signal
import struct
from collections.abc import Awaitable, Callable

import trio

from dumb_actors.model.child import Exit
from dumb_actors.process import procfs

__all__ = [
    "EndWatch",
    "exit_of_result",
    "exit_of_status",
    "open_proved",
    "read_exit_of_stranger",
    "reap",
    "signal_group",
    "waited_exit",
]

# <linux/pidfd.h>; Python has no constants for these. The oldest size of the structure is understood by all kernels
# that have the call.
_GET_INFO = 0xC040FF0B
_INFO_EXIT = 1 << 3
_INFO = struct.Struct("Q52xi")
_SIGNAL_PROCESS_GROUP = 1 << 2


def open_proved(pid: int, start_ticks: int) -> int | None:
    """
    Open a pidfd of exactly the process *pid* that started at *start_ticks*, and that has not ended.

    Returns:
        The descriptor, the caller's to close; None when that process has ended or cannot be seen.

    Raises:
        OSError: No descriptors are left.
    """
    try:
        # First this and then the look: what is seen then cannot become another process any more.
        descriptor = os.pidfd_open(pid)
    except (ProcessLookupError, PermissionError, ValueError, OverflowError):
        return None
    except OSError as error:
        # Not a number of a process at all, or the number of a mere thread (ENOENT since Linux 6.14).
        if error.errno in {errno.EINVAL, errno.ENOENT}:
            return None
        raise
    stat = procfs.read_stat(pid)
    if stat is None or stat.is_dead or stat.start_ticks != start_ticks:
        os.close(descriptor)
        return None
    return descriptor


def signal_group(descriptor: int, number: int) -> bool | None:
    """
    Send a signal to the process group whose number is that of the process, even if that one was reaped meanwhile.

    The kernel goes by the process that the descriptor means, so a stranger's group that got the number is never hit.

    Args:
        number: 0 signals nobody: it only asks.

    Returns:
        Whether the group has a member, dead ones included; None where the kernel cannot do this (before Linux 6.9):
        nothing was signalled.
    """
    try:
        signal.pidfd_send_signal(descriptor, number, None, _SIGNAL_PROCESS_GROUP)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except OSError:
        return None
    return True


def waited_exit(descriptor: int) -> Exit | None:
    """
    Give how a child of ours ended, or None while it lives; it is not reaped.

    Raises:
        ChildProcessError: It is not our child, or was reaped.
    """
    result = os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    return None if result is None else exit_of_result(result)


def reap(descriptor: int) -> bool:
    """Collect the process if it is a child of ours; tell whether that is done, or not our business."""
    try:
        return os.waitid(os.P_PIDFD, descriptor, os.WEXITED | os.WNOHANG) is not None
    except ChildProcessError:
        return True


def read_exit_of_stranger(descriptor: int, pid: int, start_ticks: int) -> Exit:
    """
    Give how a process ended that is not our child and has ended, as far as that can be known.

    Before its parent reaps it, its entry in `/proc` tells; afterwards the descriptor does (since Linux 6.15). One of
    the two always holds, so there is nothing to wait for.
    """
    status = _reaped_status(descriptor)
    if status is None:
        status = _zombie_status(pid, start_ticks)
    if status is None:  # reaped between the two
        status = _reaped_status(descriptor)
    return Exit() if status is None else exit_of_status(status)


def _reaped_status(descriptor: int) -> int | None:
    answer = bytearray(_INFO.size)
    struct.pack_into("Q", answer, 0, _INFO_EXIT)
    try:
        fcntl.ioctl(descriptor, _GET_INFO, answer)
    except OSError:  # an older kernel: it does not know the call, or not for a process that was reaped
        return None
    mask, status = _INFO.unpack(answer)
    return status if mask & _INFO_EXIT else None


def _zombie_status(pid: int, start_ticks: int) -> int | None:
    stat = procfs.read_stat(pid)
    if stat is None or stat.start_ticks != start_ticks or not stat.is_dead:
        return None
    if stat.exit_status == 0 and not _may_know(pid):
        return None
    return stat.exit_status


def _may_know(pid: int) -> bool:
    """Tell whether a zero in `/proc/PID/stat` means zero, by another file that asks for the same permission."""
    try:
        os.readlink(f"/proc/{pid}/ns/user")  # noqa: PTH115 - a text such as "user:[7]" is no path
    except OSError:
        return False
    return True


def exit_of_status(status: int) -> Exit:
    """Make an exit of a status as wait(2) has it."""
    if os.WIFSIGNALED(status):
        return Exit(signal=_signal_name(os.WTERMSIG(status)), core_dumped=os.WCOREDUMP(status))
    return Exit(code=os.WEXITSTATUS(status))


def exit_of_result(result: os.waitid_result) -> Exit:
    """Make an exit of what waitid(2) tells."""
    if result.si_code == os.CLD_EXITED:
        return Exit(code=result.si_status)
    return Exit(signal=_signal_name(result.si_status), core_dumped=result.si_code == os.CLD_DUMPED)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"


class EndWatch:
    """Waits on a pidfd for several tasks: Trio allows one waiter for a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._turn: trio.Event | None = None

    async def wait(self, poll: Callable[[], Exit | None], otherwise: Callable[[], Awaitable[Exit | None]]) -> Exit:
        """
        Return what *poll* gives once the process has ended.

        *otherwise* is called when the descriptor tells an end and *poll* knows of none.

        Cancellation: safe; another task takes over.
        """
        exit_ = poll()
        if exit_ is not None:
            await trio.lowlevel.checkpoint()
        while exit_ is None:
            # The first waits there, the others for the first, and one of them takes over if it is cancelled.
            if self._turn is not None:
                await self._turn.wait()
                exit_ = poll()
                continue
            self._turn = trio.Event()
            try:
                await trio.lowlevel.wait_readable(self._descriptor)
                exit_ = poll() or await otherwise()
            finally:
                self._turn.set()
                self._turn = None
        return exit_
