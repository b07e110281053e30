"""The kernel's table of mounts: when it changes, what is mounted where, and whether a mount has died."""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH123

import errno
import os
import re
import select
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import attrs
import trio

from dumb_actors.probes.faults import describe_os

__all__ = ["MountTable", "describe_mount", "mount_at", "tells_of_changes"]

MOUNTINFO = "/proc/self/mountinfo"
# What others do on the far side of these causes no inotify event here.
SILENT = ("fuse", "nfs", "cifs", "smb", "9p", "ceph", "virtiofs", "afs", "glusterfs")
# What a look at a mount says whose server is gone: a FUSE program that was killed, a host that is down.
DEAD = frozenset({errno.ENOTCONN, errno.ESTALE, errno.EHOSTDOWN, errno.EIO, errno.ENODEV, errno.ETIMEDOUT})
BLIND_S = 1.0


class MountTable:
    """
    Tells when anything is mounted or unmounted. A context manager that can be entered again.

    Where the process has no descriptors left it cannot tell, and so claims a change each second.
    """

    def __init__(self) -> None:
        self._fd = -1
        self._epoll: select.epoll | None = None
        self._entered = False

    def __enter__(self) -> Self:
        self._entered = True
        try:
            self._fd = os.open(MOUNTINFO, os.O_RDONLY)
            self._epoll = select.epoll()
            # The file counts as readable always; only its priority event tells of a change. Hence the epoll between.
            self._epoll.register(self._fd, select.EPOLLPRI)
        except OSError:
            self._close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._entered = False
        self._close()

    def _close(self) -> None:
        if self._epoll is not None:
            trio.lowlevel.notify_closing(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    async def changed(self) -> None:
        """Return when the table has changed since the last call, or since entering. Cancellation: safe."""
        if not self._entered:
            raise RuntimeError("a MountTable is used inside its with block")
        if self._epoll is None:
            await trio.sleep(BLIND_S)
            return
        await trio.lowlevel.wait_readable(self._epoll.fileno())
        # Asking consumes the event, so Trio's own epoll may have taken it: what this returns says nothing.
        self._epoll.poll(0)


@attrs.frozen
class _Mount:
    number: str
    parent: str
    point: str
    kind: str


def _table() -> Iterator[_Mount]:
    """Source: proc_pid_mountinfo(5); space, tab, newline and backslash in a path are written as octal escapes."""
    with open(MOUNTINFO, "rb") as table:
        raw = table.read()
    for line in raw.splitlines():
        before, _, after = line.partition(b" - ")
        number, parent, _, _, point, *_ = before.split(b" ")
        plain = re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), point)
        # Its own parent: the topmost mount of a mount name space.
        above = "" if parent == number else os.fsdecode(parent)
        yield _Mount(os.fsdecode(number), above, os.fsdecode(plain), os.fsdecode(after.split(b" ", 1)[0]))


def _on_the_way(path: str) -> Iterator[_Mount]:
    """
    Yield the mounts that a look-up of *path* (absolute, without links) walks through, the one it lies on last.

    A point alone would mislead: a mount that was covered by another on the same directory, or on one above it, stands
    in the table like any other.
    """
    table = list(_table())
    known = {mount.number for mount in table}
    # In a chroot the parent of the topmost ones is out of sight.
    below = {(mount.parent if mount.parent in known else "", mount.point): mount for mount in table}
    here, prefix = "", "/"
    for part in ("", *(part for part in path.split("/") if part)):
        prefix = f"{prefix.rstrip('/')}/{part}"
        while (mount := below.pop((here, prefix), None)) is not None:
            here = mount.number
            yield mount


def mount_at(path: str) -> str | None:
    """
    Give the kind of file system (`tmpfs`, `fuse.rclone`) that is mounted on exactly *path*; None: *path* is no mount
    point.

    *path* is absolute and without symbolic links. Reads the table only: it does not block, whatever is dead.
    """
    last = None
    for mount in _on_the_way(path):
        last = mount
    return last.kind if last is not None and last.point == path else None


def tells_of_changes(path: str) -> bool:
    """Return whether inotify tells of everything that may happen at *path*; not so on network and FUSE file systems."""
    kind = ""
    for mount in _on_the_way(path):
        kind = mount.kind
    return not kind.startswith(SILENT)


def describe_mount(error: OSError) -> str:
    """Say what a look at a path said, and when that means so, that the mount there has died."""
    dead = "its mount is dead: " if error.errno in DEAD else ""
    return dead + describe_os(error)
