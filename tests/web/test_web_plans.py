"""Plans over the API, and commands that are tried dry."""

import json
import math

import pytest
from web_support import config_of, site, spec

from dumb_actors import DependsOn, Phase, Root, Url, load_config
from dumb_actors.testing.simulated import Behaviour

COMMANDS = ["start", "stop", "restart"]
CHAIN = [
    spec("web", depends_on=[DependsOn("db", on_loss="restart")], waits=[Url("http://nas.example/")]),
    spec("db"),
    spec("off", enabled=False),
]


@pytest.mark.parametrize("path", ["/plan/start", "/plan/start/", "/api/plan/start"])
async def test_a_start_in_every_spelling(path):
    async with site(CHAIN) as here:
        plan = await here.get(path, process_name="WEB")
    assert (plan["command"], plan["process_name"], plan["already"]) == ("start", "web", "")
    db, web = plan["steps"]
    assert (db["process_name"], db["wave"], db["why"]) == ("db", 1, "'web' needs it (depends_on)")
    assert db["needs"] == [{"process_name": "web", "signals": ["depends_on"]}]
    assert (web["after"], web["wave"], web["why"], web["expected_s"]) == (["db"], 2, "asked for", None)
    assert plan["unknown"] == ["db", "web"]
    assert [one["what"] for one in plan["waits_for"]] == ["http://nas.example/ to answer"]
    assert [one["ok"] for one in plan["checks"]] == [True, True]


async def test_dependencies_as_for_the_command():
    async with site(CHAIN) as here:
        plan = await here.get("/plan/start", process_name="web", dependencies="ignore")
        assert [step["process_name"] for step in plan["steps"]] == ["web"]
        assert plan["waits_for"] == []
        answer = await here.client.get("/plan/start", params={"process_name": "web", "dependencies": "some"})
    assert answer.status_code == 422


async def test_a_stop_and_a_restart_tell_who_is_touched():
    async with site([spec("web", depends_on=[DependsOn("db", on_loss="restart")]), spec("db")]) as here:
        await here.supervisor.start("web")
        stop = await here.get("/plan/stop", process_name="db")
        assert [(one["process_name"], one["kind"], one["on_loss"]) for one in stop["effects"]] == [
            ("web", "waits", "restart")
        ]
        restart = await here.get("/plan/restart", process_name="db")
        assert [one["action"] for one in restart["steps"]] == ["restart"]
        assert [one["kind"] for one in restart["effects"]] == ["restarts"]
        assert here.supervisor.status("web").generation == 1


async def test_what_would_fail_is_told_in_sentences():
    async with site(CHAIN, {"db": Behaviour(spawn_error="no such program")}) as here:
        plan = await here.get("/plan/boot")
        assert plan["would_fail"] == ["'db': no such program"]
        assert plan["process_name"] is None
        assert (await here.get("/plan/shutdown"))["already"] == "nothing runs"


@pytest.mark.parametrize("command", COMMANDS)
async def test_bad_names(command):
    async with site(CHAIN) as here:
        unknown = await here.client.get(f"/plan/{command}", params={"process_name": "nobody"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-service")
        empty = await here.client.get(f"/plan/{command}", params={"process_name": " "})
        assert (empty.status_code, empty.json()["detail"]) == (400, "process_name is required")
        assert (await here.client.get(f"/plan/{command}")).status_code == 422


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["DUMB API", "DUMB Frontend"])
async def test_built_ins_as_the_command(command, name):
    async with site() as here:
        done = await here.post(f"/process/{command}-service", process_name=name)
        dry = await here.client.post(f"/process/{command}-service?dry_run=1", json={"process_name": name})
        planned = await here.client.get(f"/plan/{command}", params={"process_name": name})
    assert done.status_code == dry.status_code == planned.status_code
    if done.status_code == 200:
        assert planned.json()["steps"] == []
        assert planned.json()["already"]
    else:
        assert done.json() == dry.json() == planned.json()


# --- dry runs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("word", ["true", "1", "yes", "on"])
async def test_a_dry_run_answers_the_plan_and_changes_nothing(command, word):
    async with site(CHAIN) as here:
        await here.supervisor.start("db")
        await here.get("/status")  # meanwhile its dependent hears of it
        before = here.supervisor.snapshot()
        dry = await here.client.post(f"/process/{command}-service?dry_run={word}", json={"process_name": "db"})
        assert dry.status_code == 200
        assert dry.json() == {"dry_run": True, "plan": await here.get(f"/plan/{command}", process_name="db")}
        after = here.supervisor.snapshot()
        assert (after.seq, after.services) == (before.seq, before.services)


async def test_without_a_dry_run_it_is_done():
    async with site(CHAIN) as here:
        answer = await here.client.post("/process/start-service?dry_run=no", json={"process_name": "db"})
        assert (answer.status_code, answer.json()["phase"]) == (200, "ready")
        wrong = await here.client.post("/process/stop-service?dry_run=maybe", json={"process_name": "db"})
        assert wrong.status_code == 422
        assert here.supervisor.status("db").phase is Phase.READY


async def test_a_dry_run_of_an_unknown_service_is_404():
    async with site(CHAIN) as here:
        answer = await here.client.post("/process/stop-service?dry_run=true", json={"process_name": "nobody"})
        assert (answer.status_code, answer.json()["detail"]) == (404, "Service not enabled or found")


# --- the configuration ------------------------------------------------------------------------------------------------


def write(path, **blocks):
    path.write_text(json.dumps({key: {"process_name": key, "command": "x", **block} for key, block in blocks.items()}))


async def test_what_reading_the_file_again_would_change(tmp_path):
    path = tmp_path / "dumb_config.json"
    write(path, a={}, b={}, c={})
    config = load_config(path, Root(str(tmp_path)))
    async with site(config) as here:
        await here.supervisor.boot()
        await here.supervisor.wait_ready("a", timeout=math.inf)
        assert (await here.get("/plan/reconfigure"))["already"] == "nothing differs"
        write(path, a={"env": {"A": "1"}}, b={})
        plan = await here.get("/plan/reconfigure")
        assert {(one["action"], one["process_name"], one["why"]) for one in plan["steps"]} == {
            ("stop", "a", "its configuration changed: env"),
            ("stop", "c", "it is configured no more"),
            ("start", "a", "its configuration changed: env"),
        }
        path.write_text(json.dumps({"a": {"process_name": "a", "command": 7}, "b": {"command": {}}}))
        answer = await here.client.get("/plan/reconfigure")
        assert (answer.status_code, answer.json()["code"]) == (400, "config-error")
        assert len(answer.json()["faults"]) >= 1
        path.unlink()
        answer = await here.client.get("/plan/reconfigure")
        assert answer.status_code == 400
        assert "does not exist" in answer.json()["detail"]
        assert set(here.supervisor.specs) == {"a", "b", "c"}


async def test_without_a_file_there_is_nothing_to_read():
    async with site(CHAIN) as here:
        answer = await here.client.get("/plan/reconfigure")
        assert (answer.status_code, answer.json()["code"]) == (409, "refused")
    async with site(config_of({"a": {"process_name": "a", "command": "x"}})) as here:
        assert (await here.client.get("/plan/reconfigure")).status_code == 400
