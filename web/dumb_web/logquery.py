"""What may be asked of a log: the query of `GET /logs/<service>`, checked, as a `LogQuery`."""

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import attrs

from dumb_actors import BadPattern, LogQuery, Position, parse_position
from dumb_web.errors import Entry, InvalidRequest
from dumb_web.moments import parse_moment
from dumb_web.structure import Range

__all__ = ["TAIL", "Asked", "Format", "LinesQuery"]

T = TypeVar("T")

LINES_LIMIT = 100_000
TAIL = 100
LONGEST_MATCH = 4096
TEXT_LIMIT = 8 * 1024 * 1024
RECORDS_LIMIT = 1024 * 1024
"""Bytes of lines in one answer; to make records of them takes the thread that does everything else, too."""

Format = Literal["text", "json", "events"]


@attrs.frozen(kw_only=True)
class LinesQuery:
    """
    The query of `GET /logs/<service>`. A line is given when every condition holds.

    Attributes:
        tail: How many of the last lines; left out: 100, or with `since` or `after` all.

        follow: Go on with what is written, until the supervisor ends.

        since: Lines that were written then or later: Unix seconds, ISO 8601, or an age such as `10m`, `2h`, `1d`. When
            a line was written is known to the second, so at the border there may be more.

        until: Lines that were written then or before.

        match: Lines with this text in them, upper and lower case as it is.

        regex: `match` is a regular expression, without look-around and references to groups; it looks at the first
            4 KiB of a line.

        generation: Lines that the child with this number wrote; `last`: the one that wrote last.

        after: Go on from this cursor, from the older to the younger, as the header `Last-Event-ID` does, which goes
            before.

        before: Go on from this cursor, from the younger to the older.

        format: `text`, `json` or `events`; left out: as the header `Accept` says, else `text`.
    """

    tail: Annotated[int, Range(ge=0, le=LINES_LIMIT)] | None = None
    follow: bool = False
    since: str | None = None
    until: str | None = None
    match: str | None = None
    regex: bool = False
    generation: str | None = None
    after: str | None = None
    before: str | None = None
    format: Format | None = None


@attrs.frozen(kw_only=True)
class Asked:
    """
    A query that was checked.

    Attributes:
        query: For `search_log`.

        format: Of the answer.

        follow: Go on with what comes.
    """

    query: LogQuery
    format: Format
    follow: bool

    @property
    def is_plain(self) -> bool:
        """Say whether everything is wanted, from some line on."""
        query = self.query
        conditions = (query.since, query.until, query.match, query.generation, query.after, query.before)
        return all(condition is None for condition in conditions)

    def anew(self) -> LogQuery:
        """Give the query for who cannot go on from where it was: the last lines."""
        return attrs.evolve(
            self.query, after=None, before=None, tail=TAIL if self.query.tail is None else self.query.tail
        )

    @classmethod
    def of(cls, query: LinesQuery, accept: str, last_event_id: str | None) -> "Asked":
        """
        Check *query*.

        Args:
            accept: The header.

            last_event_id: The header; what is no cursor is taken for none.

        Raises:
            InvalidRequest: Every fault.
        """
        form = query.format or _format_of(accept)
        faults: list[Entry] = []
        after = _checked(faults, "after", query.after, _position)
        if last_event_id and (last := parse_position(last_event_id)) is not None:
            after = last
        follow = query.follow or form == "events"
        if follow and form == "json":
            faults.append(_entry("follow", query.follow, "An answer as JSON has an end: follow as text or events"))
        ends = {"until": query.until, "before": query.before} if follow else {}
        text = "What is to come has no such end: leave out follow"
        faults += [_entry(name, end, text) for name, end in ends.items() if end is not None]
        conditions: dict[str, Any] = {
            "since": _checked(faults, "since", query.since, _moment),
            "until": _checked(faults, "until", query.until, _moment),
            "generation": _checked(faults, "generation", query.generation, _generation),
            "before": _checked(faults, "before", query.before, _position),
            "after": after,
            "limit_bytes": TEXT_LIMIT if form == "text" else RECORDS_LIMIT,
        }
        tail = TAIL if query.tail is None and query.since is None and after is None else query.tail
        made = _checked(faults, "match", query.match or "", lambda text: _matching(text, query, conditions, tail))
        if faults or made is None:
            raise InvalidRequest(faults)
        return cls(query=made, format=form, follow=follow)


def _format_of(accept: str) -> Format:
    if "text/event-stream" in accept:
        return "events"
    return "json" if "application/json" in accept else "text"


def _matching(text: str, query: LinesQuery, conditions: dict[str, Any], tail: int | None) -> LogQuery:
    if len(text) > LONGEST_MATCH:
        raise ValueError(f"String should have at most {LONGEST_MATCH} characters")
    try:
        return LogQuery(tail=tail, match=text or None, is_regex=query.regex, **conditions)
    except BadPattern as error:
        raise ValueError(f"Input should be a regular expression of the simple kind: {error}") from error


def _moment(text: str) -> float:
    return parse_moment(text, time.time())


def _generation(text: str) -> int | Literal["last"]:
    if text == "last":
        return "last"
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError("Input should be the number of a generation, or 'last'")
    return int(text)


def _position(text: str) -> Position:
    found = parse_position(text)
    if found is None:
        raise ValueError("Input should be a cursor as an answer gave it")
    return found


def _checked(faults: list[Entry], name: str, value: str | None, read: Callable[[str], T]) -> T | None:
    """Read a value that may be missing; what is wrong with it is noted."""
    if value is None:
        return None
    try:
        return read(value)
    except ValueError as error:
        faults.append(_entry(name, value, str(error)))
        return None


def _entry(name: str, value: object, text: str) -> Entry:
    return Entry(type="value_error", loc=["query", name], msg=text, input=value)
