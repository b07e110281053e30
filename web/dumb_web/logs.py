"""`GET /logs` and `GET /logs/<service>`: output of services, by pieces for pages, and by lines for all others."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import attrs
from quart import Response, request

from dumb_actors import LogPage, ServiceSpec, UnknownService, UnusablePath
from dumb_web.context import Web
from dumb_web.errors import ApiError, json_response
from dumb_web.logfile import Piece, piece_at
from dumb_web.logquery import Asked, LinesQuery
from dumb_web.logstream import EventsBody, LogRecord, LogReset, RawBody, TextBody, record_of, search
from dumb_web.routes import Header, Media, Route
from dumb_web.streams import stream_response
from dumb_web.structure import Range

__all__ = ["ROUTES"]

TEXT = "text/plain; charset=utf-8"


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


@attrs.frozen(kw_only=True)
class LogAnswer:
    """
    Lines of a log.

    Attributes:
        service: Whose.

        lines: The oldest first.

        more: The search ended at a limit; there may be more: younger lines behind `cursor` where no `tail` was asked
            for, else older ones before `older`.

        reset: `after` or `before` lies in a file that is gone; these are the last lines instead.

        older: Go on with this as `before`; null: there are no older ones, or no `tail` was asked for.

        cursor: Go on with this as `after`; null: there is no log.
    """

    service: str
    lines: Sequence[LogRecord]
    more: bool
    reset: bool
    older: str | None
    cursor: str | None


async def log_piece(web: Web, query: PieceQuery) -> LogPiece:
    """Give what is new in a log since a cursor; an unknown service has an empty log."""
    path = _path_of(web, query.process_name)
    piece = await web.in_file_thread(_reader(web, path, query)) if path else Piece()
    return LogPiece(
        process_name=query.process_name,
        size=piece.size,
        cursor=piece.cursor,
        chunk=piece.text,
        reset=piece.reset,
        log=piece.text if piece.reset else None,
    )


def _reader(web: Web, path: str, query: PieceQuery) -> Callable[[], Piece]:
    return partial(piece_at, path, query.cursor, query.tail_bytes, web.supervisor.redactor)


async def log_stream(
    web: Web, service: str, query: LinesQuery, last_event_id: Annotated[str | None, Header("Last-Event-ID")]
) -> Annotated[Response, Media("*/*", events=(LogRecord, LogReset))]:
    """
    Give lines of a service's output: the last ones, those of a time, of a generation, with a text in them.

    As text they are as they were written. Where a limit cut them off, the header `x-log-more` is `true`, and
    `x-log-older` or `x-log-cursor` is what to ask with next, as `before` or `after`; with `follow` the text goes on
    with what is written. As JSON they are an object with `lines`, `more`, `reset`, `older` and `cursor`. As
    server-sent events each line is one (`line`) and has a cursor as its id; a stream that is resumed where that is
    possible loses and doubles no line, otherwise it begins with an event `reset`.

    Args:
        service: Whose output; a slash in the name may be written as it is.

        last_event_id: Go on behind the line with this id; what is no cursor is taken for none.
    """
    # A name may end in a slash, and so may the spelling of a path.
    path = _path_of(web, service) or _path_of(web, service.rstrip("/"))
    if path is None:
        raise ApiError(404, f"no log: {service!r} is no service with output of its own", code="unknown-service")
    asked = Asked.of(query, request.headers.get("accept", ""), last_event_id)
    if asked.follow:
        return await _followed(web, path, asked)
    page = await search(web, path, asked.query)
    is_reset = page.is_reset
    if is_reset:
        page = await search(web, path, asked.anew())
    answer = LogAnswer(
        service=service,
        lines=[record_of(line) for line in page.lines] if asked.format == "json" else (),
        more=page.more,
        reset=is_reset,
        older=None if page.older is None else str(page.older),
        cursor=None if page.cursor is None else str(page.cursor),
    )
    return json_response(answer) if asked.format == "json" else _as_text(page, answer)


async def _followed(web: Web, path: str, asked: Asked) -> Response:
    query = attrs.evolve(asked.query, unfinished=False)
    if asked.format == "events":
        first = await search(web, path, query)
        return stream_response(EventsBody(web, path, query, first), "text/event-stream; charset=utf-8")
    # Of a text without conditions also what has no line's end yet is passed on, and masked as a whole.
    first = await search(web, path, query, masked=not asked.is_plain)
    body = RawBody(web, path, first) if asked.is_plain else TextBody(web, path, query, first)
    return stream_response(body, TEXT)


def _as_text(page: LogPage, answer: LogAnswer) -> Response:
    content = b"".join(line.content + (b"\n" if line.is_whole else b"") for line in page.lines)
    response = stream_response(content, TEXT)
    told = {"x-log-more": "true" if answer.more else None, "x-log-reset": "true" if answer.reset else None}
    told |= {"x-log-older": answer.older, "x-log-cursor": answer.cursor}
    response.headers.update({name: value for name, value in told.items() if value is not None})
    return response


def _path_of(web: Web, name: str) -> str | None:
    """Give the path of the log that *name* means; None: there is no such service, or it keeps no log."""
    try:
        found = web.listing.find(name)
    except UnknownService:
        return None
    return web.supervisor.log_path(found.name) if isinstance(found, ServiceSpec) else None


ROUTES = (
    Route("GET", "/logs", log_piece, errors=(UnusablePath,)),
    Route("GET", "/logs/<path:service>", log_stream, errors=(UnknownService, UnusablePath)),
)
