"""Readiness by mount, program and notification, through the whole library: real mounts, programs and messages."""

import contextlib
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest
import trio
import trio.testing

from dumb_actors import GaveUp, Log, ServiceSpec, open_supervisor
from dumb_actors.model.probe import Exec, Liveness, Mount, Notify, Tcp, Url
from dumb_actors.process import procfs
from dumb_actors.process.notify import socket_path
from dumb_actors.testing.recorder import EventRecorder
from tests.leaks import no_leak
from tests.mounting import SERVER, can_mount_fuse, point_in

__all__ = ["can_mount_fuse", "no_leak"]

BIN = Path(sys.executable).parent
READY = "echo ready; exec sleep 1000"

# Says each argument on its socket and stays; `@FIFO` waits for a line of that FIFO.
CLIENT = """\
import os, socket, sys, time
sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sender.connect(os.environ["NOTIFY_SOCKET"])
for text in sys.argv[1:]:
    if text.startswith("@"):
        open(text[1:]).readline()
    else:
        sender.send(text.encode())
print("ready", flush=True)
time.sleep(1000)
"""


def notifier(name: str, *says: str, **fields) -> ServiceSpec:
    return ServiceSpec(name, [sys.executable, "-c", CLIENT, *says], **{"readiness": Notify(), **fields})


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _sockets(root: Path) -> list[Path]:
    return [path for path in (root / "run").rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]


def _gate(path: Path) -> Path:
    os.mkfifo(path)
    return path


async def _open_gate(path: Path) -> None:
    await trio.to_thread.run_sync(lambda: path.write_text("go\n"))


async def _waiting_for(supervisor, name: str, answer: str) -> None:
    """Return when the service waits and the last answer is *answer*; answers are no events, so it looks and looks."""
    while answer not in [wait.last_answer for wait in supervisor.status(name).waiting]:
        await trio.testing.wait_all_tasks_blocked(0.005)


def _proofs(recorder: EventRecorder, name: str) -> list[str]:
    """Give what was said when the service became ready."""
    return [e.cause.text for e in recorder.events if e.kind == "phase" and e.to_phase == "ready" and e.service == name]


# --- notify -----------------------------------------------------------------------------------------------------------


async def test_a_service_that_says_ready_is_ready_and_its_socket_goes_with_it(tmp_path):
    spec = notifier("a", "READY=1\nSTATUS=serving")
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path) as supervisor:
            recorder = EventRecorder(supervisor)
            snapshot = await supervisor.start("a")
            assert _proofs(recorder, "a") == ["said READY=1"]
            path = Path(socket_path(f"{tmp_path}/run", "a"))
            assert _sockets(tmp_path) == [path]
            environ = Path(f"/proc/{snapshot.pid}/environ").read_bytes().split(b"\0")
            assert f"NOTIFY_SOCKET={path}".encode() in environ
            await supervisor.stop("a")
            assert not path.exists()
    assert _sockets(tmp_path) == []


async def test_the_last_answer_is_what_it_says_and_strangers_are_counted(tmp_path):
    gate = _gate(tmp_path / "gate")
    env = {"NOTIFY_SOCKET": socket_path(f"{tmp_path}/run", "a")}
    specs = [
        notifier("a", "STATUS=loading", f"@{gate}", "READY=1"),
        notifier("liar", "READY=1", "STATUS=lies", readiness=Log("^ready$"), env=env),
    ]
    with trio.fail_after(30):
        async with open_supervisor(specs, root=tmp_path) as supervisor, trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.start, "a")
            await _waiting_for(supervisor, "a", "loading")
            await supervisor.start("liar")
            await _waiting_for(supervisor, "a", "loading (2 messages of strangers ignored)")
            await _open_gate(gate)
            await supervisor.wait_ready("a")


async def test_not_ready_in_time_says_what_it_said_last(tmp_path):
    spec = notifier("a", "STATUS=cannot find my disk", readiness=Notify(timeout=1), restart="never")
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path) as supervisor:
            with pytest.raises(GaveUp, match="not ready within 1 s: cannot find my disk"):
                await supervisor.start("a")
    assert _sockets(tmp_path) == []


async def test_each_generation_has_its_own_socket(tmp_path):
    with trio.fail_after(30):
        async with open_supervisor([notifier("a", "READY=1")], root=tmp_path) as supervisor:
            for generation in (1, 2, 3):
                assert (await supervisor.start("a")).generation == generation
                await supervisor.stop("a")
                assert _sockets(tmp_path) == []


