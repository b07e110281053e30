"""
Replace a file so that whoever reads it, at any instant and after any crash, finds the old content or the new one.

Everything here blocks.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH105, PTH108, PTH118

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dumb_actors.errors import UnusablePath

__all__ = ["locked", "replace_file", "sync_directory"]

PATIENCE_S = 5.0
"""How long the lock is waited for; who holds it writes one small file."""
RETRY_S = 0.01


def replace_file(
    path: str, content: bytes, *, mode: int = 0o600, check: Callable[[], None] | None = None, what: str = "write"
) -> None:
    """
    Replace the file at *path* by *content*, durably; owner, mode and access lists of a file that is there are kept.

    Args:
        path: No link: its own name is what is replaced.

        content: All of it.

        mode: Of a file that was not there.

        check: Called when all is written and nothing replaced yet; what it raises is raised, and nothing is changed.

        what: What cannot be done, for the error.

    Raises:
        UnusablePath: It could not; the file is as it was, but for a failure of the very last step, after which it is
            the new one, and might be the old one again after a loss of power.
    """
    directory, name = os.path.split(path)
    draft = os.path.join(directory, f".{name}.new")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)  # of a writer that was killed
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                _write_all(fd, content)
                _dress(fd, path, mode)
                os.fsync(fd)
            finally:
                os.close(fd)
            if check is not None:
                check()
            os.replace(draft, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(draft)
            raise
        sync_directory(directory)
    except OSError as error:
        raise UnusablePath(path, f"cannot {what}", _explained(error)) from error


def _write_all(fd: int, content: bytes) -> None:
    while content:
        content = content[os.write(fd, content) :]


def _dress(fd: int, path: str, mode: int) -> None:
    """Give the new file what the one at *path* has."""
    try:
        there = os.stat(path, follow_symlinks=False)  # noqa: PTH116
    except FileNotFoundError:
        os.fchmod(fd, mode)
        return
    ours = os.fstat(fd)
    if (there.st_uid, there.st_gid) != (ours.st_uid, ours.st_gid):
        os.fchown(fd, there.st_uid, there.st_gid)
    os.fchmod(fd, there.st_mode & 0o7777)
    # Not all file systems have them, and not all of them may be set by us; an access list is more than its mode shows.
    with contextlib.suppress(OSError):
        for attribute in os.listxattr(path, follow_symlinks=False):
            with contextlib.suppress(OSError):
                os.setxattr(fd, attribute, os.getxattr(path, attribute, follow_symlinks=False))


def _explained(error: OSError) -> OSError:
    if error.errno == errno.EBUSY:
        return OSError(error.errno, "it is a mount point of its own; mount the directory that it is in instead")
    if error.errno == errno.EPERM:
        return OSError(error.errno, "its owner cannot be kept; run as its owner, or as root")
    return error


def sync_directory(path: str) -> None:
    """Have the names in the directory at *path* on the disk."""
    fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def locked(path: str, *, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """
    Hold the lock of the file at *path* against other processes, by the file `.<name>.lock` beside it.

    Raises:
        UnusablePath: The lock file cannot be made, or somebody else has held it for *patience_s* seconds.
    """
    directory, name = os.path.split(path)
    lock = os.path.join(directory, f".{name}.lock")
    try:
        # lockf and not flock: a half-spawned child would keep a flock alive.
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UnusablePath(lock, "cannot write", error) from error
    try:
        _wait_for(fd, lock, time.monotonic() + patience_s)
        yield
    finally:
        os.close(fd)


def _wait_for(fd: int, lock: str, deadline: float) -> None:
    while True:
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:  # lockf(3) allows either
            if time.monotonic() >= deadline:
                busy = OSError(error.errno, "another process holds it, and goes on holding it")
                raise UnusablePath(lock, "cannot lock", busy) from error
            # Waiting in the call itself could not be bounded: the holder may be stopped by a signal.
            time.sleep(RETRY_S)
        else:
            return
