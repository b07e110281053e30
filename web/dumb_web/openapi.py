"""The OpenAPI document (3.1), made of the routes: what their handlers take, give and raise."""

import re
from collections.abc import Iterable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import attrs

from dumb_actors import DumbActorsError, __version__
from dumb_web.docstrings import Docstring
from dumb_web.errors import PROBLEMS, STATUS, Problem, WrongShape
from dumb_web.examples import EXAMPLES, FAILURES, Example
from dumb_web.routes import Media, Route
from dumb_web.schema import Schema, Schemas, resolved
from dumb_web.shapes import is_optional
from dumb_web.wire import key_of

__all__ = ["document", "path_of"]

ABOUT = """\
Starts, stops and watches the services of one machine. Endpoints under `/process/`, `/logs` and `/health` are those of \
the Process Management API of the DUMB media-stack platform, the others are our own.

Every path answers with and without a slash at its end, and under `/api` as well. Times are Unix seconds. Names of \
services match exactly, else without regard to case and spaces."""

TAGS: Mapping[str, tuple[str, str]] = {
    "processes": ("Configuration", "What is configured."),
    "lifecycle": ("Commands", "Start, stop and restart a service."),
    "planning": ("Plans", "What a command would do, without doing it."),
    "status": ("State", "What is, from memory."),
    "graph": ("Dependencies", "What needs what, and why."),
    "events": ("Events", "What happens, as it happens."),
    "events_history": ("Events", ""),
    "timeline": ("Events", ""),
    "why": ("Events", ""),
    "logs": ("Logs", "What services write."),
    "catalogue": ("Catalogue", "What is known of services, and can be set up."),
    "capabilities": ("About this server", "What it can do, its description, and its end."),
    "description": ("About this server", ""),
    "shutdown": ("About this server", ""),
}
"""By module of the handler: name and description."""

FORBIDDEN = "A `Host` or `Origin` that is not ours: `forbidden-host`, `forbidden-origin`."
UNEXPECTED = "A defect of the supervisor, which its log explains."
LATE_BODY = "The body did not come in time."
LARGE_BODY = "The body has more than 1 MiB."
WRONG_SHAPE = "A parameter or a body of the wrong shape, or a body that is not declared JSON: every fault at once."

PART = re.compile(r"<(?:[^<>:]*:)?(\w+)>")


def path_of(route_path: str) -> str:
    """Write a route's path as OpenAPI does: `/logs/<path:service>` is `/logs/{service}`."""
    return PART.sub(r"{\1}", route_path)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Describe *routes*; JSON-ready."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(path_of(route.path), {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dumb_actors",
            "version": __version__,
            "summary": "Runs a set of programs that need each other on one machine.",
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [
            {"url": "/", "description": "This server."},
            {"url": "/api", "description": "The same, for front ends that put everything under one prefix."},
        ],
        "tags": [{"name": name, "description": about} for name, about in TAGS.values() if about],
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.components.items()))},
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    doc = Docstring.of(route.handler)
    example = EXAMPLES.get((route.method, route.path), Example())
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "tags": [TAGS[route.handler.__module__.rpartition(".")[2]][0]],
        "summary": doc.summary,
        **({"description": doc.rest} if doc.rest else {}),
    }
    if parameters := list(_parameters(route, schemas, doc, example)):
        operation["parameters"] = parameters
    if (body := route.signature.body) is not None:
        content = {"schema": schemas.of(body, received=True), "example": example.body}
        operation["requestBody"] = {"required": not is_optional(body), "content": {"application/json": content}}
    return {**operation, "responses": {"200": _answer(route, schemas, example), **_failures(route, schemas, example)}}


# --- what is asked ----------------------------------------------------------------------------------------------------


