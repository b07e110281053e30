"""The few system calls on pipes that Python does not offer, or offers without a name."""

import array
import errno
import fcntl
import os
import termios
from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Scratch", "Splice", "enlarge", "splice", "waiting_bytes"]

PIPE_SIZES = (1024 * 1024, 256 * 1024)

Splice: TypeAlias = Callable[[int, int, int, int | None], int]
"""Move at most so many bytes from a pipe to a file, at this offset: `splice(source, target, count, offset)`."""


def splice(source: int, target: int, count: int, offset: int | None = None) -> int:
    """
    Move bytes from a pipe to a file inside the kernel; return how many.

    Raises:
        BlockingIOError: The pipe is empty.

        OSError: The file does not take them; they stay in the pipe.
    """
    return os.splice(source, target, count, offset_dst=offset, flags=os.SPLICE_F_NONBLOCK)


def enlarge(pipe: int) -> None:
    """Give *pipe* room for 1 MiB, or as much as the user's share of pipe memory still allows."""
    for size in PIPE_SIZES:
        try:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)
        except PermissionError:
            continue
        return


def waiting_bytes(pipe: int) -> int:
    """Return how many bytes are in *pipe*."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


class Scratch:
    """A pipe of our own into which the beginning of another pipe is copied, to look at it without taking it."""

    def __init__(self) -> None:
        self._tee: Callable[[int, int, int], int] | None = None
        self._out, self._in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def peek(self, pipe: int, most: int) -> bytes:
        """Return the first bytes in *pipe*, at most *most*, and leave them there; empty when it is."""
        if self._tee is None:
            self._tee = _load_tee()
        return self._read(self._tee(pipe, self._in, most))

    def _read(self, count: int) -> bytes:
        pieces: list[bytes] = []
        while count > 0:
            pieces.append(os.read(self._out, count))
            count -= len(pieces[-1])
        return b"".join(pieces)

    def close(self) -> None:
        """Close both ends."""
        os.close(self._in)
        os.close(self._out)


def _load_tee() -> Callable[[int, int, int], int]:
    """Give tee(2), not blocking, 0 for an empty pipe; there is no `os.tee` in Python 3.11."""
    # Late: most logs never come to a rotation, and this takes 0.7 MB of a process that is to stay small.
    import ctypes

    call = ctypes.CDLL(None, use_errno=True).tee
    call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_uint]
    call.restype = ctypes.c_ssize_t

    def tee(source: int, target: int, most: int) -> int:
        copied = int(call(source, target, most, os.SPLICE_F_NONBLOCK))
        if copied >= 0:
            return copied
        number = ctypes.get_errno()
        if number == errno.EAGAIN:
            return 0
        raise OSError(number, os.strerror(number))

    return tee
