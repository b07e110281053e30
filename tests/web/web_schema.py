"""Hold real answers against the API's description: strictly, so that a member which is not described is a fault."""

import copy
import json
import re
from functools import cache
from typing import Any

import httpx
import jsonschema

from dumb_web.app import ROUTES
from dumb_web.openapi import document

DOCUMENT = document(ROUTES)
OPEN = {"Problem", "FailedStart", "LateStart"}
"""Bodies of errors may have further facts."""


def _strict() -> dict[str, Any]:
    schemas = copy.deepcopy(DOCUMENT["components"]["schemas"])
    for name, schema in schemas.items():
        if name not in OPEN:
            schema["additionalProperties"] = False
    return schemas


COMPONENTS = {"components": {"schemas": _strict()}}
PATTERNS = sorted(
    ((re.compile("(?:/api)?" + re.sub(r"\{\w+\}", "(.+?)", path) + "/?"), path) for path in DOCUMENT["paths"]),
    key=lambda pair: "{" in pair[1],
)


def check(schema: dict[str, Any], value: Any) -> None:
    """Raise unless *value* is as *schema*, which may refer to the components."""
    jsonschema.Draft202012Validator({**schema, **COMPONENTS}).validate(value)


@cache
def validator(path: str, method: str, status: int) -> tuple[str, jsonschema.Draft202012Validator | None]:
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert str(status) in responses, f"{status} of {method} {path} is not described"
    [(media, content)] = responses[str(status)]["content"].items()
    schema = {**content["schema"], **COMPONENTS}
    return media, jsonschema.Draft202012Validator(schema) if media == "application/json" else None


def operation(method: str, path: str) -> str | None:
    """Give the described path that *path* is; None: there is none with this method."""
    for pattern, described in PATTERNS:
        if pattern.fullmatch(path) and method.lower() in DOCUMENT["paths"][described]:
            return described
    return None


async def check_response(response: httpx.Response) -> None:
    """Hold a response against the description; for httpx's hooks."""
    request = response.request
    path = operation(request.method, request.url.path)
    if path is None:
        assert response.status_code in {403, 404, 405} or request.method == "OPTIONS", response.status_code
        return
    media, schema = validator(path, request.method.lower(), response.status_code)
    told = response.headers["content-type"].partition(";")[0]
    assert media in {told, "*/*"}, f"{told} of {path} is described as {media}"
    if schema is not None:
        schema.validate(json.loads(await response.aread()))
