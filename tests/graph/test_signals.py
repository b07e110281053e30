"""Every signal of the API document, from documents as people write them, with what the catalogue knows."""

from typing import Any

import pytest

from dumb_actors.catalogue.knowledge import load_knowledge
from dumb_actors.config import Config, Root, parse_config
from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.model.edge import Missing
from dumb_actors.model.spec import DependsOn, Directory, Mount, ServiceSpec

NAMES = {
    "riven_backend": "Riven Backend",
    "riven_frontend": "Riven Frontend",
    "postgres": "PostgreSQL",
    "plex": "Plex Media Server",
    "cli_debrid": "CLI Debrid",
    "pgadmin": "pgAdmin4",
}


def block(name: str, **fields: Any) -> dict[str, Any]:
    return {"process_name": name, "command": "x", "enabled": True, **fields}


def load(**blocks: dict[str, Any]) -> Config:
    """Blocks by key; what holds no `process_name` holds instances."""
    document = {
        key: {"instances": value}
        if value and all(isinstance(item, dict) for item in value.values())
        else {**block(NAMES.get(key, key.capitalize())), **value}
        for key, value in blocks.items()
    }
    return parse_config(document, Root("/"))


def graph(**blocks: dict[str, Any]) -> DependencyGraph:
    config = load(**blocks)
    return DependencyGraph(config.specs, config.knowledge)


def links(found: DependencyGraph, source: str) -> dict[str, tuple[str, ...]]:
    return {link.target: link.signals for link in found.links_of(source)}


def recorded() -> DependencyGraph:
    """The configuration of which the API document has recorded neighbourhoods."""
    return graph(
        riven_backend={"wait_for_dir": "/mnt/debrid/riven/__all__"},
        riven_frontend={},
        postgres={"port": 5432},
        zilean={},
        plex={"port": 32400, "wait_for_mounts": ["/mnt/debrid/riven", "/mnt/debrid/decypharr"]},
        tautulli={"wait_for_url": [{"url": "http://127.0.0.1:32400/identity", "core_service": "plex"}]},
        decypharr={"mount_type": "dfs", "mount_path": "/mnt/debrid/decypharr"},
        pgadmin={},
        prowlarr={"Default": block("Prowlarr")},
        sonarr={"Default": block("Sonarr", core_service="decypharr")},
        profilarr={"Default": block("Profilarr", enabled=False)},
        cli_debrid={"enabled": False},
        zurg={"Riven": block("Zurg w/ Riven", core_service="riven_backend", port=9090)},
        rclone={
            "Riven": block(
                "Rclone w/ Riven",
                core_service="riven_backend",
                mount_dir="/mnt/debrid",
                mount_name="riven",
                zurg_enabled=True,
                wait_for_url=[{"url": "http://localhost:9090/dav/"}],
            ),
            "CLID": block("Rclone w/ CLID", core_service="cli_debrid", enabled=False),
        },
        seerr={
            "Main": block(
                "Seerr Main",
                core_service="plex",
                wait_for_url=[{"url": "http://localhost:32400", "core_service": "plex"}],
            )
        },
    )


def test_the_recorded_neighbourhoods() -> None:
    found = recorded()
    hard = {
        name: {link.target: link.signals for link in found.links_of(name) if link.classification == "hard"}
        for name in found.names
    }
    assert hard == {
        "Riven Backend": {
            "Rclone w/ Riven": ("core_service_map", "wait_for_dir"),
            "Zurg w/ Riven": ("core_service_map",),
            "PostgreSQL": ("conditional_startup_map", "core_service_map"),
        },
        "Riven Frontend": {"Riven Backend": ("conditional_startup_map", "non_core_dependency_map")},
        "PostgreSQL": {},
        "Zilean": {"PostgreSQL": ("conditional_startup_map", "non_core_dependency_map")},
        "Plex Media Server": {"Rclone w/ Riven": ("wait_for_mounts",), "Decypharr": ("wait_for_mounts",)},
        "Tautulli": {"Plex Media Server": ("conditional_startup_map", "wait_for_url")},
        "Decypharr": {},
        "pgAdmin4": {"PostgreSQL": ("conditional_startup_map", "non_core_dependency_map")},
        "Prowlarr": {"Sonarr": ("conditional_startup_map",)},
        "Sonarr": {"Decypharr": ("core_service_fields",)},
        "Profilarr": {"Sonarr": ("conditional_startup_map",)},
        "CLI Debrid": {"Rclone w/ CLID": ("core_service_map",)},
        "Zurg w/ Riven": {"Riven Backend": ("core_service_fields",)},
        "Rclone w/ Riven": {
            "Zurg w/ Riven": ("conditional_startup_map", "rclone_provider_zurg", "wait_for_url"),
            "Riven Backend": ("core_service_fields",),
        },
        "Rclone w/ CLID": {"CLI Debrid": ("core_service_fields",)},
        "Seerr Main": {"Plex Media Server": ("conditional_startup_map", "core_service_fields", "wait_for_url")},
    }
    soft = {link.source for link in found.links_to("Zilean")}
    assert soft == {"CLI Debrid", "Prowlarr", "Riven Backend", "Sonarr"}
    assert links(found, "Seerr Main")["Sonarr"] == ("documented_integration",)
    assert [link.gates for link in found.links_of("Seerr Main")] == [True, False]
    assert found.missing == ()


