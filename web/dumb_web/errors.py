"""Errors on the wire: the one table from error classes to status codes, and the bodies."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from quart import Response
from werkzeug.exceptions import HTTPException

from dumb_actors import (
    Busy,
    ConfigError,
    DumbActorsError,
    EventsLost,
    HostError,
    InternalError,
    Refused,
    RequestError,
    ServiceError,
    ShuttingDown,
    StartTimeout,
    StopTimeout,
    Superseded,
    UnknownService,
)

__all__ = ["STATUS", "ApiError", "InvalidRequest", "json_response", "render_error", "status_of"]

log = logging.getLogger("dumb_web")

STATUS: Mapping[type[DumbActorsError], int] = {
    RequestError: 400,
    UnknownService: 404,
    Refused: 409,
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

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__(f"{len(problems)} faults")
        self.problems = problems


def status_of(error: DumbActorsError) -> int:
    """Give the HTTP status for *error*."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def json_response(body: Mapping[str, Any], status: int = 200) -> Response:
    """Make a JSON response; states change all the time, so nobody may keep it."""
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    return Response(json.dumps(body, default=str), status, headers, content_type="application/json")


def render_error(error: Exception) -> Response:
    """Turn whatever a handler raised into its response; what nobody meant to raise is logged and told to nobody."""
    match error:
        case InvalidRequest():
            return json_response({"detail": error.problems}, 422)
        case ApiError():
            return _render(error.status, error.detail, error.code, error.facts)
        case DumbActorsError():
            return _render(status_of(error), str(error), error.code, error.detail)
        case HTTPException():
            return _render_http(error)
        case _:
            log.error("request.failed", exc_info=error)
            return json_response({"detail": "Internal Server Error: see the log of dumb-actors"}, 500)


def _render(status: int, detail: str, code: str, facts: Mapping[str, Any]) -> Response:
    response = json_response({"detail": detail, "code": code, **facts}, status)
    if status == 503:
        response.headers["retry-after"] = "1"
    return response


def _render_http(error: HTTPException) -> Response:
    """Render what Quart itself refuses: unknown routes, wrong methods, bodies that are too large."""
    response = json_response({"detail": error.name}, error.code or 500)
    methods = getattr(error, "valid_methods", None)
    if methods:
        response.headers["allow"] = ", ".join(sorted(methods))
    return response
