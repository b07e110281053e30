"""The neighbourhood of a service: the record of the API document, its example, and what is ours."""

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_actors.catalogue.knowledge import load_knowledge
from dumb_actors.errors import ConfigError, UnknownService
from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.graph.neighbourhood import Neighbourhoods, lone_neighbourhood
from dumb_actors.graph.neighbours import Neighbourhood, Standing
from dumb_actors.model.phase import Phase
from dumb_actors.model.spec import DependsOn, ServiceSpec, Url
from tests.graph.recorded import RECORDED, Recorded, config

RUNNING = Standing(Phase.READY, enabled=True, wished=True)
CONFIG = config()
GRAPH = DependencyGraph(CONFIG.specs, CONFIG.knowledge)
PAGES = Neighbourhoods(GRAPH)
KNOWLEDGE = load_knowledge()


def as_configured(name: str) -> Standing:
    """What is enabled runs."""
    enabled = GRAPH.specs[name].enabled
    return Standing(Phase.READY if enabled else Phase.STOPPED, enabled=enabled, wished=enabled)


def around(*specs: ServiceSpec, of: str, scope="runtime", phases=None, knowledge=KNOWLEDGE, wished=True):
    graph = DependencyGraph(specs, knowledge)
    phases = phases or {}

    def standing(name: str) -> Standing:
        spec = graph.specs[name]
        return Standing(phases.get(name, Phase.READY), enabled=spec.enabled, wished=wished and spec.enabled)

    return Neighbourhoods(graph).of(of, standing, scope)


def spec(name: str, key: str, **config) -> ServiceSpec:
    fields = {name: config.pop(name) for name in ("ports", "provides", "waits", "depends_on") if name in config}
    enabled = config.pop("enabled", True)
    return ServiceSpec(name, "program", key=key, enabled=enabled, config=config, **fields)


# --- the record -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row.target)
def test_a_recorded_neighbourhood(row: Recorded) -> None:
    found = PAGES.of(row.target, as_configured, row.scope)
    assert found.context.mode == row.mode
    assert tuple(item.key for item in found.startup_order) == row.startup
    assert tuple(each.key for each in found.dependency_rows) == row.dependencies
    assert tuple(each.key for each in found.dependent_rows) == row.dependents
    assert {each.process_name: list(each.signals) for each in found.linked_outgoing_rows} == row.outgoing
    assert {each.process_name: list(each.signals) for each in found.linked_incoming_rows} == row.incoming


@pytest.mark.parametrize("name", GRAPH.names)
@pytest.mark.parametrize("scope", ["runtime", "all"])
def test_what_holds_for_every_service_of_the_record(name: str, scope) -> None:
    check_shape(PAGES.of(name, as_configured, scope), name)


def check_shape(found: Neighbourhood, name: str) -> None:
    """What the client relies on, and what cannot be otherwise."""
    nodes = {node.id for node in found.nodes}
    assert len(nodes) == len(found.nodes)
    assert name in nodes
    assert [node.label for node in found.nodes] == sorted(node.label for node in found.nodes)
    pairs = [(edge.source, edge.target) for edge in found.edges]
    assert len(set(pairs)) == len(pairs)
    assert all(name in pair and pair[0] != pair[1] for pair in pairs)
    assert {end for pair in pairs for end in pair} <= nodes
    groups = {group.id: group.members for group in found.parallel_groups}
    assert groups["core_target"] == (name,)
    hard = {edge.target for edge in found.edges if edge.source == name and edge.classification == "hard"}
    assert set(groups.get("pre_core", ())) == hard
    assert set(groups.get("post_core", ())) == {edge.source for edge in found.edges if edge.target == name}
    for row in (*found.linked_outgoing_rows, *found.linked_incoming_rows, *found.edges):
        assert list(row.signals) == sorted(set(row.signals))
        assert (row.classification == "linkage") == (row.strength == "soft_linkage")
        assert found.scope == "all" or row.classification == "hard"


