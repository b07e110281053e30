"""The check for leaks that several rooms use: import the fixture in a room's conftest."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["no_leak"]


def _open_fds() -> dict[str, str]:
    found = {}
    for fd in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own
            found[fd.name] = os.readlink(fd)  # noqa: PTH115 - a text such as "pipe:[7]" is no path
    return found


def _threads() -> set[str]:
    # Trio keeps its worker threads for some seconds, to use them again.
    return {thread.name for thread in threading.enumerate() if not thread.name.startswith("Trio thread")}


@pytest.fixture(autouse=True)
def no_leak() -> Iterator[None]:
    """No descriptor and no thread is left after a test."""
    fds, threads = _open_fds(), _threads()
    yield
    after = _open_fds()
    assert {fd: name for fd, name in after.items() if fds.get(fd) != name} == {}
    assert _threads() - threads == set()