async def test_a_service_that_says_much_while_it_stops_is_not_held_up(tmp_path):
    code = CLIENT.replace(
        "for text",
        "import signal\n"
        "def stop(*_):\n"
        "    for number in range(2000): sender.send(f'STATUS={number}'.encode())\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "for text",
    )
    spec = ServiceSpec("a", [sys.executable, "-c", code, "READY=1"], readiness=Notify())
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path) as supervisor:
            await supervisor.start("a")
            assert str((await supervisor.stop("a")).last_exit) == "exited with code 0"


async def test_a_failed_spawn_leaves_no_socket(tmp_path):
    program = tmp_path / "program"
    program.write_text("no format")
    program.chmod(0o755)
    spec = ServiceSpec("a", [str(program)], readiness=Notify(), restart="never")
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path) as supervisor:
            with pytest.raises(GaveUp, match="Exec format error"):
                await supervisor.start("a")
            assert _sockets(tmp_path) == []


async def test_a_socket_that_cannot_be_made_fails_the_start_and_leaves_nothing(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "n").write_text("in the way")
    with trio.fail_after(30):
        async with open_supervisor([notifier("a", "READY=1", restart="never")], root=tmp_path) as supervisor:
            with pytest.raises(GaveUp, match="cannot make the notification socket"):
                await supervisor.start("a")
    assert list((tmp_path / "run" / "out").iterdir()) == []


async def test_below_a_deep_root(tmp_path):
    root = tmp_path / ("d" * 200)
    with trio.fail_after(30):
        async with open_supervisor([notifier("a", "READY=1")], root=root) as supervisor:
            await supervisor.start("a")
            path = Path(socket_path(f"{root}/run", "a"))
            assert path.exists()
            assert not path.is_relative_to(root)
    assert not path.parent.exists()


@pytest.mark.skipif(shutil.which("systemd-notify") is None, reason="systemd-notify is not installed")
async def test_systemd_notify_in_a_shell_script(tmp_path):
    script = "systemd-notify --status='from a script'; systemd-notify --ready; exec sleep 1000"
    with trio.fail_after(30):
        spec = ServiceSpec("a", ["sh", "-c", script], readiness=Notify())
        async with open_supervisor([spec], root=tmp_path) as supervisor:
            await supervisor.start("a")


@pytest.mark.real
@pytest.mark.skipif(not (BIN / "rclone").exists(), reason="rclone is not installed (extra demo)")
async def test_rclone_says_ready(tmp_path):
    (tmp_path / "files").mkdir()
    port = _free_port()
    command = [str(BIN / "rclone"), "serve", "http", str(tmp_path / "files"), "--addr", f"127.0.0.1:{port}"]
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    await _is_ready_when_it_says_so(ServiceSpec("rclone", command, readiness=Notify(), env=env), port, tmp_path)


@pytest.mark.real
@pytest.mark.skipif(not (BIN / "caddy").exists(), reason="Caddy is not installed (extra demo)")
async def test_caddy_says_ready(tmp_path):
    (tmp_path / "files").mkdir()
    port = _free_port()
    command = [str(BIN / "caddy"), "file-server", "--root", str(tmp_path / "files"), "--listen", f"127.0.0.1:{port}"]
    env = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    await _is_ready_when_it_says_so(ServiceSpec("caddy", command, readiness=Notify(), env=env), port, tmp_path)


async def _is_ready_when_it_says_so(spec: ServiceSpec, port: int, tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with open_supervisor([spec], root=tmp_path / "root") as supervisor:
            recorder = EventRecorder(supervisor)
            await supervisor.start(spec.name)
            assert _proofs(recorder, spec.name) == ["said READY=1"]
            # It did not lie.
            await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
    assert _sockets(tmp_path / "root") == []


# --- exec -------------------------------------------------------------------------------------------------------------


async def test_a_program_is_asked_with_the_service_s_environment_and_directory(tmp_path):
    (tmp_path / "work").mkdir()
    # Not ready at first: each question leaves a file, and the third is answered with yes.
    script = 'touch "$NAME.$(ls | wc -l)"; echo "asked $(ls | wc -l) times"; [ $(ls | wc -l) -ge 3 ] || exit 4'
    spec = ServiceSpec(
        "a", ["sleep", "1000"], readiness=Exec(["sh", "-c", script]), cwd=str(tmp_path / "work"), env={"NAME": "asked"}
    )
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path / "root") as supervisor:
            recorder = EventRecorder(supervisor)
            await supervisor.start("a")
            assert _proofs(recorder, "a") == ["exit code 0"]
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["asked.0", "asked.1", "asked.2"]


