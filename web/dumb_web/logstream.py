"""Bodies of `GET /logs/<service>` that last: what is written, as it is written, as text or as server-sent events."""

import threading
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Literal, Self

import attrs
import trio
from quart.wrappers.response import ResponseBody

from dumb_actors import Follower, LogLine, LogPage, LogQuery, UnusablePath, search_log
from dumb_web.context import Web
from dumb_web.logquery import TAIL
from dumb_web.wire import dump

__all__ = ["HEARTBEAT_S", "EventsBody", "LogRecord", "LogReset", "RawBody", "TextBody", "record_of", "search"]

HEARTBEAT_S = 15.0
"""After so long without a line a comment is sent: see `events`."""

RETRY = b"retry: 1000\n\n"


@attrs.frozen(kw_only=True)
class LogRecord:
    """
    A line of a log.

    Attributes:
        text: As it was written, secrets masked, undecodable bytes replaced.

        time: When it was written, as exactly as is known: at most a second before that (Unix seconds).

        generation: Of the child that wrote it; 0: not known.

        whole: It has an end; a last line without one may still grow, and comes again.

        cursor: Behind it: `after` goes on from here; the message's `id`.
    """

    text: str
    time: float
    generation: int
    whole: bool
    cursor: str


@attrs.frozen(kw_only=True)
class LogReset:
    """
    It cannot be gone on from where the caller was: what follows is the end of the log, as at first.

    Attributes:
        detail: Why.
    """

    kind: Literal["reset"] = "reset"
    detail: str


GONE = LogReset(detail="where you were has been rotated away, or deleted")


def record_of(line: LogLine) -> LogRecord:
    """Give *line* as it is sent."""
    return LogRecord(
        text=line.text, time=line.time, generation=line.generation, whole=line.is_whole, cursor=str(line.end)
    )


async def search(web: Web, path: str, query: LogQuery, *, masked: bool = True) -> LogPage:
    """
    Search a log in a thread, which ends soon when this is cancelled.

    Raises:
        UnusablePath: The file is there and cannot be read.
    """
    is_over = threading.Event()
    redact = web.supervisor.redactor.bytes if masked else _as_it_is
    try:
        return await web.in_file_thread(partial(search_log, path, query, redact=redact, stop=is_over.is_set))
    except OSError as error:
        raise UnusablePath(path, "cannot read the log", error) from error
    finally:
        is_over.set()


def _as_it_is(content: bytes) -> bytes:
    return content


class _LogBody(ResponseBody):
    """
    A body that goes on until the client goes or the hub is closed.

    Not a generator: nothing is held across a `yield`, and what it opens is closed at a known place.
    """

    def __init__(self, web: Web, path: str) -> None:
        self._web = web
        self._path = path
        self._stack = ExitStack()
        self._has_ended = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self._stack.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._has_ended:
            with self._web.hub.wait():
                return await self._next()
            self._has_ended = True
            if rest := self._rest():
                return rest
        raise StopAsyncIteration

    async def _next(self) -> bytes:
        raise NotImplementedError

    def _rest(self) -> bytes:
        """Give what is still to be sent at the end."""
        return b""


class RawBody(_LogBody):
    """The last lines, and then what is written, byte for byte but for secrets; an unended line comes at once."""

    def __init__(self, web: Web, path: str, first: LogPage) -> None:
        super().__init__(web, path)
        self._first = b"".join(line.content + b"\n" for line in first.lines)
        self._follower = Follower(path, first.cursor)
        self._redactor = web.supervisor.redactor
        self._masking = self._redactor.stream()

    async def __aenter__(self) -> Self:
        self._stack.enter_context(self._follower)
        return self

    async def _next(self) -> bytes:
        first, self._first = self._first, b""
        told = self._masking.feed(first)
        while not told:
            piece = await self._follower.read()
            if self._redactor is not self._web.supervisor.redactor and not self._masking.held:
                # The configuration was changed.
                self._redactor = self._web.supervisor.redactor
                self._masking = self._redactor.stream()
            told = self._masking.feed(piece)
        return told

    def _rest(self) -> bytes:
        return self._masking.flush()


class TextBody(_LogBody):
    """
    Lines that are wanted, one after the other as soon as they are whole, as text.

    Args:
        query: Without unfinished lines.

        first: What the first search gave.
    """

    def __init__(self, web: Web, path: str, query: LogQuery, first: LogPage) -> None:
        super().__init__(web, path)
        self._query = query
        self._cursor = query.after
        self._page: LogPage | None = first
        self._follower: Follower | None = None

    async def _next(self) -> bytes:
        while True:
            page, self._page = self._page, None
            if page is None:
                if self._follower is not None:
                    await _drain(self._follower)
                page = await search(self._web, self._path, self._query)
            before = self._cursor
            self._go_on(page)
            told = self._tell(page, is_further=self._cursor != before)
            if not told and not page.more and not page.is_reset and not await self._is_something_new():
                told = self._silence()
            if told:
                return told

    def _go_on(self, page: LogPage) -> None:
        if page.is_reset:
            # As at first, but for where to go on.
            tail = TAIL if self._query.tail is None else self._query.tail
            self._query = attrs.evolve(self._query, after=None, tail=tail)
        else:
            self._cursor = page.cursor
            # Old lines are behind us: their time need not be looked at any more.
            self._query = attrs.evolve(self._query, after=page.cursor, tail=None, since=None)

    async def _is_something_new(self) -> bool:
        """Wait for something to be written; false: there was nothing for a while."""
        if self._follower is None:
            self._follower = self._stack.enter_context(Follower(self._path, self._cursor))
            return True
        with trio.move_on_after(HEARTBEAT_S):
            await self._follower.read()
            return True
        return False

    def _tell(self, page: LogPage, *, is_further: bool) -> bytes:
        return b"".join(line.content + b"\n" for line in page.lines)

    def _silence(self) -> bytes:
        """Give what is sent when there was nothing for a while."""
        return b""


class EventsBody(TextBody):
    """The same as server-sent events, each with a cursor as its id."""

    def __init__(self, web: Web, path: str, query: LogQuery, first: LogPage) -> None:
        super().__init__(web, path, query, first)
        self._head = RETRY

    def _tell(self, page: LogPage, *, is_further: bool) -> bytes:
        told, self._head = self._head, b""
        if page.is_reset:
            return told + _event("reset", GONE)
        told += b"".join(_event("line", record_of(line), str(line.end)) for line in page.lines)
        # Also where nothing was wanted: whoever comes back need not have that searched again.
        is_said = bool(page.lines) and page.lines[-1].end == page.cursor
        return told + (f"id: {page.cursor}\n\n".encode() if is_further and page.cursor and not is_said else b"")

    def _silence(self) -> bytes:
        return b": nothing new\n\n"


async def _drain(follower: Follower) -> None:
    while await follower.available():
        pass


def _event(kind: str, content: LogRecord | LogReset, number: str = "") -> bytes:
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {kind}\ndata: {dump(content)}\n\n".encode()
