"""
Bytes of log files as clients want them: a piece from a cursor on, or the last lines and where they end.

Plain blocking functions, for a thread. What is no regular file has no log.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from dumb_actors import Position, UnusablePath, last_lines

__all__ = ["PIECE_LIMIT", "Tail", "piece_at", "read_lines"]

PIECE_LIMIT = 8 * 1024 * 1024
BLOCK = 64 * 1024


@attrs.frozen
class Tail:
    """The end of a log, and where that end was; None: there is no file."""

    content: bytes
    end: Position | None


@attrs.frozen(kw_only=True)
class Piece:
    """A piece of a log: its text, where it ends, how large the file is, and whether it begins anew."""

    text: str = ""
    cursor: int = 0
    size: int = 0
    reset: bool = True


def piece_at(path: str, cursor: int | None, tail_bytes: int) -> Piece:
    """
    Read what is new since *cursor*, at most 8 MiB; without a cursor, or when the file is shorter, its last bytes.

    A character whose last bytes are not written yet is left for the next piece.

    Raises:
        UnusablePath: The file is there and cannot be read.
    """
    with _opened(path) as fd:
        if fd < 0:
            return Piece()
        size = os.fstat(fd).st_size
        reset = cursor is None or cursor > size
        start = max(0, size - tail_bytes) if cursor is None or cursor > size else cursor
        content = _whole_characters(os.pread(fd, min(size - start, PIECE_LIMIT), start))
        end = start + len(content)
        if reset and start:
            content = _from_character(content)
        return Piece(text=content.decode(errors="replace"), cursor=end, size=size, reset=reset)


def _from_character(content: bytes) -> bytes:
    """Cut off the end of a UTF-8 character at the beginning of *content*."""
    for index, byte in enumerate(content[:4]):
        if not 0x80 <= byte < 0xC0:
            return content[index:]
    return content


def _whole_characters(content: bytes) -> bytes:
    """Cut off the beginning of a UTF-8 character at the end of *content*, when its rest is missing."""
    for back in range(1, min(3, len(content)) + 1):
        byte = content[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return content[:-back] if length > back else content
        if byte < 0x80:
            break
    return content


def read_lines(path: str, count: int) -> Tail:
    """
    Read the last *count* lines, over the border to rotated files.

    Raises:
        UnusablePath: The file is there and cannot be read.
    """
    with _opened(path) as fd:
        if fd < 0:
            return Tail(b"", None)
        found = os.fstat(fd)
        content = _last_lines(fd, found.st_size, count)
        missing = count - content.count(b"\n") - (bool(content) and not content.endswith(b"\n"))
        if len(content) == found.st_size and missing > 0:
            content = _older_lines(path, missing) + content
        return Tail(content, Position(found.st_ino, found.st_size))


def _last_lines(fd: int, size: int, count: int) -> bytes:
    """Read ever more from the end until *count* lines are there; a last line without its end counts as one."""
    window = BLOCK
    while True:
        low = max(0, size - window)
        content = os.pread(fd, size - low, low)
        start = _start_of_lines(content, count)
        if start > 0 or low == 0 or window >= PIECE_LIMIT:
            return content[start:]
        window *= 4


def _start_of_lines(content: bytes, count: int) -> int:
    """Find where the last *count* lines of *content* begin; 0 when it has no more than that."""
    if count == 0:
        return len(content)
    end = len(content) - content.endswith(b"\n")
    for _ in range(count):
        end = content.rfind(b"\n", 0, end)
        if end < 0:
            return 0
    return end + 1


def _older_lines(path: str, count: int) -> bytes:
    """Read lines of the rotated files, the youngest first, until there are enough."""
    older: list[str] = []
    number = 1
    while len(older) < count and os.path.lexists(part := f"{path}.{number}"):
        older = last_lines(part, count - len(older)) + older
        number += 1
    return "".join(f"{line}\n" for line in older).encode(errors="replace")


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """Open a log for a block; -1 when there is none."""
    try:
        # Not blocking: it may be a FIFO that nobody writes to.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        yield -1
        return
    except OSError as error:
        raise UnusablePath(path, "cannot read the log", error) from error
    try:
        yield fd if stat.S_ISREG(os.fstat(fd).st_mode) else -1
    finally:
        os.close(fd)
