"""One walk of the process table serves all who asked before it began, and only those."""

import os
import subprocess
import threading
from pathlib import Path

import trio
from trio.testing import wait_all_tasks_blocked

from dumb_actors.process import census as census_module
from dumb_actors.process.census import Census
from dumb_actors.process.procfs import ProcStat


def _found(pid: int) -> census_module._Found:
    stat = ProcStat(pid=pid, ppid=1, pgid=1, session=1, start_ticks=1, state="S", comm="x")
    return census_module._Found(by_marker={"m": [stat]})


async def test_askers_share_a_walk_and_latecomers_get_the_next(monkeypatch):
    walks: list[int] = []
    go = threading.Semaphore(0)

    def walk(fifos: frozenset[str]) -> census_module._Found:
        walks.append(len(walks))
        go.acquire()
        return _found(len(walks))

    monkeypatch.setattr(census_module, "_walk_all", walk)
    census = Census()
    answers: list[list] = []

    async def ask() -> None:
        answers.append([stat.pid for stat in await census.carriers("m")])

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            for _ in range(10):
                nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            go.release(2)
    assert walks == [0, 1]
    assert answers == [[1]] + [[2]] * 10


async def test_a_cancelled_walk_is_begun_anew_by_those_who_shared_it(monkeypatch):
    go = threading.Semaphore(0)
    monkeypatch.setattr(census_module, "_walk_all", lambda fifos: go.acquire() and _found(7))
    census = Census()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()

            async def ask_in_vain() -> None:
                with scope:
                    await census.carriers("m")

            answers = []

            async def ask() -> None:
                answers.append([stat.pid for stat in await census.carriers("m")])

            # A walk under way, one that waits for its turn and is cancelled, and somebody who shares that.
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            nursery.start_soon(ask_in_vain)
            await wait_all_tasks_blocked()
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            scope.cancel()
            go.release(2)
    assert answers == [[7]] * 2


async def test_fifos_that_several_ask_for_are_looked_for_in_one_walk(monkeypatch):
    asked: list[frozenset[str]] = []
    go = threading.Semaphore(0)

    def walk(fifos: frozenset[str]) -> census_module._Found:
        asked.append(fifos)
        go.acquire()
        return _found(7)

    monkeypatch.setattr(census_module, "_walk_all", walk)
    census = Census()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(census.carriers, "a")
            await wait_all_tasks_blocked()
            for fifo in ("/f/1", "/f/2", None):
                nursery.start_soon(census.carriers, "b", fifo)
            await wait_all_tasks_blocked()
            go.release(2)
    assert asked == [frozenset(), {"/f/1", "/f/2"}]


async def test_who_was_given_the_fifo_is_found_and_who_only_reads_or_was_forked_with_it_is_not(tmp_path: Path):
    path = str(tmp_path.resolve() / "fifo")
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    ready, told = os.pipe()
    given = [subprocess.Popen(["sleep", "1000"], env={}, stdout=to, stdin=subprocess.DEVNULL) for to in (writing, told)]
    given.append(subprocess.Popen(["sleep", "1000"], env={}, stdin=reading))
    # Forked from something that has it open as we have, and never executed.
    forker = f"import os, time; fd = os.open({path!r}, os.O_RDWR); os.write(1, b'x'); time.sleep(1000)"
    given.append(subprocess.Popen(["python3", "-c", forker], stdout=told))
    try:
        with trio.fail_after(30):
            assert await trio.to_thread.run_sync(os.read, ready, 1) == b"x"
            found = await Census().carriers("no such marker", path)
            assert [stat.pid for stat in found] == [given[0].pid]
            assert await Census().carriers("no such marker") == []
    finally:
        for popen in given:
            popen.kill()
            popen.wait()
        for descriptor in (writing, reading, ready, told):
            os.close(descriptor)
