"""
JSON by the part of the standard library's that is written in C.

The rest of it imports `re`, and `re` imports `enum`: together 0.9 MB of a process that is to stay small. A text that is
no JSON is told by the rest, which is then imported.
"""

from _json import encode_basestring_ascii, make_encoder, make_scanner
from typing import Any

__all__ = ["dumps", "loads"]


class _Rules:
    """What the scanner asks for: as `json.loads` has it."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


_scan = make_scanner(_Rules())  # type: ignore[arg-type]  # it looks at these names only
_BLANK = " \t\n\r"


def dumps(value: object) -> str:
    """
    Write *value* in ASCII, without blanks.

    Raises:
        TypeError, ValueError: It cannot be written.
    """
    encoder = make_encoder({}, _refuse, encode_basestring_ascii, None, ":", ",", False, False, True)
    return "".join(encoder(value, 0))


def loads(content: bytes) -> Any:
    """
    Read one value in UTF-8.

    Raises:
        ValueError: It is none.

        RecursionError: It is nested too deeply.
    """
    text = content.decode("utf-8", "surrogatepass").strip(_BLANK)
    try:
        value, end = _scan(text, 0)
    except StopIteration as error:
        raise ValueError(f"no JSON at character {error.value}") from None
    if end != len(text):
        raise ValueError(f"more than one value, at character {end}")
    return value
