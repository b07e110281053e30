"""What a supervisor tells of its graph."""

import pytest

from dumb_actors.catalogue.knowledge import load_knowledge
from dumb_actors.errors import UnknownService
from dumb_actors.model.spec import ServiceSpec, Settle
from dumb_actors.testing.simulated import open_simulation


def spec(name: str, key: str, **fields) -> ServiceSpec:
    return ServiceSpec(name, "program", key=key, readiness=Settle(0.0), **fields)


SPECS = [spec("Zilean", "zilean"), spec("PostgreSQL", "postgres"), spec("one", "sonarr"), spec("two", "sonarr")]


async def test_a_neighbourhood_shows_how_things_stand(autojump_clock):
    async with open_simulation(SPECS, knowledge=load_knowledge()) as supervisor:
        before = supervisor.neighbourhood("Zilean")
        await supervisor.start("Zilean")
        after = supervisor.neighbourhood("Zilean")
        assert [row.state for row in before.dependency_rows] == ["stopped"]
        assert [row.state for row in after.dependency_rows] == ["running"]
        assert [edge.gates for edge in (*before.edges, *after.edges)] == [False, True]
        assert supervisor.statuses == {"Zilean": "running", "PostgreSQL": "running", "one": "stopped", "two": "stopped"}
        assert supervisor.seq == supervisor.snapshot().seq
        whole = supervisor.whole_graph(durations={"PostgreSQL": 1.0, "one": 9.0})
        assert [node.process_name for node in whole.nodes if node.critical] == ["one"]


@pytest.mark.parametrize("name", ["zilean", "ZILEAN ", "postgres", "PostgreSQL"])
async def test_it_is_found_by_its_kind(name, autojump_clock):
    async with open_simulation(SPECS, knowledge=load_knowledge()) as supervisor:
        assert supervisor.neighbourhood(name, scope="all").process_name in {"Zilean", "PostgreSQL"}


@pytest.mark.parametrize("name", ["sonarr", "nobody", ""])
async def test_what_means_nobody_or_several_is_unknown(name, autojump_clock):
    async with open_simulation(SPECS, knowledge=load_knowledge()) as supervisor:
        with pytest.raises(UnknownService):
            supervisor.neighbourhood(name)


async def test_a_new_configuration_has_a_new_graph(autojump_clock):
    async with open_simulation(SPECS, knowledge=load_knowledge()) as supervisor:
        assert supervisor.neighbourhood("PostgreSQL").linked_incoming_rows
        await supervisor.reconfigure(SPECS[1:])
        assert supervisor.neighbourhood("PostgreSQL").linked_incoming_rows == ()