def test_levels_and_order_follow_what_gates() -> None:
    found = recorded()
    levels = {name: found.levels[name] for name in ("PostgreSQL", "Zurg w/ Riven", "Rclone w/ Riven", "Riven Backend")}
    assert levels == {"PostgreSQL": 0, "Zurg w/ Riven": 0, "Rclone w/ Riven": 1, "Riven Backend": 2}
    assert found.levels["Riven Frontend"] == 3
    assert found.levels["Sonarr"] == 0, "a label does not gate"
    assert tuple(found.levels) == found.order
    assert found.by_key("rclone") == ("Rclone w/ Riven", "Rclone w/ CLID")
    assert found.by_key("lidarr") == ()
    assert found.token("  Plex Media Server ") == "plex"


def test_labels_against_the_rest_are_told() -> None:
    found = recorded()
    told = {(broken.source, broken.target): broken for broken in found.broken}
    assert set(told) == {
        ("Zurg w/ Riven", "Riven Backend"),
        ("Rclone w/ Riven", "Riven Backend"),
        ("Rclone w/ CLID", "CLI Debrid"),
    }
    broken = told["Zurg w/ Riven", "Riven Backend"]
    assert broken.cycle == ("Zurg w/ Riven", "Riven Backend", "Zurg w/ Riven")
    assert broken.signals == ("core_service_fields",)


# --- references -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wait",
    [
        {"url": "http://10.0.0.9/", "core_service": "Plex Media Server"},
        {"url": "http://10.0.0.9/", "core_service": "plex"},
        {"url": "http://10.0.0.9/", "core_services": ["other-kind-of-thing", "PLEX"]},
        {"url": "http://10.0.0.9/", "service": " plex "},
        {"url": "http://10.0.0.9/", "process_name": "plex media server"},
        {"url": "http://plex:1/"},
        {"url": "http://localhost:1/ui/Plex%20Media%20Server/index.html"},
        {"url": "http://0.0.0.0:32400/"},
        {"url": "http://[::1]:32400/"},
    ],
)
def test_what_a_wait_for_a_url_may_name(wait: dict[str, Any]) -> None:
    found = graph(plex={"port": 32400}, mine={"wait_for_url": [{"url": "http://10.0.0.9/"}, wait]})
    assert links(found, "Mine") == {"Plex Media Server": ("wait_for_url",)}
    (edge,) = found.edges_of("Mine")
    assert (edge.wait, edge.until, edge.always) == (1, "started", False)
    assert edge.guess == (":32400" not in wait["url"])


@pytest.mark.parametrize(
    "field",
    ["port", "frontend_port", "backend_port", "web_port", "ui_port", "http_port", "https_port", "external_port"],
)
def test_every_field_with_a_port(field: str) -> None:
    found = graph(a={field: 7000}, mine={"wait_for_url": [{"url": "http://127.0.0.1:7000/"}]})
    assert links(found, "Mine") == {"A": ("wait_for_url",)}


def test_a_list_of_ports_and_what_is_no_port() -> None:
    found = graph(
        a={"ports": [7000, "7001", True, -1]},
        b={"external_port": "7001"},
        mine={"wait_for_url": [{"url": "http://127.0.0.1:7000/"}, {"url": "http://127.0.0.1:7001/"}]},
    )
    assert links(found, "Mine") == {"A": ("wait_for_url",)}


def test_every_provider_of_a_port_counts_and_several_are_guesses() -> None:
    found = graph(a={"port": 70}, b={"port": 70}, mine={"wait_for_url": [{"url": "http://127.0.0.1:70/"}]})
    assert {(e.target, e.wait, e.guess) for e in found.edges_of("Mine")} == {("A", 0, True), ("B", 0, True)}


def test_directories_with_names_beside_them() -> None:
    found = graph(
        a={"mount_path": "/mnt/a"},
        b={},
        mine={"wait_for_dir": ["/mnt/a/x", {"path": "/elsewhere", "process_name": "B"}, {"dir": "/mnt/a"}]},
    )
    edges = {(e.target, e.wait, e.signal, e.guess) for e in found.edges_of("Mine")}
    assert edges == {
        ("A", 0, "wait_for_dir", False),
        ("B", 1, "wait_for_dir", True),
        ("A", 2, "wait_for_dir", False),
    }


