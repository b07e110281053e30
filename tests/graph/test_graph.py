"""The graph: inferred edges, order, circles, and the plans that follow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_actors.errors import ConfigError
from dumb_actors.graph.dependency import DependencyGraph, check_graph
from dumb_actors.model.spec import Directory, ServiceSpec, Url

MEDIA = [
    ServiceSpec("riven", "r", waits=[Directory("/mnt/debrid/riven/__all__")], depends_on=["db"]),
    ServiceSpec("rclone", "r", waits=[Url("http://localhost:9090/dav/")], provides=["/mnt/debrid/riven"]),
    ServiceSpec("zurg", "z", ports=[9090]),
    ServiceSpec("db", "d", ports=[5432]),
]


def test_waits_lead_to_the_services_that_answer_them() -> None:
    graph = DependencyGraph(MEDIA)
    found = {(e.source, e.target, e.signal, e.until) for e in graph.edges}
    assert found == {
        ("riven", "db", "depends_on", "ready"),
        ("riven", "rclone", "wait_for_dir", "started"),
        ("rclone", "zurg", "wait_for_url", "started"),
    }
    assert graph.needs_all("riven") == tuple(n for n in graph.order if n != "riven")
    assert graph.needed_by_all("zurg") == ("rclone", "riven")


def test_a_wait_on_another_machine_or_on_oneself_implies_nothing() -> None:
    specs = [
        ServiceSpec("a", "a", waits=[Url("http://example.org:9090/"), Url("http://127.0.0.1:80/")], ports=[80]),
        ServiceSpec("b", "b", ports=[9090]),
    ]
    assert DependencyGraph(specs).edges == ()


def test_the_default_port_of_a_url_counts() -> None:
    specs = [ServiceSpec("a", "a", waits=[Url("https://localhost/x")]), ServiceSpec("b", "b", ports=[443])]
    assert DependencyGraph(specs).dependencies("a") == ("b",)


def test_a_circle_is_a_fault_that_names_the_services_in_order() -> None:
    specs = [
        ServiceSpec("a", "a", depends_on=["b"]),
        ServiceSpec("b", "b", waits=[Url("http://localhost:1/")]),
        ServiceSpec("c", "c", ports=[1], depends_on=["a"]),
        ServiceSpec("outside", "o", depends_on=["a"]),
    ]
    (fault,) = check_graph(specs)
    assert fault.kind == "cycle"
    assert fault.names[0] == fault.names[-1]
    assert set(fault.names) == {"a", "b", "c"}
    pairs = {("a", "b"), ("b", "c"), ("c", "a")}
    assert set(zip(fault.names, fault.names[1:], strict=False)) == pairs
    assert "'b' needs 'c' (wait_for_url)" in str(fault)
    with pytest.raises(ConfigError, match="circle"):
        DependencyGraph(specs)


@st.composite
def acyclic(draw: st.DrawFn) -> list[ServiceSpec]:
    count = draw(st.integers(1, 12))
    return [
        ServiceSpec(f"s{i}", "x", depends_on=draw(st.lists(st.sampled_from([f"s{j}" for j in range(i)]), unique=True)))
        if i
        else ServiceSpec("s0", "x")
        for i in range(count)
    ]


@given(acyclic())
def test_order_puts_dependencies_first(specs: list[ServiceSpec]) -> None:
    graph = DependencyGraph(specs)
    place = {name: index for index, name in enumerate(graph.order)}
    assert all(place[e.target] < place[e.source] for e in graph.edges)
