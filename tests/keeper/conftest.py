"""Real keepers; and a proof after each test that no process, descriptor or thread is left."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dumb_actors.process import procfs
from dumb_actors.process.spawner import Spawner
from tests.keeper.keeper_support import Ends, ended_within, named_after
from tests.leaks import no_leak

__all__ = ["no_leak"]


@pytest.fixture(autouse=True)
def leaves_no_process(no_leak: None, tmp_path: Path) -> Iterator[None]:
    children = procfs.children_of(os.getpid())
    yield
    # A keeper that was orphaned ends by itself, an instant after its last act that a test can see.
    left = [pid for pid in named_after(str(tmp_path)) if not ended_within(pid, 2.0)]
    commands = [procfs.command_of(pid) for pid in left]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert commands == []
    assert [procfs.command_of(pid) for pid in procfs.children_of(os.getpid()) if pid not in children] == []


@pytest.fixture
def spawner(no_leak: None) -> Iterator[Spawner]:
    with Spawner(threads=1) as spawner:
        yield spawner


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Notes each end of a keeper that its client logs."""
    ends = Ends()
    with ends:
        yield ends
