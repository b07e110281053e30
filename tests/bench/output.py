"""Output through a FIFO to the log: how fast, what it costs, and what an API call feels of it; the keeper's memory."""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import trio

from dumb_actors import ServiceSpec, Settle, Supervisor, open_supervisor
from dumb_actors.keeper.identity import read_identity
from dumb_web.app import WebApp, create_app
from dumb_web.serve import bind, serve

from .row import MOVERS, Sample
from .world import World

__all__ = ["cost", "latency", "memory", "throughput"]

WRITER = str(Path(__file__).with_name("writer.py"))
MB = 1_000_000
REQUEST = b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _writer(world: World, megabytes: float) -> list[str]:
    """Give the command that writes so much, or for ever (0), once it is let go."""
    return [sys.executable, "-I", "-S", WRITER, f"{world.path}/up", f"{world.path}/go", f"{int(megabytes * MB)}"]


# --- throughput and cost ----------------------------------------------------------------------------------------------


async def throughput(megabytes: float, mover: str) -> Sample:
    """MB/s from the writer's first byte until the last one is taken from it."""
    (ours, _), (floor, _) = await _both_ways(megabytes, mover)
    return megabytes / ours, megabytes / floor


async def cost(megabytes: float, mover: str) -> Sample:
    """CPU seconds for each GB: of all our processes, and of `cat`."""
    (_, ours), (_, floor) = await _both_ways(megabytes, mover)
    return ours * 1000 / megabytes, floor * 1000 / megabytes


async def _both_ways(megabytes: float, mover: str) -> tuple[Sample, Sample]:
    """Give wall seconds and CPU seconds of ours, and of `cat`."""
    with World.make() as world:
        # Never rotated, as the file of `cat` is not.
        spec = ServiceSpec("writer", _writer(world, megabytes), oneshot=True, enabled=False, log_size=0)
        async with _at_work([*world.specs(1, 1, timed=True), spec], world, mover) as supervisor:
            pids = [os.getpid(), *_keeper_pids(world, mover)]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(supervisor.start, "writer")
                await world.wait_up(1)
                ours = await _measured(world, pids)
            await supervisor.shutdown()
        _check_size(world.path / "root/log/writer.log", megabytes)
        with (world.path / "cat.log").open("wb") as log:
            writer = subprocess.Popen(_writer(world, megabytes), stdout=subprocess.PIPE)
            cat = subprocess.Popen(["cat"], stdin=writer.stdout, stdout=log)
            assert writer.stdout is not None
            writer.stdout.close()
            await world.wait_up(1)
            floor = await _measured(world, [cat.pid])
            await trio.to_thread.run_sync(lambda: (writer.wait(), cat.wait()))
        _check_size(world.path / "cat.log", megabytes)
    return ours, floor


async def _measured(world: World, pids: Sequence[int]) -> Sample:
    """Let a writer go that has reported; give wall and CPU seconds until it is done."""
    began, used = time.perf_counter(), sum(map(_cpu_s, pids))
    world.go()
    await world.wait_up(1)
    return time.perf_counter() - began, sum(map(_cpu_s, pids)) - used


def _cpu_s(pid: int) -> float:
    """Give the CPU time of all threads of a process. Source: clock_getcpuclockid(3), by its formula in the kernel."""
    return time.clock_gettime((~pid << 3) | 2)


@contextlib.asynccontextmanager
async def _at_work(specs: Sequence[ServiceSpec], world: World, mover: str) -> AsyncIterator[Supervisor]:
    """Start what is enabled, each ready by a line in its log: so whoever moves the output is at work."""
    async with open_supervisor(specs, root=world.path / "root", **MOVERS[mover]) as supervisor:
        enabled = await supervisor.boot()
        await world.wait_up(len(enabled))
        for name in enabled:
            await supervisor.wait_ready(name)
        yield supervisor


def _keeper_pids(world: World, mover: str) -> list[int]:
    """Give the pid of the keeper that there must be, or none."""
    keeper = read_identity(f"{world.path}/root/run") if mover == "keeper" else None
    if (mover == "keeper") != (keeper is not None):
        raise RuntimeError("no keeper is registered")
    return [] if keeper is None else [keeper.pid]


def _check_size(path: Path, megabytes: float) -> None:
    if path.stat().st_size != int(megabytes * MB):
        raise RuntimeError(f"{path} has {path.stat().st_size} bytes, not {megabytes} MB")


# --- the API while somebody writes ------------------------------------------------------------------------------------


async def latency(requests: int, mover: str) -> Sample:
    """The median of one GET after the other, while a service writes without pause, and while none does."""
    with World.make() as world:
        specs = [
            *world.specs(1, 19, timed=True),
            ServiceSpec("writer", _writer(world, 0), enabled=False, readiness=Settle(0)),
        ]
        async with _at_work(specs, world, mover) as supervisor:
            async with _served(create_app(supervisor)) as port, await trio.open_tcp_stream("127.0.0.1", port) as stream:
                await _median(stream, 10)
                floor = await _median(stream, requests)
                await supervisor.start("writer")
                await world.wait_up(1)
                world.go()
                ours = await _median(stream, requests)
    return ours, floor


@contextlib.asynccontextmanager
async def _served(app: WebApp) -> AsyncIterator[int]:
    shutdown = trio.Event()
    async with trio.open_nursery() as nursery:
        [url] = await nursery.start(partial(serve, app, [bind("127.0.0.1:0")], shutdown=shutdown))
        try:
            yield int(url.rpartition(":")[2])
        finally:
            shutdown.set()


async def _median(stream: trio.SocketStream, requests: int) -> float:
    took = []
    for _ in range(requests):
        began = time.perf_counter()
        await _get(stream)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


async def _get(stream: trio.SocketStream) -> None:
    """Ask, and read the whole answer; the connection stays."""
    await stream.send_all(REQUEST)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await _receive(stream)
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().lower().split("\r\n")
    if " 200" not in status:
        raise RuntimeError(status)
    [length] = [int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")]
    left = length - len(body)
    while left > 0:
        left -= len(await _receive(stream))


async def _receive(stream: trio.SocketStream) -> bytes:
    piece = await stream.receive_some(65536)
    if not piece:
        raise RuntimeError("the server closed the connection")
    return bytes(piece)


# --- memory -----------------------------------------------------------------------------------------------------------


async def memory(count: int) -> Sample:
    """Resident MB of the keeper of *count* services, and of an interpreter that does nothing."""
    with World.make() as world:
        async with _at_work(world.specs(1, count, timed=True), world, "keeper"):
            [keeper] = _keeper_pids(world, "keeper")
            ours = _resident_mb(keeper)
    command = [sys.executable, "-I", "-S", "-c", "input('x')"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare:
        assert bare.stdout is not None
        assert bare.stdin is not None
        bare.stdout.read(1)
        floor = _resident_mb(bare.pid)
        bare.stdin.write(b"\n")
    return ours, floor


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kilobytes] = [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")]
    return kilobytes * 1024 / MB
