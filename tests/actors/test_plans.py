"""Plans of a supervisor: made from memory, checked by what a start would look at."""

import errno
import os
import socket
import sys
from pathlib import Path

import attrs
import pytest
import trio

from dumb_actors.actors.opening import open_supervisor
from dumb_actors.actors.ports import Listener
from dumb_actors.errors import ConfigError, UnknownService
from dumb_actors.model.plan import Check, Plan
from dumb_actors.model.probe import Directory, Settle, Tcp
from dumb_actors.model.spec import ServiceSpec, Url
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation

FAST = Settle(0.0)


def spec(name: str, **fields) -> ServiceSpec:
    return ServiceSpec(name, fields.pop("command", "program"), **{"readiness": Tcp(1), **fields})


CHAIN = [spec("web", depends_on=["app"], ports=[80]), spec("app", depends_on=["db"]), spec("db", ports=[5432])]


# --- from memory ------------------------------------------------------------------------------------------------------


async def test_expected_times_come_from_what_happened(autojump_clock):
    behaviours = {"db": Behaviour(ready_after=2.0, stop_takes=1.0), "app": Behaviour(ready_after=0.5)}
    async with open_simulation(CHAIN, SimulatedHost(behaviours)) as supervisor:
        plan = supervisor.plan_start("app")
        assert (plan.expected_s, plan.unknown) == (None, ("db", "app"))
        await supervisor.start("app")
        assert supervisor.durations.start_s("db") == pytest.approx(2.0)
        await supervisor.stop("app")
        await supervisor.stop("db")
        assert supervisor.plan_start("app").expected_s == pytest.approx(2.5)
        await supervisor.start("db")
        assert supervisor.plan_stop("db").expected_s == pytest.approx(1.0)
        assert supervisor.plan_restart("db").expected_s == pytest.approx(3.0)


async def test_a_plan_for_a_set_with_faults_is_refused_as_the_change_would_be(autojump_clock):
    async with open_simulation(CHAIN) as supervisor:
        for faulty in ([spec("web", depends_on=["nobody"])], [spec("a"), spec("a")]):
            with pytest.raises(ConfigError) as planned:
                supervisor.plan_reconfigure(faulty)
            with pytest.raises(ConfigError) as done:
                await supervisor.reconfigure(faulty)
            assert planned.value.faults == done.value.faults


async def test_unknown_names_are_refused(autojump_clock):
    async with open_simulation(CHAIN) as supervisor:
        for make in (supervisor.plan_start, supervisor.plan_stop, supervisor.plan_restart):
            with pytest.raises(UnknownService):
                make("nobody")


async def test_no_secret_is_told(autojump_clock):
    url = "http://nas.example/?token=very-secret-token"
    new = [spec("a", waits=[Url(url)], env={"API_TOKEN": "very-secret-token"})]
    async with open_simulation([spec("b")]) as supervisor:
        (awaited,) = supervisor.plan_reconfigure(new).waits_for
    assert awaited.what == "http://nas.example/?token=[secret] to answer"


# --- simulated checks -------------------------------------------------------------------------------------------------


def ports_of(plan: Plan) -> dict[tuple[str, str], str]:
    return {(one.service, one.subject): one.text for one in plan.checks or () if one.kind == "port"}


async def test_a_port_that_somebody_has_is_told_with_its_owner(autojump_clock):
    host = SimulatedHost()
    host.listening = [
        Listener(port=80, uid=0),
        Listener(port=5432, uid=0, pid=7, program="postgres", kin=frozenset({7})),
    ]
    async with open_simulation(CHAIN, host) as supervisor:
        plan = await supervisor.check_plan(supervisor.plan_start("web"))
    assert ports_of(plan) == {
        ("db", "5432"): "port 5432 is taken: postgres (pid 7) listens there",
        ("web", "80"): "port 80 is taken: a process of user 0 listens there",
    }
    assert {one.service for one in plan.failing} == {"db", "web"}
    assert all(one.hint for one in plan.failing)


async def test_a_port_of_the_own_child_or_of_one_that_goes_first_is_free(autojump_clock):
    host = SimulatedHost()
    async with open_simulation([*CHAIN, spec("old", ports=[81])], host) as supervisor:
        await supervisor.start("web")
        await supervisor.start("old")
        pids = {name: one.pid for name, one in supervisor.snapshot().services.items()}
        host.listening = [
            Listener(port=80, uid=0, pid=1, kin=frozenset({1, pids["web"]})),
            Listener(port=81, uid=0, pid=pids["old"], kin=frozenset({pids["old"]})),
        ]
        assert (await supervisor.check_plan(supervisor.plan_restart("web"))).failing == ()
        moved = [*CHAIN[1:], attrs.evolve(CHAIN[0], ports=(81,))]
        assert (await supervisor.check_plan(supervisor.plan_reconfigure(moved))).failing == ()
        kept = [*moved, spec("old", ports=[81])]
        (check,) = (await supervisor.check_plan(supervisor.plan_reconfigure(kept))).failing
        assert check.text == "port 81 is taken: the service 'old' listens there"


