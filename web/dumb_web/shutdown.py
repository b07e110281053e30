"""`POST /shutdown`: end the program."""

import os

import attrs

from dumb_web.context import Answer, Route, Web
from dumb_web.errors import ApiError
from dumb_web.shapes import read_body

__all__ = ["ROUTES"]


@attrs.frozen
class ShutdownRequest:
    """Body of a shutdown: nothing so far, and it may be left out."""


async def shut_down(web: Web) -> Answer:
    """Begin the shutdown, and answer before it ends us."""
    await read_body(ShutdownRequest, optional=True)
    if web.on_shutdown is None:
        raise ApiError(404, "this program cannot be ended over its API", code="not-offered")
    web.on_shutdown()
    return {"status": "Shutting down", "pid": os.getpid()}


ROUTES = (Route("POST", "/shutdown", shut_down),)
