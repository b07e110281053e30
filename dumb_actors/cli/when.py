"""An instant as people type it."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

__all__ = ["parse_by_when", "parse_when", "when_option"]

F = TypeVar("F", bound=Callable[..., Any])

_AGO = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h|d|w)")
_UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNIX = re.compile(r"@?(\d{9,11}(?:\.\d+)?)")
_TO_THE_MINUTE = re.compile(r"(?:.*[T ])?\d{1,2}:\d{2}")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def parse_when(text: str, *, now: Callable[[], float] = time.time) -> float:
    """
    Give the instant that *text* means, in Unix seconds.

    It may be so long ago (`90s`, `30m`, `2h`, `7d`), a time of day (`14:30`, the last one that was), a date with or
    without a time in ISO 8601 (`2026-08-01`, `2026-08-01T14:30`), of this machine's time zone unless it names another,
    or Unix seconds.

    Raises:
        ValueError: None of these.
    """
    text = text.strip()
    if match := _AGO.fullmatch(text):
        return now() - float(match[1]) * _UNITS_S[match[2]]
    if match := _UNIX.fullmatch(text):
        return float(match[1])
    try:
        if match := _CLOCK.fullmatch(text):
            hour, minute, second = (int(part or 0) for part in match.groups())
            today = datetime.fromtimestamp(now()).astimezone()
            found = today.replace(hour=hour, minute=minute, second=second, microsecond=0)
            return (found if found <= today else found - timedelta(days=1)).timestamp()
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r} is no time: try 2h, 30m, 7d, 14:30, 2026-08-01 or 2026-08-01T14:30") from None


def parse_by_when(text: str, *, now: Callable[[], float] = time.time) -> float:
    """
    Do the same, but for the end of a minute that is named without seconds, if it is over: what happened in it is meant.

    Raises:
        ValueError: As `parse_when`.
    """
    at = parse_when(text, now=now)
    return min(at + 59.999, max(at, now())) if _TO_THE_MINUTE.fullmatch(text.strip()) else at


def _convert(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_when(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def _convert_by(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else parse_by_when(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def when_option(name: str, text: str, *, by: bool = False) -> Callable[[F], F]:
    """Add an option that takes an instant; the command gets Unix seconds, or None. *by*: as `parse_by_when`."""
    return click.option(name, metavar="TIME", callback=_convert_by if by else _convert, help=text)
