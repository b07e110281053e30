"""
The keeper's end of the control socket.

Nothing but the standard library here.
"""

# The part of `socket` that is written in C: the other one costs 0.5 MB and adds names only.
import _socket
import array
import os
import select
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from dumb_actors.keeper.wire import LineSplitter, decode, encode
from dumb_actors.logs.pump import Pump

__all__ = ["Control"]

PIECE = 64 * 1024
BACKLOG = 256 * 1024
RIGHTS = 16


class Control:
    """
    Reads messages and writes them, within a pump and without ever blocking it.

    Args:
        fd: The socket; it is ours from now on.

        pump: Tells when there is something to read.

        hear: Called with each message.

        closed: Called once, when the supervisor is gone.

        say: Called with what is worth a line in the keeper's own log.

    Attributes:
        received: Descriptors that came with messages, in order; who takes one closes it.
    """

    def __init__(
        self,
        fd: int,
        pump: Pump,
        *,
        hear: Callable[[dict[str, Any]], None],
        closed: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        os.set_blocking(fd, False)
        self.received: deque[int] = deque()
        self._socket = _socket.socket(fileno=fd)
        self._fd = fd
        self._pump = pump
        self._hear = hear
        self._closed = closed
        self._say = say
        self._lines = LineSplitter()
        self._backlog = b""
        self._flushed: list[Callable[[], None]] = []
        # The pump only watches for something to read; of an epoll that watches for room that means: there is room.
        self._room = select.epoll()
        pump.watch(fd, self._read)
        pump.watch(self._room.fileno(), self._flush)

    def send(self, message: Mapping[str, object], *, droppable: bool = False) -> None:
        """Send a message, some time; a *droppable* one only when the supervisor reads at all."""
        if self._fd < 0 or (droppable and len(self._backlog) > BACKLOG):
            return
        was_empty = not self._backlog
        self._backlog += encode(message)
        if was_empty:
            self._write()
            if self._backlog:
                self._room.register(self._fd, select.EPOLLOUT)

    def after_flush(self, call: Callable[[], None]) -> None:
        """Call *call* when all messages are sent, or can never be."""
        if self._backlog:
            self._flushed.append(call)
        else:
            call()

    def _write(self) -> None:
        try:
            while self._backlog:
                self._backlog = self._backlog[os.write(self._fd, self._backlog) :]
        except BlockingIOError:
            return
        except OSError:  # the supervisor is gone, which is told by reading
            self._backlog = b""

    def _flush(self) -> None:
        if not self._backlog:
            return
        self._write()
        if not self._backlog:
            self._room.unregister(self._fd)
            self._call_flushed()

    def _call_flushed(self) -> None:
        calls, self._flushed = self._flushed, []
        for call in calls:
            call()

    def _read(self) -> None:
        try:
            piece = self._receive()
        except BlockingIOError:
            return
        except OSError:  # it was killed before it had read what we sent
            piece = b""
        if not piece:
            self._close()
            return
        for line in self._lines.feed(piece):
            try:
                message = decode(line)
            except ValueError as error:
                self._say(f"not understood: {line[:80]!r}: {error}")
                continue
            self._hear(message)

    def _receive(self) -> bytes:
        fds = array.array("i")
        piece, rights, _, _ = self._socket.recvmsg(PIECE, _socket.CMSG_SPACE(RIGHTS * fds.itemsize))
        for level, kind, content in rights:
            if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS):
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        self.received.extend(fds)
        return piece

    def _close(self) -> None:
        self._pump.unwatch(self._fd)
        self._pump.unwatch(self._room.fileno())
        self._room.close()
        self._socket.close()
        self._fd, self._backlog = -1, b""
        self._closed()
        self._call_flushed()
