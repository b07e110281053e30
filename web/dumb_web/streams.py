"""Responses that last: known in one place, so that a shutdown ends them before it ends anything else."""

from collections.abc import Iterator
from contextlib import contextmanager

import trio
from quart import Response
from quart.wrappers.response import ResponseBody

__all__ = ["StreamHub", "stream_response"]


class StreamHub:
    """
    The waits of all streams that are open.

    Hypercorn waits for open responses at shutdown; a stream that ends by itself lets its client see a proper end.
    """

    def __init__(self) -> None:
        self._scopes: set[trio.CancelScope] = set()
        self._is_closed = False

    @contextmanager
    def wait(self) -> Iterator[None]:
        """Wait in this block for what the stream sends next; the block is left early once the hub is closed."""
        with trio.CancelScope() as scope:
            if self._is_closed:
                scope.cancel()
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)

    def close(self) -> None:
        """End every stream, now and later ones too."""
        self._is_closed = True
        for scope in self._scopes:
            scope.cancel()


def stream_response(body: ResponseBody | bytes, content_type: str) -> Response:
    """Make a response that may last for ever, and that nobody between may hold back or keep."""
    response = Response(body, content_type=content_type)
    response.headers.update(
        {"cache-control": "no-store", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
    )
    response.timeout = None  # Quart's default cuts a response after a minute
    return response
