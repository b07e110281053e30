"""
Queries and bodies: attrs models, structured strictly by cattrs, with every fault of a request in one answer.

The entries have the shape that clients of the reference know (FastAPI's): `{type, loc, msg, input, ctx?}`. Booleans are
lax, texts and numbers are not; unknown members are ignored; an explicit null for an optional one means "not given".
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Literal, TypeVar, get_args

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn
from quart import request

from dumb_web.errors import InvalidRequest

__all__ = ["Range", "read_body", "read_query"]

T = TypeVar("T")

TRUE = frozenset({"true", "1", "yes", "on", "t", "y"})
FALSE = frozenset({"false", "0", "no", "off", "f", "n"})


@attrs.frozen(kw_only=True)
class Range:
    """The bounds of a number: `Annotated[int, Range(ge=0)]`."""

    ge: float | None = None
    le: float | None = None


class Fault(ValueError):
    """One wrong value: the entry's type, message and context."""

    def __init__(self, kind: str, text: str, value: Any, **context: Any) -> None:
        super().__init__(text)
        self.kind = kind
        self.value = value
        self.context = context


# --- requests ---------------------------------------------------------------------------------------------------------


def read_query(model: type[T]) -> T:
    """
    Structure the query of the present request; of a parameter that is given twice, the last counts.

    Raises:
        InvalidRequest: Every fault.
    """
    given = {name: values[-1] for name, values in request.args.to_dict(flat=False).items()}
    return _structure(model, given, "query")


async def read_body(model: type[T], *, optional: bool = False) -> T:
    """
    Structure the JSON body of the present request.

    A body must be declared as JSON. This is what keeps simple forms of foreign pages out, which browsers send without
    asking first.

    Args:
        model: An attrs class.

        optional: No body at all stands for an empty object.

    Raises:
        InvalidRequest: Every fault.
    """
    raw: bytes = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    if not raw:
        if optional:
            return _structure(model, {}, "body")
        raise InvalidRequest([_entry("missing", ("body",), "Field required", None)])
    kind = request.mimetype
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        text = "Input should be a JSON object, declared as such by the header Content-Type: application/json"
        shown = raw[:200].decode(errors="replace")
        raise InvalidRequest([_entry("model_attributes_type", ("body",), text, shown)])
    return _structure(model, _parse(raw), "body")


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise _not_json(error.pos, error.msg) from None
    except (ValueError, RecursionError) as error:  # not UTF-8, NaN, too many digits, too deep
        raise _not_json(0, str(error)) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _not_json(offset: int, text: str) -> InvalidRequest:
    return InvalidRequest([_entry("json_invalid", ("body", offset), "JSON decode error", {}, {"error": text})])


# --- faults -----------------------------------------------------------------------------------------------------------


def _structure(model: type[T], given: Any, where: Literal["query", "body"]) -> T:
    try:
        return _converter().structure(given, model)
    except (cattrs.BaseValidationError, Fault) as error:
        raise InvalidRequest(list(_entries(error, (where,), given))) from None


def _entries(error: Exception, loc: tuple[str | int, ...], value: Any) -> Iterator[dict[str, Any]]:
    """Walk through what cattrs collected, from the outside in."""
    if isinstance(error, Fault):
        yield _entry(error.kind, loc, str(error), error.value, error.context)
        return
    if not isinstance(error, cattrs.BaseValidationError):
        raise error
    for inner in error.exceptions:
        name = next(n.name for n in getattr(inner, "__notes__", ()) if isinstance(n, cattrs.AttributeValidationNote))
        if isinstance(inner, KeyError):
            # As in the reference: the received object for a body, nothing for a query.
            yield _entry("missing", (*loc, name), "Field required", None if loc[0] == "query" else value)
        else:
            yield from _entries(inner, (*loc, name), value.get(name))


def _entry(
    kind: str, loc: tuple[str | int, ...], text: str, value: Any, context: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": kind, "loc": list(loc), "msg": text, "input": value}
    return {**entry, "ctx": dict(context)} if context else entry


# --- the converter ----------------------------------------------------------------------------------------------------


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(bool, _boolean)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook_func(lambda kind: getattr(kind, "__origin__", None) is Literal, _choice)
    converter.register_structure_hook_factory(_has_range, lambda kind: _ranged(kind, converter))
    converter.register_structure_hook_factory(attrs.has, lambda kind: _object(kind, converter))
    return converter


def _object(model: type[Any], converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    structure = make_dict_structure_fn(model, converter)
    optional = {field.name for field in attrs.fields(model) if field.default is not attrs.NOTHING}

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            text = "Input should be a valid dictionary or object to extract fields from"
            raise Fault("model_attributes_type", text, value)
        return structure({k: v for k, v in value.items() if v is not None or k not in optional}, model)

    return hook


def _has_range(kind: Any) -> bool:
    return isinstance(next(iter(getattr(kind, "__metadata__", ())), None), Range)


def _ranged(kind: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    base, bounds = get_args(kind)[:2]

    def hook(value: Any, _: Any) -> Any:
        number = converter.structure(value, base)
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


def _choice(value: Any, kind: Any) -> Any:
    allowed = get_args(kind)
    if not isinstance(value, str) or value not in allowed:
        *most, last = [repr(word) for word in allowed]
        expected = f"{', '.join(most)} or {last}"
        raise Fault("literal_error", f"Input should be {expected}", value, expected=expected)
    return value
