"""From the bytes of a file to a document, refusing what JSON readers usually swallow."""

import json
import math
import os
import re
from pathlib import Path as FilePath
from typing import Any

import attrs

from dumb_actors.config.report import Path, format_path
from dumb_actors.errors import ConfigError, ConfigFault

__all__ = ["parse_document", "read_document", "read_file"]

_DEPTH_LIMIT = 100


@attrs.frozen
class _Pairs:
    """An object as its pairs, in order: `dict` would drop a key that stands there twice."""

    pairs: list[tuple[str, Any]]


@attrs.frozen
class _NoNumber:
    """A number that JSON does not know, or that does not fit."""

    text: str


def read_document(path: str | os.PathLike[str]) -> Any:
    """
    Read the JSON document in the file at *path*.

    Returns:
        Dicts, lists, texts, finite numbers, booleans and None; the order of keys as in the file.

    Raises:
        ConfigError: The file cannot be read, is not UTF-8, or is not JSON; with line and column where there is one.
            Also for what `json.loads` accepts: a key twice in one object, NaN, Infinity, half a surrogate pair.
    """
    return parse_document(read_file(path), os.fspath(path))


def parse_document(content: bytes, source: str) -> Any:
    """
    Give the document that *content* of a file writes; *source* is what messages call it.

    Raises:
        ConfigError: As for `read_document`.
    """
    return _plain_document(_parse(_decode(content, source), source), source)


def read_file(path: str | os.PathLike[str]) -> bytes:
    """
    Give what is in the file at *path*.

    Raises:
        ConfigError: It does not exist, or cannot be read.
    """
    source = os.fspath(path)
    try:
        return FilePath(source).read_bytes()
    except FileNotFoundError:
        hint = "write one there, or name another one with --config"
        raise _refuse(source, f"the file {source} does not exist", hint=hint) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise _refuse(source, f"the file {source} cannot be read: {why}", hint="check what it is and who may") from None


def _refuse(source: str, problem: str, **more: Any) -> ConfigError:
    return ConfigError([ConfigFault(path="$", problem=problem, kind="syntax", **more)], source=source)


def _decode(content: bytes, source: str) -> str:
    try:
        # A byte-order mark is what some editors put in front; it says nothing that is not known.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        problem = f"the file is not UTF-8: byte 0x{content[error.start]:02x} does not belong there"
        raise _refuse(source, problem, line=line, column=column, hint="save it as UTF-8") from None


def _parse(text: str, source: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Pairs, parse_constant=_NoNumber, parse_float=_parse_float)
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg}"
        raise _refuse(source, problem, line=error.lineno, column=error.colno, hint=_hint(text, error)) from None
    except RecursionError:
        raise _refuse(source, f"nested deeper than {_DEPTH_LIMIT} levels") from None
    except ValueError as error:
        # Python refuses integers of more than 4,300 digits without saying where.
        raise _refuse(source, f"not usable as JSON: {error}", hint="look for a number of many digits") from None


def _parse_float(text: str) -> float | _NoNumber:
    number = float(text)
    return number if math.isfinite(number) else _NoNumber(text)


def _hint(text: str, error: json.JSONDecodeError) -> str:
    before = text[: error.pos].rstrip()
    rest = text[error.pos :].lstrip()
    hints = {
        "the file is empty; the smallest document is {}": not text.strip(),
        "JSON has double quotes only": rest.startswith("'"),
        "JSON has no comments": rest.startswith(("//", "/*", "#")),
        "take the comma in front of it away": before.endswith(",") and rest[:1] in {"}", "]"},
        "take this comma away": "trailing comma" in error.msg,
        "JSON writes true, false and null": re.match(r"(True|False|None)\b", rest) is not None,
        "the file ends too early: is a bracket, a brace or a quote missing?": not rest,
        "is a comma missing in front of it?": error.msg.startswith("Expecting ',' delimiter"),
        "is a quote missing at its end?": error.msg.startswith("Unterminated string"),
    }
    return next((hint for hint, fits in hints.items() if fits), "")


def _plain_document(value: Any, source: str) -> Any:
    faults: list[ConfigFault] = []
    plain = _plain(value, (), faults)
    if faults:
        raise ConfigError(faults, source=source)
    return plain


def _plain(value: Any, path: Path, faults: list[ConfigFault]) -> Any:
    """Turn pairs into dicts all the way down, noting what must not be there."""
    if len(path) > _DEPTH_LIMIT:
        faults.append(_fault(path[:5], f"nested deeper than {_DEPTH_LIMIT} levels"))
        return None
    match value:
        case _Pairs(pairs):
            return _plain_object(pairs, path, faults)
        case list():
            return [_plain(item, (*path, index), faults) for index, item in enumerate(value)]
        case _NoNumber(text):
            faults.append(_fault(path, f"{text[:30]} is no number that JSON can carry"))
        case str() if not _is_unicode(value):
            faults.append(_fault(path, "the text contains half of a surrogate pair"))
    return value


def _plain_object(pairs: list[tuple[str, Any]], path: Path, faults: list[ConfigFault]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in pairs:
        here = (*path, key)
        if key in result:
            hint = "only one of them can be meant: take the other away"
            faults.append(_fault(here, "this key stands twice in the same object", hint=hint))
        if not _is_unicode(key):
            faults.append(_fault(path, "a key contains half of a surrogate pair"))
        result[key] = _plain(item, here, faults)
    return result


def _fault(path: Path, problem: str, hint: str = "") -> ConfigFault:
    return ConfigFault(path=format_path(path), problem=problem, hint=hint, kind="syntax")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
