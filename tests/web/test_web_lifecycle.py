"""Start, stop and restart."""

import math
import os

import httpx
import pytest
import trio
from web_support import NEVER, config_of, site, spec

from dumb_actors import Exit, Phase, Tcp, Url
from dumb_actors.testing.simulated import Behaviour

PATHS = ["/process/{}-service", "/process/{}-service/", "/api/process/{}-service", "/api/process/{}-service/"]


@pytest.mark.parametrize("path", PATHS)
async def test_start_stop_restart_in_every_spelling(path):
    async with site([spec("Riven Backend")]) as here:
        answer = await here.post(path.format("start"), process_name="rivenbackend", nonsense=1)
        assert answer.status_code == 200
        started = answer.json()
        assert started == {
            "status": "Service started successfully",
            "process_name": "rivenbackend",
            "phase": "ready",
            "pid": here.host.live["Riven Backend"][0].pid,
            "generation": 1,
            "also_started": [],
        }
        again = (await here.post(path.format("start"), process_name="Riven Backend")).json()
        assert (again["pid"], again["generation"]) == (started["pid"], 1)
        restarted = (await here.post(path.format("restart"), process_name="Riven Backend")).json()
        assert restarted["status"] == "Service restarted successfully"
        assert (restarted["generation"], restarted["phase"]) == (2, "ready")
        stopped = await here.post(path.format("stop"), process_name="Riven Backend")
        assert stopped.json() == {
            "status": "Service stopped successfully",
            "process_name": "Riven Backend",
            "phase": "stopped",
            "pid": None,
            "generation": 2,
            "dependents": [],
        }
        assert (await here.post(path.format("stop"), process_name="Riven Backend")).status_code == 200
        assert (await here.post(path.format("restart"), process_name="Riven Backend")).json()["generation"] == 3


async def test_start_brings_up_what_is_needed_and_stop_names_who_is_touched():
    async with site([spec("web", depends_on=["db"]), spec("db")]) as here:
        assert (await here.post("/process/start-service", process_name="web")).json()["also_started"] == ["db"]
        answer = (await here.post("/process/stop-service", process_name="db")).json()
        assert [one["process_name"] for one in answer["dependents"]] == ["web"]
        assert "keeps running" in answer["dependents"][0]["effect"]


async def test_dependencies_ignore_goes_without():
    async with site([spec("web", depends_on=["db"]), spec("db")]) as here:
        answer = await here.post("/process/start-service", process_name="web", dependencies="ignore")
        assert (answer.status_code, answer.json()["also_started"]) == (200, [])
        assert here.supervisor.status("db").phase is Phase.STOPPED


@pytest.mark.parametrize("action", ["start", "stop", "restart"])
async def test_an_unknown_name_is_404(action):
    async with site([spec("web")]) as here:
        answer = await here.post(f"/process/{action}-service", process_name="nobody")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Service not enabled or found"
    assert answer.json()["code"] == "unknown-service"


@pytest.mark.parametrize(
    ("action", "words"), [("start", "Unable to start the service 'web': "), ("restart", "Failed to restart web: ")]
)
async def test_a_failed_start_tells_the_real_reason(action, words):
    behaviours = {"web": Behaviour(ready_after=math.inf, exits_after=0.0, exit=Exit(code=3))}
    async with site([spec("web", readiness=Tcp(1))], behaviours) as here:
        answer = await here.post(f"/process/{action}-service", process_name="web")
    body = answer.json()
    assert answer.status_code == 500
    assert body["detail"] == words + body["reason"]
    assert "code 3" in body["reason"]
    assert body["last_lines"] == ["generation 1"]
    assert (body["code"], isinstance(body["hint"], str)) == ("start-failed", True)
    assert 0 <= body["retry_in_s"] <= 1.1


async def test_a_missing_program_is_named():
    behaviours = {"web": Behaviour(spawn_error="cannot run /no/such: No such file or directory (ENOENT)")}
    async with site([spec("web")], behaviours) as here:
        answer = await here.post("/process/start-service", process_name="web")
        state = await here.get("/process/service-status", process_name="web", include_health="true")
    assert (answer.status_code, "/no/such" in answer.json()["detail"]) == (500, True)
    assert (state["phase"], state["status"], "/no/such" in state["reason"]) == ("failed", "stopped", True)
    assert state["health_reason"] == "Process not running"  # the document's words; why is in `reason`
    assert "/no/such" in state["restart"]["last_failure_reason"]


