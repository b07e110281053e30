"""Readiness by a word in the log: a line of this generation's output matches a regular expression."""

import re
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import trio

from dumb_actors.logs.follow import Follower
from dumb_actors.logs.reader import Position
from dumb_actors.logs.watch import Closing
from dumb_actors.model.spec import Log
from dumb_actors.probes.base import Answer, NeverProbe
from dumb_actors.probes.faults import describe_os
from dumb_actors.probes.loop import growing_interval

__all__ = ["Lines", "LogProbe", "no_log"]

LONGEST_LINE = 64 * 1024


class Lines:
    """Puts pieces of text together to lines; of a line longer than *longest* bytes only the beginning is kept."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._open = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Take a piece; yield the lines that are complete now, without their ends."""
        *complete, rest = piece.split(b"\n")
        for end in complete:
            self._append(end)
            line = bytes(self._open)
            self._open.clear()
            yield line.removesuffix(b"\r")
        self._append(rest)

    def _append(self, part: bytes) -> None:
        self._open += part[: self._longest - len(self._open)]


class LogProbe:
    """Reads the log from where the generation's output begins, and follows it."""

    def __init__(self, spec: Log, path: str, start: Position, closing: Closing) -> None:
        self._pattern = re.compile(spec.log)
        self._follower = Follower(path, start, closing=closing)
        self._lines = Lines()
        self._seen = 0
        self._entered = self._broken = self._matched = False

    @property
    def what(self) -> str:
        """See `Probe`."""
        return _what(self._pattern.pattern)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._entered:
            self._follower.__exit__(kind, value, trace)
            self._entered = False

    async def ask(self) -> Answer:
        """See `Probe`. Reads all lines there are; a question that was cut goes on where it was."""
        self._broken = False
        try:
            if not self._entered:
                self._follower.__enter__()
                self._entered = True
            while not self._matched and (piece := await self._follower.available()):
                self._matched = any(self._matches(line) for line in self._lines.feed(piece))
        except OSError as error:
            self._broken = True
            return Answer(False, f"the log cannot be followed: {describe_os(error)}")
        if self._matched:
            return Answer(True, f"a line of its output matches {self._pattern.pattern!r}")
        return Answer(False, f"none of {self._seen} lines matches" if self._seen else "no output yet")

    def _matches(self, line: bytes) -> bool:
        self._seen += 1
        return self._pattern.search(line.decode(errors="replace")) is not None

    async def pause(self, waited_s: float) -> None:
        """Wait until the log changes; after an error of the host, for the growing interval."""
        if self._broken:
            await trio.sleep(growing_interval(waited_s))
        else:
            await self._follower.changed()


def no_log(spec: Log) -> NeverProbe:
    """Make what stands in for a `LogProbe` where there is no log to read."""
    why = "its output is suppressed, so no line of it can be seen (suppress_logging)"
    return NeverProbe(_what(spec.log), why)


def _what(pattern: str) -> str:
    return f"a line of its output to match {pattern!r}"
