"""
Control groups: nobody leaves one by itself, so all descendants of a service can be counted, awaited and killed.

Where such a group may be made is the business of `delegation`. Version 2 only.
"""

# One name for one system call, as in `procfs`: on this file system each of them is a command to the kernel.
# ruff: noqa: PTH106, PTH123

import contextlib
import errno
import os
import re
import select
from collections.abc import Iterator

import attrs
import trio

from dumb_actors.errors import UnusablePath

__all__ = ["Cgroup", "read", "write"]

# What reading or writing says of a group that was removed meanwhile.
_GONE = (errno.ENOENT, errno.ENODEV)


@attrs.frozen
class Cgroup:
    """
    The control group of one generation of a service; whoever joins it takes its descendants along.

    All calls but `wait_empty` are one or a few system calls on a file system without a disk: they do not block.

    Attributes:
        path: Absolute path of its directory.
    """

    path: str

    @property
    def procs_path(self) -> str:
        """The file that a process writes `0` to in order to join."""
        return f"{self.path}/cgroup.procs"

    def pids(self) -> list[int]:
        """List its living processes, those in groups below it as well; none when it is gone."""
        found: list[int] = []
        for path in (self.path, *_below(self.path)):
            with contextlib.suppress(FileNotFoundError):
                found += [int(line) for line in read(f"{path}/cgroup.procs").split()]
        return found

    def is_empty(self) -> bool:
        """Tell whether nobody in it, or in a group below it, is alive; zombies do not count."""
        try:
            descriptor = os.open(f"{self.path}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            return not _is_populated(descriptor)
        finally:
            os.close(descriptor)

    async def wait_empty(self) -> None:
        """
        Return when it is empty, at once when it is so already or is gone.

        Waits for the kernel's notice; several tasks may. Cancellation: safe.
        """
        await trio.lowlevel.checkpoint()
        try:
            descriptor = os.open(f"{self.path}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            # The file counts as readable always; only its priority event tells of a change. Hence the epoll between.
            with select.epoll() as notice:
                notice.register(descriptor, select.EPOLLPRI)
                # Reading is what arms the notice, so nothing is missed between the look and the wait.
                while _is_populated(descriptor):
                    await trio.lowlevel.wait_readable(notice.fileno())
        finally:
            os.close(descriptor)

    def kill(self) -> None:
        """Send SIGKILL to everybody in it and in groups below it, at one instant: nobody slips through by forking."""
        with contextlib.suppress(FileNotFoundError):
            write(f"{self.path}/cgroup.kill", "1")

    def oom_kills(self) -> int:
        """Count the processes that the kernel killed because its memory, or that of a group above it, ran out."""
        with contextlib.suppress(FileNotFoundError):
            match = re.search(r"^oom_kill (\d+)$", read(f"{self.path}/memory.events"), re.MULTILINE)
            return int(match[1]) if match else 0
        return 0

    def set_memory_max(self, limit_bytes: int) -> None:
        """
        Limit the memory of all its processes together; swap is not counted.

        Raises:
            UnusablePath: The memory controller is not on here (see `Delegation.enable_memory`), or the group is gone.
        """
        path = f"{self.path}/memory.max"
        try:
            write(path, str(limit_bytes))
        except OSError as error:
            raise UnusablePath(path, "cannot set the memory limit", error) from error

    def remove(self) -> bool:
        """Remove it and the groups that the service made below it; tell whether it is gone. A live one stays."""
        for path in (*reversed(list(_below(self.path))), self.path):
            try:
                os.rmdir(path)
            except FileNotFoundError:
                continue
            except OSError:  # somebody is alive in it, or has made a group this moment
                return False
        return True


def _below(path: str) -> Iterator[str]:
    """Walk through the groups below *path*, each before those below it."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield entry.path
                yield from _below(entry.path)


def _is_populated(descriptor: int) -> bool:
    try:
        return b"populated 1" in os.pread(descriptor, 4096, 0)
    except OSError as error:
        if error.errno in _GONE:
            return False
        raise


def read(path: str) -> str:
    """Read a file of the kernel's; `FileNotFoundError` when its group is gone, any other `OSError` as it comes."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError as error:
        if error.errno in _GONE:
            raise FileNotFoundError(error.errno, error.strerror, path) from None
        raise


def write(path: str, text: str) -> None:
    """Write *text*, a command, to a file of the kernel's that is there; errors as in `read`."""
    # In one write, to a file that is there: each write is a command.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    except OSError as error:
        if error.errno in _GONE:
            raise FileNotFoundError(error.errno, error.strerror, path) from None
        raise
    finally:
        os.close(descriptor)
