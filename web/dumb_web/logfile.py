"""
Bytes of a log file as the web client wants them: a piece from a cursor on, masked.

Plain blocking functions, for a thread. What is no regular file has no log.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from dumb_actors import Redactor, UnusablePath, tail_and_end

__all__ = ["PIECE_LIMIT", "Piece", "piece_at"]

PIECE_LIMIT = 8 * 1024 * 1024
LONGEST_CHARACTER = 4


@attrs.frozen(kw_only=True)
class Piece:
    """A piece of a log: its text, where it ends, how large the file is, and whether it begins anew."""

    text: str = ""
    cursor: int = 0
    size: int = 0
    reset: bool = True


def piece_at(path: str, cursor: int | None, tail_bytes: int, redactor: Redactor) -> Piece:
    """
    Read what is new since *cursor*, at most 8 MiB; without a cursor, or when the file is shorter, the log's last bytes.

    Those may be of rotated files; cursor and size are of the present one, and count bytes as they are in it, masked or
    not. What could be the beginning of a character or of a secret is left for the next piece.

    Raises:
        UnusablePath: The file is there and cannot be read.
    """
    with _opened(path) as fd:
        if fd < 0:
            return Piece()
        size = os.fstat(fd).st_size
        if cursor is None or cursor > size:
            return _last_piece(path, tail_bytes, redactor)
        # What precedes is looked at, too: a secret may lie across the cursor.
        before = min(cursor, redactor.longest)
        content = os.pread(fd, min(size - cursor, PIECE_LIMIT) + before, cursor - before)
        content = content[: _upto(content, before, redactor)]
        text = redactor.bytes(content, skip=before).decode(errors="replace")
        return Piece(text=text, cursor=cursor + len(content) - before, size=size, reset=False)


def _last_piece(path: str, tail_bytes: int, redactor: Redactor) -> Piece:
    try:
        content, end = tail_and_end(path, tail_bytes + redactor.longest)
    except OSError as error:
        raise UnusablePath(path, "cannot read the log", error) from error
    if end is None:
        return Piece()
    before = max(0, len(content) - tail_bytes)
    kept = content[: _upto(content, before, redactor)]
    text = redactor.bytes(kept, skip=before)
    if before or len(content) == tail_bytes:
        text = _from_character(text)
    cursor = max(0, end.offset - (len(content) - len(kept)))
    return Piece(text=text.decode(errors="replace"), cursor=cursor, size=end.offset, reset=True)


def _upto(content: bytes, before: int, redactor: Redactor) -> int:
    """Find how much of *content*, but for what is *before* the piece, can be given already."""
    whole = _whole_characters(content)
    upto = whole - redactor.begun(content[:whole])
    for low, high in redactor.find(content[:whole]):
        if low < upto < high:
            upto = high
    return max(upto, min(before, len(content)))


def _from_character(content: bytes) -> bytes:
    """Cut off the end of a UTF-8 character at the beginning of *content*."""
    for index, byte in enumerate(content[:LONGEST_CHARACTER]):
        if not 0x80 <= byte < 0xC0:
            return content[index:]
    return content


def _whole_characters(content: bytes) -> int:
    """Give the length of *content* without the beginning of a UTF-8 character at its end, when its rest is missing."""
    for back in range(1, min(LONGEST_CHARACTER - 1, len(content)) + 1):
        byte = content[-back]
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(content) - back if length > back else len(content)
        if byte < 0x80:
            break
    return len(content)


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
