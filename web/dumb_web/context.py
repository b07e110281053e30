"""What every handler gets: the supervisor, the list of services, the open streams."""

from collections.abc import Callable
from typing import TypeVar

import attrs
import trio

from dumb_actors import Supervisor
from dumb_web.listing import Listing
from dumb_web.routes import Route
from dumb_web.streams import StreamHub

__all__ = ["Web"]

T = TypeVar("T")

FILE_THREADS = 8
"""Threads for reading files: a file system that hangs can take these, and no others of the program."""


@attrs.frozen(kw_only=True, eq=False)
class Web:
    """
    What handlers work with.

    Attributes:
        supervisor: Whose public methods they call.

        listing: Its services and the built-ins.

        routes: All of them, for those who describe the API.

        hub: Where streams that last are registered, so that a shutdown can end them.

        on_shutdown: Ends the program; None: it cannot be ended from here.

        on_leave: Ends the program and leaves the services running; None: that cannot be done from here.

        file_threads: For everything that reads a file.
    """

    supervisor: Supervisor
    listing: Listing
    routes: tuple[Route, ...]
    hub: StreamHub = attrs.field(factory=StreamHub)
    on_shutdown: Callable[[], None] | None = None
    on_leave: Callable[[], None] | None = None
    file_threads: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(FILE_THREADS))

    async def in_file_thread(self, read: Callable[[], T]) -> T:
        """Call *read*, which touches files, in a thread; cancelled, it is left to itself."""
        return await trio.to_thread.run_sync(read, limiter=self.file_threads, abandon_on_cancel=True)
