"""
Where output goes: what all sinks share, and the one that discards. The one that writes a log is in `logsink.py`.

Nothing but the standard library here: this runs in the mover's thread or in the keeper.
"""

import os
from collections import deque
from typing import NamedTuple, Protocol

from dumb_actors.logs.compress import Compressor
from dumb_actors.logs.parts import Position
from dumb_actors.logs.splice import Scratch, Splice, splice

__all__ = ["GapNews", "NullSink", "Sink", "Tools"]


class GapNews(NamedTuple):
    """
    A gap in a log began, or has ended.

    Attributes:
        lost_bytes: How many bytes this generation has lost until now, in all gaps.

        reason: What the system said when the log file did not take them.

        recovered: The file takes bytes again, and the marker line that tells of the gap is in it.
    """

    lost_bytes: int
    reason: str
    recovered: bool


class Tools:
    """
    What all sinks of one pump share: the null device, a scratch pipe, the compressor, and the call that moves bytes.

    The call is a seam: tests put one in its place that fails like a full disk.
    """

    def __init__(self, splice_to_log: Splice = splice) -> None:
        self.splice_to_log = splice_to_log
        self.compressor = Compressor()
        self.null = os.open(os.devnull, os.O_WRONLY)
        self.scratch = Scratch()

    def discard(self, source: int, most: int) -> int:
        """Throw away at most *most* bytes of *source*; return how many."""
        try:
            return splice(source, self.null, most)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Close what is held open."""
        os.close(self.null)
        self.scratch.close()


class Sink(Protocol):
    """Takes bytes out of a pipe. One thread at a time uses it, and anything but `start` may hang with its file."""

    start: Position
    lost_bytes: int
    news: deque[GapNews]

    def take(self, source: int, most: int) -> int:
        """
        Take at most *most* of the bytes that are in *source*; return how many. Never raises.

        Called when there are some; what it has to tell of a gap it adds to `news`.
        """

    def touch(self) -> None:
        """Called after each batch: tell who follows."""

    def last_lines(self, n: int, limit: int) -> tuple[str, ...]:
        """Return the last lines of this generation, read from at most *limit* bytes."""

    def close(self) -> None:
        """Close the file. Idempotent."""


class NullSink:
    """Discards; for a service whose output is suppressed."""

    def __init__(self, tools: Tools) -> None:
        self.start = Position(0, 0)
        self.lost_bytes = 0
        self.news: deque[GapNews] = deque()
        self._tools = tools

    def take(self, source: int, most: int) -> int:
        return self._tools.discard(source, most)

    def touch(self) -> None:
        """Nobody follows."""

    def last_lines(self, n: int, limit: int) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing is open."""
