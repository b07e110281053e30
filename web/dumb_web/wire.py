"""
Answers as attrs models: what is sent is what the description says, because both are made of the same class.

A field is sent under its own name, without the underscore at the end of one that would be a keyword of Python.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from operator import attrgetter
from typing import Any, TypeVar, overload

import attrs

__all__ = ["LEFT_OUT", "Written", "alike", "dump", "is_left_out", "key_of"]

T = TypeVar("T", bound=attrs.AttrsInstance)
Item = TypeVar("Item")

LEFT_OUT: Mapping[str, bool] = {"dumb_web.left_out": True}
"""Metadata of a field that is not sent when it is None."""


def key_of(field: "attrs.Attribute[Any]") -> str:
    """Give the name of *field* in JSON."""
    return field.name.rstrip("_")


def is_left_out(field: "attrs.Attribute[Any]") -> bool:
    """Say whether *field* is not sent when it is None."""
    return bool(field.metadata.get("dumb_web.left_out"))


def alike(model: type[T], source: object, **others: Any) -> T:
    """Make a *model* of the attributes of *source* that have the names of its fields, and of *others* before them."""
    names, read = _reader(model, tuple(others))
    return model(**dict(zip(names, read(source), strict=True)), **others)


class Written(Sequence[Item]):
    """
    Items that are sent again and again and do not change: as a member of an answer they are written once.

    Attributes:
        text: They as JSON.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = tuple(items)

    @cached_property
    def text(self) -> str:
        return dump(self._items)

    @overload
    def __getitem__(self, index: int) -> Item: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...

    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)


def dump(value: Any) -> str:
    """Write *value* as JSON in one line: models, mappings, and whatever else can be written as a text."""
    if attrs.has(type(value)):
        value = _plain(value)
        if any(type(part) is Written for part in value.values()):
            parts = (f"{json.dumps(key)}: {_dump_part(part)}" for key, part in value.items())
            return f"{{{', '.join(parts)}}}"
    return json.dumps(value, default=_plain)


def _dump_part(value: Any) -> str:
    return value.text if type(value) is Written else json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    kind = type(value)
    if not attrs.has(kind):
        if type(value) is Written:
            return list(value)
        return dict(value) if isinstance(value, Mapping) else str(value)
    _, read = _reader(kind)
    keys, absent = _keys(kind)
    sent = dict(zip(keys, read(value), strict=True))
    for key in absent:
        if sent[key] is None:
            del sent[key]
    return sent


@cache
def _reader(kind: type[Any], but: tuple[str, ...] = ()) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Give the names of the fields of *kind*, and what reads them all at once."""
    names = tuple(field.name for field in attrs.fields(kind) if field.name not in but)
    if len(names) > 1:
        return names, attrgetter(*names)
    return names, lambda source: tuple(getattr(source, name) for name in names)


@cache
def _keys(kind: type[Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the keys of the fields of *kind*, and those that are not sent when they are None."""
    fields = attrs.fields(kind)
    return tuple(map(key_of, fields)), tuple(key_of(field) for field in fields if is_left_out(field))
