"""Errors on the wire: the one table from error classes to status codes, and the bodies."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from quart import Response
from werkzeug.exceptions import HTTPException

from dumb_actors import (
    Busy,
    ConfigError,
    DumbActorsError,
    EventsLost,
    HostError,
    InternalError,
    Phase,
    Refused,
    RequestError,
    ServiceError,
    ShuttingDown,
    StaleRevision,
    StartTimeout,
    StopTimeout,
    Superseded,
    UnknownBoot,
    UnknownRevision,
    UnknownService,
)
from dumb_web.snapshots import WaitingFor
from dumb_web.wire import LEFT_OUT, dump

__all__ = [
    "PROBLEMS",
    "STATUS",
    "ApiError",
    "Entry",
    "FailedStart",
    "InvalidRequest",
    "LateStart",
    "NotOffered",
    "Problem",
    "WrongShape",
    "json_response",
    "render_error",
    "status_of",
]

log = logging.getLogger("dumb_web")


class NotOffered(RequestError):
    """This server has no such thing."""

    code = "not-offered"


STATUS: Mapping[type[DumbActorsError], int] = {
    RequestError: 400,
    UnknownService: 404,
    UnknownBoot: 404,
    UnknownRevision: 404,
    NotOffered: 404,
    Refused: 409,
    StaleRevision: 409,
    Superseded: 409,
    EventsLost: 409,
    Busy: 503,
    ShuttingDown: 503,
    StartTimeout: 504,
    StopTimeout: 504,
    ConfigError: 400,
    ServiceError: 500,
    HostError: 500,
    InternalError: 500,
}
"""The nearest class in an error's line of ancestors counts."""


# --- bodies -----------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Problem:
    """
    Body of an error. Further members are facts about it.

    Attributes:
        detail: What happened: the sentence that clients show.

        code: A stable slug; absent where the status says it all.
    """

    detail: str
    code: str | None = attrs.field(default=None, metadata=LEFT_OUT)


@attrs.frozen(kw_only=True)
class FailedStart(Problem):
    """
    Body of a start that failed.

    Attributes:
        service: Who failed.

        reason: Why.

        hint: What would help; may be empty.

        last_lines: The last lines of its output.

        retry_in_s: Seconds until it is tried again by itself; null: it is not.
    """

    service: str
    reason: str
    hint: str
    last_lines: Sequence[str]
    retry_in_s: float | None


@attrs.frozen(kw_only=True)
class LateStart(Problem):
    """
    Body of a start that is not done within its deadline; the wish stays.

    Attributes:
        service: Who is late.

        timeout: The deadline, seconds.

        waiting: What it waits for.

        phase: Where it is.
    """

    service: str
    timeout: float
    waiting: Sequence[WaitingFor]
    phase: Phase


PROBLEMS: Mapping[type[DumbActorsError], type[Problem]] = {ServiceError: FailedStart, StartTimeout: LateStart}
"""Bodies with more than a `Problem` has; the nearest class counts."""


@attrs.frozen(kw_only=True)
class Entry:
    """
    One fault of a request.

    Attributes:
        type: Its sort: `missing`, `string_type`, `literal_error`, …

        loc: Where: `query` or `body`, then names and indices.

        msg: What is wrong.

        input: What was given.

        ctx: The limits that were passed, or what was expected.
    """

    type: str
    loc: Sequence[str | int]
    msg: str
    input: Any = None
    ctx: Mapping[str, Any] | None = attrs.field(default=None, metadata=LEFT_OUT)


@attrs.frozen(kw_only=True)
class WrongShape:
    """
    Body of a request of the wrong shape.

    Attributes:
        detail: Every fault of the request.
    """

    detail: Sequence[Entry]


# --- exceptions -------------------------------------------------------------------------------------------------------


class ApiError(Exception):
    """
    An answer that is an error, as a handler wants it on the wire.

    Attributes:
        status: HTTP status.

        detail: The sentence that clients show.

        code: A stable slug.

        facts: Further members of the body, JSON-ready.
    """

    def __init__(self, status: int, detail: str, *, code: str = "bad-request", **facts: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.facts = facts


class InvalidRequest(Exception):
    """A query or body of the wrong shape: 422; `problems` are the entries of `detail`, every fault of the request."""

    def __init__(self, problems: Sequence[Entry]) -> None:
        super().__init__(f"{len(problems)} faults")
        self.problems = problems


def status_of(error: DumbActorsError) -> int:
    """Give the HTTP status for *error*."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


# --- responses --------------------------------------------------------------------------------------------------------


def json_response(body: Any, status: int = 200) -> Response:
    """Make a JSON response; states change all the time, so nobody may keep it."""
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(dump(body), status, headers, content_type="application/json")


def render_error(error: Exception) -> Response:
    """Turn whatever a handler raised into its response; what nobody meant to raise is logged and told to nobody."""
    match error:
        case InvalidRequest():
            return json_response(WrongShape(detail=error.problems), 422)
        case ApiError():
            return _render(error.status, error.detail, error.code, error.facts)
        case DumbActorsError():
            return _render(status_of(error), str(error), error.code, error.detail)
        case HTTPException():
            return _render_http(error)
        case _:
            log.error("request.failed", exc_info=error)
            return json_response(Problem(detail="Internal Server Error: see the log of dumb-actors"), 500)


def _render(status: int, detail: str, code: str, facts: Mapping[str, Any]) -> Response:
    response = json_response({"detail": detail, "code": code, **facts}, status)
    if status == 503:
        response.headers["retry-after"] = "1"
    return response


def _render_http(error: HTTPException) -> Response:
    """Render what Quart itself refuses: unknown routes, wrong methods, bodies that are too large."""
    response = json_response(Problem(detail=error.name), error.code or 500)
    methods = getattr(error, "valid_methods", None)
    if methods:
        response.headers["allow"] = ", ".join(sorted(methods))
    return response
