"""The graph on random specs and random knowledge: what must hold whatever contradicts what."""

import random
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dumb_actors.errors import ConfigError
from dumb_actors.graph.circles import break_circles, find_circles, find_contradicted, order_names
from dumb_actors.graph.dependency import DependencyGraph, check_graph, infer_gating
from dumb_actors.model.edge import RANKS, Edge
from dumb_actors.model.knowledge import Conditional, Exemption, Knowledge, Provider, SoftLink
from dumb_actors.model.spec import DependsOn, Directory, Mount, ServiceSpec, Url

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))
KEYS = ("k0", "k1", "k2", "k3")
_KEY = st.sampled_from(KEYS)
_NEEDS = st.dictionaries(_KEY, st.lists(_KEY, unique=True, max_size=3).map(tuple), max_size=4)

KNOWLEDGES = st.builds(
    Knowledge,
    core=_NEEDS,
    non_core=_NEEDS,
    exemptions=st.lists(
        st.builds(Exemption, source=_KEY, target=_KEY, field=st.just("mode"), values=st.just(frozenset({"", "own"}))),
        max_size=1,
    ).map(tuple),
    conditional=st.lists(
        st.builds(
            Conditional,
            source=_KEY,
            target=_KEY,
            when=st.sampled_from(["always", "enabled", "flag", "own_flag"]),
            flag=st.just("used"),
        ),
        max_size=4,
    ).map(tuple),
    providers=st.lists(
        st.builds(
            Provider, source=_KEY, target=_KEY, signal=st.just("rclone_provider_zurg"), flag=st.sampled_from(["f", "g"])
        ),
        max_size=3,
    ).map(tuple),
    soft=st.lists(
        st.builds(SoftLink, source=_KEY, target=_KEY, signal=st.just("documented_integration")), max_size=2
    ).map(tuple),
    scoped=st.frozensets(_KEY, max_size=2),
    aliases=st.just({"first": "k0"}),
)

_WAITS = st.one_of(
    st.integers(1, 5).map(lambda port: Url(f"http://localhost:{port}/")),
    st.sampled_from(["/m", "/m/a", "/m/a/b", "/m/ab"]).map(Mount),
    st.sampled_from(["/m", "/m/a/b/c", "/n"]).map(Directory),
)
_FLAGS = st.fixed_dictionaries(
    {},
    optional={
        "f": st.booleans(),
        "g": st.booleans(),
        "used": st.booleans(),
        "mode": st.sampled_from(["own", "x"]),
        "core_service": st.sampled_from([*KEYS, "first", "s0", "s3", "s1, k2", "nobody"]),
    },
)


@st.composite
def some_specs(draw: st.DrawFn) -> list[ServiceSpec]:
    count = draw(st.integers(1, 8))
    names = [f"s{i}" for i in range(count)]

    def some_of(earlier: list[str]) -> list[str]:
        return draw(st.lists(st.sampled_from(earlier), unique=True, max_size=2)) if earlier else []

    return [
        ServiceSpec(
            name,
            "x",
            depends_on=[DependsOn(other, required=draw(st.booleans())) for other in some_of(names[:index])],
            waits=draw(st.lists(_WAITS, max_size=2)),
            ports=draw(st.lists(st.integers(1, 5), max_size=1)),
            provides=draw(st.lists(st.sampled_from(["/m/a", "/m/a/b", "/m"]), max_size=1)),
            key=draw(st.one_of(_KEY, st.just(""))),
            enabled=draw(st.integers(0, 3)) > 0,
            config=draw(_FLAGS),
        )
        for index, name in enumerate(names)
    ]


def try_graph(specs: list[ServiceSpec], knowledge: Knowledge) -> DependencyGraph:
    faults = check_graph(specs, knowledge)
    assert {fault.kind for fault in faults} <= {"cycle"}
    if faults:
        with pytest.raises(ConfigError):
            DependencyGraph(specs, knowledge)
    assume(not faults)
    return DependencyGraph(specs, knowledge)


def pairs_of(edges: Iterable[Edge]) -> set[tuple[str, str]]:
    return {(edge.source, edge.target) for edge in edges if edge.gates}


@UNHURRIED
@given(some_specs(), KNOWLEDGES)
def test_what_gates_has_an_order(specs: list[ServiceSpec], knowledge: Knowledge) -> None:
    graph = try_graph(specs, knowledge)
    assert sorted(graph.order) == sorted(graph.names)
    place = {name: index for index, name in enumerate(graph.order)}
    for edge in graph.edges:
        assert edge.source != edge.target
        if edge.gates:
            assert place[edge.target] < place[edge.source]
            assert graph.levels[edge.target] < graph.levels[edge.source]
            assert RANKS[edge.signal] > 1
    for name in graph.names:
        deps = [graph.levels[other] for other in graph.dependencies(name)]
        assert graph.levels[name] == max(deps, default=-1) + 1
        assert set(graph.dependencies(name)) == {edge.target for edge in graph.edges_of(name)}
        assert all(name in graph.dependents(other) for other in graph.dependencies(name))


