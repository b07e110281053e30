"""`GET /logs` and `GET /logs/<service>`: output of services, by pieces for pages and as a stream for people."""

from functools import partial
from types import TracebackType
from typing import Annotated, Any, Self

import attrs
import trio
from quart import Response
from quart.wrappers.response import ResponseBody

from dumb_actors import Follower, ServiceSpec, UnknownService
from dumb_web.context import Answer, Route, Web
from dumb_web.errors import ApiError
from dumb_web.logfile import Piece, Tail, piece_at, read_lines
from dumb_web.shapes import Range, read_query
from dumb_web.streams import StreamHub

__all__ = ["ROUTES"]

LINES_LIMIT = 100_000


@attrs.frozen
class PieceQuery:
    """The query of `GET /logs`."""

    process_name: str
    cursor: Annotated[int, Range(ge=0)] | None = None
    tail_bytes: Annotated[int, Range(ge=1024, le=8_388_608)] = 131_072


@attrs.frozen
class StreamQuery:
    """The query of `GET /logs/<service>`."""

    tail: Annotated[int, Range(ge=0, le=LINES_LIMIT)] = 100
    follow: bool = False


async def log_piece(web: Web) -> Answer:
    """Answer what is new in a log since a cursor; an unknown service has an empty log (spec 7.3)."""
    asked = read_query(PieceQuery)
    path = _path_of(web, asked.process_name)
    piece = await _in_thread(web, partial(piece_at, path, asked.cursor, asked.tail_bytes)) if path else Piece()
    return {
        "process_name": asked.process_name,
        "size": piece.size,
        "cursor": piece.cursor,
        "chunk": piece.text,
        "reset": piece.reset,
        "log": piece.text if piece.reset else None,
    }


async def log_stream(web: Web, service: str) -> Answer:
    """Answer the last lines of a service's output, and with `follow` what it writes from there on."""
    asked = read_query(StreamQuery)
    # A name may end in a slash, and so may the spelling of a path.
    path = _path_of(web, service) or _path_of(web, service.rstrip("/"))
    if path is None:
        raise ApiError(404, f"no log: {service!r} is no service with output of its own", code="unknown-service")
    tail = await _in_thread(web, partial(read_lines, path, asked.tail))
    body = FollowBody(path, tail, web.hub) if asked.follow else tail.content
    response = Response(body, content_type="text/plain; charset=utf-8")
    response.headers.update({"cache-control": "no-store", "x-content-type-options": "nosniff"})
    response.timeout = None  # Quart's default cuts a response after a minute
    return response


def _path_of(web: Web, name: str) -> str | None:
    """Give the path of the log that *name* means; None: there is no such service, or it keeps no log."""
    try:
        found = web.listing.find(name)
    except UnknownService:
        return None
    return web.supervisor.log_path(found.name) if isinstance(found, ServiceSpec) else None


async def _in_thread(web: Web, read: Any) -> Any:
    return await trio.to_thread.run_sync(read, limiter=web.file_threads, abandon_on_cancel=True)


class FollowBody(ResponseBody):
    """
    The body of a stream: the tail, then what is written, until the client goes or the hub is closed.

    Not a generator: nothing is held across a `yield`, and what it opens is closed at a known place.
    """

    def __init__(self, path: str, tail: Tail, hub: StreamHub) -> None:
        self._follower = Follower(path, tail.end)
        self._hub = hub
        self._first: bytes | None = tail.content

    async def __aenter__(self) -> Self:
        self._follower.__enter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self._follower.__exit__(kind, value, trace)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            first, self._first = self._first, None
            return first
        with self._hub.wait():
            return await self._follower.read()
        raise StopAsyncIteration


ROUTES = (
    Route("GET", "/logs", log_piece),
    Route("GET", "/logs/<path:service>", log_stream),
)
