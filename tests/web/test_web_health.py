"""Health and automatic restarts, in the words of the Process Management API and in our own."""

import math

import attrs
import pytest
import trio
from web_support import site, spec

from dumb_actors import Exit, Health, Liveness, Phase, RestartPolicy, Restarts, ServiceSnapshot, Tcp, Waiting
from dumb_actors.testing.simulated import Behaviour
from dumb_web.health import RestartFacts, health_of, restart_facts

HEALTHY = Health(healthy=True, threshold=4)
FAILING = Health(healthy=True, reason="connection refused", count=1, threshold=4)
UNHEALTHY = Health(healthy=False, reason="connection refused", count=4, threshold=4)
WAITING = Waiting(what="'db' to be ready", since_at=1.0, since_mono=1.0, last_answer="starting")


def snapshot(phase, **fields):
    given = {field.name: None for field in attrs.fields(ServiceSnapshot) if field.default is attrs.NOTHING}
    facts = {"name": "web", "generation": 1, "wished": True, "reason": "", "waiting": (), "dependencies": {}}
    return ServiceSnapshot(**{**given, **facts, "phase": phase, **fields})


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (snapshot(Phase.READY), (True, None)),
        (snapshot(Phase.READY, health=HEALTHY), (True, None)),
        (snapshot(Phase.READY, health=FAILING), (True, None)),
        (snapshot(Phase.READY, health=UNHEALTHY), (False, "connection refused")),
        (snapshot(Phase.READY, health=Health(healthy=False)), (False, "Process not healthy")),
        (snapshot(Phase.COMPLETED), (True, "Process idle")),
        (snapshot(Phase.STOPPED), (False, "Process not running")),
        (snapshot(Phase.STOPPED, reason="stopped by api"), (False, "Process not running")),
        (snapshot(Phase.FAILED, reason="exit code 3"), (False, "Process not running")),
        (snapshot(Phase.BACKOFF, reason="exit code 3"), (False, "Process not running")),
        (snapshot(Phase.BACKOFF), (False, "Process not running")),
        (snapshot(Phase.WAITING, waiting=(WAITING,)), (False, "waits for 'db' to be ready (last answer: starting)")),
        (snapshot(Phase.PREPARING), (False, "preparing")),
        (snapshot(Phase.STOPPING, reason="asked for by api"), (False, "stopping: asked for by api")),
    ],
)
def test_health_by_phase_and_checks(state, expected):
    assert health_of(state) == expected


def test_the_restart_object_of_a_service_that_heals():
    healing = Restarts(
        attempts=5,
        successes=3,
        failures=2,
        recent=4,
        crash_loop=False,
        next_at=100.5,
        last_at=90.5,
        last_failure="exit code 1",
        last_reasons=("exit code 1",),
    )
    ended = {"last_exit": Exit(signal="SIGKILL"), "last_exit_at": 95.5, "last_exit_reason": "killed by SIGKILL"}
    state = snapshot(Phase.BACKOFF, healing=healing, health=UNHEALTHY, **ended)
    assert restart_facts(state) == RestartFacts(
        restart_attempts=5,
        restart_successes=3,
        restart_failures=2,
        recent_restart_attempts=4,
        pending=True,
        next_restart_time=100.5,
        disabled=False,
        last_restart_time=90.5,
        last_failure_reason="exit code 1",
        last_exit_time=95.5,
        last_exit_reason="killed by SIGKILL",
        unhealthy_count=4,
        unhealthy_threshold=4,
    )


def test_the_restart_object_of_a_service_that_nothing_happened_to():
    assert restart_facts(snapshot(Phase.READY)) == RestartFacts()
    assert RestartFacts().unhealthy_threshold == 3
    assert restart_facts(snapshot(Phase.STOPPED, wished=False)).disabled is True
    assert restart_facts(snapshot(Phase.STOPPED, wished=False, generation=0)).disabled is False
    assert restart_facts(snapshot(Phase.FAILED, reason="too often")).last_failure_reason == "too often"


