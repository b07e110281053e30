"""The app: every route in its four spellings, the error handlers, the guard in front."""

from collections.abc import Awaitable, Callable, Iterable
from typing import cast

import trio
from hypercorn.typing import ASGIFramework
from quart import Response
from quart_trio import QuartTrio

from dumb_actors import Supervisor
from dumb_web import (
    capabilities,
    catalogue,
    description,
    events,
    events_history,
    graph,
    lifecycle,
    logs,
    planning,
    processes,
    shutdown,
    status,
    timeline,
    why,
)
from dumb_web.context import Web
from dumb_web.errors import json_response, render_error
from dumb_web.guard import Guard
from dumb_web.listing import Listing
from dumb_web.policy import Policy
from dumb_web.routes import Route
from dumb_web.streams import StreamHub

__all__ = ["WebApp", "create_app"]

BODY_LIMIT = 1024 * 1024
ROUTES: tuple[Route, ...] = (
    *processes.ROUTES,
    *lifecycle.ROUTES,
    *planning.ROUTES,
    *status.ROUTES,
    *catalogue.ROUTES,
    *graph.ROUTES,
    *capabilities.ROUTES,
    *events.ROUTES,
    *events_history.ROUTES,
    *timeline.ROUTES,
    *why.ROUTES,
    *logs.ROUTES,
    *shutdown.ROUTES,
    *description.ROUTES,
)


class WebApp(QuartTrio):
    """
    A Quart-Trio app that knows its open streams.

    It keeps nothing in `nursery` and needs no lifespan: the supervisor is the caller's.

    Attributes:
        hub: The streams; close it first when the server is to stop.

        file_threads: What reads files; a request that is given up leaves its thread to itself until the file answers.
    """

    hub: StreamHub
    file_threads: trio.CapacityLimiter


def create_app(
    supervisor: Supervisor,
    *,
    on_shutdown: Callable[[], None] | None = None,
    on_leave: Callable[[], None] | None = None,
    allowed_hosts: Iterable[str] = (),
    origins: Iterable[str] | None = None,
) -> WebApp:
    """
    Make the REST API of *supervisor*.

    Args:
        supervisor: Only its public methods are called; it may end before the app does.

        on_shutdown: Called, in the Trio thread, by `POST /shutdown`; None: that answers 404.

        on_leave: Called instead when the services are to go on; None: that is refused.

        allowed_hosts: Names for the `Host` header beside those of loopback, for a reverse proxy on this machine.

        origins: Origins whose pages may use the API, beside loopback and our own; None: `dumb.frontend.origins` of
            the supervisor's configuration.

    Returns:
        An ASGI app, to be run by `dumb_web.serve.serve` or any Trio ASGI server.
    """
    if origins is None:
        origins = () if supervisor.config is None else supervisor.config.settings.origins
    app = WebApp("dumb_web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    # Both spellings of a path are answered, never a redirect: proxies that cut a prefix off would lose it.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    web = Web(
        supervisor=supervisor,
        listing=Listing(supervisor),
        routes=ROUTES,
        on_shutdown=on_shutdown,
        on_leave=on_leave,
    )
    app.hub = web.hub
    app.file_threads = web.file_threads
    for route in ROUTES:
        _add_route(app, web, route)
    app.register_error_handler(Exception, _handle_error)
    guard = Guard(cast("ASGIFramework", app.asgi_app), Policy(allowed_hosts=allowed_hosts, origins=origins))
    app.asgi_app = guard  # type: ignore[method-assign]
    return app


def _add_route(app: WebApp, web: Web, route: Route) -> None:
    view = _view(route, web)
    for prefix in ("", "/api"):
        path = prefix + route.path
        app.add_url_rule(path, f"{route.method} {path}", view, methods=[route.method], provide_automatic_options=False)
        for rule in app.url_map.iter_rules(f"{route.method} {path}"):
            if rule.methods is not None:
                rule.methods.discard("HEAD")  # a stream has no head; the reference answers 405, too


def _view(route: Route, web: Web) -> Callable[..., Awaitable[Response]]:
    async def view(**parts: str) -> Response:
        answer = await route.handler(web, **await route.signature.read(), **parts)
        return answer if isinstance(answer, Response) else json_response(answer)

    return view


async def _handle_error(error: Exception) -> Response:
    return render_error(error)