def test_the_example() -> None:
    """2.11: what it says of the rows, with the direction and the labels of the API document."""
    specs = [
        spec("Tautulli", "tautulli", waits=[Url("http://127.0.0.1:32400/identity")]),
        spec("Plex Media Server", "plex", ports=[32400]),
    ]
    phases = {"Tautulli": Phase.STOPPED}
    found = attrs.asdict(around(*specs, of="Tautulli", phases=phases))
    hard = {"classification": "hard", "strength": "hard_runtime"}
    plex = {"key": "plex", "label": "Plex Media Server", "state": "running"}
    by_map = {"signals": ("conditional_startup_map",), **hard}
    signals = ("conditional_startup_map", "wait_for_url")
    assert found == {
        "process_name": "Tautulli",
        "config_key": "tautulli",
        "scope": "runtime",
        "context": {
            "mode": "core",
            "key": "tautulli",
            "core": {"key": "tautulli", "name": "Tautulli", "dependencies": ()},
        },
        "startup_order": (
            {**plex, **by_map},
            {"key": "tautulli", "label": "Tautulli", "state": "stopped", "signals": ("core_service_map",), **hard},
        ),
        "dependency_rows": (
            {**plex, "process_count": 1, "scoped": False, "starter_process_name": "Plex Media Server", **by_map},
        ),
        "dependent_rows": (),
        "linked_outgoing_rows": ({"process_name": "Plex Media Server", **plex, "signals": signals, **hard},),
        "linked_incoming_rows": (),
        "nodes": (
            {"id": "Plex Media Server", "process_name": "Plex Media Server", **plex},
            {
                "id": "Tautulli",
                "process_name": "Tautulli",
                "key": "tautulli",
                "label": "Tautulli",
                "state": "stopped",
            },
        ),
        "edges": ({"source": "Tautulli", "target": "Plex Media Server", "signals": signals, **hard, "gates": True},),
        "parallel_groups": (
            {
                "id": "pre_core",
                "label": "Parallel prerequisites",
                "type": "parallel",
                "members": ("Plex Media Server",),
            },
            {"id": "core_target", "label": "Core target", "type": "serial", "members": ("Tautulli",)},
        ),
        "cycles_broken": (),
        "missing": (),
    }


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phases", "enabled", "state"),
    [
        ({}, True, "running"),
        ({"PostgreSQL": Phase.WAITING}, True, "stopped"),
        ({"PostgreSQL": Phase.STOPPED}, False, "disabled"),
        ({"PostgreSQL": Phase.READY}, False, "running"),
    ],
)
def test_a_row_says_how_its_processes_stand(phases, enabled, state) -> None:
    specs = [spec("Riven Frontend", "riven_frontend"), spec("Riven Backend", "riven_backend")]
    found = around(*specs, spec("PostgreSQL", "postgres", enabled=enabled), of="Riven Backend", phases=phases)
    rows = {row.key: row for row in found.dependency_rows}
    assert rows["postgres"].state == state
    assert (rows["zurg"].state, rows["zurg"].process_count, rows["zurg"].starter_process_name) == ("missing", 0, None)
    assert [node.state for node in found.nodes if node.key == "postgres"] == [state]
    lacks = ["rclone", "zurg"] if state == "running" else ["postgres", "rclone", "zurg"]
    found = around(*specs, spec("PostgreSQL", "postgres", enabled=enabled), of="PostgreSQL", phases=phases)
    assert sorted(found.dependent_rows[0].missing_deps) == lacks


def test_the_target_and_what_is_started_first_show_their_own_status_in_the_picture() -> None:
    specs = [
        spec("Riven Backend", "riven_backend", enabled=False),
        spec("Zurg", "zurg", core_service="riven_backend"),
    ]
    phases = {"Zurg": Phase.WAITING, "Riven Backend": Phase.STOPPED}
    found = around(*specs, of="Riven Backend", phases=phases)
    assert {node.id: node.state for node in found.nodes} == {"Zurg": "idle", "Riven Backend": "stopped"}
    assert found.startup_order[-1].state == "disabled"


def test_the_starter_is_the_first_enabled_process() -> None:
    specs = [
        spec("Zilean", "zilean"),
        spec("Old", "postgres", enabled=False),
        spec("New", "postgres"),
        spec("Newest", "postgres"),
    ]
    found = around(*specs, of="Zilean", phases={"Old": Phase.STOPPED})
    (row,) = found.dependency_rows
    assert (row.process_count, row.starter_process_name) == (3, "New")


# --- instances that belong to somebody --------------------------------------------------------------------------------


SCOPED = [
    spec("Riven Backend", "riven_backend"),
    spec("CLI Debrid", "cli_debrid"),
    spec("rclone A", "rclone", core_service="riven_backend", zurg_enabled=True),
    spec("rclone B", "rclone", core_service="CLID", zurg_enabled=True),
    spec("rclone C", "rclone"),
    spec("zurg A", "zurg", core_service="riven_backend"),
    spec("zurg B", "zurg", core_service="cli_debrid"),
]


