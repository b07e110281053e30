"""What every handler gets: the supervisor, the list of services, the open streams; and what a route is."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeAlias

import attrs
import trio
from quart import Response

from dumb_actors import Supervisor
from dumb_web.listing import Listing
from dumb_web.streams import StreamHub

__all__ = ["Answer", "Handler", "Route", "Web"]

FILE_THREADS = 8
"""Threads for reading logs: a file system that hangs can take these, and no others of the program."""


@attrs.frozen(kw_only=True, eq=False)
class Web:
    """
    What handlers work with.

    Attributes:
        supervisor: Whose public methods they call.

        listing: Its services and the built-ins.

        hub: Where streams that last are registered, so that a shutdown can end them.

        on_shutdown: Ends the program; None: it cannot be ended from here.

        file_threads: For everything that reads a file.
    """

    supervisor: Supervisor
    listing: Listing
    hub: StreamHub = attrs.field(factory=StreamHub)
    on_shutdown: Callable[[], None] | None = None
    file_threads: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(FILE_THREADS))


Answer: TypeAlias = Mapping[str, Any] | Response
Handler: TypeAlias = Callable[..., Awaitable[Answer]]
"""Called with a `Web` and the variable parts of the path."""


@attrs.frozen
class Route:
    """One route: method, path without trailing slash, handler."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
