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
    """
    Body of a shutdown; it may be left out.

    Attributes:
        keep: End the supervisor only and leave the services running, for the next one to take over.
    """

    keep: bool = False


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
    """
    Stop everything and end the program, as SIGTERM does; answered before that.

    With `keep` the services go on without a supervisor: the way to a newer version of this program.
    """
    end = web.on_leave if body.keep else web.on_shutdown
    if end is None or (body.keep and not web.supervisor.can_leave):
        what = "cannot leave its services running" if body.keep else "cannot be ended over its API"
        raise NotOffered(f"this program {what}")
    end()
    return ShuttingDownNow(pid=os.getpid())


ROUTES = (Route("POST", "/shutdown", shut_down, errors=(NotOffered,)),)
