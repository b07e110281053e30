"""One supervisor for each root: the lock that says so, and who holds it."""

import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from dumb_actors.errors import RootLocked, UnusablePath
from dumb_actors.process import procfs

__all__ = ["PATIENCE_S", "hold_root"]

PATIENCE_S = 1.0
"""How long a second supervisor waits for the first: one that was just killed, or is about to end, lets go by then."""

RETRY_S = 0.02


@asynccontextmanager
async def hold_root(root: str, run_dir: str, *, patience_s: float = PATIENCE_S) -> AsyncIterator[None]:
    """
    Hold the lock of *root* for the length of a block; *run_dir* is made when missing.

    The kernel lets go of it when this process ends, in whatever way.

    Raises:
        RootLocked: Another supervisor, of another process or of this one, has held it for *patience_s* seconds; the
            error names it.

        UnusablePath: The directory or a file in it cannot be made or written.

    Cancellation: safe.
    """
    deadline = trio.current_time() + patience_s
    while (fd := _try_to_hold(root, run_dir)) is None:
        if trio.current_time() >= deadline:
            raise RootLocked(root, _read_holder(run_dir).get("pid"))
        # That a lock is free again is told to nobody but who waits in the call itself, which nothing could end.
        await trio.sleep(RETRY_S)
    try:
        yield
    finally:
        _let_go(fd, run_dir)


def _try_to_hold(root: str, run_dir: str) -> int | None:
    """
    Take the lock and say that it is ours; None: another process has it. Nothing is open then.

    The lock belongs to the process, and closing any descriptor of the file lets go of it. So who may be another
    supervisor of this process does not even open it, and there is no checkpoint between the look and the lock.
    """
    if _is_ours(_read_holder(run_dir)):
        raise RootLocked(root, os.getpid())
    fd = _open_lock(Path(run_dir, "lock"))
    try:
        # lockf and not flock: a half-spawned child would keep a flock alive.
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write_holder(run_dir)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


def _let_go(fd: int, run_dir: str) -> None:
    with contextlib.suppress(OSError):  # a name that proves nothing without the lock
        _holder(run_dir).unlink()
    os.close(fd)


def _open_lock(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusablePath(str(path.parent), "cannot make the directory", error) from error
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UnusablePath(str(path), "cannot write", error) from error


def _ourselves() -> dict[str, Any]:
    stat = procfs.read_stat(os.getpid())
    return {"pid": os.getpid(), "start_ticks": stat.start_ticks if stat else 0, "boot_id": procfs.boot_id()}


def _is_ours(found: dict[str, Any]) -> bool:
    return bool(found) and {key: found.get(key) for key in _ourselves()} == _ourselves()


def _holder(run_dir: str) -> Path:
    return Path(run_dir, "supervisor.json")


def _read_holder(run_dir: str) -> dict[str, Any]:
    try:
        found = json.loads(_holder(run_dir).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("pid"), int) else {}


def _write_holder(run_dir: str) -> None:
    path = _holder(run_dir)
    draft = path.with_suffix(".new")
    try:
        draft.write_text(json.dumps(_ourselves()) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise UnusablePath(str(path), "cannot write", error) from error
