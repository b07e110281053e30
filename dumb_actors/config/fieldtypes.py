"""What a field that has no value would take: needed where `null` stands and a text is to become a value."""

from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs

from dumb_actors.config import rights, scalars, settings
from dumb_actors.config.block import Block

__all__ = ["kind_of"]

_NUMBERS = frozenset({int, float, scalars.Port, settings.UserId, settings.Count})
_ARRAYS = frozenset({scalars.Command, rights.Variables})


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
        if inner is bool:
            return "flag"
        if inner in _NUMBERS:
            return "number"
        if inner in _ARRAYS or get_origin(inner) is tuple:
            return "array"
    return "text"
