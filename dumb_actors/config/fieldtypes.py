"""What a field that has no value would take: needed where `null` stands and a text is to become a value."""

from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from dumb_actors.config import rights, settings
from dumb_actors.config.block import Block

__all__ = ["kind_of"]

_AS_TEXT = frozenset({rights.Umask, settings.Size})
"""What becomes a number and is written as a text."""


def kind_of(name: str) -> str:
    """Give `flag`, `number`, `array` or `text` for the field called *name*; `text` where nothing else is known."""
    return _kinds().get(name, "text")


@cache
def _kinds() -> dict[str, str]:
    found: dict[str, str] = {}
    for cls in (Block, settings.Settings):
        for field in attrs.fields(cls):
            found.setdefault(field.name, _kind(field.type))
    return found | {"puid": "number", "pgid": "number"}


def _kind(kind: Any) -> str:
    for inner in get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,):
        if inner in _AS_TEXT:
            return "text"
        while hasattr(inner, "__supertype__"):
            inner = inner.__supertype__  # noqa: PLW2901  (down to what the new type is made of)
        if inner is bool:
            return "flag"
        if inner in {int, float}:
            return "number"
        if get_origin(inner) is tuple:
            return "array"
    return "text"
