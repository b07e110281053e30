"""
Search a log: its last lines, those since or until a time, of a generation, with a text in them, or all of that at once.

Plain blocking functions, for a thread. What is read is what the index leaves over (see `scan`), and never more at once
than a query allows; then the answer says where to go on. Each line is masked before it is compared, so that nobody can
find out a secret by asking whether it is there.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Literal

import attrs

from dumb_actors.logs.parts import Position, open_settled
from dumb_actors.logs.pattern import Matcher, make_matcher
from dumb_actors.logs.scan import LINE_LIMIT, Line, PartView, Segment, Wanted

__all__ = ["LogLine", "LogPage", "LogQuery", "search_log"]

FIRST_STEP = 64 * 1024
LARGEST_STEP = 1024 * 1024
PACKED_STEP = 16 * 1024 * 1024
CUT = "…".encode()
ROUNDING_NS = 1000
"""A float of Unix seconds is not more exact."""

Redact = Callable[[bytes], bytes]


def _compiled(query: "LogQuery") -> Matcher | None:
    return None if query.match is None else make_matcher(query.match, is_regex=query.is_regex)


def _in_ns(moment: float | None, margin: int) -> int | None:
    return None if moment is None else int(moment * 1e9) + margin


@attrs.frozen(kw_only=True)
class LogQuery:
    """
    What is asked for; every condition that is given has to hold.

    Attributes:
        tail: Only the last so many lines; None: from the oldest on.

        since, until: Unix seconds. A line whose time is not known exactly is rather given than left out: at the borders
            there may be lines that are up to a second too old or too young, and a whole part of a log without index.

        match: What is to stand in the line.

        is_regex: `match` is a regular expression, and only the first 4 KiB of a line are searched.

        generation: Whose output; what nobody took note of is no generation's. "last": the one that wrote last.

        after: Only lines from this position on.

        before: Only lines that begin before this position.

        unfinished: Also a last line that has no end yet.

        limit_bytes: About so much is given at most.

        scan_bytes: About so much is read at most.

        limit_s: So long is searched at most, but for what is under way.

    Raises:
        BadPattern: `match` is no regular expression, or one that this search does not know.
    """

    tail: int | None = None
    since: float | None = None
    until: float | None = None
    match: str | None = None
    is_regex: bool = False
    generation: int | Literal["last"] | None = None
    after: Position | None = None
    before: Position | None = None
    unfinished: bool = True
    limit_bytes: int = 8 * 1024 * 1024
    scan_bytes: int = 64 * 1024 * 1024
    limit_s: float = 2.0
    # Made once and handed on by `evolve`: it learns as it searches.
    matcher: Matcher | None = attrs.field(repr=False, eq=False, default=attrs.Factory(_compiled, takes_self=True))


@attrs.frozen(kw_only=True)
class LogLine:
    """
    One line.

    Attributes:
        content: As it is in the log, masked, without its end; a very long one is cut and ends in "…".

        position: Where it begins.

        end: Behind it: go on with this as `after`.

        time: Unix seconds; when it was written, as exactly as the index knows.

        generation: Whose; 0: not known.

        is_whole: It has an end. What has none may still grow.
    """

    content: bytes
    position: Position
    end: Position
    time: float
    generation: int
    is_whole: bool

    @property
    def text(self) -> str:
        """The content as text, undecodable bytes replaced, without a carriage return at its end."""
        return self.content.removesuffix(b"\r").decode(errors="replace")


@attrs.frozen(kw_only=True)
class LogPage:
    """
    An answer.

    Attributes:
        lines: The oldest first.

        more: The search ended at a limit: there may be more.

        older: Where to go on as `before`, for a query with `tail`; None: there is nothing older.

        cursor: Where to go on as `after`; None: there is no log.

        is_reset: `after` or `before` lies in a file that is gone; nothing was searched.
    """

    lines: tuple[LogLine, ...] = ()
    more: bool = False
    older: Position | None = None
    cursor: Position | None = None
    is_reset: bool = False


def search_log(
    path: str,
    query: LogQuery,
    *,
    redact: Redact = lambda content: content,
    stop: Callable[[], bool] = lambda: False,
) -> LogPage:
    """
    Search the log *path*, its rotated parts included.

    Args:
        path: The log file.

        query: What for.

        redact: Masks secrets; gives what it was given when there are none.

        stop: Asked now and then; once it says true the search ends as if at a limit.

    Raises:
        OSError: A file is there and cannot be read.
    """
    with ExitStack() as opened:
        parts = open_settled(path, opened)
        views = [PartView(part, older.mtime_ns) for part, older in pairwise(parts)]
        views += [PartView(part) for part in parts[-1:]]
        return _Search(views[::-1], query, redact, stop).run()


@attrs.define(kw_only=True)
class _Budget:
    """What is left of what a query allows."""

    bytes_left: int
    scan_left: int
    until: float
    stop: Callable[[], bool]

    @property
    def is_spent(self) -> bool:
        return self.bytes_left <= 0 or self.scan_left <= 0 or time.monotonic() >= self.until or self.stop()


class _Search:
    """One search over the parts, the oldest first."""

    def __init__(self, views: list[PartView], query: LogQuery, redact: Redact, stop: Callable[[], bool]) -> None:
        self._views = views
        self._query = query
        self._redact = redact
        self._needle = None if query.match is None or query.is_regex else query.match.encode(errors="surrogatepass")
        self._budget = _Budget(
            bytes_left=query.limit_bytes,
            scan_left=query.scan_bytes,
            until=time.monotonic() + query.limit_s,
            stop=stop,
        )

    def run(self) -> LogPage:
        query = self._query
        first, last = self._find(query.after), self._find(query.before)
        if first is None or last is None:
            return LogPage(is_reset=True)
        if not self._views:
            return LogPage()
        wanted = Wanted(
            since_ns=_in_ns(query.since, -ROUNDING_NS),
            until_ns=_in_ns(query.until, ROUNDING_NS),
            generation=self._generation(),
        )
        youngest = self._views[-1]
        end = youngest.part.size if query.unfinished else youngest.settled()
        ranges: list[tuple[PartView, int, int]] = []
        for view in self._views[first : None if query.before is None else last + 1]:
            low = query.after.offset if query.after and view is self._views[first] else 0
            high = end if view is youngest else view.part.size
            if query.before and view is self._views[last]:
                high = min(high, query.before.offset)
            ranges += [(view, *each) for each in view.ranges(wanted, low, high)]
        cursor = self._cursor(youngest, youngest.part.size)
        if query.tail is None:
            return self._forward(ranges, cursor)
        return attrs.evolve(self._backward(ranges, query.tail), cursor=cursor)

    def _cursor(self, view: PartView, offset: int) -> Position:
        """Give where to go on: a line that has no end yet is to come again when it has one."""
        if view is not self._views[-1]:
            return view.part.at(offset)
        if not view.part.size and not view.part.stamp and len(self._views) > 1:
            # It has just been made, and has no stamp by which it could be found again.
            older = self._views[-2].part
            return older.at(older.size)
        return view.part.at(min(offset, view.settled()))

    def _find(self, position: Position | None) -> int | None:
        if position is None:
            return 0
        return next((index for index, view in enumerate(self._views) if view.part.holds(position)), None)

    def _generation(self) -> int | None:
        if self._query.generation != "last":
            return self._query.generation
        return next((found for view in reversed(self._views) if (found := view.last_generation())), -1)

    # --- the two ways -------------------------------------------------------------------------------------------------

    def _forward(self, ranges: list[tuple[PartView, int, int]], cursor: Position) -> LogPage:
        lines: list[LogLine] = []
        for view, low, high in ranges:
            for segment in view.segments(low, high):
                for each in self._matches(segment):
                    lines.append(self._line(view, each))
                    self._budget.bytes_left -= len(each.content) + 1
                    if self._budget.bytes_left <= 0:
                        return self._paused(lines, view, each.end)
                if self._budget.is_spent:
                    return self._paused(lines, view, segment.high)
        return LogPage(lines=tuple(lines), cursor=cursor)

    def _paused(self, lines: list[LogLine], view: PartView, offset: int) -> LogPage:
        # The end of a line that has none yet is behind the cursor, and yet there is no more.
        is_end = view is self._views[-1] and (offset == view.part.size or offset > view.settled())
        return LogPage(lines=tuple(lines), more=not is_end, cursor=self._cursor(view, offset))

    def _backward(self, ranges: list[tuple[PartView, int, int]], count: int) -> LogPage:
        lines: list[LogLine] = []

        def page(view: PartView, offset: int) -> LogPage:
            is_all = (view, offset) == ranges[0][:2]
            older = None if is_all else view.part.at(offset)
            return LogPage(lines=tuple(reversed(lines)), more=not is_all, older=older)

        for view, low, high in reversed(ranges) if count else ():
            for begin, end in _steps_back(view, low, high):
                found = [each for segment in view.segments(begin, end) for each in self._matches(segment)]
                for each in reversed(found):
                    lines.append(self._line(view, each))
                    self._budget.bytes_left -= len(each.content) + 1
                    if len(lines) == count or self._budget.bytes_left <= 0:
                        return page(view, each.start)
                if self._budget.is_spent:
                    return page(view, begin)
        return LogPage(lines=tuple(reversed(lines)))

    def _matches(self, segment: Segment) -> list[Line]:
        """Give the lines that match, masked, and cut where they are very long."""
        query, data = self._query, segment.data
        self._budget.scan_left -= segment.high - segment.begin
        # A whole piece at once is quickly seen to have no secret in it, and nothing that is looked for.
        is_clean = self._redact(data) is data
        if self._needle is not None and is_clean and self._needle not in data:
            return []
        found = []
        for line in segment.lines():
            content = line.content if is_clean else self._redact(line.content)
            if len(content) > LINE_LIMIT:
                content = content[:LINE_LIMIT] + CUT
            if query.matcher is None or query.matcher(content):
                found.append(line._replace(content=content))
        return found

    def _line(self, view: PartView, line: Line) -> LogLine:
        time_ns, generation = view.told(line.start)
        return LogLine(
            content=line.content,
            position=view.part.at(line.start),
            end=view.part.at(line.end),
            time=time_ns / 1e9,
            generation=generation,
            is_whole=view is not self._views[-1] or line.start < view.settled(),
        )


def _steps_back(view: PartView, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Divide a range into steps, the last one first: small ones at first, for most queries want little."""
    step, largest = (PACKED_STEP, PACKED_STEP) if view.part.is_packed else (FIRST_STEP, LARGEST_STEP)
    while high > low:
        begin = max(low, high - step)
        yield begin, high
        high, step = begin, min(step * 2, largest)
