"""What is, from memory."""

import json
import os

import pytest
from web_support import config_of, site, spec

import dumb_actors
from dumb_actors import Edit, Root, Sources, Url, open_store

RESTART_KEYS = [
    "restart_attempts",
    "restart_successes",
    "restart_failures",
    "recent_restart_attempts",
    "pending",
    "next_restart_time",
    "disabled",
    "last_restart_time",
    "last_failure_reason",
    "last_exit_time",
    "last_exit_reason",
    "unhealthy_count",
    "unhealthy_threshold",
]


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("path", ["/process/service-status", "/process/service-status/"])
async def test_the_status_of_a_service(prefix, path):
    async with site([spec("Riven Backend")]) as here:
        before = await here.get(prefix + path, process_name="RIVENBACKEND")
        assert before == {
            "process_name": "RIVENBACKEND",
            "status": "stopped",
            "phase": "stopped",
            "wished": False,
            "reason": before["reason"],
            "waiting": [],
        }
        await here.supervisor.start("Riven Backend")
        after = await here.get(prefix + path, process_name="Riven Backend", include_health="Yes")
        assert (after["status"], after["phase"], after["wished"]) == ("running", "ready", True)
        assert (after["healthy"], after["health_reason"]) == (True, None)
        assert sorted(after["restart"]) == sorted(RESTART_KEYS)
        assert (after["restart"]["disabled"], after["restart"]["unhealthy_threshold"]) == (False, 3)
        await here.supervisor.stop("Riven Backend")
        last = await here.get(prefix + path, process_name="Riven Backend", include_health="1")
        assert (last["healthy"], last["health_reason"]) == (False, "Process not running")
        assert last["restart"]["disabled"] is True
        assert last["restart"]["last_exit_reason"] == "killed by SIGTERM"
        assert isinstance(last["restart"]["last_exit_time"], float)


@pytest.mark.parametrize(
    ("word", "shown"),
    [("true", True), ("T", True), ("on", True), ("y", True), ("0", False), ("OFF", False), ("n", False)],
)
async def test_booleans_are_lax(word, shown):
    async with site([spec("web")]) as here:
        answer = await here.get("/process/service-status", process_name="web", include_health=word)
    assert ("healthy" in answer) is shown


async def test_the_api_is_always_healthy_and_the_front_end_is_stopped():
    async with site(config_of({})) as here:
        api = await here.get("/process/service-status", process_name="DUMB API", include_health="true")
        front = await here.get("/process/service-status", process_name="dumb frontend", include_health="true")
    assert (api["status"], api["phase"], api["wished"], api["healthy"]) == ("running", "ready", True, True)
    assert str(os.getpid()) in api["reason"]
    assert dumb_actors.__version__ in api["reason"]
    assert sorted(api["restart"]) == sorted(RESTART_KEYS)
    assert (front["status"], front["phase"], front["healthy"]) == ("stopped", "stopped", False)


async def test_unknown_names_are_404():
    async with site() as here:
        for name in ("nobody", ""):
            response = await here.client.get("/process/service-status", params={"process_name": name})
            assert (response.status_code, response.json()["detail"]) == (404, "Process not found")


@pytest.mark.parametrize("path", ["/process/capabilities", "/process/capabilities/", "/api/process/capabilities"])
async def test_capabilities_are_all_there_and_all_false(path):
    async with site() as here:
        answer = await here.get(path)
    assert (len(answer), set(answer.values())) == (17, {False})


async def test_health_names_each_wished_service_that_is_not_up():
    specs = [spec("web", waits=[Url("http://127.0.0.1:1/")]), spec("db", waits=[Url("http://127.0.0.1:1/")]), spec("x")]
    async with site(specs) as here:
        assert await here.get("/api/health/") == {"status": "healthy"}
        here.host.set_truth("http://127.0.0.1:1/", holds=False)
        for name in ("web", "db"):
            await here.post("/process/start-service", process_name=name, timeout=0)
        answer = await here.get("/health")
    assert answer["status"] == "unhealthy"
    first, second = answer["details"].split(" | ")
    assert (first.startswith("web: "), second.startswith("db: ")) == (True, True)


@pytest.mark.parametrize("path", ["/status", "/status/", "/api/status"])
async def test_everything_in_one_request(path):
    document = {"web": {"process_name": "web", "command": "x", "depends_on": ["db"], "readiness": {"settle": 0}}}
    document["db"] = {"process_name": "db", "command": "x", "readiness": {"settle": 0}}
    async with site(config_of(document)) as here:
        await here.supervisor.start("web")
        await here.supervisor.restart("db")
        answer = await here.get(path)
        assert answer["seq"] == here.supervisor.snapshot().seq
    assert (answer["version"], answer["pid"], answer["root"]) == (dumb_actors.__version__, os.getpid(), "/simulated")
    web, db = answer["services"]
    assert (web["process_name"], web["config_key"], web["status"], web["phase"]) == ("web", "web", "running", "ready")
    assert (web["dependencies"], web["waiting"], web["last_exit"]) == ({"db": "ready"}, [], None)
    assert db["generation"] == 2
    assert db["last_exit"] == {
        "code": None,
        "signal": "SIGTERM",
        "core_dumped": False,
        "text": "killed by SIGTERM",
    }
    assert json.dumps(answer)
    assert {"wished", "pid", "since", "started_at", "ready_at", "reason", "hint", "last_lines", "restarts"} <= set(db)


async def test_the_state_of_the_configuration(tmp_path):
    path = tmp_path / "config" / "dumb_config.json"
    path.parent.mkdir()
    path.write_text('{"a": {"process_name": "A", "command": "a", "note": 1}}')
    store = await open_store(path, Root(str(tmp_path)), sources=Sources(environ={}, secrets_dir=None))
    async with site(store.config) as here:
        assert (await here.get("/status"))["config"] is None
        here.supervisor.store = store
        expected = {"revision": 1, "source": str(path), "broken": None, "unsaved": []}
        assert (await here.get("/status"))["config"] == expected
        await store.change([Edit(("a", "note"), 2)], persist=False)
        path.write_text("{")
        await store.reload()
        found = (await here.get("/status"))["config"]
        assert (found["revision"], found["unsaved"]) == (2, ["a.note"])
        assert found["broken"]["since"] > 0
        assert "line 1, column 2: not JSON" in found["broken"]["faults"][0]
