"""Colours, where a terminal shows them, and the words people read: times, phases, errors."""

import os
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TextIO

import attrs
import click

from dumb_actors.errors import ApiUnreachable, ConfigError, DumbActorsError, RequestError

__all__ = [
    "DONE",
    "FAILED",
    "MISUSED",
    "UNREACHED",
    "Paint",
    "clock",
    "exit_code_of",
    "fail",
    "for_how_long",
    "ordinal",
    "paint_for",
]

DONE, FAILED, MISUSED, UNREACHED = 0, 1, 2, 3
"""Exit codes: done; the service failed or the machine refused; bad use; no supervisor."""

_PHASE_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "ready": "green",
        "completed": "green",
        "starting": "cyan",
        "preparing": "cyan",
        "waiting": "yellow",
        "stopping": "yellow",
        "backoff": "yellow",
        "failed": "red",
        "stopped": "bright_black",
    }
)


@attrs.frozen
class Paint:
    """
    Colours text, or leaves it alone.

    Attributes:
        is_on: Whether what is written goes to somebody who sees colours.
    """

    is_on: bool

    def __call__(self, text: str, colour: str = "", *, bold: bool = False) -> str:
        """Give *text* in *colour* (a name of click's); unchanged when off."""
        return click.style(text, fg=colour or None, bold=bold or None) if self.is_on else text

    def phase(self, phase: str, width: int = 0) -> str:
        """Give a phase in its colour, padded to *width*."""
        return self(phase.ljust(width), _PHASE_COLOURS.get(phase, ""))

    def mark(self, phase: str) -> str:
        """Give a dot in the colour of *phase*."""
        return self("•", _PHASE_COLOURS.get(phase, ""))

    def dim(self, text: str) -> str:
        """Give *text* so that it stands back."""
        return self(text, "bright_black")


def paint_for(stream: TextIO) -> Paint:
    """Give the paint for *stream*: on for a terminal, unless `NO_COLOR` is set (no-color.org) or it is a dumb one."""
    try:
        is_terminal = stream.isatty()
    except ValueError:  # closed
        is_terminal = False
    return Paint(is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def for_how_long(seconds: float) -> str:
    """Write a span of time as a person would say it: `0.40 s`, `3.2 s`, `12 s`, `3 min`, `2 h 05`, `4 d`."""
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02d}"
    return f"{seconds / 86400:.0f} d"


def ordinal(number: int) -> str:
    """Write which one of several: `1st`, `2nd`, `3rd`, `4th`, `11th`."""
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def clock(at: float | None) -> str:
    """Write an instant (Unix seconds) in local time; with the date unless it is today."""
    if at is None:
        return "-"
    then = datetime.fromtimestamp(at).astimezone()
    today = datetime.fromtimestamp(time.time()).astimezone().date()
    return then.strftime("%H:%M:%S" if then.date() == today else "%Y-%m-%d %H:%M:%S")


def exit_code_of(error: DumbActorsError) -> int:
    """Give the exit code that tells whose fault *error* is."""
    if isinstance(error, ApiUnreachable):
        return UNREACHED
    return MISUSED if isinstance(error, ConfigError | RequestError) else FAILED


def fail(message: str) -> None:
    """Write an error to stderr, its further lines indented."""
    paint = paint_for(sys.stderr)
    first, *rest = message.splitlines() or ["unknown error"]
    lines = [paint("dumb-actors: ", "red", bold=True) + first, *(f"  {line}" for line in rest)]
    click.echo("\n".join(lines), err=True, color=True)
