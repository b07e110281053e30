"""
Structuring without coercion, and faults with paths out of what went wrong.

cattrs is lax by default: `"abc"` becomes a list of letters, `"7"` becomes 7, True becomes 1. Every hook here takes a
value as it is or raises `Wrong`. Errors of several fields and items are collected by cattrs' own exception groups.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ClassValidationError,
    IterableValidationError,
    IterableValidationNote,
)
from cattrs.gen import make_dict_structure_fn, override

from dumb_actors.config.report import Path, Report, did_you_mean

__all__ = ["StructureHook", "Wrong", "all_of", "each", "make_converter", "one_of", "structure_fields", "unquote_hint"]

T = TypeVar("T")
StructureHook: TypeAlias = Callable[[Any, Any], Any]
"""Takes a value and the type it is to have; gives the value in that type or raises."""


class Wrong(ValueError):
    """
    A value is not what its field takes; becomes a fault.

    `at` is the way from the value that was being structured down to the part that is wrong.
    """

    def __init__(self, problem: str = "wrong type", *, expected: str = "", hint: str = "", at: Path = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected
        self.hint = hint
        self.at = at


# --- hooks ------------------------------------------------------------------------------------------------------------


def _text(value: Any, _: type) -> str:
    if not isinstance(value, str):
        scalar = isinstance(value, int | float)
        raise Wrong(expected="a text", hint="put it in double quotes" if scalar else "")
    return value


def _flag(value: Any, _: type) -> bool:
    if not isinstance(value, bool):
        quoted = isinstance(value, str) and value.strip().lower() in {"true", "false"}
        raise Wrong(expected="true or false", hint="write it without quotes" if quoted else "")
    return value


def _whole(value: Any, _: type) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(expected="a whole number", hint=unquote_hint(value))
    return value


def _number(value: Any, _: type) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(expected="a number", hint=unquote_hint(value))
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Wrong("the number is too large", expected="a number of seconds or hours")
    return number


def unquote_hint(value: Any) -> str:
    """Give the hint for a number that was written as a text."""
    return "write it without quotes" if isinstance(value, str) and re.fullmatch(r"\s*\d+\s*", value) else ""


def one_of(value: Any, known: Iterable[str]) -> str:
    """Take *value* when it is one of *known*; else raise `Wrong` with the nearest one as a hint."""
    words = list(known)
    if not isinstance(value, str):
        raise Wrong(expected="one of " + ", ".join(words))
    if value not in words:
        raise Wrong("unknown value", expected="one of " + ", ".join(words), hint=did_you_mean(value, words))
    return value


def each(items: Iterable[tuple[str | int, Any]], hook: StructureHook, kind: Any) -> Iterator[Any]:
    """Structure every item, then raise all errors at once, each with its index or key."""
    errors: list[Exception] = []
    for index, item in items:
        try:
            yield hook(item, kind)
        except (BaseValidationError, ValueError) as error:
            error.add_note(IterableValidationNote(f"at {index!r}", index, kind))
            errors.append(error)
    if errors:
        raise IterableValidationError("while structuring items", errors, kind)


def all_of(*actions: Callable[[], Any]) -> list[Any]:
    """Give the result of each of *actions*, or raise the errors of all of them at once."""
    results: list[Any] = []
    errors: list[Exception] = []
    for action in actions:
        try:
            results.append(action())
        except (BaseValidationError, ValueError) as error:
            errors.append(error)
    if errors:
        raise ClassValidationError("while structuring parts", errors, object)
    return results


def _array_hook(cls: Any, converter: cattrs.Converter) -> StructureHook:
    kind = get_args(cls)[0]

    def structure(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Wrong(expected="an array")
        return tuple(each(enumerate(value), converter.get_structure_hook(kind), kind))

    return structure


def _object_hook(cls: Any, converter: cattrs.Converter) -> StructureHook:
    kind = get_args(cls)[1]

    def structure(value: Any, _: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(expected="an object")
        return dict(zip(value, list(each(value.items(), converter.get_structure_hook(kind), kind)), strict=True))

    return structure


def _class_hook(cls: Any, converter: cattrs.Converter) -> StructureHook:
    fields: dict[str, Any] = {
        field.name: override(struct_hook=_field_hook(field, converter)) for field in attrs.fields(cls)
    }
    inner = make_dict_structure_fn(cls, converter, _cattrs_detailed_validation=True, **fields)

    def structure(value: Any, kind: Any) -> Any:
        if not isinstance(value, dict):
            raise Wrong(expected="an object")
        return inner(value, kind)

    return structure


def _field_hook(field: "attrs.Attribute[Any]", converter: cattrs.Converter) -> StructureHook:
    """Structure a field and run its validator, so that each error is known by its field and none hides another."""

    def structure(raw: Any, kind: Any) -> Any:
        value = converter.get_structure_hook(field.type)(raw, field.type)
        try:
            if field.validator is not None:
                field.validator(None, field, value)
        except (ValueError, OverflowError, RecursionError) as error:  # the last two: a regex that is beyond measure
            # The message quotes the value, which may be a secret by now; the report shows what may be shown.
            raise _refusal(field.name, str(error).replace(f", not {value!r}", "")) from None
        return value

    return structure


def _refusal(name: str, text: str) -> Wrong:
    """Take a validator's sentence apart: `'wait' must be a number` says what was expected."""
    field, must, expected = text.partition(" must be ")
    if not must or field != repr(name):
        return Wrong(text)
    expected, _, why = expected.partition(": ")
    return Wrong(why or "wrong value", expected=expected)


