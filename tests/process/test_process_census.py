"""One walk of the process table serves all who asked before it began, and only those."""

import threading

import trio
from trio.testing import wait_all_tasks_blocked

from dumb_actors.process import census as census_module
from dumb_actors.process.census import Census


async def test_askers_share_a_walk_and_latecomers_get_the_next(monkeypatch):
    walks: list[int] = []
    go = threading.Semaphore(0)

    def walk() -> dict:
        walks.append(len(walks))
        go.acquire()
        return {"m": [len(walks)]}

    monkeypatch.setattr(census_module, "_walk_all", walk)
    census = Census()
    answers: list[list] = []

    async def ask() -> None:
        answers.append(await census.carriers("m"))

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
    monkeypatch.setattr(census_module, "_walk_all", lambda: go.acquire() and {"m": ["it"]})
    census = Census()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            scope = trio.CancelScope()

            async def ask_in_vain() -> None:
                with scope:
                    await census.carriers("m")

            answers = []

            async def ask() -> None:
                answers.append(await census.carriers("m"))

            # A walk under way, one that waits for its turn and is cancelled, and somebody who shares that.
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            nursery.start_soon(ask_in_vain)
            await wait_all_tasks_blocked()
            nursery.start_soon(ask)
            await wait_all_tasks_blocked()
            scope.cancel()
            go.release(2)
    assert answers == [["it"]] * 2
