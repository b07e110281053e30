"""Write lines to a stream that may be slow, stuck or gone, without ever holding up who writes."""

import contextlib
import os
import queue
import threading
from types import TracebackType
from typing import Self, TextIO

from dumb_actors.cli.paint import paint_for

__all__ = ["LineWriter"]

_BACKLOG = 10_000
_CLOSE_TIMEOUT_S = 2.0


class LineWriter:
    """
    Lines to a stream, written by a thread of its own; a context manager.

    `dumb-actors up | less` stops reading for hours: a supervisor that wrote by itself would stand still with it. Lines
    beyond a backlog of 10,000 are dropped and counted, and a stream that is gone (a closed pipe, a terminal that hung
    up) is no reason to end.
    """

    def __init__(self, stream: TextIO) -> None:
        self.paint = paint_for(stream)
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(_BACKLOG)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_all, name="line-writer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What is left is written, unless nobody reads it.
        with contextlib.suppress(queue.Full):
            self._lines.put(None, timeout=_CLOSE_TIMEOUT_S)
        self._thread.join(_CLOSE_TIMEOUT_S)

    def put(self, text: str) -> None:
        """Write *text* and a line end, soon; never waits."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1

    def _write_all(self) -> None:
        while (text := self._lines.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            note = f"({dropped} lines were not shown: nobody was reading)\n" if dropped else ""
            try:
                self._stream.write(f"{note}{text}\n")
                self._stream.flush()
            except (OSError, ValueError):
                break
        else:
            return
        # The stream is gone: what others still write to it must neither fail nor complain at the interpreter's end.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
        while self._lines.get() is not None:
            pass
