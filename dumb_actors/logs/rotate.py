"""
The names of a log's rotated parts: `x.log.1` is the youngest, then `x.log.2.gz` and so on, each with its index.

Number 1 stays raw: whoever follows the log finds there, under the inode that it knows, what was not read yet, and where
a young generation began stays a place in a plain file. From number 2 on parts are compressed, see `compress.py`.

Killed at any instant nothing is lost: parts are renamed one by one from the oldest on, so that at worst a number is
missing, and the next rotation fills it. An index is renamed before its part: a part may lose its index, but never gets
one that is not its own.

Plain blocking functions, with nothing but the standard library: the keeper uses them.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH104, PTH108, PTH116

import contextlib
import os

from dumb_actors.logs.index import index_path

__all__ = ["close_hole", "make_next", "note_move", "packed_name", "raw_name", "rotate"]


PIECE = 64 * 1024


def raw_name(path: str, number: int) -> str:
    """Give the name of the rotated part *number* of the log *path*; number 0 is the log itself."""
    return f"{path}.{number}" if number else path


def packed_name(path: str, number: int) -> str:
    """Give the name of the same part when it is compressed."""
    return f"{path}.{number}.gz"


def make_next(path: str) -> int:
    """
    Make the file with which the log *path* will begin anew; return its descriptor.

    Made before anything is renamed: on a full disk this fails, and all is as it was.

    Raises:
        OSError: It cannot be made.
    """
    return os.open(_next_name(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)


def rotate(path: str, count: int) -> None:
    """
    Put what `make_next` made in the place of the log *path*, which becomes number 1 of at most *count* rotated parts.

    Raises:
        OSError: It cannot be done. The new file is gone; the log has its name, or number 1.
    """
    try:
        if count > 0:
            _free_number_one(path, count)
            _move(path, 0)
        else:
            _remove(index_path(path))
        os.rename(_next_name(path), path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(_next_name(path))
        raise
    _remove_beyond(path, count)


def note_move(path: str, inode: int) -> None:
    """
    Let the indexes follow when somebody else moved the log *path*, which had this *inode*, and made it number 1.

    Then what was number 1 became number 2, and so on. Moved elsewhere, it leaves its index, which is removed.

    Raises:
        OSError: It cannot be done.
    """
    if _inode(raw_name(path, 1)) != inode:
        _remove(index_path(path))
        return
    last = 0
    while os.path.lexists(index_path(raw_name(path, last + 1))):
        last += 1
    for number in range(last, -1, -1):
        _move_index(path, number)


def close_hole(path: str, fd: int, begin: int) -> int:
    """
    Begin the log *path*, open as *fd*, anew with what it holds from *begin* on; return the new file's descriptor.

    Raises:
        OSError: It cannot be done, and all is as it was.
    """
    end = os.fstat(fd).st_size
    begin = min(max(begin, os.lseek(fd, 0, os.SEEK_DATA)), end)
    fresh = make_next(path)
    try:
        _copy(fd, begin, end, fresh)
        _remove(index_path(path))
        os.rename(_next_name(path), path)
    except OSError:
        os.close(fresh)
        with contextlib.suppress(OSError):
            os.unlink(_next_name(path))
        raise
    return fresh


def _copy(source: int, begin: int, end: int, target: int) -> None:
    while begin < end:
        piece = os.pread(source, min(PIECE, end - begin), begin)
        if not piece:
            return
        begin += len(piece)
        while piece:
            piece = piece[os.write(target, piece) :]


def _next_name(path: str) -> str:
    return f"{path}.next"


def _free_number_one(path: str, count: int) -> None:
    """Move each part up by one, as far as the first number that is missing; the oldest goes when none is."""
    free = next((number for number in range(1, count + 1) if _part(path, number) is None), None)
    if free is None:
        _remove_part(path, count)
        free = count
    for number in range(free - 1, 0, -1):
        _move(path, number)


def _part(path: str, number: int) -> str | None:
    return next((name for name in (raw_name(path, number), packed_name(path, number)) if os.path.lexists(name)), None)


def _move(path: str, number: int) -> None:
    """Rename a part, and its index before it, to the next number, which is free."""
    _move_index(path, number)
    if number and not os.path.lexists(raw_name(path, number)):
        os.rename(packed_name(path, number), packed_name(path, number + 1))
        return
    if number:
        # Killed while compressing: there are both, and the raw one counts.
        _remove(packed_name(path, number))
    with contextlib.suppress(FileNotFoundError):
        os.rename(raw_name(path, number), raw_name(path, number + 1))


def _move_index(path: str, number: int) -> None:
    target = index_path(raw_name(path, number + 1))
    try:
        os.rename(index_path(raw_name(path, number)), target)
    except FileNotFoundError:
        _remove(target)


def _remove_part(path: str, number: int) -> None:
    _remove(index_path(raw_name(path, number)))
    # The compressed one first: without the raw one it would count.
    _remove(packed_name(path, number))
    _remove(raw_name(path, number))


def _remove_beyond(path: str, count: int) -> None:
    """Remove what was kept when more was to be kept; a fault there is no fault of the rotation."""
    number = count + 1
    with contextlib.suppress(OSError):
        while _part(path, number) is not None:
            _remove_part(path, number)
            number += 1


def _remove(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)


def _inode(name: str) -> int:
    try:
        return os.stat(name).st_ino
    except OSError:
        return -1
