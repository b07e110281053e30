"""
The strict converter: attrs models of JSON, with the words of FastAPI's faults.

Booleans are lax, texts and numbers are not; unknown members are ignored; an explicit null for an optional one means
"not given".
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn

__all__ = ["Fault", "OneOf", "Range", "converter"]

TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
FALSE = frozenset({"false", "0", "no", "off", "f", "n"})


@attrs.frozen(kw_only=True)
class Range:
    """The bounds of a number: `Annotated[int, Range(ge=0)]`."""

    ge: float | None = None
    le: float | None = None


@attrs.frozen
class OneOf:
    """The words that a text may be, where they are known only at run time: `Annotated[str, OneOf(("a", "b"))]`."""

    words: tuple[str, ...]


class Fault(ValueError):
    """One wrong value: the entry's type, message and context."""

    def __init__(self, kind: str, text: str, value: Any, **context: Any) -> None:
        super().__init__(text)
        self.kind = kind
        self.value = value
        self.context = context


# --- the converter ----------------------------------------------------------------------------------------------------


@cache
def converter() -> cattrs.Converter:
    """Give the one converter; what is wrong comes out as a `Fault`, or as a group of them with their places."""
    made = cattrs.Converter(detailed_validation=True)
    made.register_structure_hook(str, _text)
    made.register_structure_hook(bool, _boolean)
    made.register_structure_hook(int, _integer)
    made.register_structure_hook(float, _number)
    made.register_structure_hook_func(lambda kind: _origin(kind) is Literal, _literal)
    made.register_structure_hook_factory(lambda kind: _origin(kind) is list, lambda kind: _list(kind, made))
    made.register_structure_hook_factory(lambda kind: _limit(kind, Range), lambda kind: _ranged(kind, made))
    made.register_structure_hook_factory(lambda kind: _limit(kind, OneOf), _worded)
    made.register_structure_hook_factory(attrs.has, lambda kind: _object(kind, made))
    return made


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def _object(model: type[Any], made: cattrs.Converter) -> Callable[[Any, Any], Any]:
    structure = make_dict_structure_fn(model, made)
    optional = {field.name for field in attrs.fields(model) if field.default is not attrs.NOTHING}

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            text = "Input should be a valid dictionary or object to extract fields from"
            raise Fault("model_attributes_type", text, value)
        return structure({k: v for k, v in value.items() if v is not None or k not in optional}, model)

    return hook


def _list(kind: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
    (item,) = get_args(kind)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise Fault("list_type", "Input should be a valid list", value)
        items, faults = [], []
        for index, one in enumerate(value):
            try:
                items.append(made.structure(one, item))
            except (cattrs.BaseValidationError, Fault) as fault:
                fault.add_note(cattrs.IterableValidationNote(f"at {index}", index, item))
                faults.append(fault)
        if faults:
            raise cattrs.IterableValidationError("a list", faults, kind)
        return items

    return hook


def _limit(kind: Any, limit: type[Any]) -> bool:
    return isinstance(next(iter(getattr(kind, "__metadata__", ())), None), limit)


def _ranged(kind: Any, made: cattrs.Converter) -> Callable[[Any, Any], Any]:
    base, bounds = get_args(kind)[:2]

    def hook(value: Any, _: Any) -> Any:
        number = made.structure(value, base)
        if bounds.ge is not None and not number >= bounds.ge:
            text = f"Input should be greater than or equal to {bounds.ge}"
            raise Fault("greater_than_equal", text, value, ge=bounds.ge)
        if bounds.le is not None and not number <= bounds.le:
            raise Fault("less_than_equal", f"Input should be less than or equal to {bounds.le}", value, le=bounds.le)
        return number

    return hook


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise Fault("string_type", "Input should be a valid string", value)
    return value


def _boolean(value: Any, _: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.lower() if isinstance(value, str) else str(value) if value in (0, 1) else ""
    if word in TRUE | FALSE:
        return word in TRUE
    if isinstance(value, str | int):
        raise Fault("bool_parsing", "Input should be a valid boolean, unable to interpret input", value)
    raise Fault("bool_type", "Input should be a valid boolean", value)


def _integer(value: Any, _: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise Fault("int_type", "Input should be a valid integer", value)
    digits = value.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 30):
        text = "Input should be a valid integer, unable to parse string as an integer"
        raise Fault("int_parsing", text, value)
    return int(value)


def _number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault("float_type", "Input should be a valid number", value)
    # Not made a float: a whole number may be too large to be one, and the bounds tell.
    return value


def _literal(value: Any, kind: Any) -> Any:
    return _choice(value, get_args(kind))


def _worded(kind: Any) -> Callable[[Any, Any], Any]:
    words = kind.__metadata__[0].words
    return lambda value, _: _choice(value, words)


def _choice(value: Any, allowed: tuple[str, ...]) -> Any:
    if not isinstance(value, str) or value not in allowed:
        *most, last = [repr(word) for word in allowed]
        expected = f"{', '.join(most)} or {last}"
        raise Fault("literal_error", f"Input should be {expected}", value, expected=expected)
    return value