def _literal_hook(cls: Any, _: cattrs.Converter) -> StructureHook:
    return lambda value, _: one_of(value, get_args(cls))


def make_converter(hooks: Mapping[Any, StructureHook]) -> cattrs.Converter:
    """
    Make a converter that coerces nothing.

    Args:
        hooks: Structure hooks of further types, `NewType`s among them; those of plain types go before the usual ones.
    """
    converter = cattrs.Converter(detailed_validation=True)
    # The most general first: cattrs asks the last one that was registered first.
    converter.register_structure_hook_factory(attrs.has, _class_hook)
    for origin, factory in ((tuple, _array_hook), (dict, _object_hook), (Literal, _literal_hook)):
        converter.register_structure_hook_factory(_has_origin(origin), factory)
    plain: dict[type, StructureHook] = {str: _text, bool: _flag, int: _whole, float: _number}
    for cls, hook in plain.items():
        converter.register_structure_hook(cls, hooks.get(cls, hook))
    for kind, hook in hooks.items():
        _register(converter, kind, hook)
    return converter


def _has_origin(origin: Any) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


def _register(converter: cattrs.Converter, kind: Any, hook: StructureHook) -> None:
    converter.register_structure_hook_func(lambda t: t is kind or t == kind, hook)


# --- from errors to faults --------------------------------------------------------------------------------------------


def structure_fields(
    converter: cattrs.Converter, cls: type[T], raw: Mapping[str, Any], path: Path, report: Report
) -> T:
    """
    Structure the fields of *cls* that *raw* has, one by one; a field that is wrong keeps its default.

    So what is right can still be used, to find faults further down. What is wrong goes to *report*, below *path*.
    """
    values: dict[str, Any] = {}
    for field in attrs.fields(cls):  # type: ignore[arg-type]
        if field.name not in raw:
            continue
        try:
            values[field.name] = _field_hook(field, converter)(raw[field.name], field.type)
        except (BaseValidationError, ValueError) as error:
            _report_error(error, (*path, field.name), report)
    return cls(**values)


def _report_error(error: BaseException, path: Path, report: Report) -> None:
    """Walk down a tree of errors, each with its note of where it belongs."""
    if isinstance(error, ClassValidationError | IterableValidationError):
        noted, others = error.group_exceptions()
        for child, note in noted:
            step = note.name if isinstance(note, AttributeValidationNote) else note.index
            _report_error(child, (*path, step), report)
        for child in others:
            _report_error(child, path, report)
    elif isinstance(error, Wrong):
        report.fault((*path, *error.at), error.problem, expected=error.expected, hint=error.hint)
    elif isinstance(error, KeyError):
        report.fault(path, "is missing")
    else:
        report.fault(path, str(error))