async def test_the_last_answer_is_the_program_s_last_line(tmp_path):
    probe = Exec(["sh", "-c", "echo checking; echo no reply on 5432; exit 2"], timeout=1)
    spec = ServiceSpec("a", ["sleep", "1000"], readiness=probe, restart="never")
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path) as supervisor:
            with pytest.raises(GaveUp, match="not ready within 1 s: exit code 2: no reply on 5432"):
                await supervisor.start("a")


@pytest.mark.parametrize("subreaper", [False, True])
async def test_a_program_that_hangs_is_killed_with_its_group_when_the_service_stops(tmp_path, subreaper):
    pids = _gate(tmp_path / "pids")
    probe = Exec(["sh", "-c", f'trap "" TERM; sleep 1000 & echo $$ $! >{pids}; wait'])
    specs = [
        ServiceSpec("a", ["sleep", "1000"], readiness=probe),
        ServiceSpec("b", ["sh", "-c", READY], readiness=Log("^ready$")),
    ]
    with trio.fail_after(30):
        async with open_supervisor(specs, root=tmp_path / "root", subreaper=subreaper) as supervisor:
            async with trio.open_nursery() as nursery:

                async def start() -> None:
                    with contextlib.suppress(Exception):
                        await supervisor.start("a")

                nursery.start_soon(start)
                said = (await trio.to_thread.run_sync(pids.read_text)).split()
                await supervisor.start("b")  # it delays nobody
                await supervisor.stop("a")
            for pid in map(int, said):
                state = procfs.read_stat(pid)
                assert state is None or state.is_dead


async def test_a_program_that_keeps_failing_makes_a_service_unhealthy(tmp_path):
    healthy = tmp_path / "healthy"
    healthy.touch()
    check = Exec(["test", "-e", str(healthy)])
    liveness = Liveness([check], interval=0.02, threshold=2, restart=False)
    spec = ServiceSpec("a", ["sh", "-c", READY], readiness=Log("^ready$"), liveness=liveness)
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path / "root") as supervisor:
            await supervisor.start("a")
            async with supervisor.events() as events:
                healthy.unlink()
                async for event in events:
                    if "exit code 1" in event.cause.text:
                        break


# --- mount ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def point(tmp_path, can_mount_fuse):
    """A mount point, unmounted afterwards."""
    with point_in(tmp_path) as point:
        yield point


async def test_a_mount_makes_one_service_ready_and_another_start(tmp_path, point):
    gate = _gate(tmp_path / "gate")
    server = f'read line <{gate}; mkfifo {tmp_path}/in; exec "$0" "$1" "$2" <>{tmp_path}/in'
    specs = [
        ServiceSpec(
            "fuse",
            ["sh", "-c", server, sys.executable, str(SERVER), str(point)],
            readiness=Mount(str(point)),
            provides=[str(point)],
        ),
        ServiceSpec("user", ["sh", "-c", READY], waits=[Mount(str(point))], readiness=Log("^ready$")),
    ]
    with trio.fail_after(30):
        async with open_supervisor(specs, root=tmp_path / "root") as supervisor:
            recorder = EventRecorder(supervisor)
            await supervisor.boot()
            await _waiting_for(supervisor, "user", "is not mounted")
            await _open_gate(gate)
            await supervisor.wait_ready("user")
            await supervisor.wait_ready("fuse")
            assert _proofs(recorder, "fuse") == ["is mounted (fuse)"]


async def test_all_sorts_of_checks_of_health_live_together(tmp_path):
    port = _free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    checks = [Tcp(port), Url(f"http://127.0.0.1:{port}/"), Mount("/proc"), Exec("true")]
    spec = ServiceSpec(
        "a",
        command,
        readiness=Url(f"http://127.0.0.1:{port}/"),
        liveness=Liveness(checks, interval=0.01),
        cwd=str(tmp_path),
    )
    with trio.fail_after(30):
        async with open_supervisor([spec], root=tmp_path / "root") as supervisor:
            await supervisor.start("a")
            log = Path(supervisor.log_path("a"))
            while log.read_text().count("GET / ") < 20:  # no event tells of it
                await trio.sleep(0.01)
            assert supervisor.status("a").phase == "ready"
            assert supervisor.status("a").generation == 1
