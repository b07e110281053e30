"""The kernel's table of mounts: when it changes, and what sort of file system a path lies on."""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH123

import os
import re
import select
from types import TracebackType
from typing import Self

import trio

__all__ = ["MountTable", "tells_of_changes"]

MOUNTINFO = "/proc/self/mountinfo"
# What others do on the far side of these causes no inotify event here.
SILENT = ("fuse", "nfs", "cifs", "smb", "9p", "ceph", "virtiofs", "afs", "glusterfs")


class MountTable:
    """Tells when anything is mounted or unmounted. A context manager."""

    def __init__(self) -> None:
        self._fd = -1
        self._epoll: select.epoll | None = None

    def __enter__(self) -> Self:
        self._fd = os.open(MOUNTINFO, os.O_RDONLY)
        self._epoll = select.epoll()
        # The file counts as readable always; only its priority event tells of a change. Hence the epoll between.
        self._epoll.register(self._fd, select.EPOLLPRI)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._epoll is not None:
            trio.lowlevel.notify_closing(self._epoll.fileno())
            self._epoll.close()
            os.close(self._fd)
            self._epoll = None

    async def changed(self) -> None:
        """Return when the table has changed since the last call, or since entering. Cancellation: safe."""
        if self._epoll is None:
            raise RuntimeError("a MountTable is used inside its with block")
        await trio.lowlevel.wait_readable(self._epoll.fileno())
        # Asking consumes the event, so Trio's own epoll may have taken it: what this returns says nothing.
        self._epoll.poll(0)


def tells_of_changes(path: str) -> bool:
    """Return whether inotify tells of everything that may happen at *path*; not so on network and FUSE file systems."""
    best, kind = "", ""
    with open(MOUNTINFO, encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            before, _, after = line.partition(" - ")
            point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
            # The later of two mounts on one point lies on top.
            if len(point) >= len(best) and (path + "/").startswith(point.rstrip("/") + "/"):
                best, kind = point, after.split(" ", 1)[0]
    return not kind.startswith(SILENT)
