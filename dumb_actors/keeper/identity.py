"""
Who the keeper of a root is: a small file, by which a later supervisor proves that it ends the right process.

It is also what keeps a second keeper out: it is made by a link, which fails when the name is there. Two keepers that
move the same output would overwrite each other's.

Plain blocking functions, with nothing but the standard library: both ends use them.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH108, PTH123

import contextlib
import os
from typing import NamedTuple

from dumb_actors.keeper.plainjson import dumps, loads
from dumb_actors.process import procfs

__all__ = ["Identity", "forget", "identity_path", "is_ours", "ourselves", "read_identity", "register"]

FORMAT = 1
LONGEST = 4096
HIGHEST_PID = 2**31 - 1


class Identity(NamedTuple):
    """
    One keeper.

    Attributes:
        pid, start_ticks, boot_id: These name one process for ever.

        version: Of this project.
    """

    pid: int
    start_ticks: int
    boot_id: str
    version: str = ""


def identity_path(run_dir: str) -> str:
    """Give the path of the file."""
    return f"{run_dir}/keeper.json"


def ourselves(version: str = "") -> Identity:
    """Give the identity of this process."""
    stat = procfs.read_stat(os.getpid())
    return Identity(os.getpid(), stat.start_ticks if stat is not None else 0, procfs.boot_id(), version)


def register(run_dir: str, identity: Identity) -> None:
    """
    Say in *run_dir* that *identity* is its keeper.

    Raises:
        FileExistsError: Another one is, or was: who is sure that it is gone calls `forget`.

        OSError: It cannot be written.
    """
    draft = f"{identity_path(run_dir)}.{identity.pid}"
    with open(draft, "w", encoding="utf-8", opener=_private) as file:
        file.write(dumps({"format": FORMAT, **identity._asdict()}) + "\n")
    try:
        os.link(draft, identity_path(run_dir))
    finally:
        os.unlink(draft)


def read_identity(run_dir: str) -> Identity | None:
    """Read who the keeper of *run_dir* is; None when nobody is registered or the file does not say."""
    try:
        with open(identity_path(run_dir), "rb") as file:
            found = loads(file.read(LONGEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    pid, ticks, boot, version = (found.get(name) for name in Identity._fields)
    # True is an int for Python and none for us. Pid 1 and below are no keeper, and mean other things to kill(2).
    if type(pid) is not int or type(ticks) is not int or not isinstance(boot, str):
        return None
    if not 1 < pid <= HIGHEST_PID:
        return None
    return Identity(pid, ticks, boot, version if isinstance(version, str) else "")


def is_ours(identity: Identity) -> bool:
    """Tell whether the process that has this pid now is the one that is meant; a zombie is not."""
    if not identity.boot_id or identity.boot_id != procfs.boot_id():
        return False
    stat = procfs.read_stat(identity.pid)
    return stat is not None and stat.start_ticks == identity.start_ticks and not stat.is_dead


def forget(run_dir: str, identity: Identity | None) -> None:
    """Remove the file when it says *identity*; None: when it does not say who the keeper is."""
    if read_identity(run_dir) == identity:
        with contextlib.suppress(OSError):
            os.unlink(identity_path(run_dir))


def _private(path: str, flags: int) -> int:
    # A draft of that name was left by somebody who was killed and had our pid.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    return os.open(path, flags | os.O_EXCL | os.O_CLOEXEC, 0o600)
