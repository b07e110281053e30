"""
The files of a journal: their names, their first lines, and when they go.

A segment is called by the first number that may be in it, so that most questions find their files by name. Each run of
the supervisor begins a segment of its own: what a kill cut off stays at the end of a file that nobody writes any more,
and monotonic times can be compared within the run that the first line names.
"""

import os
import re
from pathlib import Path
from typing import Any

import attrs

from dumb_actors.errors import HostError, UnusablePath
from dumb_actors.journal.codec import Damaged, parse_line

__all__ = ["JOURNAL_FORMAT", "Head", "JournalTooNew", "Segment", "head_of", "list_segments"]

JOURNAL_FORMAT = 1
"""Number in each first line. It goes up when an older program would misread a newer file."""

_LONGEST_HEAD = 4096
_NAME = re.compile(r"(\d{20})\.jsonl")


class JournalTooNew(HostError):
    """The journal was written by a newer version; nothing was changed. `.detail` has path and format."""

    code = "journal-too-new"


@attrs.frozen(order=True)
class Segment:
    """
    One file of a journal.

    Attributes:
        first: The first number that may be in it.

        path: Absolute.
    """

    first: int
    path: str

    @classmethod
    def named(cls, directory: str, first: int) -> "Segment":
        """Give the one that begins with the event *first*."""
        return cls(first, f"{directory}/{first:020}.jsonl")


@attrs.frozen(kw_only=True)
class Head:
    """
    The first line of a segment.

    Attributes:
        run_id: Of the run of the supervisor; empty where the line is damaged.

        boot_id: Of the machine's boot; empty where it is not known.

        opened_at: When the segment was begun (Unix seconds).
    """

    run_id: str = ""
    boot_id: str = ""
    opened_at: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Give the line as an object."""
        return {"format": JOURNAL_FORMAT, **attrs.asdict(self)}


def list_segments(directory: str) -> list[Segment]:
    """
    List the segments of a journal, oldest first; none where there is no such directory.

    Raises:
        UnusablePath: The directory cannot be read.
    """
    try:
        names = [entry.name for entry in Path(directory).iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UnusablePath(directory, "cannot read the journal in", error) from error
    matches = [match for name in names if (match := _NAME.fullmatch(name))]
    return sorted(Segment(int(match[1]), f"{directory}/{match[0]}") for match in matches)


def head_of(fd: int, path: str) -> tuple[Head, int]:
    """
    Read the first line of an open segment; a damaged one says nothing.

    Returns:
        What it says, and where the next line begins: 0 when the first line is none of ours.

    Raises:
        JournalTooNew: The segment is of a newer format.
    """
    line, newline, _ = os.pread(fd, _LONGEST_HEAD, 0).partition(b"\n")
    try:
        record = parse_line(line)
        number = record["format"]
        if type(number) is int and number > JOURNAL_FORMAT:
            raise JournalTooNew(
                f"{path} has format {number}, this version understands up to {JOURNAL_FORMAT}; "
                "use the newer version, or move the directory away",
                path=path,
                format=number,
            )
        head = Head(run_id=str(record["run_id"]), boot_id=str(record["boot_id"]), opened_at=float(record["opened_at"]))
    except (Damaged, KeyError, TypeError, ValueError):
        return Head(), 0
    return head, len(line) + len(newline)
