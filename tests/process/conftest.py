"""Real children, a real clock, pipes instead of sleeps; and a proof after each test that nothing is left."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from orphans import Orphans, open_orphans
from process_support import Place, Words

from dumb_actors.process import procfs, subreaper
from dumb_actors.process.spawner import Spawner


def _open_descriptors() -> dict[str, str]:
    found = {}
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the directory listing itself
            found[link.name] = str(link.readlink())
    return found


def _threads() -> set[threading.Thread]:
    # Trio keeps idle worker threads for ten seconds; they are its own affair.
    return {thread for thread in threading.enumerate() if thread.name.startswith("dumb-actors")}


@pytest.fixture(autouse=True)
def leaves_nothing() -> Iterator[None]:
    children, descriptors, threads = procfs.children_of(os.getpid()), _open_descriptors(), _threads()
    yield
    assert [procfs.command_of(pid) for pid in procfs.children_of(os.getpid()) if pid not in children] == []
    assert {key: value for key, value in _open_descriptors().items() if descriptors.get(key) != value} == {}
    assert _threads() - threads == set()


@pytest.fixture
def spawner(leaves_nothing: None) -> Iterator[Spawner]:
    with Spawner() as spawner:
        yield spawner


@pytest.fixture
def as_subreaper(leaves_nothing: None) -> Iterator[None]:
    if not subreaper.enable():
        pytest.skip("the kernel gives no sub-reaper here")
    yield
    assert subreaper.disable()


@pytest.fixture
def words(leaves_nothing: None, tmp_path: Path) -> Iterator[Words]:
    words = Words(tmp_path / "words")
    yield words
    words.close()


@pytest.fixture
def place(spawner: Spawner, tmp_path: Path) -> Iterator[Place]:
    place = Place(str(tmp_path), spawner)
    yield place
    place.clean_up()


@pytest.fixture
def orphans(words: Words, tmp_path: Path) -> Iterator[Orphans]:
    with open_orphans(words, tmp_path) as orphans:
        yield orphans
