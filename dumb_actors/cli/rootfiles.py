"""What a running supervisor leaves in `ROOT/run` for others: where its API is."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from dumb_actors.config.root import Root
from dumb_actors.errors import UnusablePath

__all__ = ["ApiFile", "publish_api", "read_api"]


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