@pytest.mark.parametrize(
    ("wanted", "provided", "guess"),
    [
        ("/mnt/a", "/mnt/a", False),
        ("/mnt/a/", "/mnt//a", False),
        ("/mnt/a/b/c", "/mnt/a", False),
        ("/mnt", "/mnt/a", True),
        ("/mnt/ab", "/mnt/a", None),
        ("/mnt/a", "/mnt/ab", None),
        ("/", "/mnt/a", None),
        ("/mnt/a", "/", None),
    ],
)
@pytest.mark.parametrize("kind", [Mount, Directory])
def test_paths_are_compared_component_by_component(kind: Any, wanted: str, provided: str, guess: bool | None) -> None:
    found = DependencyGraph([ServiceSpec("p", "x", provides=[provided]), ServiceSpec("s", "x", waits=[kind(wanted)])])
    assert [edge.guess for edge in found.edges_of("s")] == ([] if guess is None else [guess])


def test_the_deepest_provider_is_sure_and_those_above_it_are_guesses() -> None:
    specs = [
        ServiceSpec("top", "x", provides=["/mnt"]),
        ServiceSpec("deep", "x", provides=["/mnt/a"]),
        ServiceSpec("off", "x", provides=["/mnt/a/b"], enabled=False),
        ServiceSpec("s", "x", waits=[Directory("/mnt/a/b/c")]),
    ]
    found = DependencyGraph(specs)
    assert {edge.target: edge.guess for edge in found.edges_of("s")} == {"top": True, "deep": False, "off": True}


def test_a_map_waits_for_a_live_child_only_where_a_wait_is_the_proof() -> None:
    untils = {edge.signal: edge.until for edge in recorded().edges_of("Rclone w/ Riven")}
    assert untils == {
        "wait_for_url": "started",
        "rclone_provider_zurg": "started",
        "conditional_startup_map": "started",
    }
    assert {edge.until for edge in recorded().edges_of("pgAdmin4")} == {"ready"}
    assert not any(edge.always for edge in recorded().edges)


def test_specs_by_hand_get_no_edges_from_maps() -> None:
    specs = [ServiceSpec("zilean", "x"), ServiceSpec("postgres", "x"), ServiceSpec("Tautulli", "x")]
    assert DependencyGraph(specs, load_knowledge()).edges == ()


# --- flags and maps ---------------------------------------------------------------------------------------------------


def test_flags_of_an_instance_that_mounts_something() -> None:
    found = graph(
        decypharr={},
        nzbdav={},
        rclone={
            "D": block("Rclone D", decypharr_enabled=True),
            "N": block("Rclone N", key_type="NZBDav"),
            "L": block("Rclone L", core_service="nzbdav"),
        },
    )
    assert links(found, "Rclone D") == {"Decypharr": ("conditional_startup_map", "rclone_provider_decypharr")}
    assert links(found, "Rclone N") == {"Nzbdav": ("conditional_startup_map", "rclone_provider_nzbdav")}
    assert links(found, "Rclone L") == {"Nzbdav": ("conditional_startup_map", "core_service_fields")}


def test_only_instances_that_share_an_owner_are_mounted() -> None:
    found = graph(
        zurg={
            "A": block("Zurg A", core_service="riven_backend"),
            "B": block("Zurg B", core_service="Riven"),
            "C": block("Zurg C", core_services=["cli_debrid", "plex_debrid"]),
        },
        riven_backend={},
        cli_debrid={},
        plex_debrid={},
        rclone={
            "R": block("Rclone R", core_service="riven_backend", zurg_enabled=True),
            "X": block("Rclone X", core_service="plex_debrid, riven_backend", zurg_enabled=True),
            "N": block("Rclone N", zurg_enabled=True),
        },
    )
    zurgs = {
        name: [t for t, signals in links(found, name).items() if "rclone_provider_zurg" in signals]
        for name in ("Rclone R", "Rclone X", "Rclone N")
    }
    assert zurgs == {
        "Rclone R": ["Zurg A", "Zurg B"],
        "Rclone X": ["Zurg A", "Zurg B", "Zurg C"],
        "Rclone N": ["Zurg A", "Zurg B", "Zurg C"],
    }
    assert set(links(found, "Riven Backend")) == {"Zurg A", "Zurg B", "Rclone R", "Rclone X"}
    assert set(links(found, "Plex_debrid")) == {"Zurg C", "Rclone X"}


def test_the_owner_may_be_named_by_its_process_name() -> None:
    found = graph(riven_backend={}, rclone={"R": block("Rclone R", core_service="Riven Backend")})
    assert links(found, "Riven Backend") == {"Rclone R": ("core_service_map",)}


