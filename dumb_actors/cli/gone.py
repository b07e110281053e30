"""Notice that nobody reads our output any more, while there is none: `dumb-actors logs -f NAME | head`."""

import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterator
from typing import TextIO

__all__ = ["ReaderWatch"]


class ReaderWatch:
    """
    Watches whether somebody reads *stream*.

    Attributes:
        is_gone: Nobody does any more, and the socket was shut down for that.
    """

    def __init__(self, stream: TextIO) -> None:
        self.is_gone = False
        try:
            self._fd = stream.fileno()
        except (OSError, ValueError):  # no descriptor behind it: nothing to watch
            self._fd = -1

    @contextlib.contextmanager
    def cutting(self, source: socket.socket | None) -> Iterator[None]:
        """
        Shut *source* down as soon as the reader is gone, for the length of a block.

        Whoever waits for *source* in the block is woken by that: a write to the stream would tell only when there is
        something to write.
        """
        if self._fd < 0 or source is None:
            yield
            return
        wake_read, wake_write = os.pipe()
        thread = threading.Thread(target=self._watch, args=(source, wake_read), name="reader-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            os.close(wake_write)
            thread.join()
            os.close(wake_read)

    def _watch(self, source: socket.socket, wake: int) -> None:
        poll = select.poll()
        # No event is asked for: that a pipe has lost its reader, and a terminal its other end, is told in any case.
        poll.register(self._fd, 0)
        poll.register(wake, 0)
        if self._fd in dict(poll.poll()):
            self.is_gone = True
            with contextlib.suppress(OSError):
                source.shutdown(socket.SHUT_RDWR)
