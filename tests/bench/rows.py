"""The rows: each measures us and the floor once and gives both in seconds."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import attrs
import trio

from dumb_actors import open_supervisor

from .world import RUN_S, World, spawn_bare, spawn_bare_in_threads, stop_bare

Sample: TypeAlias = tuple[float, float]
"""Seconds: ours, and the floor."""


@attrs.frozen
class Row:
    """One row of the table; `measure` is run several times."""

    name: str
    floor: str
    measure: Callable[[], Awaitable[Sample]]


async def _start(count: int) -> Sample:
    """From the wish to the last child's first instruction."""
    with World.make() as world:
        async with open_supervisor(world.specs(1, count, timed=False), root=world.path / "root") as supervisor:
            began = time.perf_counter()
            await supervisor.boot()
            await world.wait_up(count)
            ours = time.perf_counter() - began
        began = time.perf_counter()
        children = await trio.to_thread.run_sync(spawn_bare_in_threads, world.argv(), count)
        await world.wait_up(count)
        floor = time.perf_counter() - began
        stop_bare(children)
    return ours, floor


async def _layers(layers: int, width: int) -> Sample:
    """From the wish to the last service ready; the floor starts a whole layer when the one before is ready."""
    with World.make() as world:
        specs = world.specs(layers, width, timed=True)
        async with open_supervisor(specs, root=world.path / "root") as supervisor:
            began = time.perf_counter()
            await supervisor.boot()
            for spec in reversed(specs):
                await supervisor.wait_ready(spec.name)
            ours = time.perf_counter() - began
        began = time.perf_counter()
        children = await trio.to_thread.run_sync(_layers_bare, world, layers, width)
        floor = time.perf_counter() - began
        stop_bare(children)
    return ours, floor


def _layers_bare(world: World, layers: int, width: int) -> list:
    children = []
    for _ in range(layers):
        layer = [spawn_bare(world.argv(RUN_S)) for _ in range(width)]
        for child in layer:
            child.stdout.readline()
        children += layer
    return children


async def _stop(count: int) -> Sample:
    """From the shutdown to nothing left."""
    with World.make() as world:
        async with open_supervisor(world.specs(1, count, timed=False), root=world.path / "root") as supervisor:
            await supervisor.boot()
            await world.wait_up(count)
            for name in supervisor.specs:
                await supervisor.wait_ready(name)
            began = time.perf_counter()
            await supervisor.shutdown()
            ours = time.perf_counter() - began
        children = spawn_bare_in_threads(world.argv(), count)
        await world.wait_up(count)
        began = time.perf_counter()
        stop_bare(children)
        floor = time.perf_counter() - began
    return ours, floor


def rows(scale: float = 1.0) -> list[Row]:
    """List the rows; *scale* below 1 makes them small, for a check that they work."""
    few, many = max(2, int(100 * scale)), max(3, int(400 * scale))
    deep, square = max(2, int(20 * scale)), max(2, int(10 * scale))
    return [
        Row(f"start of {few}, last child's first instruction", "Popen in 4 threads", lambda: _start(few)),
        Row(f"start of {many}, last child's first instruction", "Popen in 4 threads", lambda: _start(many)),
        Row(f"chain of {deep}, {RUN_S * 1000:g} ms each, all ready", "Popen and readline", lambda: _layers(deep, 1)),
        Row(f"{square} layers of {square}, all ready", "Popen and readline", lambda: _layers(square, square)),
        Row(f"stop of {few}, SIGTERM to all gone", "killpg and wait", lambda: _stop(few)),
    ]
