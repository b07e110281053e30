"""One request and its response, between Hypercorn and the app: two things that neither of them does."""

from typing import cast

import attrs
import trio
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    ASGISendEvent,
    HTTPResponseBodyEvent,
    Scope,
)

__all__ = ["Exchange"]

DRAIN_S = 2.0
"""How long the rest of a request that is answered early is read, so that its client gets to see the answer."""


@attrs.define(eq=False)
class Exchange:
    """
    Carries the events of one HTTP request between a server and an app.

    The last piece of a response is sent shielded. Hypercorn says `http.disconnect` to the app while it handles that
    piece, at which Quart-Trio cancels the task that sends it; the connection was then left without its idle timer, and
    neither the keep-alive time nor a shutdown closed it.

    Before that piece the rest of the request is read. A connection that is closed with unread bytes is reset, and the
    client may never see the 413 or 403 that explains it.
    """

    _receive: ASGIReceiveCallable
    _send: ASGISendCallable
    _request_ended: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, app: ASGIFramework, scope: Scope) -> None:
        """Let *app* serve *scope*."""
        await app(scope, self._take, self._give)

    async def _take(self) -> ASGIReceiveEvent:
        event = await self._receive()
        if event["type"] == "http.disconnect" or (event["type"] == "http.request" and not event["more_body"]):
            self._request_ended.set()
        return event

    async def _give(self, event: ASGISendEvent) -> None:
        if event["type"] != "http.response.body" or event.get("more_body", False):
            await self._send(event)
            return
        with trio.CancelScope(shield=True):
            if not self._request_ended.is_set():
                await self._send(cast("HTTPResponseBodyEvent", {**event, "more_body": True}))
                event = HTTPResponseBodyEvent(type="http.response.body", body=b"", more_body=False)
                await self._drain()
            await self._send(event)

    async def _drain(self) -> None:
        """Read the rest of the request; the app may be reading at the same time, and either may get its end."""
        with trio.move_on_after(DRAIN_S):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._take_all)
                await self._request_ended.wait()
                nursery.cancel_scope.cancel()

    async def _take_all(self) -> None:
        while not self._request_ended.is_set():
            await self._take()
