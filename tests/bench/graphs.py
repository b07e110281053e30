"""The dependency graph of many services: made, planned with, asked for over the API."""

import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from graphlib import TopologicalSorter

import trio

from dumb_actors import DependencyGraph, DependsOn, ServiceSpec, Supervisor, Url
from dumb_actors.testing import SimulatedHost, open_simulation
from dumb_web import create_app

from .row import Row, Sample

SIZES = (10, 100, 1_000, 10_000)
BASE_PORT = 10_000


def graph_rows(scale: float) -> Iterator[Row]:
    """Give three rows for each size."""
    for size in SIZES:
        count = max(3, int(size * scale))
        yield Row(f"graph of {count}: infer", "sort the same pairs with graphlib", partial(infer, count))
        yield Row(f"graph of {count}: plan a boot", "sort the same pairs with graphlib", partial(plan, count))
        yield Row(f"graph of {count}: one dependency-graph request", "write its list of states", partial(ask, count))


def specs(count: int) -> list[ServiceSpec]:
    """Make *count* services, each of which needs up to three earlier ones, by name or by port; always the same."""
    dice = random.Random(count)
    made: list[ServiceSpec] = []
    for number in range(count):
        needs = {dice.randrange(number) for _ in range(dice.randint(0, 3))} if number else set()
        by_port = {need for need in needs if dice.random() < 0.3}
        made.append(
            ServiceSpec(
                f"service {number}",
                "true",
                depends_on=[DependsOn(f"service {need}") for need in sorted(needs - by_port)],
                waits=[Url(f"http://127.0.0.1:{BASE_PORT + need}/") for need in sorted(by_port)],
                ports=[BASE_PORT + number],
            )
        )
    dice.shuffle(made)
    return made


def _sort_bare(graph: DependencyGraph) -> float:
    needs = {name: graph.dependencies(name) for name in graph.names}
    began = time.perf_counter()
    list(TopologicalSorter(needs).static_order())
    return time.perf_counter() - began


async def infer(count: int) -> Sample:
    """From specs to a graph."""
    made = specs(count)
    began = time.perf_counter()
    graph = DependencyGraph(made)
    ours = time.perf_counter() - began
    await trio.lowlevel.checkpoint()
    return ours, _sort_bare(graph)


@asynccontextmanager
async def _supervisor(count: int) -> AsyncIterator[Supervisor]:
    async with open_simulation(specs(count), SimulatedHost()) as supervisor:
        yield supervisor


async def plan(count: int) -> Sample:
    """What a boot of everything would do."""
    async with _supervisor(count) as supervisor:
        began = time.perf_counter()
        supervisor.plan_boot()
        ours = time.perf_counter() - began
        return ours, _sort_bare(supervisor.graph)


async def ask(count: int) -> Sample:
    """One request to the app, without a network; the second one, as the first after a change prepares lists."""
    async with _supervisor(count) as supervisor:
        client = create_app(supervisor).test_client()
        name = max(supervisor.graph.names, key=lambda name: len(supervisor.graph.dependents(name)))
        query = {"process_name": name}
        await client.get("/process/dependency-graph", query_string=query, headers={"Host": "localhost"})
        began = time.perf_counter()
        answer = await client.get("/process/dependency-graph", query_string=query, headers={"Host": "localhost"})
        ours = time.perf_counter() - began
        assert answer.status_code == 200, await answer.get_data()
        began = time.perf_counter()
        json.dumps(dict(supervisor.statuses))
        return ours, time.perf_counter() - began
