"""`POST /shutdown`: end the program."""

import os
from typing import Literal

import attrs

from dumb_web.context import Web
from dumb_web.errors import NotOffered
from dumb_web.routes import Route

__all__ = ["ROUTES"]


@attrs.frozen
class ShutdownRequest:
    """Body of a shutdown: nothing so far, and it may be left out."""


@attrs.frozen(kw_only=True)
class ShuttingDownNow:
    """
    The shutdown has begun.

    Attributes:
        pid: Of the supervisor, to wait for its end.
    """

    status: Literal["Shutting down"] = "Shutting down"
    pid: int


async def shut_down(web: Web, body: ShutdownRequest) -> ShuttingDownNow:
    """Stop everything and end the program, as SIGTERM does; answered before that."""
    if web.on_shutdown is None:
        raise NotOffered("this program cannot be ended over its API")
    web.on_shutdown()
    return ShuttingDownNow(pid=os.getpid())


ROUTES = (Route("POST", "/shutdown", shut_down, errors=(NotOffered,)),)
