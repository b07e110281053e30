"""From a crash to the replacement's first instruction, and what it costs to start one child after the other."""

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Sequence

import trio
import trio.testing

from dumb_actors import open_supervisor
from dumb_actors.actors.host import HostSettings, OsHost
from dumb_actors.actors.hosted import HostedChild
from dumb_actors.model.child import Launch

from .row import MOVERS, Sample
from .world import World, spawn_bare, stop_bare

__all__ = ["respawn", "spawn", "spawn_promised"]


async def respawn(count: int, kills: int, mover: str) -> Sample:
    """From SIGKILL of one of *count* to the replacement's first instruction, median of *kills*."""
    with World.make() as world:
        # Ready by a line in the log: so whoever moves the output is at work.
        specs = world.specs(1, count, timed=True)
        async with open_supervisor(specs, root=world.path / "root", **MOVERS[mover]) as supervisor:
            await supervisor.boot()
            await world.wait_up(count)
            ready = [await supervisor.wait_ready(spec.name) for spec in specs]
            pids = [each.pid for each in ready if each.pid is not None][:kills]
            ours = [await _kill(world, pid) for pid in pids]
        async with trio.open_nursery() as nursery:
            children = [spawn_bare(world.argv()) for _ in range(count)]
            await world.wait_up(count)
            pids = [child.pid for child in children[:kills]]
            for index in range(count):
                nursery.start_soon(_keep_alive, world, children, index)
            await trio.testing.wait_all_tasks_blocked()
            floor = [await _kill(world, pid) for pid in pids]
            nursery.cancel_scope.cancel()
        stop_bare(children)
    return statistics.median(ours), statistics.median(floor)


async def _kill(world: World, pid: int) -> float:
    began = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    await world.wait_up(1)
    return time.perf_counter() - began


async def _keep_alive(world: World, children: "list[subprocess.Popen[bytes]]", index: int) -> None:
    """Start a child again when it has ended; as little as that can be."""
    while True:
        fd = os.pidfd_open(children[index].pid)
        try:
            await trio.lowlevel.wait_readable(fd)
        finally:
            os.close(fd)
        with children[index]:  # waits, and closes its output
            pass
        children[index] = spawn_bare(world.argv())


async def spawn(count: int, generation: int) -> tuple[Sample, Sample]:
    """
    Of one child, looked up before, on average of *count* that are started one after the other.

    Returns:
        Wall seconds, and CPU seconds of this process; the wall is shared with the children, which begin to run.
    """
    with World.make() as world:
        run_dir = world.path / "run"
        run_dir.mkdir()
        async with OsHost.open(HostSettings(run_dir=str(run_dir))) as host:
            for number in range(1, generation + 1):
                launches = [await host.prepare(_launch(world, index, number)) for index in range(count)]
                began, used = time.perf_counter(), time.process_time()
                children = [await host.spawn(launch) for launch in launches]
                ours = time.perf_counter() - began, time.process_time() - used
                await world.wait_up(count)
                async with trio.open_nursery() as nursery:
                    for child in children:
                        nursery.start_soon(_end, child)
        began, used = time.perf_counter(), time.process_time()
        pids = _spawn_bare(world, count)
        floor = time.perf_counter() - began, time.process_time() - used
        await world.wait_up(count)
        await trio.to_thread.run_sync(_end_bare, pids)
    return (ours[0] / count, floor[0] / count), (ours[1] / count, floor[1] / count)


async def spawn_promised(count: int) -> Sample:
    """
    Wall seconds of one of *count* children that are started one after the other, by us and by hand.

    By hand is what the promises cost whoever keeps them: nothing but the system calls for a FIFO that is held open, a
    log, a line on disk before the spawn and one after it, and the spawn with the FIFO as output.
    """
    (ours, _), _ = await spawn(count, 1)
    with World.make() as world:
        argv, environ = world.argv(), dict(os.environ)
        began = time.perf_counter()
        made = [_spawn_by_hand(f"{world.path}/{index}", argv, environ) for index in range(count)]
        floor = time.perf_counter() - began
        await world.wait_up(count)
        await trio.to_thread.run_sync(_end_bare, [pid for pid, _ in made])
        for _, fds in made:
            for fd in fds:
                os.close(fd)
    return ours, floor / count


def _spawn_by_hand(path: str, argv: list[str], environ: dict[str, str]) -> tuple[int, tuple[int, int, int]]:
    fifo, record = f"{path}.fifo", f"{path}.json"
    os.mkfifo(fifo, 0o600)
    fds = (
        os.open(fifo, os.O_RDWR | os.O_CLOEXEC),
        os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC),
        os.open(f"{path}.log", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600),
    )
    _append(record)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
        (os.POSIX_SPAWN_DUP2, fds[0], 1),
        (os.POSIX_SPAWN_DUP2, fds[0], 2),
    ]
    pid = os.posix_spawn("/bin/sh", argv, environ, file_actions=actions, setsid=True)
    _append(record)
    return pid, fds


def _append(record: str) -> None:
    fd = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(fd, b"x" * 700 + b"\n")
    os.close(fd)


def _launch(world: World, index: int, generation: int) -> Launch:
    return Launch(
        service=f"s{index}",
        slug=f"s{index}",
        generation=generation,
        argv=tuple(world.argv()),
        cwd=str(world.path),
        env=dict(os.environ),
        marker=f"bench-{index}.{generation}",
        log_path=str(world.path / f"{index}.log"),
    )


async def _end(child: HostedChild) -> None:
    await child.terminate(())
    await child.finish()


def _spawn_bare(world: World, count: int) -> list[int]:
    argv, environ = world.argv(), dict(os.environ)
    return [_posix_spawn(argv, environ) for _ in range(count)]


def _end_bare(pids: Sequence[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)


def _posix_spawn(argv: list[str], environ: dict[str, str]) -> int:
    nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
    return os.posix_spawn("/bin/sh", argv, environ, file_actions=nowhere, setsid=True)
