"""
Serve the app with Hypercorn inside the caller's nursery, and stop when told to, whatever clients do.

Importing this module imports no web framework: `bind` comes first, the services next, Hypercorn last.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import trio

from dumb_web.sockets import BoundSocket, bind

if TYPE_CHECKING:
    from dumb_web.app import WebApp

__all__ = ["GRACE_S", "BoundSocket", "bind", "serve"]

GRACE_S = 3.0


async def serve(
    app: "WebApp",
    sockets: Sequence[BoundSocket],
    *,
    shutdown: trio.Event,
    grace: float = GRACE_S,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """
    Answer requests on *sockets* until *shutdown* is set.

    Then no connection is accepted any more, the streams end, and requests under way have *grace* seconds; what is left
    after that, clients that do not read included, is closed by force. Installs no signal handler.

    Args:
        app: From `create_app`.

        sockets: From `bind`; they belong to this call, and are closed and unlinked whatever way it ends.

        shutdown: Ends it.

        grace: Seconds for requests under way.

        task_status: Told the URLs once connections are accepted.

    Cancellation: safe; everything is closed at once, without the grace.
    """
    from dumb_web.connections import Connections

    try:
        connections = Connections(app)
        async with trio.open_nursery() as nursery:
            try:
                async with trio.open_nursery() as accepting:
                    accepting.start_soon(connections.accept, [bound.socket for bound in sockets], nursery)
                    task_status.started([bound.url for bound in sockets])
                    await shutdown.wait()
                    accepting.cancel_scope.cancel()
                app.hub.close()
                with trio.move_on_after(grace):
                    await connections.finish()
            finally:
                # Also when cancelled: Hypercorn shields its sending, and only this ends it.
                connections.close()
                nursery.cancel_scope.cancel()
    finally:
        for bound in sockets:
            bound.close()