async def test_an_unhealthy_service_is_told_everywhere():
    liveness = Liveness([Tcp(1)], interval=0.01, threshold=2, restart=False)
    # It is ready at once, and ceases to answer after a while.
    behaviours = {"web": Behaviour(ready_after=0.0, unhealthy_after=0.5)}
    async with site([spec("web", readiness=Tcp(1), liveness=liveness), spec("db")], behaviours) as here:
        async with here.supervisor.events() as events:
            for name in ("web", "db"):
                await here.supervisor.start(name)
            with trio.fail_after(10):
                async for event in events:
                    if event.kind == "health" and event.detail["healthy"] is False:
                        break
        state = await here.get("/process/service-status", process_name="web", include_health=True)
        assert (state["status"], state["phase"], state["healthy"]) == ("running", "ready", False)
        assert state["health_reason"] == "Port 127.0.0.1:1 not responding"
        assert state["restart"]["unhealthy_count"] >= state["restart"]["unhealthy_threshold"] == 2
        assert await here.get("/health") == {"status": "unhealthy", "details": f"web: {state['health_reason']}"}
        web, db = (await here.get("/status"))["services"]
        assert (web["health"]["healthy"], web["health"]["threshold"]) == (False, 2)
        assert web["health"]["reason"] == state["health_reason"]
        assert db["health"] == {"healthy": None, "reason": "", "count": 0, "threshold": 0}
        assert (db["says"], db["needs_restart"], db["healing"]["attempts"]) == ("", False, 0)


async def test_a_start_that_is_tried_again_says_when():
    policy = RestartPolicy(delays=(30.0,))
    behaviours = {"web": Behaviour(ready_after=math.inf, exits_after=0.0, exit=Exit(code=3))}
    async with site([spec("web", readiness=Tcp(1), restart=policy)], behaviours) as here:
        answer = await here.post("/process/start-service", process_name="web")
        body = answer.json()
        assert (answer.status_code, body["code"], body["service"]) == (500, "start-failed", "web")
        assert 20 < body["retry_in_s"] <= 33
        assert body["last_lines"] == ["generation 1"]
        state = await here.get("/process/service-status", process_name="web", include_health=True)
        assert (state["status"], state["phase"], state["wished"]) == ("idle", "backoff", True)
        assert state["health_reason"] == "Process not running"
        assert state["restart"]["pending"] is True
        assert state["restart"]["next_restart_time"] == pytest.approx(
            here.supervisor.snapshot().at + body["retry_in_s"], abs=10
        )
        assert "code 3" in state["restart"]["last_exit_reason"]
        assert "code 3" in (await here.get("/health"))["details"]


async def test_a_start_that_is_given_up_says_that_too():
    behaviours = {"web": Behaviour(ready_after=math.inf, exits_after=0.0, exit=Exit(code=3))}
    async with site([spec("web", readiness=Tcp(1), restart="never")], behaviours) as here:
        body = (await here.post("/process/start-service", process_name="web")).json()
        assert (body["code"], body["retry_in_s"]) == ("gave-up", None)
        state = await here.get("/process/service-status", process_name="web", include_health=True)
        assert (state["status"], state["phase"]) == ("stopped", "failed")
        assert "code 3" in state["restart"]["last_failure_reason"]


async def test_a_one_shot_that_has_done_its_work_is_idle_and_healthy():
    behaviours = {"job": Behaviour(exits_after=0.0, exit=Exit(code=0))}
    async with site([spec("job", oneshot=True)], behaviours) as here:
        started = (await here.post("/process/start-service", process_name="job")).json()
        assert started["phase"] == "completed"
        state = await here.get("/process/service-status", process_name="job", include_health=True)
        assert (state["status"], state["healthy"], state["health_reason"]) == ("idle", True, "Process idle")
        assert await here.get("/health") == {"status": "healthy"}
