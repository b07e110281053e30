"""SIGKILL of the keeper in each sort of system call that it moves output with, under load: nothing lost or doubled."""

import select

import pytest

from .tracing import Trap, can_trace
from .world import WRITERS

__all__ = ["can_trace"]

# With what the C library calls the same on machines of other kinds; `?`: it may not exist there.
CALLS = {
    "splice": "splice",
    "tee": "tee",
    "open": "openat",
    "rename": "?rename,?renameat,?renameat2",
    "remove": "?unlink,?unlinkat",
    "write": "write",  # to the index, and to the supervisor
    "touch": "utimensat",
    "wait": "?epoll_wait,?epoll_pwait",
}
TIMES = (1, 2, 3)


def next_keeper(world, seen):
    """Wait for a keeper that was not seen before; it registers by a rename, and the directory may not exist yet."""
    while not (fresh := set(world.keeper_pids()) - seen):
        select.select([], [], [], 0.01)
    (pid,) = fresh
    return pid


def wait_until_at_work(world):
    """Wait until the keeper has moved something; its log is looked at again and again."""
    log = world.root / "log/first.log"

    def state():
        try:
            found = log.stat()
        except FileNotFoundError:  # in the middle of a rotation
            return None
        return found.st_ino, found.st_size

    before = state()
    while state() in (before, None):
        select.select([], [], [], 0.01)


@pytest.mark.usefixtures("can_trace")
@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS)
def test_the_keeper_is_killed_in_a_call(world, calls, tmp_path):
    runner = world.boot()
    assert runner.wait_ready()
    seen = set()
    for when in TIMES:
        pid = next_keeper(world, seen)
        seen.add(pid)
        if when != TIMES[-1]:  # the last one is killed while it begins
            wait_until_at_work(world)
        Trap(pid, calls, when, tmp_path / f"trap-{when}").wait()
    assert next_keeper(world, seen) not in seen
    runner.end("stop")
    world.check_nothing_is_left()
    for name in WRITERS:
        assert world.check_lines(name, ended=True) > 0