def _parameters(route: Route, schemas: Schemas, doc: Docstring, example: Example) -> Iterable[dict[str, Any]]:
    signature = route.signature
    for name, kind in signature.parts.items():
        told = doc.items.get(name, "")
        yield {**_parameter("path", name, schemas.of(kind), told, example), "required": True}
    if signature.query is not None:
        query = Docstring.of(signature.query)
        for field, kind in resolved(signature.query):
            name = key_of(field)
            schema = schemas.field(field, _without_null(kind), "", received=True)
            parameter = _parameter("query", name, schema, query.items.get(name, ""), example)
            yield {**parameter, "required": True} if field.default is attrs.NOTHING else parameter
    for name, header in signature.headers.items():
        yield _parameter("header", header, {"type": "string"}, doc.items.get(name, ""), example)


def _without_null(kind: Any) -> Any:
    """Give the type without None: a parameter of a query is there or left out."""
    others = [one for one in get_args(kind) if one is not NoneType] if get_origin(kind) in {Union, UnionType} else []
    return others[0] if len(others) == 1 else kind


def _parameter(where: str, name: str, schema: Schema, told: str, example: Example) -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": where, "description": told, "schema": schema}
    return {**parameter, "example": example.asks[name]} if name in example.asks else parameter


# --- what is answered -------------------------------------------------------------------------------------------------


def _answer(route: Route, schemas: Schemas, example: Example) -> dict[str, Any]:
    answer = route.signature.answer
    models = [one for one in (get_args(answer) or (answer,)) if isinstance(one, type) and attrs.has(one)]
    told = " Or: ".join(Docstring.of(one).summary for one in models)
    return {"description": told or "The answer.", "content": _content(answer, schemas, example)}


def _content(answer: Any, schemas: Schemas, example: Example) -> dict[str, Any]:
    shown = {"examples": {name: {"value": value} for name, value in example.answers.items()}}
    if get_origin(answer) is not Annotated:
        return {"application/json": {"schema": schemas.of(answer), **shown}}
    media: Media = get_args(answer)[1]
    content: dict[str, Any] = {"schema": {"type": "string"}, **shown}
    if media.events:
        # What `itemSchema` is in OpenAPI 3.2: the data of each event.
        content["x-event-data"] = {"anyOf": [schemas.of(one) for one in media.events]}
    return {media.kind: content}


def _failures(route: Route, schemas: Schemas, example: Example) -> dict[str, Any]:
    """Describe every error status: those of the handler by its classes, and those that any request may meet."""
    told: dict[int, list[str]] = {}
    bodies: dict[int, list[Schema]] = {}
    met = [
        (_nearest(kind, STATUS), f"`{kind.code}`: {_words_of(kind)}", _nearest(kind, PROBLEMS, Problem))
        for kind in route.errors
    ]
    for status, words, body in [*met, *_any_request(route)]:
        told.setdefault(status, []).append(words)
        if (schema := schemas.of(body)) not in bodies.setdefault(status, []):
            bodies[status].append(schema)
    return {
        str(status): {
            "description": "\n\n".join(told[status]),
            "content": {
                "application/json": {
                    "schema": bodies[status][0] if len(bodies[status]) == 1 else {"anyOf": bodies[status]},
                    "example": example.failures.get(status, FAILURES[status]),
                }
            },
        }
        for status in sorted(told)
    }


def _any_request(route: Route) -> Iterable[tuple[int, str, type[Any]]]:
    """Give what a request may meet before it comes to the handler, and the unexpected."""
    signature = route.signature
    yield 403, FORBIDDEN, Problem
    yield 500, UNEXPECTED, Problem
    if signature.query is not None or signature.body is not None:
        yield 422, WRONG_SHAPE, WrongShape
    if signature.body is not None:
        yield 408, LATE_BODY, Problem
        yield 413, LARGE_BODY, Problem


def _words_of(kind: type[DumbActorsError]) -> str:
    """Say what an error means; what are its attributes in Python are members of the body here."""
    return Docstring.of(kind).summary.replace("`.", "`")


def _nearest(kind: type[DumbActorsError], table: Mapping[Any, Any], other: Any = None) -> Any:
    return next((table[one] for one in kind.__mro__ if one in table), other)
