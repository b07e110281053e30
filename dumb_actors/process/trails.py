"""
What a look-up walked through, so that it can be repeated without any danger of a dead mount.

A look-up by path may hang for ever where a network server is gone, so it gets a thread and a deadline, which is a good
part of what a start costs. Where it led through local file systems only, its steps are remembered. As long as the
table of mounts is the same, each step can be looked at again, one after the other and without following links: a step
that is what it was leads to the next one on the same local file system, so none of these looks can leave them.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH115, PTH118

import math
import os
import select
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import attrs

__all__ = ["MountWatch", "Trail", "walk"]

MOUNTINFO = "/proc/self/mountinfo"
# Those that answer from this machine alone. Of any other kind nothing is remembered.
LOCAL = frozenset(
    {b"bcachefs", b"devtmpfs", b"erofs", b"ext2", b"ext3", b"ext4", b"f2fs", b"overlay", b"ramfs", b"rootfs"}
    | {b"squashfs", b"tmpfs", b"xfs"}
)
MOST_LINKS = 40
FRESH_S = 0.1

Seen: TypeAlias = tuple[int, int, int, int] | None
"""Device, inode, mode, and for a link the time of its last change; None: there was nothing."""


def _look(path: str) -> Seen:
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    # The number of a link's inode may be used again for a link to elsewhere.
    return found.st_dev, found.st_ino, found.st_mode, found.st_ctime_ns if stat.S_ISLNK(found.st_mode) else 0


@attrs.define(eq=False)
class Trail:
    """
    The steps of a look-up that was answered well.

    Attributes:
        program: What was found: absolute path.

        cwd: The directory it will run in.

        steps: What was seen on the way, by path and in order.
    """

    program: str
    cwd: str
    steps: Mapping[str, Seen]
    _held_mono: float = attrs.field(init=False, default=-math.inf)

    def holds(self) -> bool:
        """
        Tell whether a look-up would find the same; may be called in any thread, and does not hang.

        A hundred services that start at once ask once: what was seen a tenth of a second ago is taken for granted.
        """
        now = time.monotonic()
        if now < self._held_mono + FRESH_S:
            return True
        try:
            if any(_look(path) != seen for path, seen in self.steps.items()):
                return False
        except OSError:
            return False
        if not (os.access(self.cwd, os.X_OK) and os.access(self.program, os.X_OK)):
            return False
        self._held_mono = now
        return True


def walk(paths: Iterable[str], devices: frozenset[int]) -> dict[str, Seen] | None:
    """
    Look at every step on the way to each of the absolute *paths*, links followed; may hang as any look-up may.

    Args:
        devices: Those of local file systems.

    Returns:
        None when a step lies elsewhere, or cannot be seen.
    """
    steps: dict[str, Seen] = {}
    links = 0
    for path in paths:
        here, rest = "/", [part for part in reversed(path.split("/")) if part not in {"", "."}]
        if not _note("/", steps, devices):
            return None
        while rest:
            part = rest.pop()
            # The way back is part of what was seen: `here` has no link in it.
            here = os.path.dirname(here) if part == ".." else os.path.join(here, part)  # noqa: PTH120
            if not _note(here, steps, devices):
                return None
            seen = steps[here]
            if seen is None:
                break
            if stat.S_ISLNK(seen[2]):
                links += 1
                target = _target(here)
                if target is None or links > MOST_LINKS:
                    return None
                here = "/" if target.startswith("/") else os.path.dirname(here)  # noqa: PTH120
                rest += [part for part in reversed(target.split("/")) if part not in {"", "."}]
    return steps


def _note(path: str, steps: dict[str, Seen], devices: frozenset[int]) -> bool:
    try:
        seen = steps[path] if path in steps else _look(path)
    except (OSError, ValueError):
        return False
    steps[path] = seen
    return seen is None or seen[0] in devices


def _target(link: str) -> str | None:
    try:
        return os.readlink(link)
    except OSError:
        return None


class MountWatch:
    """Tells whether anything was mounted or unmounted, and which devices hold local file systems."""

    def __init__(self) -> None:
        self._fd = -1
        self._poll = select.poll()
        self._devices: frozenset[int] | None = None

    def devices(self, changed: Callable[[], None]) -> frozenset[int]:
        """
        Give the devices of local file systems; none where the table cannot be read.

        Args:
            changed: Called before when the table has changed since the last call, and at the first one.
        """
        if self._fd < 0:
            try:
                self._fd = os.open(MOUNTINFO, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                changed()
                return frozenset()
            # The file counts as readable always; only its priority event tells of a change.
            self._poll.register(self._fd, select.POLLPRI)
        if self._poll.poll(0) or self._devices is None:
            changed()
            self._devices = self._read()
        return self._devices

    def close(self) -> None:
        """Close the table. Idempotent; the next question opens it again."""
        fd, self._fd = self._fd, -1
        self._devices = None
        if fd >= 0:
            self._poll.unregister(fd)
            os.close(fd)

    def _read(self) -> frozenset[int]:
        """Source: proc_pid_mountinfo(5)."""
        raw, found = b"", set()
        try:
            os.lseek(self._fd, 0, os.SEEK_SET)
            while piece := os.read(self._fd, 1 << 16):
                raw += piece
        except OSError:
            return frozenset()
        for line in raw.splitlines():
            before, _, after = line.partition(b" - ")
            if after.partition(b" ")[0] in LOCAL:
                major, _, minor = before.split(b" ", 3)[2].partition(b":")
                found.add(os.makedev(int(major), int(minor)))
        return frozenset(found)
