"""`GET /process/processes` and `GET /process`."""

import pytest
from web_support import config_of, site, spec

import dumb_actors

DOCUMENT = {
    "zilean": {"enabled": False, "process_name": "Zilean", "command": "zilean", "port": 8182},
    "dumb": {"api_service": {"process_name": "My API", "port": 9999}},
    "rclone": {
        "instances": {
            "RealDebrid": {
                "enabled": True,
                "process_name": "rclone w/ RealDebrid",
                "command": ["rclone", "mount"],
                "api_key": "secret",
            }
        }
    },
    "mine": {
        "process_name": "Mine",
        "command": "mine",
        "repo_owner": "me",
        "repo_name": "mine",
        "depends_on": ["rclone w/ RealDebrid"],
    },
    "more": {"process_name": "A More", "command": "more", "depends_on": ["Mine"]},
    "most": {"process_name": "A Most", "command": "most", "depends_on": ["Mine"]},
}

SPELLINGS = ["/process/processes", "/process/processes/", "/api/process/processes", "/api/process/processes/"]


@pytest.mark.parametrize("path", SPELLINGS)
async def test_entries_stand_in_the_order_of_the_file_and_absent_builtins_last(path):
    async with site(config_of(DOCUMENT)) as here:
        entries = (await here.get(path))["processes"]
    names = ["Zilean", "My API", "rclone w/ RealDebrid", "Mine", "A More", "A Most", "DUMB Frontend"]
    assert [entry["process_name"] for entry in entries] == names


async def test_an_entry_has_every_field_of_the_document():
    async with site(config_of(DOCUMENT)) as here:
        entries = {entry["process_name"]: entry for entry in (await here.get("/process/processes"))["processes"]}
    assert entries["rclone w/ RealDebrid"] == {
        "name": "rclone w/ RealDebrid",
        "process_name": "rclone w/ RealDebrid",
        "enabled": True,
        "config": DOCUMENT["rclone"]["instances"]["RealDebrid"],
        "version": None,
        "key": "rclone",
        "config_key": "rclone",
        "repo_url": "https://rclone.org",
        "sponsorship_url": "https://rclone.org/sponsor/",
    }
    assert entries["Zilean"]["enabled"] is False
    assert entries["Mine"]["repo_url"] == "https://github.com/me/mine"
    assert entries["Mine"]["config"] == {**DOCUMENT["mine"], "enabled": True}
    api = entries["My API"]
    assert (api["config_key"], api["version"], api["enabled"]) == ("dumb_api_service", dumb_actors.__version__, True)
    assert api["config"]["port"] == 9999
    assert entries["DUMB Frontend"]["enabled"] is False


async def test_specs_made_by_hand_are_listed_with_the_builtins_last():
    async with site([spec("web", enabled=False)]) as here:
        entries = (await here.get("/process/processes"))["processes"]
    assert [entry["process_name"] for entry in entries] == ["web", "DUMB API", "DUMB Frontend"]
    assert entries[0]["config"] == {"process_name": "web", "enabled": False, "command": ["program"]}


@pytest.mark.parametrize("path", ["/process", "/process/", "/api/process", "/api/process/"])
@pytest.mark.parametrize("scope", [{}, {"scope": "runtime"}, {"scope": "all"}])
async def test_one_process_with_its_groups(path, scope):
    async with site(config_of(DOCUMENT)) as here:
        answer = await here.get(path, process_name="mine", unknown="x", **scope)
    assert answer == {
        "process_name": "mine",
        "config": {**DOCUMENT["mine"], "enabled": True},
        "version": None,
        "config_key": "mine",
        "update_status": None,
        "symlink_backup_status": None,
        "supports_manual_update": False,
        "parallel_groups": [
            {
                "id": "pre_core",
                "label": "Parallel prerequisites",
                "type": "parallel",
                "members": ["rclone w/ RealDebrid"],
            },
            {"id": "core_target", "label": "Core target", "type": "serial", "members": ["Mine"]},
            {"id": "post_core", "label": "Dependents", "type": "parallel", "members": ["A More", "A Most"]},
        ],
    }


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ({"process_name": ""}, 400, "process_name is required"),
        ({"process_name": "  "}, 400, "process_name is required"),
        ({"process_name": "nobody"}, 404, "Process not found"),
        ({"process_name": "Mine", "scope": "some"}, 400, "scope must be 'runtime' or 'all'"),
        ({"process_name": "Mine", "scope": ""}, 400, "scope must be 'runtime' or 'all'"),
    ],
)
async def test_bad_queries_have_their_own_status(query, status, detail):
    async with site(config_of(DOCUMENT)) as here:
        response = await here.client.get("/process", params=query)
    assert (response.status_code, response.json()["detail"]) == (status, detail)


async def test_a_builtin_has_only_itself_as_a_group():
    async with site() as here:
        answer = await here.get("/process", process_name="dumbapi")
    assert answer["version"] == dumb_actors.__version__
    assert [group["id"] for group in answer["parallel_groups"]] == ["core_target"]


async def test_the_list_is_that_of_the_present_configuration():
    async with site([spec("web"), spec("db")]) as here:
        assert (await here.post("/process/start-service", process_name="web")).status_code == 200
        await here.supervisor.reconfigure([spec("DUMB API"), spec("web"), spec("new", enabled=False)])
        entries = (await here.get("/process/processes"))["processes"]
        assert [entry["process_name"] for entry in entries] == ["DUMB API", "web", "new", "DUMB Frontend"]
        assert (await here.get("/process/service-status", process_name="new"))["phase"] == "stopped"
        assert (await here.client.get("/process", params={"process_name": "db"})).status_code == 404
