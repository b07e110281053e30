"""
What a route is, and what its handler's signature says about it.

A handler is called with a `Web` and, by name, with what its other parameters ask for: `query` and `body` are models
that are read and checked before, one with a `Header` gets that header, and the rest are parts of the path. What it
returns is what is sent. The API's description is made of the same signatures.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_origin, get_type_hints

import attrs
from quart import request

from dumb_actors import DumbActorsError
from dumb_web.shapes import read_body, read_query

__all__ = ["Handler", "Header", "Media", "Route", "Signature"]

Handler: TypeAlias = Callable[..., Awaitable[Any]]


@attrs.frozen
class Header:
    """A parameter that is the header of this name: `Annotated[str | None, Header("Last-Event-ID")]`; None: not sent."""

    name: str


@attrs.frozen
class Media:
    """
    An answer that is not JSON: `Annotated[Response, Media("text/plain")]`.

    Attributes:
        kind: The media type.

        events: For an event stream, the models of the events' data.
    """

    kind: str
    events: tuple[type[Any], ...] = ()


@attrs.frozen(kw_only=True)
class Signature:
    """
    What a handler takes and gives.

    Attributes:
        query, body: The models; None: it takes none.

        headers: Names of headers by parameter.

        parts: Types of the parts of the path by parameter.

        answer: What it returns.
    """

    query: type[Any] | None = None
    body: type[Any] | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    parts: Mapping[str, Any] = attrs.field(factory=dict)
    answer: Any = None

    @classmethod
    def of(cls, handler: Handler) -> "Signature":
        """Read the signature of *handler*; the first parameter is the `Web`."""
        hints = get_type_hints(handler, include_extras=True)
        answer = hints.pop("return")
        _, *others = hints.items()
        headers = {name: get_args(hint)[1].name for name, hint in others if get_origin(hint) is Annotated}
        rest = {name: hint for name, hint in others if name not in headers}
        query, body = rest.pop("query", None), rest.pop("body", None)
        return cls(query=query, body=body, headers=headers, parts=rest, answer=answer)

    async def read(self) -> dict[str, Any]:
        """
        Read what the handler takes from the present request, without the parts of the path.

        Raises:
            InvalidRequest: Every fault of the query, or of the body.
        """
        taken: dict[str, Any] = {name: request.headers.get(header) for name, header in self.headers.items()}
        if self.query is not None:
            taken["query"] = read_query(self.query)
        if self.body is not None:
            taken["body"] = await read_body(self.body)
        return taken


def _signature(route: "Route") -> Signature:
    return Signature.of(route.handler)


@attrs.frozen
class Route:
    """
    One route.

    Attributes:
        method, path: The path without a slash at its end.

        handler: See above.

        errors: What it raises, beyond what any request may meet.

        signature: Of the handler.
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    errors: tuple[type[DumbActorsError], ...] = ()
    signature: Signature = attrs.field(init=False, eq=False, default=attrs.Factory(_signature, takes_self=True))
