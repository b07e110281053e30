"""`GET /process/dependency-graph`, `GET /graph`, and the groups of `GET /process`."""

import json
import re
from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from web_support import NEVER, config_of, site, spec

from dumb_web.listing import Listing
from dumb_web.wire import Written, dump
from tests.graph.recorded import RECORDED, config

PATHS = ["/process/dependency-graph", "/process/dependency-graph/", "/api/process/dependency-graph"]
NAMES = [*(each.name for each in config().specs), "DUMB API", "DUMB Frontend"]
STRENGTHS = {"hard_runtime", "hard_configured", "soft_linkage"}


@pytest.mark.parametrize("path", [*PATHS, "/api/process/dependency-graph/"])
async def test_the_answer_has_every_field_of_the_document(path):
    async with site(config()) as here:
        answer = await here.get(path, process_name="Riven Backend")
        processes = await here.get("/process/processes")
    assert list(answer["context"]) == ["mode", "key", "core"]
    assert (answer["process_name"], answer["config_key"], answer["scope"]) == (
        "Riven Backend",
        "riven_backend",
        "runtime",
    )
    assert answer["processes"] == processes["processes"]
    assert answer["core_services"][0] == {
        "name": "Riven",
        "key": "riven_backend",
        "dependencies": ["zurg", "rclone", "postgres"],
    }
    assert [each["key"] for each in answer["core_services"]][-1] == "profilarr"
    assert list(answer["statuses"]) == [*(each.name for each in config().specs), "DUMB API", "DUMB Frontend"]
    assert (answer["statuses"]["DUMB API"], answer["statuses"]["DUMB Frontend"]) == ("running", "stopped")
    table = answer["dependency_truth_table"]
    assert [row["signal"] for row in table][:2] == ["core_service_map", "core_service_fields"]
    assert (table[-1]["signal"], len(table)) == ("depends_on", 13)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["updated_at"])


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row.target)
async def test_a_recorded_neighbourhood_on_the_wire(row):
    async with site(config()) as here:
        answer = await here.get(PATHS[0], process_name=row.target, scope=row.scope)
        groups = (await here.get("/process", process_name=row.target, scope=row.scope))["parallel_groups"]
    assert answer["context"]["mode"] == row.mode
    assert [item["key"] for item in answer["startup_order"]] == list(row.startup)
    signals = {each["process_name"]: each["signals"] for each in answer["linked_outgoing_rows"]}
    assert signals == row.outgoing
    edges = {(edge["source"], edge["target"]): edge["signals"] for edge in answer["edges"]}
    for name, found in row.outgoing.items():
        assert edges[row.target, name] == found
    for name, found in row.incoming.items():
        assert edges[name, row.target] == found
    assert groups == answer["parallel_groups"]


async def test_a_builtin_as_the_target():
    async with site(config()) as here:
        answer = await here.get(PATHS[0], process_name="dumb api", scope="all")
    assert (answer["process_name"], answer["context"]["mode"]) == ("DUMB API", "dependency")
    assert answer["startup_order"] == [
        {"key": "dumb_api_service", "label": "DUMB API", "state": "running", "strength": "hard_configured"}
    ]
    assert [node["id"] for node in answer["nodes"]] == ["DUMB API"]
    rows = ("dependency_rows", "dependent_rows", "linked_outgoing_rows", "linked_incoming_rows", "edges")
    assert [answer[row] for row in rows] == [[]] * 5


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ({"process_name": " "}, 400, "process_name is required"),
        ({"process_name": "", "scope": "some"}, 400, "process_name is required"),
        ({"process_name": "nobody", "scope": "some"}, 400, "scope must be 'runtime' or 'all'"),
        ({"process_name": "Plex", "scope": ""}, 400, "scope must be 'runtime' or 'all'"),
        ({"process_name": "nobody"}, 404, "Process not found"),
        ({"process_name": "rclone"}, 404, "Process not found"),
    ],
)
async def test_bad_queries_have_their_own_status(query, status, detail):
    async with site(config()) as here:
        response = await here.client.get(PATHS[0], params=query)
        missing = await here.client.get(PATHS[0])
    assert (response.status_code, response.json()["detail"]) == (status, detail)
    assert (missing.status_code, missing.json()["detail"][0]["loc"]) == (422, ["query", "process_name"])


