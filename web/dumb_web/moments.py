"""Instants as clients write them in a query."""

import re
from datetime import datetime

__all__ = ["parse_moment"]

AGO = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h|d|w)", re.ASCII)
UNITS_S = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
UNIX = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
LAST = 253_402_300_799.0
"""The end of the year 9999."""


def parse_moment(text: str, now: float) -> float:
    """
    Give the instant that *text* means, in Unix seconds.

    It is so long ago (`90s`, `10m`, `2h`, `1d`, `1w`), Unix seconds, or a date with or without a time in ISO 8601, of
    this machine's time zone unless it names another.

    Raises:
        ValueError: None of these.
    """
    text = text.strip()
    try:
        if ago := AGO.fullmatch(text):
            return now - float(ago[1]) * UNITS_S[ago[2]]
        # A plus sign of a time zone that was not encoded has become a space.
        moment = float(text) if UNIX.fullmatch(text) else datetime.fromisoformat(text.replace(" +", "+")).timestamp()
    except (ValueError, OverflowError, OSError):
        moment = LAST + 1
    if moment > LAST:
        raise ValueError("Input should be Unix seconds, a time in ISO 8601, or an age such as 10m, 2h or 1d")
    return moment
