"""
The REST API: a Quart-Trio app over the public names of `dumb_actors`. Handlers only translate.

    bound = dumb_web.bind("127.0.0.1:8000")              # before the web stack is imported
    app = dumb_web.create_app(supervisor, on_shutdown=shutdown.set)
    await nursery.start(partial(dumb_web.serve.serve, app, [bound], shutdown=shutdown))

Importing this package imports neither Quart nor Hypercorn; the first use of `create_app` does.
"""

from typing import TYPE_CHECKING, Any

from dumb_web.sockets import BoundSocket, bind

if TYPE_CHECKING:
    from dumb_web.app import create_app

__all__ = ["BoundSocket", "bind", "create_app"]


def __getattr__(name: str) -> Any:
    if name == "create_app":
        from dumb_web.app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