async def test_two_services_with_one_port_are_told(autojump_clock):
    async with open_simulation([spec("a", ports=[80]), spec("b", ports=[80])]) as supervisor:
        plan = await supervisor.check_plan(supervisor.plan_boot())
    assert ports_of(plan)[("a", "80")] == "port 80 is also that of 'b', which this plan starts as well"
    assert {one.service for one in plan.failing} == {"a", "b"}


async def test_a_program_that_is_missing_is_told_in_the_simulation_as_well(autojump_clock):
    host = SimulatedHost({"db": Behaviour(spawn_error="no such program")})
    async with open_simulation(CHAIN, host) as supervisor:
        plan = await supervisor.check_plan(supervisor.plan_start("web"))
        assert [str(one) for one in plan.failing] == ["'db': no such program"]
        assert supervisor.plan_start("web").checks is None


# --- real checks ------------------------------------------------------------------------------------------------------


def by_kind(plan: Plan) -> dict[str, Check]:
    return {one.kind: one for one in plan.checks or ()}


async def test_what_is_there_is_well(tmp_path):
    one = spec("a", command=["sh", "-c", "true"], waits=[Directory(str(tmp_path))], limits={"nofile": 100})
    async with open_supervisor([one], root=tmp_path, journal=False) as supervisor:
        plan = await supervisor.check_plan(supervisor.plan_start("a"))
        assert {kind: check.ok for kind, check in by_kind(plan).items()} == {
            "directory": True,
            "program": True,
            "limits": True,
            "log": True,
            "wait": True,
        }
        assert plan.failing == ()
    assert not (tmp_path / "log" / "a.log").exists()


async def test_what_is_missing_is_told_one_by_one(tmp_path):
    taken = tmp_path / "file"
    taken.write_text("")
    missing = spec("missing", command="no-such-program", waits=[Directory(str(tmp_path / "nowhere"))])
    lost = spec("lost", command="sleep 1", cwd=str(tmp_path / "gone"), log_file=str(taken / "x.log"))
    nobody = spec("nobody", command="sleep 1", run_as="no-such-user-at-all")
    empty = spec("empty", command=[])
    async with open_supervisor([missing, lost, nobody, empty], root=tmp_path, journal=False) as supervisor:
        plan = await supervisor.check_plan(supervisor.plan_boot())
    found = {(one.service, one.kind): one for one in plan.checks or () if not one.ok}
    assert set(found) == {
        ("missing", "program"),
        ("missing", "wait"),
        ("lost", "directory"),
        ("lost", "log"),
        ("nobody", "user"),
        ("empty", "program"),
    }
    assert "no-such-program was not found in PATH" in found["missing", "program"].text
    assert found["missing", "program"].hint == "check no-such-program"
    assert not found["missing", "wait"].fatal
    assert found["lost", "directory"].subject == str(tmp_path / "gone")
    assert os.strerror(errno.ENOTDIR) in found["lost", "log"].text
    assert not found["lost", "log"].fatal
    assert "no user is called 'no-such-user-at-all'" in found["nobody", "user"].text


async def test_a_check_says_what_the_start_then_says(tmp_path):
    one = spec("a", command="no-such-program", restart="never")
    async with open_supervisor([one], root=tmp_path, journal=False) as supervisor:
        (check,) = (await supervisor.check_plan(supervisor.plan_start("a"))).failing
        await supervisor.boot()
        with trio.fail_after(20):
            with pytest.raises(Exception, match="no-such-program"):
                await supervisor.wait_ready("a")
        snapshot = supervisor.status("a")
    assert (check.text, check.hint) == (snapshot.reason, snapshot.hint)


LISTEN = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
time.sleep(1000)
"""


async def test_real_ports(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        one = spec("a", command="sleep 1", ports=[port])
        async with open_supervisor([one], root=tmp_path, journal=False) as supervisor:
            (check,) = (await supervisor.check_plan(supervisor.plan_start("a"))).failing
    comm = Path("/proc/self/comm").read_text().strip()
    assert check.text == f"port {port} is taken: {comm} (pid {os.getpid()}) listens there"


async def test_a_real_child_keeps_its_port(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    child = spec("a", command=[sys.executable, "-c", LISTEN, str(port)], ports=[port], readiness=Tcp(port))
    other = spec("b", command="sleep 1", ports=[port])
    async with open_supervisor([child, other], root=tmp_path, journal=False) as supervisor:
        await supervisor.start("a", timeout=20)
        assert (await supervisor.check_plan(supervisor.plan_restart("a"))).failing == ()
        (check,) = (await supervisor.check_plan(supervisor.plan_start("b"))).failing
        assert check.text == f"port {port} is taken: the service 'a' listens there"


async def test_durations_are_recalled_from_the_journal(tmp_path):
    one = ServiceSpec("a", "sleep 1000", readiness=FAST)
    async with open_supervisor([one], root=tmp_path) as supervisor:
        await supervisor.start("a", timeout=20)
        took = supervisor.durations.start_s("a")
        assert took is not None
    async with open_supervisor([one], root=tmp_path) as supervisor:
        assert supervisor.plan_start("a").expected_s is None
        await supervisor.recall_durations()
        assert supervisor.plan_start("a").expected_s == took
        assert supervisor.durations.stop_s("a") is not None