def test_instances_count_for_whom_they_belong_to() -> None:
    found = around(*SCOPED, of="Riven Backend")
    rows = {row.key: row for row in found.dependency_rows}
    assert (rows["rclone"].process_count, rows["rclone"].starter_process_name) == (1, "rclone A")
    assert (rows["zurg"].process_count, rows["zurg"].starter_process_name) == (1, "zurg A")
    assert rows["rclone"].scoped
    assert not rows["postgres"].scoped
    found = around(*SCOPED, of="CLI Debrid")
    rows = {row.key: row for row in found.dependency_rows}
    assert rows["rclone"].starter_process_name == "rclone B", "a display name means the kind, as in the graph"
    assert rows["zurg"].starter_process_name == "zurg B"


def test_an_instance_is_needed_by_whom_it_names_and_one_that_names_nobody_by_all() -> None:
    assert [row.key for row in around(*SCOPED, of="rclone A").dependent_rows] == ["riven_backend"]
    assert [row.key for row in around(*SCOPED, of="rclone B").dependent_rows] == ["cli_debrid"]
    assert [row.key for row in around(*SCOPED, of="rclone C").dependent_rows] == ["cli_debrid", "riven_backend"]
    lost = spec("rclone A", "rclone", core_service="nobody")
    found = around(*(lost if each.name == "rclone A" else each for each in SCOPED), of="rclone A")
    assert found.dependent_rows == ()
    assert [(each.reference, each.path) for each in found.missing] == [("nobody", "core_service")]


def test_an_instance_needs_what_its_own_flags_say() -> None:
    found = around(*SCOPED, of="rclone B")
    assert [(row.key, row.starter_process_name) for row in found.dependency_rows] == [("zurg", "zurg B")]
    found = around(*SCOPED, of="rclone C")
    assert (found.context.mode, found.dependency_rows) == ("dependency", ())
    found = around(*SCOPED, of="zurg B")
    assert [row.key for row in found.dependent_rows] == ["cli_debrid", "rclone"]
    assert [row.process_name for row in found.linked_incoming_rows] == ["rclone B"]


@pytest.mark.parametrize(
    ("fields", "needs"),
    [
        ({"mount_type": "dfs"}, []),
        ({"mount_type": "rclone"}, []),
        ({"mount_type": "none"}, []),
        ({}, []),
        ({"branch": "beta"}, []),
        ({"mount_type": "external_rclone"}, ["rclone"]),
    ],
)
def test_decypharr_needs_rclone_only_when_that_mounts_for_it(fields, needs) -> None:
    specs = [spec("Decypharr", "decypharr", **fields), spec("rclone", "rclone", core_service="decypharr")]
    found = around(*specs, of="Decypharr")
    assert [row.key for row in found.dependency_rows] == needs
    assert [item.key for item in found.startup_order] == [*needs, "decypharr"]
    assert found.context.core.dependencies == ("rclone",)
    found = around(*specs, of="rclone")
    assert [row.key for row in found.dependent_rows] == (["decypharr"] if needs else [])


# --- what is ours -----------------------------------------------------------------------------------------------------


def test_declared_dependencies_are_shown_and_gate() -> None:
    specs = [
        ServiceSpec("db", "db"),
        ServiceSpec("cache", "cache", enabled=False),
        ServiceSpec("web", "web", depends_on=["db", DependsOn("cache", required=False)]),
    ]
    found = around(*specs, of="web", phases={"cache": Phase.STOPPED})
    assert [(row.process_name, row.state, row.signals) for row in found.linked_outgoing_rows] == [
        ("db", "running", ("depends_on",)),
        ("cache", "disabled", ("depends_on",)),
    ]
    assert {edge.target: edge.gates for edge in found.edges} == {"db": True, "cache": False}
    assert [(group.id, group.members) for group in found.parallel_groups] == [
        ("pre_core", ("cache", "db")),
        ("core_target", ("web",)),
    ]
    check_shape(found, "web")


def test_an_inferred_edge_gates_while_its_target_is_wished() -> None:
    specs = [spec("Zilean", "zilean"), spec("PostgreSQL", "postgres")]
    for wished in (True, False):
        (edge,) = around(*specs, of="Zilean", wished=wished).edges
        assert edge.gates == wished


