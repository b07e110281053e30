"""
From the tables of a TOML file to values, without coercion, and with every fault in one error.

cattrs is lax by default: `"abc"` becomes a list of letters, True becomes 1. Each hook here takes a value as it is or
raises `Wrong`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    ForbiddenExtraKeysError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn

from dumb_actors.errors import ConfigFault

__all__ = ["Wrong", "did_you_mean", "faults_of", "structure"]

T = TypeVar("T")
Hook: TypeAlias = Callable[[Any, Any], Any]
Path: TypeAlias = tuple[str | int, ...]

_SHOWN = 60


class Wrong(ValueError):
    """A value is not what its place takes; becomes a fault."""

    def __init__(self, problem: str = "wrong type", *, expected: str = "", hint: str = "", got: Any = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected
        self.hint = hint
        self.got = got


def structure(raw: Mapping[str, Any], cls: type[T]) -> T:
    """
    Make a *cls* of *raw*.

    Raises:
        BaseValidationError: What is wrong; `faults_of` tells it.
    """
    return _converter().structure(raw, cls)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give a hint with the word of *known* that is most like *word*; empty when none is."""
    near = get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else ""


# --- hooks ------------------------------------------------------------------------------------------------------------


def _plain(kind: type, words: str) -> Hook:
    def hook(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise Wrong(expected=words, got=value)
        return value

    return hook


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(expected="a number", got=value)
    return value


def _json(value: Any, _: Any) -> Any:
    """Take what JSON can carry: the block goes into a JSON document."""
    if isinstance(value, dict):
        return dict(zip(value, list(_each(value.items(), _json, Any)), strict=True))
    if isinstance(value, list):
        return list(_each(enumerate(value), _json, Any))
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong("is no number that JSON can carry", got=value)
    if not isinstance(value, str | int | float | bool):
        raise Wrong("is a date or a time", expected="what JSON has", hint="put it in quotes", got=value)
    return value


def _array_hook(cls: Any, converter: cattrs.Converter) -> Hook:
    kind = get_args(cls)[0]

    def hook(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong(expected="an array", got=value)
        return tuple(_each(enumerate(value), converter.get_structure_hook(kind), kind))

    return hook


def _table_hook(cls: Any, converter: cattrs.Converter) -> Hook:
    kind = get_args(cls)[1]

    def hook(value: Any, _: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(expected="a table", got=value)
        one = _json if kind is Any else converter.get_structure_hook(kind)
        return dict(zip(value, list(_each(value.items(), one, kind)), strict=True))

    return hook


def _class_hook(cls: Any, converter: cattrs.Converter) -> Hook:
    inner = make_dict_structure_fn(cls, converter)

    def hook(value: Any, kind: Any) -> Any:
        if not isinstance(value, dict):
            raise Wrong(expected="a table", got=value)
        return inner(value, kind)

    return hook


def _word_hook(cls: Any, _: cattrs.Converter) -> Hook:
    words = get_args(cls)

    def hook(value: Any, _: Any) -> Any:
        if value not in words:
            hint = did_you_mean(value, words) if isinstance(value, str) else ""
            raise Wrong("unknown value", expected="one of " + ", ".join(words), hint=hint, got=value)
        return value

    return hook


def _each(items: Iterable[tuple[str | int, Any]], hook: Hook, kind: Any) -> Iterator[Any]:
    errors: list[Exception] = []
    for index, item in items:
        try:
            yield hook(item, kind)
        except (BaseValidationError, ValueError) as error:
            error.add_note(IterableValidationNote(f"at {index!r}", index, kind))
            errors.append(error)
    if errors:
        raise IterableValidationError("while structuring items", errors, kind)


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True, forbid_extra_keys=True)
    converter.register_structure_hook_factory(attrs.has, _class_hook)
    for origin, factory in ((tuple, _array_hook), (Mapping, _table_hook), (Literal, _word_hook)):
        converter.register_structure_hook_factory(_has_origin(origin), factory)
    for kind, words in ((str, "a text"), (bool, "true or false"), (int, "a whole number")):
        converter.register_structure_hook(kind, _plain(kind, words))
    converter.register_structure_hook(float, _number)
    return converter


def _has_origin(origin: Any) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


# --- faults -----------------------------------------------------------------------------------------------------------


def faults_of(error: BaseException, path: Path = ()) -> Iterator[ConfigFault]:
    """Walk down a tree of errors, each with its note of where it belongs."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        noted, others = error.group_exceptions()
        for child, note in noted:
            step = note.name if isinstance(note, AttributeValidationNote) else note.index
            yield from faults_of(child, (*path, step))
        for child in others:
            yield from faults_of(child, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [field.name for field in attrs.fields(error.cl)]
        for key in sorted(error.extra_fields):
            yield ConfigFault(path=_shown((*path, key)), problem="unknown key", hint=did_you_mean(key, known))
    elif isinstance(error, Wrong):
        got = None if error.got is None else repr(error.got)[:_SHOWN]
        yield ConfigFault(path=_shown(path), problem=error.problem, expected=error.expected, hint=error.hint, got=got)
    elif isinstance(error, KeyError):
        yield ConfigFault(path=_shown(path), problem="is missing")
    else:
        raise error


def _shown(path: Path) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
