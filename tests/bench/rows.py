"""The rows: each measures us and the floor once."""

import subprocess
import time
from collections.abc import Awaitable, Callable

import trio

from dumb_actors import open_supervisor

from .crashes import respawn, spawn, spawn_promised
from .graphs import graph_rows
from .output import cost, latency, memory, throughput
from .row import MOVERS, Row, Sample
from .world import RUN_S, World, spawn_bare, spawn_bare_in_threads, stop_bare


async def _start(count: int, mover: str) -> Sample:
    """From the wish to the last child's first instruction."""
    with World.make() as world:
        specs = world.specs(1, count, timed=False)
        async with open_supervisor(specs, root=world.path / "root", **MOVERS[mover]) as supervisor:
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


def _layers_bare(world: World, layers: int, width: int) -> "list[subprocess.Popen[bytes]]":
    children: list[subprocess.Popen[bytes]] = []
    for _ in range(layers):
        layer = [spawn_bare(world.argv(RUN_S)) for _ in range(width)]
        for child in layer:
            assert child.stdout is not None
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
    kills, megabytes, requests = max(2, int(20 * scale)), max(1, 256 * scale), max(3, int(300 * scale))
    return [
        *_starts(few, many),
        Row(f"chain of {deep}, {RUN_S * 1000:g} ms each, all ready", "Popen and readline", lambda: _layers(deep, 1)),
        Row(f"{square} layers of {square}, all ready", "Popen and readline", lambda: _layers(square, square)),
        Row(f"stop of {few}, SIGTERM to all gone", "killpg and wait", lambda: _stop(few)),
        *_spawns(few * 2),
        *(row for mover in MOVERS for row in _rows_of(mover, few, kills, megabytes, requests)),
        Row(f"keeper of {few} services, resident", "python -I -S", lambda: memory(few), "MB", 1),
        *graph_rows(scale),
    ]


def _starts(few: int, many: int) -> list[Row]:
    what, floor = "last child's first instruction", "Popen in 4 threads"
    return [
        Row(f"start of {few}, {what}", floor, lambda: _start(few, "thread")),
        Row(f"start of {few}, {what}; keeper", floor, lambda: _start(few, "keeper")),
        Row(f"start of {many}, {what}", floor, lambda: _start(many, "thread")),
    ]


def _spawns(count: int) -> list[Row]:
    by_hand = "the same calls by hand"
    promised = Row(f"spawn of {count}, first: each, wall", by_hand, lambda: spawn_promised(count), "us", 1e6)
    each = [
        Row(f"spawn of {count}, {which}: each, {what}", "os.posix_spawn", _spawning(count, generation, what), "us", 1e6)
        for generation, which in ((1, "first"), (2, "again"))
        for what in ("wall", "CPU")
    ]
    return [*each, promised]


def _spawning(count: int, generation: int, what: str) -> Callable[[], Awaitable[Sample]]:
    async def measure() -> Sample:
        wall, cpu = await spawn(count, generation)
        return wall if what == "wall" else cpu

    return measure


def _rows_of(mover: str, count: int, kills: int, megabytes: float, requests: int) -> list[Row]:
    """List the rows that there are for each mover."""
    output = f"output of one service, {megabytes:g} MB to its log; {mover}"
    respawned = f"SIGKILL of one of {count}, replacement's first instr.; {mover}"
    return [
        Row(respawned, "pidfd and Popen", lambda: respawn(count, kills, mover)),
        Row(output, "cat from a pipe", lambda: throughput(megabytes, mover), "MB/s", 1),
        Row(f"the same, CPU of all our processes; {mover}", "cat", lambda: cost(megabytes, mover), "s/GB", 1),
        Row(f"API status of 20, one writes on and on; {mover}", "nobody writes", lambda: latency(requests, mover)),
    ]