def test_a_circle_is_told_to_all_on_it_and_to_nobody_else() -> None:
    found = PAGES.of("Riven Backend", as_configured)
    assert ("Rclone w/ Riven", "Riven Backend") in {(each.source, each.target) for each in found.cycles_broken}
    assert all(each.cycle[:2] == (each.source, each.target) for each in found.cycles_broken)
    assert [edge.gates for edge in found.edges if edge.source == "Rclone w/ Riven"] == [False]
    assert PAGES.of("PostgreSQL", as_configured).cycles_broken == ()


def test_nobody_is_linked_with_itself_or_with_its_siblings() -> None:
    specs = [spec("one", "sonarr", core_service="sonarr"), spec("two", "sonarr"), spec("three", "sonarr")]
    found = around(*specs, of="two", knowledge=KNOWLEDGE)
    assert found.linked_outgoing_rows == ()
    assert [row.process_name for row in found.linked_incoming_rows] == ["one"], "it says so itself"


def test_somebody_unknown() -> None:
    with pytest.raises(UnknownService):
        PAGES.of("plex media server", as_configured)


def test_what_nobody_is_linked_with() -> None:
    found = lone_neighbourhood("DUMB API", "dumb_api_service", RUNNING)
    assert (found.context.mode, [item.key for item in found.startup_order]) == ("dependency", ["dumb_api_service"])
    assert (found.dependency_rows, found.dependent_rows, found.edges) == ((), (), ())
    check_shape(found, "DUMB API")


def test_services_without_keys_have_nothing_to_do_with_each_other() -> None:
    found = around(ServiceSpec("a", "a"), ServiceSpec("b", "b"), of="a", scope="all")
    assert (found.edges, found.dependent_rows, found.context.core.name) == ((), (), "a")


# --- any configuration ------------------------------------------------------------------------------------------------

KEYS = ("rclone", "zurg", "riven_backend", "decypharr", "nzbdav", "sonarr", "plex", "postgres", "zilean", "seerr", "")


@st.composite
def configurations(draw: st.DrawFn) -> list[ServiceSpec]:
    """Services of kinds that have much to do with each other, configured at random."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 8)))]
    word = st.sampled_from([*KEYS[:-1], *names, "nobody"])
    return [
        spec(
            name,
            draw(st.sampled_from(KEYS)),
            enabled=draw(st.booleans()),
            core_service=draw(st.lists(word, max_size=2)),
            zurg_enabled=draw(st.booleans()),
            decypharr_enabled=draw(st.booleans()),
            key_type=draw(st.sampled_from(["nzbdav", "realdebrid"])),
            mount_type=draw(st.sampled_from(["dfs", "external_rclone"])),
            depends_on=[DependsOn(other, required=False) for other in names[:number] if draw(st.booleans())],
            ports=[9000 + number],
            waits=[Url(f"http://localhost:{9000 + draw(st.integers(0, number))}/")] if draw(st.booleans()) else [],
        )
        for number, name in enumerate(names)
    ]


@given(configurations(), st.sampled_from(["runtime", "all"]), st.data())
def test_every_page_of_any_configuration_is_sound(specs, scope, data) -> None:
    try:
        graph = DependencyGraph(specs, KNOWLEDGE)
    except ConfigError:  # a circle of flags and waits
        return
    phases = {each.name: data.draw(st.sampled_from(list(Phase))) for each in specs}
    pages = Neighbourhoods(graph)
    found = {
        name: pages.of(name, lambda n: Standing(phases[n], enabled=graph.specs[n].enabled, wished=True), scope)
        for name in graph.names
    }
    for name, page in found.items():
        check_shape(page, name)
        outgoing = {row.process_name for row in page.linked_outgoing_rows}
        assert outgoing <= {link.target for link in graph.links_of(name)}
        # What is seen from one end is seen from the other.
        assert all(name in {row.process_name for row in found[other].linked_incoming_rows} for other in outgoing)
        assert [each.source for each in page.missing] == [name] * len(page.missing)
        for edge in page.edges:
            assert not edge.gates or edge.target in graph.dependencies(edge.source)


def test_a_page_asks_for_the_neighbours_only() -> None:
    crowd = [ServiceSpec(f"s{n}", "s", key="app", depends_on=[f"s{n - 1}"] if n else []) for n in range(300)]
    graph = DependencyGraph(crowd, KNOWLEDGE)
    asked: set[str] = set()

    def standing(name: str) -> Standing:
        asked.add(name)
        return RUNNING

    page = Neighbourhoods(graph).of("s150", standing, "all")
    assert asked == {"s149", "s150", "s151"} == {node.id for node in page.nodes}
