"""
Compresses rotated parts from number 2 on, in a thread that is there only while there is something to compress.

Nothing but the standard library here: the keeper uses it.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH104, PTH108, PTH208

import contextlib
import os
import stat
import threading
from collections import deque

from dumb_actors.logs.rotate import packed_name, raw_name

__all__ = ["Compressor"]

PIECE = 256 * 1024
LOWEST_PRIORITY = 19
GZIP = 31
# What gzip says of the size has 32 bits.
LARGEST = 0xFFFF_FFFF


class Compressor:
    """
    Compresses the parts of all logs of one pump, one after the other, at the lowest priority.

    Content is at each instant under a name of its own: the compressed file is complete before it gets its name, and
    then the raw one goes. Killed in between there are both, and the raw one counts; or a temporary file is left, which
    the next compression of this log removes. What fails (disk full) stays raw and is tried again after the next
    rotation.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: deque[tuple[str, int]] = deque()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._names: dict[str, threading.Lock] = {}

    def names_of(self, path: str) -> threading.Lock:
        """Give the lock under which the parts of the log *path* get and lose their names."""
        with self._lock:
            return self._names.setdefault(path, threading.Lock())

    def compress(self, path: str, count: int) -> None:
        """Compress what is raw of the log *path* from number 2 to *count*, some time; at once ready."""
        with self._lock:
            if self._is_closed or (path, count) in self._paths:
                return
            self._paths.append((path, count))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="dumb-actors log compressor", daemon=True)
                self._thread.start()

    def close(self, timeout: float) -> None:
        """Give up what is under way, and end the thread; it is left alone when it hangs longer than *timeout*."""
        with self._lock:
            self._is_closed = True
            thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
        while (job := self._next()) is not None:
            with contextlib.suppress(OSError):
                self._compress_parts(*job)

    def _next(self) -> tuple[str, int] | None:
        with self._lock:
            if self._paths and not self._is_closed:
                return self._paths.popleft()
            self._thread = None
            return None

    def _compress_parts(self, path: str, count: int) -> None:
        temporary = f"{path}.gz.next"
        _remove(temporary)
        tried: set[int] = set()
        while (source := self._open_oldest(path, count, tried)) >= 0:
            try:
                if self._pack(source, temporary):
                    self._put_in_place(path, count, source, temporary)
            finally:
                os.close(source)
                _remove(temporary)

    def _open_oldest(self, path: str, count: int, tried: set[int]) -> int:
        """Open the oldest raw part that was not tried; -1 when there is none."""
        with self.names_of(path):
            for number in _raw_numbers(path, count):
                try:
                    fd = os.open(raw_name(path, number), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
                except OSError:
                    continue
                found = os.fstat(fd)
                if stat.S_ISREG(found.st_mode) and found.st_size <= LARGEST and found.st_ino not in tried:
                    tried.add(found.st_ino)
                    return fd
                os.close(fd)
        return -1

    def _pack(self, source: int, temporary: str) -> bool:
        """Write the compressed file, to the disk as well; False: we are to end."""
        import zlib  # only a process that compresses needs it

        target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            deflate = zlib.compressobj(wbits=GZIP)
            while piece := os.read(source, PIECE):
                if self._is_closed:
                    return False
                _write(target, deflate.compress(piece))
            _write(target, deflate.flush())
            found = os.fstat(source)
            os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
            # The raw file goes next: a lost machine must not leave the name of an empty one.
            os.fsync(target)
        finally:
            os.close(target)
        return True

    def _put_in_place(self, path: str, count: int, source: int, temporary: str) -> None:
        """Put the compressed file in the place of its source, whatever number that has by now."""
        mine = os.fstat(source)
        with self.names_of(path):
            for number in _raw_numbers(path, count):
                name = raw_name(path, number)
                found = _stat(name)
                if found is None or (found.st_dev, found.st_ino) != (mine.st_dev, mine.st_ino):
                    continue
                if os.lseek(source, 0, os.SEEK_CUR) == found.st_size:
                    os.rename(temporary, packed_name(path, number))
                    os.unlink(name)
                return


def _raw_numbers(path: str, count: int) -> list[int]:
    """Give the numbers of the parts that are raw and are to be compressed, the oldest first."""
    directory, name = os.path.split(path)
    ends = (each[len(name) + 1 :] for each in os.listdir(directory or ".") if each.startswith(f"{name}."))
    numbers = (int(end) for end in ends if end.isascii() and end.isdigit())
    return sorted((number for number in numbers if 2 <= number <= count), reverse=True)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.lstat(name)
    except OSError:
        return None


def _remove(name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)