@UNHURRIED
@given(some_specs(), KNOWLEDGES)
def test_what_gave_way_would_close_a_circle_of_what_is_no_weaker(
    specs: list[ServiceSpec], knowledge: Knowledge
) -> None:
    graph = try_graph(specs, knowledge)
    gating = pairs_of(graph.edges)
    for broken in graph.broken:
        assert broken.cycle[0] == broken.cycle[-1]
        pair = (broken.source, broken.target)
        assert pair not in gating
        rank = max(e.rank for e in graph.edges if (e.source, e.target) == pair)
        for rest in list(pairwise(broken.cycle))[1:]:
            assert rest in gating
            assert max(e.rank for e in graph.edges if (e.source, e.target) == rest and e.gates) >= rank
    # Nothing else lost its say.
    told = {(broken.source, broken.target) for broken in graph.broken}
    silent = {(e.source, e.target) for e in graph.edges if not e.gates and e.rank > 1}
    assert silent <= told


@UNHURRIED
@given(some_specs(), KNOWLEDGES, st.randoms(use_true_random=False))
def test_the_order_of_the_services_changes_nothing(
    specs: list[ServiceSpec], knowledge: Knowledge, chance: random.Random
) -> None:
    graph = try_graph(specs, knowledge)
    shuffled = specs[:]
    chance.shuffle(shuffled)
    other = DependencyGraph(shuffled, knowledge)
    assert pairs_of(other.edges) == pairs_of(graph.edges)
    assert set(other.edges) == set(graph.edges)
    assert {(b.source, b.target) for b in other.broken} == {(b.source, b.target) for b in graph.broken}
    assert other.levels == graph.levels


@UNHURRIED
@given(some_specs(), KNOWLEDGES)
def test_links_are_the_edges_put_together(specs: list[ServiceSpec], knowledge: Knowledge) -> None:
    graph = try_graph(specs, knowledge)
    assert [link for name in graph.names for link in graph.links_of(name)] == list(graph.links)
    assert sorted(map(str, graph.links)) == sorted(str(link) for name in graph.names for link in graph.links_to(name))
    for link in graph.links:
        edges = [edge for edge in graph.edges if (edge.source, edge.target) == (link.source, link.target)]
        assert link.signals == tuple(sorted({edge.signal for edge in edges}))
        assert link.gates == any(edge.gates for edge in edges)


@UNHURRIED
@given(some_specs(), KNOWLEDGES)
def test_knowledge_never_takes_away_what_is_declared(specs: list[ServiceSpec], knowledge: Knowledge) -> None:
    without = Knowledge(aliases=knowledge.aliases, scoped=knowledge.scoped)
    graph = try_graph(specs, knowledge)
    declared = {(e.source, e.target) for e in infer_gating(specs, without) if e.rank == 5}
    assert declared <= pairs_of(graph.edges)


# --- circles by themselves --------------------------------------------------------------------------------------------

_NAMES = [f"n{i}" for i in range(7)]
RANKED = st.dictionaries(
    st.tuples(st.sampled_from(_NAMES), st.sampled_from(_NAMES)).filter(lambda pair: pair[0] != pair[1]),
    st.integers(1, 4),
    max_size=25,
)


def is_acyclic(pairs: Iterable[tuple[str, str]]) -> bool:
    needs: dict[str, list[str]] = {}
    for source, target in pairs:
        needs.setdefault(source, []).append(target)
    return len(order_names(_NAMES, needs)) == len(_NAMES)


@UNHURRIED
@given(RANKED)
def test_circles_are_broken_as_if_pairs_came_one_by_one(ranks: dict[tuple[str, str], int]) -> None:
    kept: list[tuple[str, str]] = []
    for pair in sorted(ranks, key=lambda pair: (-ranks[pair], pair)):
        kept += [pair] if is_acyclic([*kept, pair]) else []
    cycles = break_circles(ranks)
    assert set(ranks) - {cycle[:2] for cycle in cycles} == set(kept)
    assert all(set(list(pairwise(cycle))[1:]) <= set(kept) for cycle in cycles)
    assert len({cycle[:2] for cycle in cycles}) == len(cycles)


@UNHURRIED
@given(RANKED, st.integers(1, 4), st.data())
def test_a_weak_pair_never_costs_a_stronger_one_its_place(
    ranks: dict[tuple[str, str], int], rank: int, data: st.DataObject
) -> None:
    pair = data.draw(st.tuples(st.sampled_from(_NAMES), st.sampled_from(_NAMES)).filter(lambda p: p[0] != p[1]))
    assume(pair not in ranks)
    gone = {cycle[:2] for cycle in break_circles(ranks)}
    gone_with = {cycle[:2] for cycle in break_circles({**ranks, pair: rank})}
    assert {p for p in gone if ranks[p] > rank} == {p for p in gone_with if {**ranks, pair: rank}[p] > rank}


