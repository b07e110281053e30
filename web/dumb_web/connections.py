"""
Hypercorn's connections, without Hypercorn's way of starting and stopping.

`hypercorn.trio.serve` waits for ever at shutdown for one client that does not read: its sending is shielded, whatever
`graceful_timeout` says. So we run the accepting ourselves, keep the streams, and close what is left. `TCPServer` and
`WorkerContext` are not public names of Hypercorn; the dependency is pinned below 0.19 and a test with a client that
does not read guards this.

There is no lifespan either: the app owns nothing that would begin or end with the server.
"""

import logging
import socket
from collections.abc import Callable
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ConnectionState,
    LifespanState,
    Scope,
)

from dumb_web.exchange import Exchange

__all__ = ["Connections"]

log = logging.getLogger("dumb_web")


class Connections:
    """
    The open connections of one server.

    Args:
        app: The ASGI app that answers.
    """

    def __init__(self, app: object) -> None:
        self._app = cast("ASGIFramework", app)
        self._context = WorkerContext(None)
        self._streams: set[trio.SocketStream] = set()
        self._none_left = trio.Event()
        self._config = Config()
        self._config.accesslog = None
        self._config.errorlog = log
        self._config.include_server_header = False

    async def accept(self, sockets: list[socket.socket], nursery: trio.Nursery) -> None:
        """Accept connections on *sockets* and serve them in *nursery*, until cancelled."""
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(sock)) for sock in sockets]
        await trio.serve_listeners(self._serve_one, listeners, handler_nursery=nursery)

    async def finish(self) -> None:
        """Close what is idle, and return when nothing is open."""
        await self._context.terminated.set()
        while self._streams:
            self._none_left = trio.Event()
            await self._none_left.wait()

    def close(self) -> None:
        """Close every connection at once; whoever sends or receives on it is told by Trio."""
        for stream in self._streams:
            stream.socket.close()

    async def _serve_one(self, stream: trio.SocketStream) -> None:
        self._streams.add(stream)
        state = ConnectionState(cast("LifespanState", {}))
        try:
            await TCPServer(self._call, self._config, self._context, state, cast("Any", stream)).run()
        except Exception:
            # The edge of one client: what goes wrong here must not end the others.
            log.exception("connection.failed")
        finally:
            self._streams.discard(stream)
            if not self._streams:
                self._none_left.set()

    async def _call(
        self,
        scope: Scope,
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
        sync_spawn: Callable[..., Any],
        call_soon: Callable[..., Any],
    ) -> None:
        if scope["type"] == "http":
            await Exchange(receive, send).run(self._app, scope)
        else:
            await self._app(scope, receive, send)