@pytest.mark.parametrize("scope", ["all", "ALL", " All "])
@pytest.mark.parametrize("name", ["Zilean", "zilean", " ZILEAN"])
async def test_names_and_scopes_are_read_with_grace(name, scope):
    async with site(config()) as here:
        answer = await here.get(PATHS[0], process_name=name, scope=scope)
        groups = (await here.get("/process", process_name="Zilean", scope=scope))["parallel_groups"]
        runtime = (await here.get("/process", process_name="Zilean"))["parallel_groups"]
    assert (answer["process_name"], answer["scope"]) == ("Zilean", "all")
    assert "Sonarr" in next(group["members"] for group in groups if group["id"] == "post_core")
    assert [group["id"] for group in runtime] == ["pre_core", "core_target"]


# --- what the web client reads ----------------------------------------------------------------------------------------


def texts(value: Any, *names: str) -> None:
    assert all(isinstance(value[name], str) for name in names), value


def read_as_the_client_does(answer: dict[str, Any]) -> None:
    """Read each field that the client reads, with the type that it takes it to have."""
    texts(answer, "scope", "updated_at")
    texts(answer["context"], "mode", "key")
    texts(answer["context"]["core"], "name")
    for item in answer["startup_order"]:
        texts(item, "key", "label", "state")
    for row in answer["dependency_rows"]:
        texts(row, "key", "label", "state")
        assert isinstance(row["process_count"], int)
        assert isinstance(row["scoped"], bool)
        assert row["starter_process_name"] is None or row["starter_process_name"] in answer["statuses"]
        assert isinstance(row["signals"], list)
    for row in answer["dependent_rows"]:
        texts(row, "key", "label", "state")
        assert isinstance(row["missing_deps"], list)
    for row in [*answer["linked_outgoing_rows"], *answer["linked_incoming_rows"]]:
        texts(row, "process_name", "key", "label")
        assert row["signals"]
        assert row["process_name"] in answer["statuses"]
    nodes = {node["process_name"] for node in answer["nodes"]}
    for node in answer["nodes"]:
        texts(node, "process_name", "key", "label", "state")
    for edge in answer["edges"]:
        assert {edge["source"], edge["target"]} <= nodes
        assert edge["signals"]
        assert edge["strength"] in STRENGTHS
    for group in answer["parallel_groups"]:
        texts(group, "id", "label", "type")
        assert set(group["members"]) <= nodes
    for core in answer["core_services"]:
        texts(core, "key", "name")
        assert isinstance(core["dependencies"], list)
    listed = {entry["process_name"] for entry in answer["processes"]}
    assert all(
        isinstance(entry["enabled"], bool) and isinstance(entry["config"], dict) for entry in answer["processes"]
    )
    assert set(answer["statuses"]) == listed
    assert set(answer["statuses"].values()) <= {"running", "stopped", "idle"}
    arrays = ("startup_order", "dependency_rows", "dependent_rows", "linked_outgoing_rows", "linked_incoming_rows")
    for name in (*arrays, "nodes", "edges", "parallel_groups", "cycles_broken", "missing", "dependency_truth_table"):
        assert isinstance(answer[name], list), name


@pytest.mark.parametrize("scope", ["runtime", "all"])
async def test_the_client_can_read_the_page_of_every_service(scope):
    async with site(config()) as here:
        for name in NAMES:
            read_as_the_client_does(await here.get(PATHS[0], process_name=name, scope=scope))


# --- as things stand --------------------------------------------------------------------------------------------------


async def test_states_are_those_of_this_moment():
    behaviours = {"PostgreSQL": NEVER}
    document = {
        "postgres": {"enabled": True, "process_name": "PostgreSQL", "command": "p", "readiness": {"log": "up"}},
        "zilean": {"enabled": True, "process_name": "Zilean", "command": "z", "readiness": {"settle": 0}},
    }
    async with site(config_of(document), behaviours) as here:
        before = await here.get(PATHS[0], process_name="Zilean")
        await here.supervisor.boot()
        await here.client.post("/process/start-service", json={"process_name": "Zilean", "timeout": 0.05})
        during = await here.get(PATHS[0], process_name="Zilean")
        whole = await here.get("/graph")
    assert [node["state"] for node in before["nodes"]] == ["stopped", "stopped"]
    assert [edge["gates"] for edge in before["edges"]] == [False]
    assert {node["id"]: node["state"] for node in during["nodes"]} == {"PostgreSQL": "running", "Zilean": "idle"}
    assert during["statuses"]["Zilean"] == "idle"
    assert [edge["gates"] for edge in during["edges"]] == [True]
    assert {node["process_name"]: node["phase"] for node in whole["nodes"]} == {
        "PostgreSQL": "starting",
        "Zilean": "waiting",
    }


