"""
One event as one line of JSON, and back.

Lines are ASCII whatever is in them, so that a cut never leaves half a character, and an event's number comes first, so
that it can be read without the rest.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, get_args

import attrs

from dumb_actors.model.event import Cause, CauseKind, Event, EventKind
from dumb_actors.model.phase import Phase

__all__ = ["LONGEST_LINE", "Damaged", "event_of", "line_of", "parse_line", "quick_seq"]

LONGEST_LINE = 256 * 1024
"""Bytes; an event that takes more is kept without its detail."""

_EVENT_KINDS = frozenset(get_args(EventKind)) - {"snapshot"}
_CAUSE_KINDS = frozenset(get_args(CauseKind))
_PHASES: Mapping[str, Phase] = {str(phase): phase for phase in Phase}
_START = b'{"seq":'
_SEPARATORS = (",", ":")


class Damaged(ValueError):
    """A line that is no record of ours."""


def line_of(event: Event) -> bytes:
    """
    Write *event* as a line, its end included.

    Raises:
        TypeError, ValueError, RecursionError: Its detail cannot be written as JSON.
    """
    line = _dump(event, event.detail)
    if len(line) > LONGEST_LINE:
        line = _dump(event, {"left_out": f"{len(line)} bytes"})
    return line if len(line) <= LONGEST_LINE else _dump(_shortened(event), {"left_out": "too long"})


def _shortened(event: Event) -> Event:
    return attrs.evolve(event, service=event.service[:1000], cause=attrs.evolve(event.cause, text="(too long)"))


def _dump(event: Event, detail: Mapping[str, Any]) -> bytes:
    record = {
        "seq": event.seq,
        "kind": event.kind,
        "service": event.service,
        "generation": event.generation,
        "from": event.from_phase,
        "to": event.to_phase,
        "cause": _cause(event.cause),
        "mono": event.mono,
        "at": event.at,
        "detail": dict(detail),
    }
    return _encode(record).encode() + b"\n"


def _cause(cause: Cause) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": cause.kind, "text": cause.text, "by": cause.by}
    return record if cause.seq is None else {**record, "seq": cause.seq}


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


# Made once: `json.dumps` would make an encoder for each event.
_encode = json.JSONEncoder(separators=_SEPARATORS, default=_plain).encode


def quick_seq(line: bytes) -> int | None:
    """Read the number of an event off the beginning of its line; None: it must be parsed to know."""
    if line.startswith(_START):
        digits = line[len(_START) : line.find(b",", len(_START), len(_START) + 20)]
        if digits.isdigit():
            return int(digits)
    return None


def parse_line(line: bytes) -> dict[str, Any]:
    """
    Parse a line: the header of a segment, an event, a gap or an end.

    Raises:
        Damaged: It is no JSON object.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Damaged(str(error)) from None
    if not isinstance(record, dict):
        raise Damaged("not an object")
    return record


def event_of(record: Mapping[str, Any]) -> Event | None:
    """
    Make the event of a parsed line; None when it is of a kind that this version does not know.

    Unknown keys are passed over; a phase or a kind of cause that is not known makes the event one of an unknown kind.

    Raises:
        Damaged: Something is missing or of another type.
    """
    try:
        cause, kind = record["cause"], record["kind"]
        before, after, cause_kind = record["from"], record["to"], cause["kind"]
        if not (kind in _EVENT_KINDS and before in _PHASES and after in _PHASES and cause_kind in _CAUSE_KINDS):
            return None
        return Event(
            seq=_whole(record["seq"]),
            kind=kind,
            service=_text(record["service"]),
            generation=_whole(record["generation"]),
            from_phase=_PHASES[before],
            to_phase=_PHASES[after],
            cause=Cause(kind=cause_kind, text=_text(cause["text"]), by=_text(cause["by"]), seq=_led_by(cause)),
            mono=_number(record["mono"]),
            at=_number(record["at"]),
            detail=_object(record["detail"]),
        )
    except (KeyError, TypeError) as error:  # unhashable kinds, a cause that is no object
        raise Damaged(f"{type(error).__name__}: {error}") from None


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise Damaged(f"{value!r} is no number of an event")
    return value


def _led_by(cause: Mapping[str, Any]) -> int | None:
    seq = cause.get("seq")  # earlier versions wrote none
    return None if seq is None else _whole(seq)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Damaged(f"{value!r} is no number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Damaged(f"{value!r} is no text")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Damaged(f"{value!r} is no object")
    return value
