"""Real children over the end of their supervisor, within one process; and what they are started with."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
import trio

from dumb_actors import (
    DependsOn,
    Exec,
    Follower,
    Log,
    Phase,
    Refused,
    RootLocked,
    ServiceSpec,
    Settle,
    StopStep,
    open_supervisor,
)
from dumb_actors.logs.reader import end_of
from dumb_actors.model.child import Exit
from dumb_actors.process import procfs

SLEEP = ["sh", "-c", "echo up; exec sleep 1000"]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: to run as another user needs root")


def adopting(specs, tmp_path):
    return open_supervisor(specs, root=tmp_path, orphans="adopt")


async def test_left_and_taken_over_in_one_process(tmp_path: Path) -> None:
    specs = [ServiceSpec("a", SLEEP, readiness=Log("^up$"))]
    async with adopting(specs, tmp_path) as supervisor:
        before = await supervisor.start("a")
        await supervisor.leave()
    assert procfs.read_stat(before.pid) is not None
    async with adopting(specs, tmp_path) as supervisor:
        await supervisor.boot()
        after = supervisor.status("a")
        assert (after.phase, after.pid, after.generation) == (Phase.READY, before.pid, 1)
        assert after.started_at is not None
        os.kill(before.pid, signal.SIGKILL)
        # It is our own child after all, so even how it ended is known.
        again = await supervisor.wait_ready("a", after=1)
        assert again.last_exit == Exit(signal="SIGKILL")
    stat = procfs.read_stat(before.pid)
    assert stat is None
    assert list((tmp_path / "run/out").iterdir()) == []


async def test_left_also_when_the_block_is_cancelled_afterwards(tmp_path: Path) -> None:
    specs = [ServiceSpec("a", ["sh", "-c", "echo up; while :; do echo line; sleep 0.01; done"], readiness=Log("^up$"))]
    with trio.CancelScope() as scope:
        async with adopting(specs, tmp_path) as supervisor:
            before = await supervisor.start("a")
            await supervisor.leave()
            scope.cancel()
    log = str(tmp_path / "log/a.log")
    with trio.fail_after(20), Follower(log, end_of(log)) as follower:
        assert await follower.read()
    async with adopting(specs, tmp_path) as supervisor:
        assert supervisor.status("a").pid == before.pid


async def test_a_stop_command_of_an_adopted_child_gets_its_environment(tmp_path: Path) -> None:
    stop = StopStep(command=("sh", "-c", f'echo "$OWN" > {tmp_path}/told'), wait=1)
    specs = [ServiceSpec("a", SLEEP, env={"OWN": "its own"}, readiness=Log("^up$"), stop=[stop])]
    async with adopting(specs, tmp_path) as supervisor:
        await supervisor.start("a")
        await supervisor.leave()
    async with adopting(specs, tmp_path) as supervisor:
        await supervisor.boot()
    assert (tmp_path / "told").read_text() == "its own\n"


async def test_without_a_keeper_nothing_can_be_left(tmp_path: Path) -> None:
    async with open_supervisor([ServiceSpec("a", SLEEP)], root=tmp_path) as supervisor:
        assert not supervisor.can_leave
        with pytest.raises(Refused, match="keeper"):
            await supervisor.leave()
        assert (await supervisor.start("a")).phase is Phase.READY


async def test_by_default_what_was_left_is_stopped_first_by_its_recorded_steps(tmp_path: Path) -> None:
    script = "trap 'echo told; exit 0' USR1; echo up; while :; do read -t 0.05 x <> /dev/zero || sleep 0.05; done"
    specs = [ServiceSpec("a", ["sh", "-c", script], readiness=Log("^up$"), stop=[StopStep(signal="SIGUSR1", wait=20)])]
    async with adopting(specs, tmp_path) as supervisor:
        before = await supervisor.start("a")
        await supervisor.leave()
    (tmp_path / "run/left").unlink()  # as if it had been killed
    async with open_supervisor([ServiceSpec("b", SLEEP)], root=tmp_path) as supervisor:
        assert procfs.read_stat(before.pid) is None
        assert supervisor.snapshot().services["b"].phase is Phase.STOPPED
    assert (tmp_path / "log/a.log").read_text().splitlines()[-1] == "told"


async def test_a_oneshot_that_did_its_work_stays_completed(tmp_path: Path) -> None:
    specs = [
        ServiceSpec("setup", ["sh", "-c", "echo worked"], oneshot=True),
        ServiceSpec("a", SLEEP, depends_on=[DependsOn("setup", until="completed")], readiness=Log("^up$")),
    ]
    for _ in range(2):
        async with adopting(specs, tmp_path) as supervisor:
            await supervisor.boot()
            await supervisor.wait_ready("a")
            assert supervisor.status("setup").phase is Phase.COMPLETED
            await supervisor.leave()
    assert (tmp_path / "log/setup.log").read_text() == "worked\n"
    async with adopting(specs, tmp_path) as supervisor:
        await supervisor.boot()
    async with adopting(specs, tmp_path) as supervisor:
        await supervisor.boot()
        await supervisor.wait_ready("a")
    assert (tmp_path / "log/setup.log").read_text() == "worked\nworked\n"


async def test_one_root_has_one_supervisor(tmp_path: Path) -> None:
    async with open_supervisor([ServiceSpec("a", SLEEP)], root=tmp_path):
        with pytest.raises(RootLocked) as caught:
            async with open_supervisor([ServiceSpec("b", SLEEP)], root=tmp_path):
                pass
        assert caught.value.pid == os.getpid()


async def test_numbers_of_events_go_on_and_history_is_there(tmp_path: Path) -> None:
    specs = [ServiceSpec("a", SLEEP, readiness=Settle(0))]
    async with open_supervisor(specs, root=tmp_path) as supervisor:
        await supervisor.start("a")
    async with open_supervisor(specs, root=tmp_path) as supervisor:
        found = await supervisor.history(service="a", kinds=["spawned"])
        assert [event.generation for event in found] == [1]
        await supervisor.start("a")
        found = await supervisor.history(service="a")
        numbers = [event.seq for event in found]
        assert numbers == sorted(set(numbers))
        assert {event.generation for event in found} >= {1, 2}


async def test_secrets_are_in_no_event_and_no_snapshot(tmp_path: Path) -> None:
    secret = "s3cr3t-t0ken"  # noqa: S105  (a made-up one)
    script = f"echo my token is $API_TOKEN; echo and {secret} >&2; exit 3"
    specs = [ServiceSpec("a", ["sh", "-c", script], env={"API_TOKEN": secret}, restart="never")]
    async with open_supervisor(specs, root=tmp_path) as supervisor, supervisor.events() as events:
        await supervisor.boot()
        async for event in events:
            assert secret not in repr(event)
            if event.phase is Phase.FAILED:
                break
        snapshot = supervisor.status("a")
        assert snapshot.last_lines == ("my token is [secret]", "and [secret]")
        assert secret not in repr(snapshot)
    assert secret in (tmp_path / "log/a.log").read_text()
    assert secret not in (tmp_path / "log/journal/00000000000000000001.jsonl").read_text()


# --- what a child is started with -------------------------------------------------------------------------------------


async def _said(spec: ServiceSpec, tmp_path: Path) -> dict[str, str]:
    async with open_supervisor([spec], root=tmp_path) as supervisor:
        await supervisor.start(spec.name)
    return dict(line.split("=", 1) for line in (tmp_path / f"log/{spec.name}.log").read_text().splitlines())


async def test_umask_limits_and_a_clean_environment(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PASSED_ON", "yes")
    monkeypatch.setenv("HELD_BACK", "yes")
    script = (
        "echo umask=$(umask); echo nofile=$(ulimit -n); echo passed=$PASSED_ON; echo held=$HELD_BACK; echo own=$OWN"
    )
    spec = ServiceSpec(
        "a",
        ["sh", "-c", script],
        oneshot=True,
        umask="0027",
        limits={"nofile": 77},
        clean_environment=True,
        pass_environment=["PASSED_*"],
        env={"OWN": "yes"},
    )
    said = await _said(spec, tmp_path)
    assert said == {"umask": "0027", "nofile": "77", "passed": "yes", "held": "", "own": "yes"}


@needs_root
async def test_as_another_user_with_its_home_and_its_output(tmp_path: Path) -> None:
    script = "echo uid=$(id -u); echo groups=$(id -G); echo user=$USER; echo again=yes > /dev/stdout"
    spec = ServiceSpec("a", ["sh", "-c", script], oneshot=True, run_as="nobody", cwd="/")
    said = await _said(spec, tmp_path)
    assert said["uid"] == "65534"
    assert "0" not in said["groups"].split()
    assert said["user"] == "nobody"
    assert said["again"] == "yes"


async def test_an_unknown_user_is_named(tmp_path: Path) -> None:
    spec = ServiceSpec("a", SLEEP, run_as="no-such-user", restart="never")
    async with open_supervisor([spec], root=tmp_path) as supervisor:
        await supervisor.boot()
        with trio.fail_after(20):
            while supervisor.status("a").phase is not Phase.FAILED:
                async with supervisor.events() as events:
                    async for event in events:
                        if event.phase is Phase.FAILED:
                            break
        assert "no-such-user" in supervisor.status("a").reason


async def test_standard_error_apart(tmp_path: Path) -> None:
    spec = ServiceSpec("a", ["sh", "-c", "echo out; echo err >&2"], oneshot=True, separate_stderr=True)
    async with open_supervisor([spec], root=tmp_path) as supervisor:
        await supervisor.start("a")
        assert supervisor.status("a").last_lines == ("out", "err")
    assert (tmp_path / "log/a.log").read_text() == "out\n"
    assert (tmp_path / "log/a.stderr.log").read_text() == "err\n"
    assert list((tmp_path / "run/out").iterdir()) == []


async def test_separate_errors_are_taken_over_as_well(tmp_path: Path) -> None:
    script = "echo up; trap 'echo last words >&2; exit 0' TERM; while :; do sleep 0.05; done"
    spec = ServiceSpec("a", ["sh", "-c", script], separate_stderr=True, readiness=Log("^up$"))
    async with adopting([spec], tmp_path) as supervisor:
        await supervisor.start("a")
        await supervisor.leave()
    async with adopting([spec], tmp_path) as supervisor:
        await supervisor.boot()
    assert (tmp_path / "log/a.stderr.log").read_text().endswith("last words\n")


@needs_root
async def test_programs_about_a_service_run_as_its_user_also_when_it_was_taken_over(tmp_path: Path) -> None:
    with tempfile.NamedTemporaryFile() as told:  # where that user can get to, unlike our own directory
        os.fchmod(told.fileno(), 0o666)
        stop = StopStep(command=("sh", "-c", f"id -u > {told.name}"), wait=1)
        ready = Exec(["sh", "-c", "test $(id -u) = 65534"])
        spec = ServiceSpec("a", SLEEP, run_as="nobody", cwd="/", readiness=ready, stop=[stop])
        async with adopting([spec], tmp_path) as supervisor:
            await supervisor.start("a")
            await supervisor.leave()
        async with adopting([spec], tmp_path) as supervisor:
            await supervisor.boot()
        assert told.read() == b"65534\n"
