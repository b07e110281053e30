"""
Read log files from their end: the last lines, the last bytes, also over the border to rotated files.

Plain blocking functions, for a thread. A log `x.log` has its rotated parts beside it, `x.log.1` being the youngest.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH116

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Position", "end_of", "last_lines", "tail_bytes"]

BLOCK = 64 * 1024
LINES_LIMIT = 16 * 1024 * 1024


class Position(NamedTuple):
    """
    A place in a log that stays right when the file is renamed by a rotation.

    Attributes:
        inode: Of the file.

        offset: Bytes from its beginning.
    """

    inode: int
    offset: int


class _Part(NamedTuple):
    """One file of a log, open, and where in it we may begin to read."""

    fd: int
    inode: int
    size: int
    low: int = 0


def end_of(path: str) -> Position | None:
    """Return where the log *path* ends now, to follow from there on; None when there is no such file."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return Position(found.st_ino, found.st_size)


def last_lines(path: str, n: int, start: Position | None = None, *, limit: int = LINES_LIMIT) -> list[str]:
    """
    Return the last lines of a log, the oldest first.

    Args:
        path: The log file; rotated parts are read as far as they are needed.

        n: How many lines at most.

        start: Nothing before this is returned (where a generation's output begins). When its file is gone, rotated
            away or deleted, all that `path` itself holds is younger and is returned.

        limit: Bytes read at most. A line that the limit cuts begins with "…".

    Returns:
        Lines without their ends, undecodable bytes replaced; empty when there is no such file.

    Raises:
        OSError: The file is there and cannot be read.
    """
    if n <= 0:
        return []
    content, whole = _tail(path, start, limit, newlines=n + 1)
    return split_last(content, n, whole=whole)


def tail_bytes(path: str, limit: int) -> bytes:
    """
    Return the last *limit* bytes of a log, or all of it, over the border to rotated parts; empty without a file.

    Raises:
        OSError: The file is there and cannot be read.
    """
    return _tail(path, None, limit)[0]


def split_last(content: bytes, n: int, *, whole: bool) -> list[str]:
    """Split the end of a log into its last *n* lines; *whole* is false when its first line may be cut."""
    # Only \n ends a line: str.splitlines would also cut at form feeds and Unicode separators.
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    texts = [line.removesuffix(b"\r").decode(errors="replace") for line in lines[-n:]]
    if not whole and texts and len(lines) <= n:
        texts[0] = "…" + texts[0]
    return texts


def _tail(path: str, start: Position | None, limit: int, newlines: int | None = None) -> tuple[bytes, bool]:
    """Read backward until *limit* bytes or *newlines* line ends are there; say whether all there is was read."""
    blocks: list[bytes] = []
    got = ends = 0
    with contextlib.ExitStack() as opened:
        for part in _parts(path, start, opened):
            high = part.size
            while high > part.low:
                if got >= limit or (newlines is not None and ends >= newlines):
                    return b"".join(reversed(blocks)), False
                low = max(part.low, high - min(BLOCK, limit - got))
                block = os.pread(part.fd, high - low, low)
                blocks.append(block)
                got += high - low
                ends += block.count(b"\n")
                high = low
    return b"".join(reversed(blocks)), True


def _parts(path: str, start: Position | None, opened: contextlib.ExitStack) -> Iterator[_Part]:
    """Yield the files of a log, the youngest first, until the one with *start*."""
    if start is not None:
        yield from _parts_from(start, list(_parts(path, None, opened)))
        return
    seen: set[int] = set()
    for name in part_names(path):
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        opened.callback(os.close, fd)
        found = os.fstat(fd)
        # A rotation while we look renames what was already opened: it must not come twice.
        if found.st_ino not in seen:
            seen.add(found.st_ino)
            yield _Part(fd, found.st_ino, found.st_size)


def _parts_from(start: Position, parts: list[_Part]) -> list[_Part]:
    for index, part in enumerate(parts):
        # An inode number may be used again: a file shorter than the offset is another one.
        if part.inode == start.inode and part.size >= start.offset:
            return [*parts[:index], part._replace(low=start.offset)]
    return parts[:1]


def part_names(path: str) -> Iterator[str]:
    """
    Yield *path* and the names of its rotated parts that exist, the youngest first.

    One missing number does not end the row: in the middle of a rotation there is a gap.
    """
    yield path
    number, missing = 1, 0
    while missing < 2:
        name = f"{path}.{number}"
        if os.path.lexists(name):
            missing = 0
            yield name
        else:
            missing += 1
        number += 1
