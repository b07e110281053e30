"""
The writing end of a journal's files: append, go on to the next segment, remove the oldest. Blocking, for one thread.

After SIGKILL at any instant the last line may be cut off, and nothing else: each batch is one write. Nothing is synced
but the first line of a run and what is complete, so that power loss costs the last seconds at most.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH108

import contextlib
import errno
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from dumb_actors.errors import UnusablePath
from dumb_actors.journal.reading import last_seq, records_backward
from dumb_actors.journal.segments import Head, Segment, head_of, list_segments

__all__ = ["SKIPPED", "Limits", "Line", "Store", "System", "resume_after"]

SKIPPED = 1_000_000
"""
So many numbers are passed over after a run that did not come to its end.

It may have given out numbers that never came into the journal: of what was in its queue, and of what a full disk did
not take.
"""

_AGE_STEPS = 30
"""A segment is complete at the latest after this part of the time that events are kept."""


@attrs.frozen(kw_only=True)
class Limits:
    """
    How much a journal keeps, and waits for.

    Attributes:
        segment_size: Bytes in one file, about.

        total_size: Bytes in all of them; the oldest file goes first.

        age: Seconds that events are kept at least, unless there are too many of them.

        backlog: Events in memory that wait for the disk; what comes on top is lost, and counted.

        patience: Seconds that the beginning and the end of a journal wait for the disk.

        retry: Seconds after which a disk that failed is tried again at first; it doubles up to 32 times that.
    """

    segment_size: int = 4 * 1024 * 1024
    total_size: int = 64 * 1024 * 1024
    age: float = 30 * 86_400.0
    backlog: int = 8192
    patience: float = 5.0
    retry: float = 1.0


@attrs.frozen(kw_only=True)
class System:
    """The system calls that can fail or hang, for tests to stand in for; the clock, Unix seconds."""

    write: Callable[[int, bytes], int] = os.write
    sync: Callable[[int], None] = os.fsync
    wall: Callable[[], float] = time.time


@attrs.frozen
class Line:
    """
    One line to be written.

    Attributes:
        seq: No event before this number comes after it.

        content: With its end.
    """

    seq: int
    content: bytes


def resume_after(directory: str) -> tuple[int, bool]:
    """
    Give the number behind which a new run has to count, so that none is ever given out twice; 0 for a new journal.

    It is the last one if the last run came to its end, else one far behind all that it can have given out.

    Returns:
        The number, and whether the last run came to its end.

    Raises:
        JournalTooNew, UnusablePath: Nothing was changed.
    """
    segments = list_segments(directory)
    if not segments:
        return 0, True
    newest = segments[-1]
    try:
        fd = os.open(newest.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise UnusablePath(newest.path, "cannot read the journal", error) from error
    try:
        head_of(fd, newest.path)
        last = next(records_backward(fd, newest.path), {})
        if last.get("kind") == "end" and type(last.get("seq")) is int and _is_whole(fd):
            return max(int(last["seq"]), newest.first - 1), True
    finally:
        os.close(fd)
    return max(last_seq(directory), newest.first) + SKIPPED, False


def _is_whole(fd: int) -> bool:
    size = os.fstat(fd).st_size
    return size > 0 and os.pread(fd, 1, size - 1) == b"\n"


class Store:
    """
    Appends to the journal in one directory, which only it writes to.

    Args:
        directory: Made when missing, private.

        run_id: Of this run, for the first lines.

        limits, system: See there.
    """

    def __init__(self, directory: str, *, run_id: str, limits: Limits, system: System) -> None:
        self._directory = directory
        self._run_id = run_id
        self._limits = limits
        self._system = system
        self._fd: int | None = None
        self._size = 0
        self._opened_at = 0.0
        self._has_lines = self._is_torn = False

    def begin(self, seq: int) -> int:
        """
        Begin the segment of a run whose numbers go on behind *seq*, and have it on the disk.

        Returns:
            *seq*, or a number behind it where there is a segment of that name, of a run that had no events.

        Raises:
            OSError: It cannot be written; the next `append` tries again.
        """
        known = {segment.first for segment in list_segments(self._directory)}
        while seq + 1 in known:
            seq += 1
        self._open(seq + 1)
        with _of_directory(self._directory) as fd:
            self._system.sync(fd)
        return seq

    def append(self, lines: list[Line]) -> None:
        """
        Write *lines*, and take each out of the list that is written.

        Raises:
            OSError: What is left in the list is not written; it may be tried again.
        """
        if not lines:
            return
        if self._is_complete():
            self.close()
        if self._fd is None:
            self._open(lines[0].seq)
        start = b"\n" if self._is_torn else b""
        data = start + b"".join(line.content for line in lines)
        done = 0
        try:
            while done < len(data):
                done += self._system.write(self._descriptor, data[done:])
        except OSError:
            whole = data.rfind(b"\n", 0, done) + 1
            del lines[: data.count(b"\n", len(start), whole)]
            self._note_written(whole)
            if done > whole:
                self._cut(done - whole)
            raise
        self._note_written(done)
        lines.clear()

    def _note_written(self, size: int) -> None:
        if size:
            self._size += size
            self._has_lines, self._is_torn = True, False

    def end(self, seq: int) -> None:
        """
        Write that *seq* is the last number that was given out, and close; the end is on the disk.

        Raises:
            OSError: It is not; numbers that follow will skip some.
        """
        record = {"kind": "end", "seq": seq}
        try:
            self.append([Line(seq + 1, json.dumps(record).encode() + b"\n")])
        finally:
            self.close()

    def close(self) -> None:
        """
        Sync and close the present segment, if there is one.

        Raises:
            OSError: It is closed, and may not be on the disk.
        """
        fd, self._fd = self._fd, None
        if fd is None:
            return
        try:
            self._system.sync(fd)
        finally:
            os.close(fd)

    # --- segments -----------------------------------------------------------------------------------------------------

    @property
    def _descriptor(self) -> int:
        if self._fd is None:
            raise OSError(errno.EBADF, "the segment is not open")
        return self._fd

    def _is_complete(self) -> bool:
        if self._fd is None or not self._has_lines:
            return False  # a name is used once
        age = self._system.wall() - self._opened_at
        return (
            self._size >= self._limits.segment_size
            or age > self._limits.age / _AGE_STEPS
            or os.fstat(self._fd).st_nlink == 0  # somebody removed it
        )

    def _open(self, first: int) -> None:
        """Begin a segment, with its first line on the disk; leave none behind if that fails."""
        Path(self._directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._prune()
        segment = Segment.named(self._directory, first)
        self._opened_at = self._system.wall()
        head = Head(run_id=self._run_id, boot_id=_boot_id(), opened_at=self._opened_at)
        line = json.dumps(head.as_json()).encode() + b"\n"
        fd = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            if self._system.write(fd, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._system.sync(fd)
        except OSError:
            os.close(fd)
            with contextlib.suppress(OSError):
                os.unlink(segment.path)
            raise
        self._fd, self._size = fd, len(line)
        self._has_lines = self._is_torn = False

    def _cut(self, torn: int) -> None:
        """Take back *torn* bytes at the end, part of a line; where that fails too, they become a line of their own."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self._size += torn
            self._is_torn = True

    def _prune(self) -> None:
        """Remove the oldest segments, so that the next one has room in what may be kept, and what is too old."""
        room = self._limits.total_size - self._limits.segment_size
        eldest = self._system.wall() - self._limits.age
        for segment in reversed(list_segments(self._directory)):
            try:
                found = os.stat(segment.path)  # noqa: PTH116
                room -= found.st_size
                if room < 0 or found.st_mtime < eldest:
                    os.unlink(segment.path)
            except FileNotFoundError:
                continue


@contextlib.contextmanager
def _of_directory(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
