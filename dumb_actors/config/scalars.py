"""The small types of a block's fields, and what each takes."""

import re
import shlex
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NewType

from dumb_actors.config.strict import Wrong, each, unquote_hint

__all__ = ["SCALARS", "Clock", "Command", "Labels", "Name", "PathText", "Port", "command", "no_nul", "port"]

Name = NewType("Name", str)
PathText = NewType("PathText", str)
Port = NewType("Port", int)
Clock = NewType("Clock", str)
Labels = NewType("Labels", tuple[str, ...])
Command = NewType("Command", tuple[str, ...])


def name(value: Any, _: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Wrong("wrong type" if not isinstance(value, str) else "is empty", expected="a name of its own")
    if not value.isprintable():
        raise Wrong("contains characters that cannot be printed", expected="a name of its own")
    return value


def no_nul(value: Any, _: Any = None) -> str:
    if not isinstance(value, str):
        scalar = isinstance(value, bool | int | float)
        raise Wrong(expected="a text", hint="put it in double quotes" if scalar else "")
    if "\0" in value:
        raise Wrong("contains a NUL character, which no program can be given")
    return value


def port(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(expected="a port from 1 to 65535", hint=unquote_hint(value))
    if not 1 <= value <= 65535:
        raise Wrong("is no port", expected="a whole number from 1 to 65535")
    return value


def clock(value: Any, _: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"|([01]?\d|2[0-3]):[0-5]?\d", value):
        raise Wrong("is no time of day", expected='"HH:MM"')
    return value


def labels(value: Any, _: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Wrong(expected="a text, or an array of texts")
    return tuple(value)


def command(value: Any, _: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            hint = "close the quote, or write the command as an array"
            raise Wrong(f"cannot be split like a shell does: {str(error).lower()}", hint=hint) from None
    if not isinstance(value, list):
        raise Wrong(expected="an array of texts, or one text that is split like a shell does")
    return tuple(each(((index, (index, part)) for index, part in enumerate(value)), _part, str))


def _part(numbered: tuple[int, Any], _: Any) -> str:
    index, value = numbered
    text = no_nul(value)
    if not index and not text:
        raise Wrong("names no program", expected="a program to run")
    return text


SCALARS: Mapping[Any, Callable[[Any, Any], Any]] = MappingProxyType(
    {Name: name, PathText: no_nul, Port: port, Clock: clock, Labels: labels, Command: command}
)
"""Hooks for the types above."""
