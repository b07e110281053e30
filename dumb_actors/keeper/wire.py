"""
What supervisor and keeper say to each other: one JSON object in a line, over a socket that is also the lifeline.

Nothing but the standard library here: both ends use it. The supervisor says (*id* is a number of its own for one flow):

- `add` id order start: move the output of a generation; *start* says where in the log it begins, see `Position`. With
  *held* a descriptor of the FIFO comes along: on its way it keeps what is in the FIFO, whoever is killed meanwhile.
- `child` id pid start_ticks marker cgroup: this tree writes it. Needed when the keeper is to end orphans.
- `finish` id: drain what is there, close, remove the FIFO; answered by `finished` id lines taken lost.
- `stay`: go on alone when the lifeline closes, whatever was said at the start; answered by `staying`.
- `leave`: finish all, then answer `left` and end.

The keeper says by itself:

- `ready`: it is registered and at work.
- `gap` id lost reason recovered: the log does not take bytes, or takes them again; *lost* counts since `add`.
- `failed` id reason: the FIFO of an `add` cannot be opened.

What one does not know of the other it leaves out of account.
"""

from collections.abc import Mapping
from typing import Any

from dumb_actors.keeper.plainjson import dumps, loads

__all__ = ["LONGEST", "LineSplitter", "decode", "encode"]

LONGEST = 1024 * 1024
"""Bytes. A line is a path or two, or the last lines of a log; whatever is longer is none of ours."""


def encode(message: Mapping[str, object]) -> bytes:
    """Write one message as a line."""
    # Only ASCII, so that what is no UTF-8 in a path survives too.
    return dumps(message).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """
    Read one line.

    Raises:
        ValueError: It is no message.
    """
    try:
        message = loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(message, dict) or not isinstance(message.get("op"), str):
        raise ValueError("not an object with an op")
    return message


class LineSplitter:
    """Makes lines of what comes in pieces."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_cut = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Give the lines that *piece* completes; one that is too long comes cut, and so as no message."""
        *lines, rest = (self._rest + piece).split(b"\n")
        if lines and self._is_cut:
            # The end of a line whose beginning was given already.
            del lines[0]
            self._is_cut = False
        self._rest = rest
        if len(rest) > LONGEST:
            if not self._is_cut:
                lines.append(rest[:80])
            self._is_cut = True
            self._rest = b""
        return lines
