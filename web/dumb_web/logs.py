"""`GET /logs` and `GET /logs/<service>`: output of services, by pieces for pages and as a stream for people."""

from functools import partial
from types import TracebackType
from typing import Annotated, Self

import attrs
from quart import Response
from quart.wrappers.response import ResponseBody

from dumb_actors import Follower, ServiceSpec, UnknownService, UnusablePath
from dumb_web.context import Web
from dumb_web.errors import ApiError
from dumb_web.logfile import Piece, Tail, piece_at, read_lines
from dumb_web.routes import Media, Route
from dumb_web.streams import StreamHub, stream_response
from dumb_web.structure import Range

__all__ = ["ROUTES"]

LINES_LIMIT = 100_000


@attrs.frozen
class PieceQuery:
    """
    The query of `GET /logs`.

    Attributes:
        process_name: Whose output.

        cursor: Where the last piece ended; left out: the end of the log.

        tail_bytes: How much of the end, without a cursor.
    """

    process_name: str
    cursor: Annotated[int, Range(ge=0)] | None = None
    tail_bytes: Annotated[int, Range(ge=1024, le=8_388_608)] = 131_072


@attrs.frozen(kw_only=True)
class LogPiece:
    """
    A piece of a log.

    Attributes:
        process_name: As it was asked for.

        size: Of the log, bytes.

        cursor: Where this piece ends: ask with it for what comes.

        chunk: The piece.

        reset: It does not go on from where the caller was: show it instead of what was there.

        log: The piece again where `reset` is true, else null.
    """

    process_name: str
    size: int
    cursor: int
    chunk: str
    reset: bool
    log: str | None


@attrs.frozen
class TailQuery:
    """
    The query of `GET /logs/<service>`.

    Attributes:
        tail: How many of the last lines.

        follow: Go on with what is written, until the supervisor ends.
    """

    tail: Annotated[int, Range(ge=0, le=LINES_LIMIT)] = 100
    follow: bool = False


async def log_piece(web: Web, query: PieceQuery) -> LogPiece:
    """Give what is new in a log since a cursor; an unknown service has an empty log."""
    path = _path_of(web, query.process_name)
    piece = await web.in_file_thread(partial(piece_at, path, query.cursor, query.tail_bytes)) if path else Piece()
    return LogPiece(
        process_name=query.process_name,
        size=piece.size,
        cursor=piece.cursor,
        chunk=piece.text,
        reset=piece.reset,
        log=piece.text if piece.reset else None,
    )


async def log_stream(web: Web, service: str, query: TailQuery) -> Annotated[Response, Media("text/plain")]:
    """
    Give the last lines of a service's output as they are, and with `follow` what it writes from there on.

    Args:
        service: Whose output; a slash in the name may be written as it is.
    """
    # A name may end in a slash, and so may the spelling of a path.
    path = _path_of(web, service) or _path_of(web, service.rstrip("/"))
    if path is None:
        raise ApiError(404, f"no log: {service!r} is no service with output of its own", code="unknown-service")
    tail = await web.in_file_thread(partial(read_lines, path, query.tail))
    body = FollowBody(path, tail, web.hub) if query.follow else tail.content
    return stream_response(body, "text/plain; charset=utf-8")


def _path_of(web: Web, name: str) -> str | None:
    """Give the path of the log that *name* means; None: there is no such service, or it keeps no log."""
    try:
        found = web.listing.find(name)
    except UnknownService:
        return None
    return web.supervisor.log_path(found.name) if isinstance(found, ServiceSpec) else None


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
    Route("GET", "/logs", log_piece, errors=(UnusablePath,)),
    Route("GET", "/logs/<path:service>", log_stream, errors=(UnknownService, UnusablePath)),
)
