"""The whole library over real children, real files and the real clock."""

import json
import os
import sys
import threading
from pathlib import Path

import pytest
import trio

import dumb_actors
from dumb_actors import (
    ConfigError,
    Directory,
    GaveUp,
    Log,
    Phase,
    ServiceSpec,
    Settle,
    StopStep,
    Tcp,
    UnusablePath,
    Url,
    open_supervisor,
)
from dumb_actors.testing.checker import RuleChecker
from dumb_actors.testing.recorder import EventRecorder

# Listens on a free port, tells it in a file, and answers every connection with a small HTTP response.
SERVER = """\
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    connection.close()
"""
READY = "echo ready; exec sleep 1000"


def _free_ports(count: int) -> list[int]:
    import socket

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _shell(name: str, script: str, **fields) -> ServiceSpec:
    fields.setdefault("readiness", Log("^ready$"))
    return ServiceSpec(name, ["sh", "-c", script], **fields)


def _survivors(marker_part: str) -> list[int]:
    """Find processes that still carry the marker of a supervisor's run in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environ = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"TEST_MARK={marker_part}".encode() in environ:
                found.append(int(entry.name))
    return found


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path):
    """After each test: no child, no thread, no descriptor."""
    fds = len(os.listdir("/proc/self/fd"))
    threads = set(threading.enumerate())
    yield
    left = {t for t in set(threading.enumerate()) - threads if not t.name.startswith("Trio thread")}
    assert left == set()
    assert len(os.listdir("/proc/self/fd")) <= fds
    assert _survivors(str(tmp_path)) == []


@pytest.fixture
def mark(tmp_path) -> dict[str, str]:
    return {"TEST_MARK": str(tmp_path)}


async def test_a_chain_of_every_readiness_and_wait(tmp_path, mark):
    dav, web = _free_ports(2)
    folder = tmp_path / "deep" / "folder"
    specs = [
        ServiceSpec(
            "web",
            [sys.executable, "-c", SERVER, str(web)],
            waits=[Directory(str(folder))],
            readiness=Url(f"http://127.0.0.1:{web}/"),
            env=mark,
        ),
        _shell(
            "mount",
            f"mkdir -p {folder}; {READY}",
            waits=[Url(f"http://127.0.0.1:{dav}/")],
            provides=[str(folder)],
            env=mark,
        ),
        ServiceSpec("dav", [sys.executable, "-c", SERVER, str(dav)], readiness=Tcp(dav), ports=[dav], env=mark),
        ServiceSpec("settled", ["sleep", "1000"], readiness=Settle(0.01), depends_on=["web"], env=mark),
    ]
    with trio.fail_after(60):
        async with open_supervisor(specs, root=tmp_path / "root") as supervisor:
            checker = RuleChecker(specs, slack_s=1, start_cost_s=lambda _: 30)
            supervisor.add_listener(checker)
            recorder = EventRecorder(supervisor)
            await supervisor.boot()
            await supervisor.wait_ready("settled")
            assert recorder.went(Phase.READY)[-2:] == ["web", "settled"]
            assert {s.phase for s in supervisor.snapshot().services.values()} == {Phase.READY}
    assert [str(b) for b in checker.broken] == []
    assert recorder.went(Phase.STOPPED)[0] == "settled"
    assert (tmp_path / "root" / "log" / "dav.log").read_text() == "listening\n"


async def test_fifty_services_in_layers_come_up_and_go_down_with_no_survivor(tmp_path, mark):
    specs = [
        _shell(
            f"s{layer}-{index}",
            # Each has a child in its group and a daemon outside of it, which says so itself.
            "sleep 1000 & setsid sh -c 'echo ready; exec sleep 1000' & exec sleep 1000",
            depends_on=[f"s{layer - 1}-{i}" for i in range(10)] if layer else [],
            env=mark,
        )
        for layer in range(5)
        for index in range(10)
    ]
    with trio.fail_after(120):
        async with open_supervisor(specs, root=tmp_path, subreaper=True) as supervisor:
            checker = RuleChecker(specs, slack_s=1, start_cost_s=lambda _: 60)
            supervisor.add_listener(checker)
            recorder = EventRecorder(supervisor)
            await supervisor.boot()
            for spec in specs:
                await supervisor.wait_ready(spec.name)
            assert len(_survivors(str(tmp_path))) == 150
    assert [str(b) for b in checker.broken] == []
    order = recorder.went(Phase.READY)
    assert [name[:2] for name in order] == sorted(name[:2] for name in order)
    swept = [e.detail["swept"] for e in recorder.events if e.kind == "exited"]
    assert all(len(each) == 1 for each in swept)


async def test_environment_directory_and_dependencies_reach_the_child(tmp_path, mark):
    (tmp_path / "work").mkdir()
    specs = [
        ServiceSpec("db", ["sleep", "1000"], readiness=Settle(0), ports=[5432], provides=["/data"], env=mark),
        _shell(
            "app",
            f'pwd; echo "$GREETING"; echo "$DUMB_DEPENDENCIES"; {READY}',
            depends_on=["db"],
            cwd=str(tmp_path / "work"),
            env={**mark, "GREETING": "hello  there"},
        ),
    ]
    with trio.fail_after(30):
        async with open_supervisor(specs, root=tmp_path / "root") as supervisor:
            await supervisor.start("app")
            lines = Path(supervisor.log_path("app")).read_text().splitlines()
    assert lines[:2] == [str(tmp_path / "work"), "hello  there"]
    assert json.loads(lines[2]) == {"db": {"generation": 1, "ports": [5432], "paths": ["/data"]}}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda tmp: {"command": ["/no/such/program"]}, ["/no/such/program", "No such file"]),
        (lambda tmp: {"command": ["no-such-program"]}, ["no-such-program", "No such file"]),
        (lambda tmp: {"command": [str(tmp)]}, ["denied"]),
        (lambda tmp: {"command": ["sleep", "1"], "cwd": "/no/such/dir"}, ["/no/such/dir", "No such file"]),
        (lambda tmp: {"command": ["sleep", "1"], "log_file": "/proc/no/such.log"}, ["/proc/no"]),
        (lambda tmp: {"command": ""}, ["no command"]),
    ],
)
async def test_what_cannot_be_started_is_failed_and_names_it(make, words, tmp_path):
    fields = make(tmp_path)
    spec = ServiceSpec("bad", fields.pop("command"), **fields)
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path / "root") as supervisor:
            with pytest.raises(GaveUp) as caught:
                await supervisor.start("bad")
            snapshot = supervisor.status("bad")
    assert snapshot.phase is Phase.FAILED
    for word in words:
        assert word in caught.value.reason
    assert snapshot.reason == caught.value.reason


async def test_a_crash_is_seen_at_once_with_its_last_lines_and_leaves_no_group_member(tmp_path, mark):
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    spec = _shell("a", f"sleep 1000 & echo ready; read line < {fifo}; echo goodbye; exit 7", restart="never", env=mark)
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path / "root") as supervisor:
            await supervisor.start("a")
            await trio.to_thread.run_sync(lambda: fifo.write_text("go\n"))
            with pytest.raises(GaveUp, match="exited with code 7"):
                await supervisor.wait_ready("a", after=1)
            snapshot = supervisor.status("a")
            assert snapshot.last_lines == ("ready", "goodbye")
            assert _survivors(str(tmp_path)) == []


async def test_a_term_ignorer_with_a_stop_step_of_its_own(tmp_path, mark):
    script = "trap '' TERM; trap 'echo interrupted; exit 0' INT; echo ready; while :; do sleep 0.01; done"
    spec = _shell("a", script, stop=[StopStep(signal="SIGINT", wait=30)], env=mark)
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path) as supervisor:
            await supervisor.start("a")
            snapshot = await supervisor.stop("a")
            assert str(snapshot.last_exit) == "exited with code 0"
            assert "interrupted" in Path(supervisor.log_path("a")).read_text()


async def test_generations_go_on_over_runs_and_logs_are_kept(tmp_path, mark):
    spec = _shell("a", READY, env=mark)
    for expected in (1, 2, 3):
        with trio.fail_after(30):
            async with open_supervisor([spec], root=tmp_path) as supervisor:
                assert (await supervisor.start("a")).generation == expected
    assert (tmp_path / "log" / "a.log").read_text() == "ready\n" * 3
    assert (tmp_path / "log" / "a.log").stat().st_mode & 0o777 == 0o600


async def test_what_our_own_service_manager_told_us_is_not_passed_on(tmp_path, mark, monkeypatch):
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"):
        monkeypatch.setenv(name, "/ours")
    with trio.fail_after(30):
        async with open_supervisor([_shell("a", f"env; {READY}", env=mark)], root=tmp_path) as supervisor:
            await supervisor.start("a")
            assert "/ours" not in Path(supervisor.log_path("a")).read_text()


async def test_output_can_be_suppressed(tmp_path, mark):
    spec = ServiceSpec("a", ["sh", "-c", "echo secret; exec sleep 1000"], suppress_logging=True, env=mark)
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path) as supervisor:
            await supervisor.start("a")
    assert list((tmp_path / "log").glob("*.log*")) == []


async def test_a_configuration_file_is_run(tmp_path, mark):
    config = tmp_path / "dumb_config.json"
    block = {
        "process_name": "Echo",
        "command": "sh -c 'echo port {port}; echo ready; exec sleep 1000'",
        "port": 8123,
        "env": {**mark, "PORT": "{port}"},
        "readiness": {"log": "^ready$"},
    }
    config.write_text(json.dumps({"echo": block}))
    with trio.fail_after(30):
        async with open_supervisor(config, root=tmp_path / "root") as supervisor:
            await supervisor.boot()
            await supervisor.wait_ready("echo")
            assert supervisor.config is not None
            assert Path(supervisor.log_path("Echo")).read_text() == "port 8123\nready\n"


async def test_wrong_specs_and_an_unusable_root_start_nothing(tmp_path):
    with pytest.raises(ConfigError, match="nobody"):
        async with open_supervisor([ServiceSpec("a", "a", depends_on=["nobody"])], root=tmp_path):
            raise AssertionError("must not be reached")
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusablePath, match="file"):
        async with open_supervisor([ServiceSpec("a", "a")], root=tmp_path / "file"):
            raise AssertionError("must not be reached")


async def test_the_body_s_exception_comes_out_bare(tmp_path, mark):
    with trio.fail_after(30), pytest.raises(KeyError, match="mine"):
        async with open_supervisor([_shell("a", READY, env=mark)], root=tmp_path) as supervisor:
            await supervisor.start("a")
            raise KeyError("mine")


def test_it_works_off_the_main_thread_and_touches_no_signal_handler(tmp_path, mark):
    import signal

    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    results = []

    async def main() -> None:
        with trio.fail_after(30):
            async with open_supervisor([_shell("a", READY, env=mark)], root=tmp_path) as supervisor:
                results.append((await supervisor.start("a")).phase)

    thread = threading.Thread(target=trio.run, args=(main,))
    thread.start()
    thread.join()
    assert results == [Phase.READY]
    assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before


def test_the_public_names_exist():
    assert all(hasattr(dumb_actors, name) for name in dumb_actors.__all__)
