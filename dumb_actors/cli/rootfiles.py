"""What a running supervisor leaves in `ROOT/run` for others: the lock, and `api.json`."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from dumb_actors.config.root import Root
from dumb_actors.errors import RootLocked, UnusablePath

__all__ = ["ApiFile", "lock_root", "publish_api", "read_api"]


@attrs.frozen(kw_only=True)
class ApiFile:
    """
    Who answers for a root.

    Attributes:
        url: `http://HOST:PORT` or `unix:PATH`.

        pid: Of the supervisor.

        version: Of this program.

        pid_namespace: In which that pid counts; empty when the file does not say.
    """

    url: str
    pid: int
    version: str
    pid_namespace: str = ""

    @property
    def visible_pid(self) -> int | None:
        """The pid, unless it counts elsewhere only: the supervisor of a container may share its root with us."""
        return self.pid if self.pid_namespace in {"", _pid_namespace()} else None


def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115  (no file: a text)
    except OSError:
        return ""


def _api_path(root: Root) -> Path:
    return Path(root.run, "api.json")


@contextmanager
def lock_root(root: Root) -> Iterator[None]:
    """
    Hold the lock of *root* for the length of a block; its directory is made when missing.

    Raises:
        RootLocked: Another supervisor holds it.

        UnusablePath: The directory or the file cannot be made or written.
    """
    path = Path(root.run, "lock")
    fd = _open_lock(path)
    try:
        try:
            # lockf and not flock: a half-spawned child would keep a flock alive (stack.md).
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(fd, 20, 0).strip()
            raise RootLocked(root.path, int(holder) if holder.isdigit() else None) from None
        _write_pid(fd, path)
        yield
        os.ftruncate(fd, 0)
    finally:
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


def _write_pid(fd: int, path: Path) -> None:
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        raise UnusablePath(str(path), "cannot write", error) from error


@contextmanager
def publish_api(root: Root, url: str, version: str) -> Iterator[None]:
    """
    Say in `ROOT/run/api.json` where the API is, for the length of a block; the file appears at once and whole.

    Raises:
        UnusablePath: It cannot be written.
    """
    path = _api_path(root)
    draft = path.with_suffix(".new")
    try:
        content = {"url": url, "pid": os.getpid(), "version": version, "pid_namespace": _pid_namespace()}
        draft.write_text(json.dumps(content) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise UnusablePath(str(path), "cannot write", error) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_api(root: Root) -> ApiFile | None:
    """
    Read `ROOT/run/api.json`; None when there is none, or none that makes sense.

    Raises:
        UnusablePath: It is there and cannot be read.
    """
    path = _api_path(root)
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        return ApiFile(
            url=str(content["url"]),
            pid=int(content["pid"]),
            version=str(content.get("version", "")),
            pid_namespace=str(content.get("pid_namespace", "")),
        )
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UnusablePath(str(path), "cannot read", error) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