@UNHURRIED
@given(RANKED)
def test_every_circle_is_found_and_no_name_twice(ranks: dict[tuple[str, str], int]) -> None:
    cycles = find_circles(ranks)
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert set(pairwise(cycle)) <= set(ranks)
    names = [name for cycle in cycles for name in cycle[:-1]]
    assert len(names) == len(set(names))
    assert is_acyclic(pair for pair in ranks if not set(pair) & set(names))


@UNHURRIED
@given(RANKED)
def test_contradictions_are_those_that_the_rest_leads_back_from(ranks: dict[tuple[str, str], int]) -> None:
    gone = {cycle[:2] for cycle in break_circles(ranks)}
    needs: dict[str, list[str]] = {}
    for source, target in ranks:
        if (source, target) not in gone:
            needs.setdefault(source, []).append(target)
    found = find_contradicted([(a, b) for a in _NAMES for b in _NAMES if a != b], needs)
    kept = set(ranks) - gone
    assert {cycle[:2] for cycle in found} == {
        (a, b) for a in _NAMES for b in _NAMES if a != b and not is_acyclic([*kept, (a, b)])
    }


def test_two_circles_at_once_are_two_faults() -> None:
    specs = [ServiceSpec(name, "x", depends_on=[other]) for name, other in ("ab", "ba", "cd", "dc", "ea")]
    assert [set(fault.names) for fault in check_graph(specs)] == [{"a", "b"}, {"c", "d"}]


# --- size -------------------------------------------------------------------------------------------------------------


def steps_of(work: Callable[[], Any]) -> int:
    """Count the lines of the graph's own code that *work* runs: time would depend on who else uses the machine."""
    count = 0

    def trace(frame: Any, event: str, _arg: Any) -> Any:
        nonlocal count
        if "dumb_actors/graph" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def a_world(count: int) -> list[ServiceSpec]:
    """A configuration of *count* services in groups of four: a database, who mounts, who is mounted, who reads."""
    made: list[ServiceSpec] = []
    for n in range(count // 4):
        owner = f"back-{n}"
        made += [
            ServiceSpec(f"db-{n}", "x", key="db", ports=[n + 1]),
            ServiceSpec(f"dav-{n}", "x", key="dav", config={"core_service": owner, "http_port": 20_000 + n}),
            ServiceSpec(
                f"mount-{n}",
                "x",
                key="mount",
                provides=[f"/mnt/{n % 10}/m{n}"],
                waits=[Url(f"http://localhost:{20_000 + n}/")],
                config={"core_service": owner, "dav": True},
            ),
            ServiceSpec(
                owner, "x", key=f"back-{n % 50}", waits=[Directory(f"/mnt/{n % 10}/m{n}/x")], depends_on=[f"db-{n}"]
            ),
        ]
    return made


WORLD_KNOWLEDGE = Knowledge(
    core={f"back-{n}": ("dav", "mount") for n in range(50)},
    providers=(Provider(source="mount", target="dav", signal="rclone_provider_zurg", flag="dav"),),
    scoped=frozenset({"dav", "mount"}),
)


def a_hub(count: int) -> list[ServiceSpec]:
    """One service that everybody mounts, and that the map says needs every mount: nothing but contradictions."""
    spokes = [
        ServiceSpec(f"spoke-{n}", "x", key="spoke", config={"core_service": "hub", "flag": True}) for n in range(count)
    ]
    return [ServiceSpec("hub", "x", key="hub"), *spokes]


HUB_KNOWLEDGE = Knowledge(
    core={"hub": ("spoke",)},
    providers=(Provider(source="spoke", target="hub", signal="rclone_provider_nzbdav", flag="flag"),),
    scoped=frozenset({"spoke"}),
)


@pytest.mark.parametrize(("make", "knowledge"), [(a_world, WORLD_KNOWLEDGE), (a_hub, HUB_KNOWLEDGE)])
def test_the_work_grows_with_the_edges(make: Callable[[int], list[ServiceSpec]], knowledge: Knowledge) -> None:
    small, large = make(200), make(2000)
    few = steps_of(lambda: DependencyGraph(small, knowledge))
    many = steps_of(lambda: DependencyGraph(large, knowledge))
    edges = [len(DependencyGraph(specs, knowledge).edges) for specs in (small, large)]
    assert edges[1] > 9 * edges[0]
    assert many < 13 * few


def test_ten_thousand_services() -> None:
    graph = DependencyGraph(a_world(10_000), WORLD_KNOWLEDGE)
    assert len(graph.order) == 10_000
    assert graph.dependencies("back-7") == ("db-7", "mount-7", "dav-7")
    assert graph.dependencies("mount-7") == ("dav-7",)
    assert len(graph.broken) == 5000, "the labels of what is mounted"
