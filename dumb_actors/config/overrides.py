"""
Overrides from outside: secret files, the process's environment, `ROOT/config/.env`. They are never written back.

The name of a value is its path joined with `_`, in capitals; what is neither letter nor digit becomes `_` as well:
`ZURG_INSTANCES_REALDEBRID_API_KEY`. Only values that stand in the document (or its defaults) can be overridden, and
blank ones override nothing. Source of names and precedence: the API's specification, section 6.3, item 7.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any

import attrs

from dumb_actors.config.fieldtypes import kind_of
from dumb_actors.config.layers import Layer, Origin, Overlay
from dumb_actors.config.report import format_path
from dumb_actors.errors import ConfigFault

__all__ = ["SECRETS_DIR", "Outside", "find_overrides", "read_outside", "variable_of"]

SECRETS_DIR = "/run/secrets"
"""Where Docker and Podman put secrets."""

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_TOP = frozenset({"puid", "pgid", "tz", "data_root"})
"""
What can be overridden at the top: elsewhere one word is too likely to be a variable of somebody else, such as HOME.
"""
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*?)\s*", re.ASCII | re.DOTALL)
_LONGEST_NUMBER = 40
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


@attrs.frozen
class _Given:
    """A text from outside, and where it was found."""

    text: str = attrs.field(repr=False)
    origin: Origin


@attrs.frozen(kw_only=True)
class Outside:
    """
    All that was found outside of the file, by name.

    Attributes:
        given: For each name the text that goes before all others.

        faults: What could not be read; a fault only where the document has a value of that name.

        warnings: What was read and could not be understood.
    """

    given: Mapping[str, _Given] = attrs.field(factory=dict, repr=False)
    faults: Mapping[str, ConfigFault] = MappingProxyType({})
    warnings: tuple[str, ...] = ()


def variable_of(path: tuple[str, ...]) -> str:
    """Give the name under which the value at *path* is overridden: `("zurg", "port")` → `ZURG_PORT`."""
    return re.sub(r"[^A-Z0-9]", "_", "_".join(path).upper(), flags=re.ASCII)


# --- reading ----------------------------------------------------------------------------------------------------------


def read_outside(environ: Mapping[str, str], *, env_file: str | None, secrets_dir: str | None) -> Outside:
    """
    Read what is there outside of the file; blocking.

    Args:
        environ: The environment of the process.

        env_file: Path of a file of lines `NAME=value`; need not exist. None: none.

        secrets_dir: A directory with one file for each secret, under its name; need not exist. None: none.
    """
    given: dict[str, _Given] = {}
    faults: dict[str, ConfigFault] = {}
    warnings: list[str] = []
    for layer, found in (
        ("dotenv", _read_env_file(env_file, faults, warnings)),
        ("environment", ((name, name, text) for name, text in environ.items())),
        ("secret", _read_secrets(secrets_dir, faults)),
    ):
        _take(layer, found, given)  # type: ignore[arg-type]
    return Outside(given=given, faults=faults, warnings=tuple(warnings))


def _take(layer: Layer, found: Iterator[tuple[str, str, str]], given: dict[str, _Given]) -> None:
    given.update({name: _Given(text, Origin(layer, source)) for name, source, text in found if text.strip()})


def _read_env_file(
    path: str | None, faults: dict[str, ConfigFault], warnings: list[str]
) -> Iterator[tuple[str, str, str]]:
    if path is None:
        return
    try:
        text = FilePath(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        # Not only what the document has: which names it would have given is not known.
        faults[""] = _unreadable(path, error, Origin("dotenv", path))
        return
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        value = None if match is None else _unquote(match[2])
        if match is None or value is None:
            # The line is not shown: it may hold a secret.
            warnings.append(f"{path}, line {number}: not `NAME=value`, and passed over")
        else:
            yield match[1], f"{match[1]} in {path}", value


def _unquote(text: str) -> str | None:
    """Take the quotes and what follows them off a value; None: a quote is missing at its end."""
    if text[:1] == "'":
        match = re.fullmatch(r"'([^']*)'\s*(?:#.*)?", text)
        return match and match[1]
    if text[:1] == '"':
        match = re.fullmatch(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?', text)
        return match and re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), match[1])
    return re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()


def _read_secrets(directory: str | None, faults: dict[str, ConfigFault]) -> Iterator[tuple[str, str, str]]:
    if directory is None:
        return
    try:
        names = sorted(os.listdir(directory))  # noqa: PTH208  (names are wanted)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        faults[""] = _unreadable(directory, error, Origin("secret", directory))
        return
    for name in names:
        path = FilePath(directory, name)
        if not re.fullmatch(r"[A-Z0-9_]+", name, re.ASCII) or path.is_dir():
            continue
        try:
            # What editors and `echo` put behind it is not part of a secret.
            yield name, str(path), path.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            faults[name] = _unreadable(str(path), error, Origin("secret", str(path)))


def _unreadable(path: str, error: OSError | ValueError, origin: Origin) -> ConfigFault:
    why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    return ConfigFault(path="$", problem=f"{path} cannot be read: {why}", kind="syntax", origin=str(origin))


# --- from texts to values ---------------------------------------------------------------------------------------------


def find_overrides(document: Mapping[str, Any], outside: Outside) -> tuple[list[Overlay], list[ConfigFault]]:
    """
    Find what of *outside* overrides a value of *document*, which holds the defaults as well.

    Returns:
        The overrides, and what is wrong: a text that is no value of the kind that stands there, a file that cannot be
        read, a name that means more than one value.
    """
    overlays: list[Overlay] = []
    faults = [outside.faults[""]] if "" in outside.faults else []
    seen: dict[str, tuple[str, ...]] = {}
    for path, value in _leaves(document, ()):
        name = variable_of(path)
        if name in outside.faults:
            faults.append(attrs.evolve(outside.faults[name], path=format_path(path)))
            continue
        given = outside.given.get(name)
        if given is None:
            continue
        if name in seen:
            faults.append(_ambiguous(path, seen[name], name, given.origin))
            continue
        seen[name] = path
        try:
            overlays.append(Overlay(path, _convert(given.text, value, path), given.origin))
        except ValueError as error:
            faults.append(_wrong(path, str(error), given.origin))
    return overlays, faults


def _leaves(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, item in value.items():
        here = (*path, key)
        if isinstance(item, dict):
            yield from _leaves(item, here)
        elif path or key in _TOP:
            yield here, item


def _convert(text: str, value: Any, path: tuple[str, ...]) -> Any:
    """Give *text* in the kind of *value*, which it is to replace; `ValueError` says what was expected."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text in UTF-8") from None
    kind = kind_of(path[-1]) if value is None else _kind(value)
    if kind in {"text", "object"} or (kind == "array" and path[-1] == "command" and text.lstrip()[:1] != "["):
        return text.upper() if path[-1] == "log_level" else text  # a command in one text is split like a shell does
    return {"flag": _flag, "number": _number, "array": _array}[kind](text.strip(), value)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "text"


