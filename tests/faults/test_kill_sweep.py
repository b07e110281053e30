"""
SIGKILL of the supervisor at every point: nothing is doubled, nothing is lost, nothing is left.

What is looked at are processes and log files. `DUMB_ACTORS_KILLS` says how many random kills there are.
"""

import os
import random
import select

import pytest

from .world import WRITERS

KILLS = int(os.environ.get("DUMB_ACTORS_KILLS", "60"))


def finish(world):
    """Let a last supervisor take over what is there, stop it in order, and look at everything."""
    last = world.boot()
    assert last.wait_ready()
    assert {name: len(pids) for name, pids in world.living().items() if name != "short"} == {"first": 1, "second": 1}
    last.end("stop")
    world.check_nothing_is_left()
    return {name: world.check_lines(name, ended=name != "short") for name in WRITERS}


def chosen_calls(highest):
    """Give the calls that are the last ones; `DUMB_ACTORS_KILL_SHARE=1` gives all of them, which takes long."""
    share = int(os.environ.get("DUMB_ACTORS_KILL_SHARE", "6"))
    first = random.randrange(share)  # noqa: S311
    print("share", share, "first", first)
    return range(first + 1, highest, share)


def test_killed_before_each_call_of_a_boot(world):
    """Each time from nothing: the whole way from the first file to everything being ready."""
    for number in chosen_calls(200):
        runner = world.boot(kill_at=number)
        runner.wait_ready()
        runner.kill()
        world.check_alive_at_most_once()
        finish(world)


def test_killed_before_each_call_of_an_adoption(world):
    """Each time with everything running: what the supervisor before it left, and so on."""
    first = world.boot()
    assert first.wait_ready()
    first.kill()
    before = {name: world.living()[name] for name in ("first", "second")}
    for number in chosen_calls(100):
        runner = world.boot(kill_at=number)
        runner.wait_ready()
        runner.kill()
        world.check_alive_at_most_once()
        assert {name: world.living()[name] for name in before} == before, "a service was restarted"
    assert finish(world)["first"] > 1000


def test_killed_at_random_under_load(world):
    seed = random.randrange(2**32)  # noqa: S311
    print("seed", seed)
    chosen = random.Random(seed)  # noqa: S311
    first = world.boot()
    assert first.wait_ready()
    before = {name: world.living()[name] for name in ("first", "second")}
    runner = first
    for _ in range(KILLS):
        # A moment of its life, from the first import on.
        select.select([], [], [], chosen.choice([0.0, 0.1, 0.2, 0.3, 0.5]) + chosen.random() * 0.2)
        runner.kill()
        world.check_alive_at_most_once()
        runner = world.boot()
    runner.kill()
    assert {name: world.living()[name] for name in before} == before, "a service was restarted"
    finish(world)


def test_left_and_taken_over_again_and_again(world):
    before = None
    for _ in range(5):
        runner = world.boot()
        assert runner.wait_ready()
        before = before or {name: world.living()[name] for name in ("first", "second")}
        runner.end("leave")
        assert {name: world.living()[name] for name in before} == before
    finish(world)


@pytest.mark.parametrize("times", [4])
def test_the_keeper_is_killed_again_and_again(world, times):
    runner = world.boot()
    assert runner.wait_ready()
    seen = set()
    for _ in range(times):
        while not (fresh := set(world.keeper_pids()) - seen):
            select.select([], [], [], 0.02)
        for pid in fresh:
            os.kill(pid, 9)
        seen |= fresh
        select.select([], [], [], 0.1)
    runner.end("stop")
    world.check_nothing_is_left()
    for name in WRITERS:
        world.check_lines(name, ended=True)