async def test_a_start_that_waits_is_504_with_what_it_waits_for_and_the_wish_stays():
    async with site([spec("web", waits=[Url("http://127.0.0.1:1/dav")])]) as here:
        here.host.set_truth("http://127.0.0.1:1/dav", holds=False)
        answer = await here.post("/process/start-service", process_name="web", timeout=0.05)
        body = answer.json()
        assert answer.status_code == 504
        assert (body["code"], body["phase"]) == ("start-timeout", "waiting")
        assert "http://127.0.0.1:1/dav" in body["detail"]
        assert ["http://127.0.0.1:1/dav" in waiting["what"] for waiting in body["waiting"]] == [True]
        assert set(body["waiting"][0]) == {"what", "since", "last_answer"}
        state = await here.get("/process/service-status", process_name="web")
        assert (state["wished"], state["status"]) == (True, "idle")
        assert "connection refused" in state["waiting"][0]["last_answer"]
        assert "web" in (await here.get("/health"))["details"]
        here.host.set_truth("http://127.0.0.1:1/dav", holds=True)
        with trio.fail_after(5):
            await here.supervisor.wait_ready("web")
        assert await here.get("/health") == {"status": "healthy"}


async def test_a_stop_answers_the_waiting_start_with_409():
    async with site([spec("web", waits=[Url("http://127.0.0.1:1/")])]) as here, trio.open_nursery() as nursery:
        here.host.set_truth("http://127.0.0.1:1/", holds=False)
        answers = []

        async def start() -> None:
            answers.append(await here.post("/process/start-service", process_name="web"))

        nursery.start_soon(start)
        async with here.supervisor.events() as events:
            async for event in events:
                if event.kind == "phase" and event.to_phase is Phase.WAITING:
                    break
        stopped = await here.post("/process/stop-service", process_name="web")
        assert stopped.status_code == 200
        nursery.cancel_scope.deadline = trio.current_time() + 5
        while not answers:
            await trio.lowlevel.checkpoint()
        assert answers[0].status_code == 409
        assert answers[0].json() == {
            "detail": "start of 'web' was superseded by a stop",
            "code": "superseded",
            "service": "web",
            "command": "start",
            "by": "stop",
        }


async def test_twenty_concurrent_starts_make_one_child():
    behaviours = {"web": Behaviour(ready_after=0.1)}
    async with site([spec("web", readiness=Tcp(1))], behaviours) as here:
        answers: list[httpx.Response] = []

        async def start() -> None:
            answers.append(await here.post("/process/start-service", process_name="web"))

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(start)
        assert [answer.status_code for answer in answers] == [200] * 20
        assert {answer.json()["pid"] for answer in answers} == {here.host.live["web"][0].pid}
        assert len(here.host.live["web"]) == 1
        assert here.host.overlaps == []


async def test_a_start_that_hangs_delays_nobody():
    async with site([spec("slow", readiness=Tcp(1)), spec("quick")], {"slow": NEVER}) as here:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: here.post("/process/start-service", process_name="slow"))
            with trio.fail_after(5):
                assert (await here.post("/process/start-service", process_name="quick")).status_code == 200
                assert len((await here.get("/status"))["services"]) == 2
            nursery.cancel_scope.cancel()
        assert here.supervisor.status("slow").wished


async def test_while_shutting_down_commands_are_503():
    async with site([spec("web")]) as here:
        await here.supervisor.shutdown()
        for action in ("start", "stop", "restart"):
            answer = await here.post(f"/process/{action}-service", process_name="web")
            assert (answer.status_code, answer.json()["code"]) == (503, "shutting-down")
            assert answer.headers["retry-after"] == "1"


async def test_the_api_itself_runs_and_is_not_stopped_from_here():
    async with site() as here:
        started = await here.post("/process/start-service", process_name="dumb api")
        assert started.json() == {
            "status": "Service started successfully",
            "process_name": "dumb api",
            "phase": "ready",
            "pid": os.getpid(),
            "generation": 0,
            "also_started": [],
        }
        for action in ("stop", "restart"):
            answer = await here.post(f"/process/{action}-service", process_name="DUMB API")
            assert (answer.status_code, answer.json()["code"]) == (409, "refused")
            assert "dumb-actors down" in answer.json()["detail"]


async def test_a_front_end_without_a_command_cannot_start():
    async with site(config_of({})) as here:
        for action in ("start", "restart"):
            answer = await here.post(f"/process/{action}-service", process_name="DUMB Frontend")
            assert (answer.status_code, "command" in answer.json()["detail"]) == (409, True)
        assert (await here.post("/process/stop-service", process_name="DUMB Frontend")).status_code == 200


async def test_a_front_end_with_a_command_is_a_service():
    async with site(config_of({"dumb": {"frontend": {"command": "node ."}}})) as here:
        names = [entry["process_name"] for entry in (await here.get("/process/processes"))["processes"]]
        assert sorted(names) == ["DUMB API", "DUMB Frontend"]
        answer = await here.post("/process/stop-service", process_name="DUMB Frontend")
        assert answer.json()["phase"] == "stopped"