def _flag(text: str, _: Any) -> bool:
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("true or false (or 1, 0, yes, no, on, off)")
    return word in _TRUE


def _number(text: str, _: Any) -> int | float:
    if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) and len(text) <= _LONGEST_NUMBER:
        return int(text)
    if re.fullmatch(r"[+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,2})?", text, re.ASCII) and len(text) <= _LONGEST_NUMBER:
        return float(text)
    raise ValueError("a number")


def _array(text: str, value: Any) -> list[Any]:
    if text[:1] == "[":
        try:
            found = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise ValueError("an array in JSON, or texts with commas between them") from None
        return list(found)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(value, list) and value and all(_kind(item) == "number" for item in value):
        return [_number(part, None) for part in parts]
    return parts


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _wrong(path: tuple[str, ...], expected: str, origin: Origin) -> ConfigFault:
    # What was given is not shown: that it should be a number does not mean that it is no secret.
    return ConfigFault(path=format_path(path), problem="wrong type", expected=expected, origin=str(origin))


def _ambiguous(path: tuple[str, ...], other: tuple[str, ...], name: str, origin: Origin) -> ConfigFault:
    return ConfigFault(
        path=format_path(path),
        problem=f"{name} means this value and that at {format_path(other)}",
        hint="rename one of the blocks or instances, or take the override away",
        origin=str(origin),
    )
