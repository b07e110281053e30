"""
The guard: stands before the app, applies the policy to every request, and speaks CORS with the origins it allows.

It wraps the ASGI app and not a handler, so that nothing can be reached around it: unknown routes, wrong methods and
websockets go through it too.
"""

import json
from collections.abc import Iterable
from typing import cast

import attrs
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPResponseBodyEvent,
    HTTPResponseStartEvent,
    HTTPScope,
    Scope,
    WebsocketCloseEvent,
)

from dumb_web.policy import Policy, RequestHeaders

__all__ = ["Guard"]

RawHeaders = list[tuple[bytes, bytes]]

METHODS = b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
PREFLIGHT_MAX_AGE_S = 600


def _read_headers(raw: Iterable[tuple[bytes, bytes]]) -> RequestHeaders:
    headers: dict[str, list[str]] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin1").lower(), []).append(value.decode("latin1"))
    return headers


@attrs.frozen
class Guard:
    """
    An ASGI app that lets through to *app* what *policy* allows.

    Refused requests get 403 with `{"detail", "code"}`, refused websockets are not accepted. Preflights of allowed
    origins are answered here.
    """

    app: ASGIFramework
    policy: Policy

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "http":
            await self._serve_http(scope, receive, send)
        elif scope["type"] == "websocket":
            # A websocket can change things and CORS does not cover it: it is held to the stricter rule.
            if self.policy.check("POST", _read_headers(scope["headers"])) is None:
                await self.app(scope, receive, send)
            else:
                await send(WebsocketCloseEvent(type="websocket.close", code=1008, reason=None))
        else:
            await self.app(scope, receive, send)

    async def _serve_http(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        headers = _read_headers(scope["headers"])
        refusal = self.policy.check(scope["method"], headers)
        if refusal is not None:
            body = json.dumps({"detail": refusal.detail, "code": refusal.code}).encode()
            await _answer(send, 403, [(b"content-type", b"application/json")], body)
            return
        origin = headers.get("origin", [""])[0]
        if not origin or origin == "null":
            await self.app(scope, receive, send)
            return
        cors = _cors_headers(origin)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _answer(send, 200, cors + _preflight_headers(headers), b"OK")
            return

        async def send_with_cors(event: ASGISendEvent) -> None:
            if event["type"] == "http.response.start":
                event = cast("HTTPResponseStartEvent", {**event, "headers": [*event["headers"], *cors]})
            await send(event)

        await self.app(scope, receive, send_with_cors)


def _cors_headers(origin: str) -> RawHeaders:
    return [
        (b"access-control-allow-origin", origin.encode("latin1")),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    ]


def _preflight_headers(headers: RequestHeaders) -> RawHeaders:
    asked = ", ".join(headers.get("access-control-request-headers", ()))
    allowed = [(b"access-control-allow-headers", asked.encode("latin1"))] if asked else []
    return [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"access-control-allow-methods", METHODS),
        (b"access-control-max-age", str(PREFLIGHT_MAX_AGE_S).encode()),
        *allowed,
    ]


async def _answer(send: ASGISendCallable, status: int, headers: RawHeaders, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status, "headers": [*headers, length]}
    await send(cast("HTTPResponseStartEvent", start))
    await send(HTTPResponseBodyEvent(type="http.response.body", body=body, more_body=False))
