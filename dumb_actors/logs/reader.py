"""
Read log files from their end: the last lines, the last bytes, also over the border to rotated files.

Plain blocking functions, for a thread. A log `x.log` has its rotated parts beside it, `x.log.1` being the youngest;
older ones may be compressed (`x.log.2.gz`) and are only read when they are needed.
"""

import contextlib
from collections.abc import Iterable
from itertools import chain

from dumb_actors.logs.parts import Part, Position, open_parts

__all__ = ["Position", "end_of", "generation_start", "last_lines", "tail_and_end", "tail_bytes"]

BLOCK = 64 * 1024
LINES_LIMIT = 16 * 1024 * 1024


def end_of(path: str) -> Position | None:
    """Return where the log *path* ends now, to follow from there on; None when there is no such file."""
    with contextlib.ExitStack() as opened:
        for part in open_parts(path, opened, indexed=True):
            return part.at(part.size) if part.name == path else None
    return None


def generation_start(path: str, generation: int) -> Position | None:
    """
    Return where the output of *generation* begins in the log *path*, by the indexes; None when they do not tell.

    It is found also when that file was rotated and compressed since, which a position from the beginning may not say:
    a log that was empty then had no index yet. Reads the indexes only, from the youngest back.

    Raises:
        OSError: A file is there and cannot be opened.
    """
    start: Position | None = None
    with contextlib.ExitStack() as opened:
        for part in open_parts(path, opened, indexed=True):
            entries = part.entries()
            own = [entry for entry in entries if entry.generation == generation]
            if own:
                start = part.at(own[0].offset)
            elif entries and start is not None:
                break  # an older one that has others only
    return start


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
    return tail_and_end(path, limit)[0]


def tail_and_end(path: str, limit: int) -> tuple[bytes, Position | None]:
    """Return what `tail_bytes` does, and where it ends: None without a file. Raises as that does."""
    with contextlib.ExitStack() as opened:
        parts = open_parts(path, opened)
        youngest = next(parts, None)
        if youngest is None:
            return b"", None
        content = _read_back(((part, 0) for part in chain([youngest], parts)), limit)[0]
        return content, youngest.at(youngest.size)


def split_last(content: bytes, n: int, *, whole: bool) -> list[str]:
    """Split the end of a log into its last *n* lines; *whole* is false when its first line may be cut."""
    # Only \n ends a line: str.splitlines would also cut at form feeds and Unicode separators.
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    texts = [line.removesuffix(b"\r").decode(errors="replace") for line in lines[-n:]]
    if not whole and texts and len(lines) <= n:
        texts[0] = "…" + texts[0]
    return texts


def _tail(path: str, start: Position | None, limit: int, newlines: int) -> tuple[bytes, bool]:
    with contextlib.ExitStack() as opened:
        return _read_back(_parts(path, start, opened), limit, newlines)


def _read_back(parts: Iterable[tuple[Part, int]], limit: int, newlines: int | None = None) -> tuple[bytes, bool]:
    """Read backward until *limit* bytes or *newlines* line ends are there; say whether all there is was read."""
    blocks: list[bytes] = []
    got = ends = 0
    for part, begin in parts:
        high = part.size
        while high > begin:
            if got >= limit or (newlines is not None and ends >= newlines):
                return b"".join(reversed(blocks)), False
            # What is compressed is read in one go: every step backward would read it from its beginning.
            low = max(begin, high - min(high if part.is_packed else BLOCK, limit - got))
            block = part.read_at(low, high - low)
            blocks.append(block)
            got += high - low
            ends += block.count(b"\n")
            high = low
        if (newlines is None and got >= limit) or (newlines is not None and ends >= newlines):
            break  # before the next one is opened
    return b"".join(reversed(blocks)), True


def _parts(path: str, start: Position | None, opened: contextlib.ExitStack) -> Iterable[tuple[Part, int]]:
    """Give the files of a log, the youngest first, until the one with *start*, and where in them we may begin."""
    if start is None:
        return ((part, 0) for part in open_parts(path, opened))
    return _parts_from(start, list(open_parts(path, opened, indexed=bool(start.stamp))))


def _parts_from(start: Position, parts: list[Part]) -> list[tuple[Part, int]]:
    for index, part in enumerate(parts):
        if part.holds(start):
            return [*((younger, 0) for younger in parts[:index]), (part, start.offset)]
    return [(part, 0) for part in parts[:1]]
