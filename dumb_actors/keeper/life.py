"""One keeper process, from its start to its end, as its supervisor sees it."""

import array
import contextlib
import logging
import os
import socket
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import trio

from dumb_actors.keeper.start import Started
from dumb_actors.keeper.wire import LineSplitter, decode, encode

__all__ = ["Life"]

log = logging.getLogger("dumb_actors.keeper")

PIECE = 64 * 1024
END_TIMEOUT_S = 1.0


class Life:
    """
    Talks to one keeper; made within Trio, then `run` once.

    Args:
        started: The process; it is ours from now on, and so is the rest.

        hear: Called with each message.
    """

    def __init__(self, started: Started, hear: Callable[[dict[str, Any]], None]) -> None:
        self._process = started.process
        self._pidfd = started.pidfd
        self._socket = started.control
        self._stream = trio.SocketStream(trio.socket.from_stdlib_socket(started.control))
        self._hear = hear
        self._outbox: deque[tuple[bytes, int]] = deque()
        self._has_mail = trio.Event()
        self._is_sending = False
        self._is_released = False

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As `subprocess.Popen.returncode`, after `run`."""
        return self._process.returncode

    def post(self, message: Mapping[str, object], held: int = -1) -> None:
        """
        Send a message, in order; never blocks. What is not sent when the keeper ends is dropped.

        It is with the kernel when this returns, unless the keeper is far behind: we may be killed the next instant.

        Args:
            held: A descriptor that goes along; -1: none.
        """
        mail = encode(message if held < 0 else {**message, "held": True})
        if not self._outbox and not self._is_sending:
            with contextlib.suppress(OSError):  # no room, or the keeper has ended, which is told by reading
                mail, held = mail[self._socket.sendmsg([mail], _rights(held)) :], -1
        if mail:
            self._outbox.append((mail, held))
            self._has_mail.set()

    def kill(self) -> None:
        """Send SIGKILL: what is in the FIFOs stays there, for the next one."""
        self._process.kill()

    def release(self) -> None:
        """Let it go on when `run` is cancelled."""
        self._is_released = True

    async def run(self) -> None:
        """
        Talk until the keeper has ended; then it is reaped.

        Cancellation: kills it, or, after `release`, only closes the lifeline.
        """
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write)
                await self._read()
                nursery.cancel_scope.cancel()
            # It may have closed the lifeline and live.
            with trio.move_on_after(END_TIMEOUT_S):
                await trio.lowlevel.wait_readable(self._pidfd)
        finally:
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(self._stream)
                await self._end()

    async def _end(self) -> None:
        if not self._is_released:
            self.kill()
            with trio.move_on_after(END_TIMEOUT_S):
                await trio.lowlevel.wait_readable(self._pidfd)
        os.close(self._pidfd)
        if self._process.poll() is None:
            # Whenever it does end, it is our zombie.
            threading.Thread(target=_reap, args=(self._process,), name="dumb-actors keeper reaper", daemon=True).start()

    async def _write(self) -> None:
        with contextlib.suppress(trio.BrokenResourceError, OSError):  # it has ended, which is told by reading
            while True:
                await self._has_mail.wait()
                self._has_mail = trio.Event()
                self._is_sending = True
                while self._outbox:
                    mail, held = self._outbox.popleft()
                    sent = await self._stream.socket.sendmsg([mail], _rights(held))
                    await self._stream.send_all(mail[sent:])
                self._is_sending = False

    async def _read(self) -> None:
        lines = LineSplitter()
        with contextlib.suppress(trio.BrokenResourceError):  # killed with mail unread: as good as an end of file
            while piece := await self._stream.receive_some(PIECE):
                for line in lines.feed(piece):
                    try:
                        message = decode(line)
                    except ValueError as error:
                        log.warning("keeper.not_understood line=%r error=%r", line[:80], str(error))
                        continue
                    self._hear(message)


def _rights(held: int) -> list[tuple[int, int, bytes]]:
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [held]).tobytes())] if held >= 0 else []


def _reap(process: subprocess.Popen[bytes]) -> None:
    process.wait()
