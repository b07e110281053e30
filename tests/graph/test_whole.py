"""The whole graph, the path that takes longest, the truth table, and how a service is found."""

import pytest

from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.graph.lookup import find_target
from dumb_actors.graph.neighbours import Standing
from dumb_actors.graph.truth import TRUTH_TABLE
from dumb_actors.graph.whole import critical_path, whole_graph
from dumb_actors.model.edge import SIGNALS
from dumb_actors.model.phase import Phase
from dumb_actors.model.spec import DependsOn, ServiceSpec
from tests.graph.recorded import config

SPECS = [
    ServiceSpec("web", "w", depends_on=[DependsOn("db", on_loss="restart"), "cache"]),
    ServiceSpec("db", "d", depends_on=["disk"]),
    ServiceSpec("cache", "c"),
    ServiceSpec("disk", "k"),
    ServiceSpec("off", "o", depends_on=["web"], enabled=False),
]
GRAPH = DependencyGraph(SPECS)


def standing(name: str) -> Standing:
    enabled = GRAPH.specs[name].enabled
    return Standing(Phase.READY if enabled else Phase.STOPPED, enabled=enabled, wished=enabled)


def test_nodes_and_edges_of_everything() -> None:
    whole = whole_graph(GRAPH, standing)
    assert [(node.process_name, node.level, node.critical, node.status) for node in whole.nodes] == [
        ("web", 2, True, "running"),
        ("db", 1, True, "running"),
        ("cache", 0, False, "running"),
        ("disk", 0, True, "running"),
        ("off", 3, False, "stopped"),
    ]
    edges = {(edge.source, edge.target): edge for edge in whole.edges}
    assert set(edges) == {("web", "db"), ("web", "cache"), ("db", "disk"), ("off", "web")}
    assert (edges["web", "db"].on_loss, edges["web", "cache"].on_loss) == ("restart", "keep")
    assert all(edge.gates and edge.signals == ("depends_on",) for edge in whole.edges)


def test_everything_of_the_record_is_there_once() -> None:
    recorded = config()
    graph = DependencyGraph(recorded.specs, recorded.knowledge)
    nobody = Standing(Phase.STOPPED, enabled=False, wished=False)
    whole = whole_graph(graph, lambda name: nobody)
    assert len(whole.edges) == len(graph.links)
    assert not any(edge.gates or node.critical for node in whole.nodes for edge in whole.edges)
    gave_way = {(each.source, each.target) for each in whole.cycles_broken}
    assert ("Zurg w/ Riven", "Riven Backend") in gave_way
    assert gave_way <= {(edge.source, edge.target) for edge in whole.edges}


@pytest.mark.parametrize(
    ("durations", "path"),
    [
        (None, ("disk", "db", "web")),
        ({"cache": 9.0, "db": 2.0, "disk": 3.0, "web": 1.0}, ("cache", "web")),
        ({"cache": 4.0, "db": 2.0, "disk": 3.0, "web": 0.5}, ("disk", "db", "web")),
    ],
)
def test_the_critical_path_is_the_one_that_takes_longest(durations, path) -> None:
    assert critical_path(GRAPH, GRAPH.names[:4], durations=durations) == path


def test_only_who_counts_is_on_the_critical_path() -> None:
    assert critical_path(GRAPH, ["web", "cache"]) == ("cache", "web")
    assert critical_path(GRAPH, []) == ()


def test_the_truth_table_has_every_signal_in_order() -> None:
    assert [truth.signal for truth in TRUTH_TABLE] == list(SIGNALS)
    assert TRUTH_TABLE[-1].signal == "depends_on"
    hard = {truth.signal for truth in TRUTH_TABLE if truth.classification == "hard"}
    assert set(SIGNALS) - hard == {"zilean_optional_integration", "documented_integration"}
    assert all(truth.description.endswith(".") for truth in TRUTH_TABLE)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Plex Media Server", "Plex Media Server"),
        ("plexmediaserver", "Plex Media Server"),
        (" plex ", "Plex Media Server"),
        ("PLEX", "Plex Media Server"),
        ("Riven", "Riven Backend"),
        ("riven_backend", "Riven Backend"),
        ("zurg", "Zurg w/ Riven"),
        ("PostgreSQL", "PostgreSQL"),
        ("CLID", "CLI Debrid"),
        ("rclone", None),
        ("nobody", None),
        ("", None),
    ],
)
def test_a_service_is_found_by_its_name_and_by_the_word_for_its_kind(asked, found) -> None:
    recorded = config()
    graph = DependencyGraph(recorded.specs, recorded.knowledge)
    assert find_target(asked, {name: spec.key for name, spec in graph.specs.items()}, graph.token) == found


def test_services_without_a_key_are_not_what_an_empty_word_means() -> None:
    assert find_target(" ", {"a": ""}, str.strip) is None