def test_siblings_are_linked_only_when_one_names_the_other() -> None:
    found = graph(sonarr={"A": block("Sonarr A", core_service="decypharr"), "B": block("Sonarr B")}, decypharr={})
    assert set(links(found, "Sonarr A")) == {"Decypharr"}
    found = graph(sonarr={"A": block("Sonarr A", core_service="sonarr b"), "B": block("Sonarr B")})
    assert links(found, "Sonarr A") == {"Sonarr B": ("core_service_fields",)}
    assert links(found, "Sonarr B") == {}


@pytest.mark.parametrize(("enabled", "expected"), [(True, {"Plex Media Server"}), (False, set())])
def test_a_need_on_the_condition_that_it_is_enabled(enabled: bool, expected: set[str]) -> None:
    assert set(links(graph(plex={"enabled": enabled}, tautulli={}), "Tautulli")) == expected


def test_a_need_on_the_condition_of_a_flag() -> None:
    found = graph(
        huntarr={"H": block("Huntarr")},
        sonarr={"A": block("Sonarr A", use_huntarr=True), "B": block("Sonarr B")},
        radarr={"A": block("Radarr A", use_huntarr=True, enabled=False)},
        lidarr={"A": block("Lidarr A")},
    )
    assert set(links(found, "Huntarr")) == {"Sonarr A", "Sonarr B"}


@pytest.mark.parametrize("mount_type", ["", "dfs", "rclone", "none", "external_rclone"])
def test_who_mounts_by_itself_needs_no_mount(mount_type: str) -> None:
    found = graph(decypharr={"mount_type": mount_type}, rclone={"D": block("Rclone D", core_service="decypharr")})
    needs = "core_service_map" in links(found, "Decypharr").get("Rclone D", ())
    assert needs == (mount_type == "external_rclone")


@pytest.mark.parametrize(
    ("key", "fields", "flag"),
    [
        ("nzbdav", {}, {"key_type": "nzbdav"}),
        ("decypharr", {"mount_type": "external_rclone"}, {"decypharr_enabled": True}),
    ],
)
def test_the_maps_hold_pairs_that_contradict_each_other(key: str, fields: dict[str, Any], flag: dict[str, Any]) -> None:
    found = graph(**{key: fields}, rclone={"R": block("Rclone R", core_service=key, **flag)})
    name = key.capitalize()
    assert found.dependencies("Rclone R") == (name,)
    assert found.dependencies(name) == ()
    (broken,) = found.broken
    assert broken.cycle == (name, "Rclone R", name)
    assert broken.signals == ("core_service_map",)
    (link,) = found.links_of(name)
    assert (link.signals, link.gates) == (("core_service_map",), False)


# --- what leads nowhere -----------------------------------------------------------------------------------------------


def test_references_that_lead_nowhere_are_told_with_their_place() -> None:
    config = load(
        seerr={
            "Main": block(
                "Seerr",
                core_service="plex, radar",
                wait_for_url=[{"url": "http://example.org/", "service": "nobody"}, {"url": "http://nowhere/ui/no"}],
            )
        },
        sonarr={"odd one": block("Sonarr", core_services=["DUMB API", "gone"])},
    )
    found = DependencyGraph(config.specs, config.knowledge)
    assert {(m.source, m.reference, m.signal, m.path) for m in found.missing} == {
        ("Seerr", "plex", "core_service_fields", "$.seerr.instances.Main.core_service"),
        ("Seerr", "radar", "core_service_fields", "$.seerr.instances.Main.core_service"),
        ("Seerr", "nobody", "wait_for_url", "$.seerr.instances.Main.wait_for_url[0].service"),
        ("Sonarr", "gone", "core_service_fields", "$.sonarr.instances['odd one'].core_services[1]"),
    }
    assert len(config.warnings) == 4
    assert (
        "$.seerr.instances.Main.core_service: no service is called 'radar', and none is of that kind; "
        "did you mean 'radarr'?" in config.warnings
    )


def test_a_built_in_is_no_missing_service() -> None:
    dumb = {"api_service": {"process_name": "My API"}}
    wait = [{"url": "http://localhost:1/", "service": name} for name in ("my api", "DUMB API", "dumb_frontend")]
    config = parse_config({"dumb": dumb, "mine": block("M", wait_for_url=wait)}, Root("/"))
    assert config.warnings == ()


def test_a_dependency_that_is_not_there_is_missing_too() -> None:
    spec = ServiceSpec("a", "x", depends_on=[DependsOn("gone", required=False)])
    assert DependencyGraph([spec]).missing == (
        Missing(source="a", reference="gone", signal="depends_on", path="depends_on[0]"),
    )
    config = parse_config({"mine": block("M", depends_on={"A b": {"required": False}})}, Root("/"))
    (missing,) = DependencyGraph(config.specs, config.knowledge).missing
    assert missing.path == "$.mine.depends_on['A b']"
    assert len(config.warnings) == 1, "told once"