async def test_another_configuration_has_another_graph():
    async with site([spec("web", depends_on=["db"]), spec("db")]) as here:
        before = await here.get(PATHS[0], process_name="web")
        await here.supervisor.reconfigure([spec("web", depends_on=["store"]), spec("store")])
        after = await here.get(PATHS[0], process_name="web")
        gone = await here.client.get(PATHS[0], params={"process_name": "db"})
    assert [row["process_name"] for row in before["linked_outgoing_rows"]] == ["db"]
    assert [row["process_name"] for row in after["linked_outgoing_rows"]] == ["store"]
    assert [entry["process_name"] for entry in after["processes"]] == ["web", "store", "DUMB API", "DUMB Frontend"]
    assert set(after["statuses"]) == {"web", "store", "DUMB API", "DUMB Frontend"}
    assert gone.status_code == 404


async def test_a_circle_and_a_reference_to_nobody_are_told():
    async with site(config()) as here:
        answer = await here.get(PATHS[0], process_name="Rclone w/ Riven")
    gave_way = {(each["source"], each["target"]) for each in answer["cycles_broken"]}
    assert ("Rclone w/ Riven", "Riven Backend") in gave_way
    document = {"sonarr": {"process_name": "Sonarr", "command": "s", "core_service": "nobody"}}
    async with site(config_of(document)) as here:
        answer = await here.get(PATHS[0], process_name="Sonarr")
        whole = await here.get("/graph")
    assert answer["missing"] == whole["missing"]
    assert answer["missing"] == [
        {
            "source": "Sonarr",
            "reference": "nobody",
            "signal": "core_service_fields",
            "path": "$.sonarr.core_service",
        }
    ]


@pytest.mark.parametrize("path", ["/graph", "/graph/", "/api/graph"])
async def test_the_whole_graph(path):
    async with site(config()) as here:
        await here.supervisor.boot()
        answer = await here.get(path)
        status = await here.get("/status")
    assert [node["process_name"] for node in answer["nodes"]] == [each.name for each in config().specs]
    assert all(node["status"] in {"running", "idle", "stopped"} for node in answer["nodes"])
    nodes = {node["process_name"] for node in answer["nodes"]}
    assert all({edge["source"], edge["target"]} <= nodes for edge in answer["edges"])
    edges = {(edge["source"], edge["target"]): edge for edge in answer["edges"]}
    assert edges["Riven Backend", "PostgreSQL"]["gates"]
    assert not edges["Rclone w/ Riven", "Riven Backend"]["gates"]
    assert answer["cycles_broken"]
    assert answer["seq"] <= status["seq"]


async def test_no_services_no_graph():
    async with site() as here:
        answer = await here.get("/graph")
    assert (answer["nodes"], answer["edges"], answer["cycles_broken"], answer["missing"]) == ([], [], [], [])


# --- written once -----------------------------------------------------------------------------------------------------


async def test_what_depends_on_the_configuration_alone_is_made_once_for_each():
    made = []

    def make(listing: Listing) -> int:
        made.append([listed.name for listed in listing])
        return len(made)

    async with site([spec("web")]) as here:
        listing = Listing(here.supervisor)
        assert [listing.once(make), listing.once(make)] == [1, 1]
        await here.supervisor.reconfigure([spec("db")])
        assert [listing.once(make), listing.once(make)] == [2, 2]
    assert made == [["web", "DUMB API", "DUMB Frontend"], ["db", "DUMB API", "DUMB Frontend"]]


def test_a_written_list_is_what_it_would_be_otherwise():
    items = [{"a": 1}, {"b": 'say "no"'}]
    assert list(Written(items)) == items
    assert Written(items)[0] == items[0]
    assert json.loads(dump(Written(items))) == items


@attrs.frozen
class Answer:
    name: str
    items: Sequence[Any]


def test_a_written_member_is_the_same_as_one_that_is_not():
    items = [{"a": 1}, {"b": 'say "no"'}, []]
    assert dump(Answer("x", Written(items))) == dump(Answer("x", items))
    assert json.loads(dump([Answer("x", Written(items))])) == [{"name": "x", "items": items}]
