"""
Queries and bodies: attrs models, structured strictly by cattrs, with every fault of a request in one answer.

The entries have the shape that clients of the reference know (FastAPI's), see `errors.Entry`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, get_origin

import attrs
import cattrs
from quart import request

from dumb_web.errors import Entry, InvalidRequest
from dumb_web.structure import Fault, converter

__all__ = ["is_optional", "read_body", "read_query"]

T = TypeVar("T", bound=attrs.AttrsInstance)


# --- requests ---------------------------------------------------------------------------------------------------------


def read_query(model: type[T]) -> T:
    """
    Structure the query of the present request; of a parameter that is given twice the last counts, unless it is a list.

    A list `many` is also taken as `many[]=…`, as some clients in browsers write it by themselves.

    Raises:
        InvalidRequest: Every fault.
    """
    lists = {field.name for field in attrs.fields(model) if get_origin(field.type) is list}
    given: dict[str, Any] = {}
    for written, values in request.args.lists():
        name = written.removesuffix("[]")
        if name in lists:
            given.setdefault(name, []).extend(values)
        else:
            given[written] = values[-1]
    return _structure(model, given, "query")


async def read_body(model: type[T]) -> T:
    """
    Structure the JSON body of the present request; no body stands for an empty object where nothing is required.

    A body must be declared as JSON. This is what keeps simple forms of foreign pages out, which browsers send without
    asking first.

    Raises:
        InvalidRequest: Every fault.
    """
    raw: bytes = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    if not raw:
        if is_optional(model):
            return _structure(model, {}, "body")
        raise InvalidRequest([_entry("missing", ("body",), "Field required", None)])
    kind = request.mimetype
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        text = "Input should be a JSON object, declared as such by the header Content-Type: application/json"
        shown = raw[:200].decode(errors="replace")
        raise InvalidRequest([_entry("model_attributes_type", ("body",), text, shown)])
    return _structure(model, _parse(raw), "body")


def is_optional(model: type[Any]) -> bool:
    """Say whether a body of this model may be left out: it has no field that is required."""
    return all(field.default is not attrs.NOTHING for field in attrs.fields(model))


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
        return converter().structure(given, model)
    except (cattrs.BaseValidationError, Fault) as error:
        raise InvalidRequest(list(_entries(error, (where,), given))) from None


def _entries(error: Exception, loc: tuple[str | int, ...], value: Any) -> Iterator[Entry]:
    """Walk through what cattrs collected, from the outside in."""
    if isinstance(error, Fault):
        yield _entry(error.kind, loc, str(error), error.value, error.context)
        return
    if not isinstance(error, cattrs.BaseValidationError):
        raise error
    for inner in error.exceptions:
        place = next(where for note in getattr(inner, "__notes__", ()) if (where := _place(note)) is not None)
        if isinstance(inner, KeyError):
            # As in the reference: the received object for a body, nothing for a query.
            yield _entry("missing", (*loc, place), "Field required", None if loc[0] == "query" else value)
        else:
            yield from _entries(inner, (*loc, place), value[place])


def _place(note: object) -> str | int | None:
    if isinstance(note, cattrs.AttributeValidationNote):
        return note.name
    return note.index if isinstance(note, cattrs.IterableValidationNote) else None


def _entry(
    kind: str, loc: tuple[str | int, ...], text: str, value: Any, context: Mapping[str, Any] | None = None
) -> Entry:
    return Entry(type=kind, loc=list(loc), msg=text, input=value, ctx=context or None)
