"""After each test nothing is left: no thread, no descriptor."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest


def _descriptors() -> dict[str, str]:
    found = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[entry.name] = str(entry.readlink())
        except OSError:  # the directory listing itself
            continue
    return found


def _threads() -> set[threading.Thread]:
    # Trio keeps idle worker threads for ten seconds; they are its own affair.
    return {thread for thread in threading.enumerate() if "trio" not in thread.name.casefold()}


@pytest.fixture(autouse=True)
def leaves_nothing() -> Iterator[None]:
    descriptors, threads = _descriptors(), _threads()
    yield
    assert {key: value for key, value in _descriptors().items() if descriptors.get(key) != value} == {}
    assert _threads() - threads == set()
