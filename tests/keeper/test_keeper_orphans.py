"""The supervisor is killed: the keeper goes on alone, or ends what is orphaned."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from dumb_actors.keeper.killing import Tree, _Ending, end_trees
from dumb_actors.process import procfs
from tests.keeper.keeper_support import LIMIT, Supervised, ended, is_alive, run_dir

# Makes a session of its own, in a grandchild that nobody waits for; $1 is a FIFO for the pids.
DAEMON = """
import os, sys
fifo, keeps_output, keeps_marker, forks = sys.argv[1], *map(int, sys.argv[2:5])
if forks and os.fork():
    os._exit(0)
os.setsid()
if forks and os.fork():
    os._exit(0)
if not keeps_output:
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 1), os.dup2(null, 2)
environment = dict(os.environ) if keeps_marker else {}
wait = "import os, sys; os.write(os.open(sys.argv[1], os.O_WRONLY), b'%d\\\\n' % os.getpid()); os.read(0, 1)"
hanging, _ = os.pipe()
os.dup2(hanging, 0)
os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", wait.replace("os.read(0, 1)", "__import__('signal').pause()"), fifo], environment)
"""  # noqa: E501

WAIT = "read line < $1/go"


class Pids:
    """A FIFO through which processes tell their pids."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.rest = b""

    async def next(self) -> int:
        while b"\n" not in self.rest:
            await trio.lowlevel.wait_readable(self.fd)
            self.rest += os.read(self.fd, 4096)
        line, _, self.rest = self.rest.partition(b"\n")
        return int(line)


@pytest.fixture
def pids(tmp_path: Path, leaves_no_process: None) -> Iterator[Pids]:
    pids = Pids(tmp_path / "pids")
    yield pids
    os.close(pids.fd)


@pytest.fixture
def stranger(tmp_path: Path, leaves_no_process: None) -> Iterator[int]:
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None
    (tmp_path / "stranger").write_text(str(process.pid))
    yield process.pid
    process.stdin.close()
    assert process.wait() == 0


async def go(root: Path, name: str = "go") -> None:
    """Let a child go on that waits for this name."""
    await trio.to_thread.run_sync((root / name).write_text, "go\n")


async def test_adopt_moves_on_without_limit_and_leaves_when_the_child_has(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    os.mkfifo(tmp_path / "go2")
    with trio.fail_after(LIMIT):
        supervised = await Supervised.start(tmp_path, "adopt", f"echo before; {WAIT}; seq 500000; {WAIT}2; echo end")
        await supervised.kill()
        await go(tmp_path)
        # There is more than any pipe holds: the child gets here only when it was moved.
        await go(tmp_path, "go2")
        await ended(supervised.said["keeper"])
    lines = (tmp_path / "s0.log").read_bytes()
    assert len(lines) > 3_000_000
    assert lines == b"before\n" + b"".join(b"%d\n" % number for number in range(1, 500_001)) + b"end\n"
    assert list((tmp_path / "run/out").iterdir()) == []
    assert [path.name for path in (tmp_path / "run").iterdir() if path.is_file()] == ["keeper.log"]
    assert (tmp_path / "run/keeper.log").read_text() == ""


async def test_adopt_waits_for_the_last_of_a_service_not_for_its_leader(tmp_path: Path, pids: Pids) -> None:
    os.mkfifo(tmp_path / "go")
    with trio.fail_after(LIMIT):
        daemon = f"( {WAIT}; echo late ) & echo $$ > $1/pids"
        supervised = await Supervised.start(tmp_path, "adopt", daemon, "echo other")
        await ended(await pids.next())
        await supervised.kill()
        await go(tmp_path)
        await ended(supervised.said["keeper"])
    assert (tmp_path / "s0.log").read_bytes() == b"late\n"
    assert (tmp_path / "s1.log").read_bytes() == b"other\n"


@pytest.mark.parametrize("how", ["early", "lonely"])
async def test_one_that_is_orphaned_before_it_is_at_work_does_what_it_was_told(tmp_path: Path, how: str) -> None:
    with trio.fail_after(LIMIT):
        supervised = await Supervised.start(tmp_path, "adopt", "echo all of it", how=how)
        assert supervised.said == {}
        assert await supervised.end() == -signal.SIGKILL
    # That the keeper ends is what the fixture checks; here is nothing to wait for but its end.
    for pid in [pid for pid in procfs.all_pids() if str(tmp_path) in procfs.command_of(pid)]:
        await ended(pid)
    assert list((tmp_path / "run/out").iterdir()) == []
    assert (tmp_path / "s0.log").read_bytes() == (b"all of it\n" if how == "early" else b"")


async def test_stay_overrules_stop(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    with trio.fail_after(LIMIT):
        supervised = await Supervised.start(tmp_path, "stop", f"{WAIT}; echo survived", how="stay")
        assert await supervised.end() == 0
        assert is_alive(supervised.said["children"][0])
        await go(tmp_path)
        await ended(supervised.said["keeper"])
    assert (tmp_path / "s0.log").read_bytes() == b"survived\n"
    assert list((tmp_path / "run/out").iterdir()) == []


async def test_stop_ends_whole_trees_and_no_stranger(tmp_path: Path, pids: Pids, stranger: int) -> None:
    os.mkfifo(tmp_path / "go")
    program = tmp_path / "daemon.py"
    program.write_text(DAEMON)
    python = f"{sys.executable} -I -S {program} $1/pids"
    tree = f"""
        {python} 1 0 1       # slipped away with the output, the environment wiped
        {python} 0 1 1       # slipped away with the marker only
        {python} 0 0 0 &     # a session of its own, neither output nor marker, and still a child
        (trap '' TERM HUP; echo $(sh -c 'echo $PPID') > $1/pids; {WAIT}) &
        echo last words
        {WAIT}
    """
    with trio.fail_after(LIMIT):
        supervised = await Supervised.start(tmp_path, "stop", tree, f"sleep 1000 & {WAIT}", how="forge")
        members = [*supervised.said["children"], *[await pids.next() for _ in range(4)]]
        assert [pid for pid in members if not is_alive(pid)] == []
        await supervised.kill()
        await ended(supervised.said["keeper"])
        assert [procfs.command_of(pid) for pid in members if is_alive(pid)] == []
        assert is_alive(stranger)
    assert (tmp_path / "s0.log").read_bytes() == b"last words\n"
    assert list((tmp_path / "run/out").iterdir()) == []
    assert not (tmp_path / "run/keeper.json").exists()
    assert (tmp_path / "run/keeper.log").read_text() == ""


async def test_a_forged_leader_is_not_signalled_but_its_tree_is_found(tmp_path: Path, stranger: int) -> None:
    os.mkfifo(tmp_path / "go")
    with trio.fail_after(LIMIT):
        supervised = await Supervised.start(tmp_path, "stop", WAIT, how="forge")
        await supervised.kill()
        await ended(supervised.said["keeper"])
        assert not is_alive(supervised.said["children"][0])
        assert is_alive(stranger)


FOLLOWER = """
import json, os, sys
from dumb_actors.keeper.identity import ourselves
root = sys.argv[1]
with open(f"{root}/run/supervisor.json", "w") as file:
    json.dump(ourselves()._asdict(), file)
os.open(f"{root}/run/out/s0.1", os.O_RDWR)
os.write(1, b"!")
os.read(0, 1)
"""


async def test_the_supervisor_that_follows_is_spared_while_it_opens_the_fifos(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    with trio.fail_after(LIMIT):
        supervised = await Supervised.start(tmp_path, "stop", WAIT)
        follower = await trio.lowlevel.open_process(
            [sys.executable, "-c", FOLLOWER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert follower.stdout is not None
        assert follower.stdin is not None
        assert await follower.stdout.receive_some() == b"!"
        await supervised.kill()
        await ended(supervised.said["children"][0])
        await ended(supervised.said["keeper"])
        await follower.stdin.aclose()
        assert await follower.wait() == 0
        await follower.stdout.aclose()


def test_who_holds_the_fifo_and_is_nobody_s_supervisor_is_ended(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    fd = os.open(fifo, os.O_RDWR)
    holder = subprocess.Popen(["sh", "-c", "read line"], stdin=fd, start_new_session=True)
    os.close(fd)
    (tmp_path / "supervisor.json").write_text(
        json.dumps({"pid": holder.pid, "start_ticks": 1, "boot_id": procfs.boot_id()})
    )
    said: list[str] = []
    assert end_trees([Tree(str(fifo))], str(tmp_path), said.append) == []
    assert holder.wait() == -signal.SIGKILL
    assert said == []


async def test_who_was_a_child_of_a_leader_is_known_after_its_end(tmp_path: Path, pids: Pids) -> None:
    program = tmp_path / "daemon.py"
    program.write_text(DAEMON)
    script = f"{sys.executable} -I -S {program} $1 0 0 0 & read line"
    leader = subprocess.Popen(["sh", "-c", script, "sh", pids.path], stdin=subprocess.PIPE, start_new_session=True)
    stat = procfs.read_stat(leader.pid)
    assert leader.stdin is not None
    assert stat is not None
    with trio.fail_after(LIMIT):
        daemon = await pids.next()
        ending = _Ending((Tree(f"{tmp_path}/fifo", leader.pid, stat.start_ticks, "marker"),), str(tmp_path))
        ending.strike()
        assert leader.wait() == -signal.SIGKILL
        assert is_alive(daemon)
        ending.look(time.monotonic() + LIMIT)
        await ended(daemon)
        assert ending.left() == []
    leader.stdin.close()


def test_a_control_group_is_ended_by_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "cgroup.kill").write_bytes(b"")
    end_trees([Tree(str(tmp_path / "fifo"), cgroup=str(tmp_path))], str(tmp_path), print)
    assert (tmp_path / "cgroup.kill").read_bytes() == b"1"


async def test_a_supervisor_of_this_process_is_no_reason_to_wait(tmp_path: Path) -> None:
    """A keeper without a stream has nothing to do alone."""
    with trio.fail_after(LIMIT):
        supervised = await Supervised.start(tmp_path, "adopt")
        await supervised.kill()
        await ended(supervised.said["keeper"])
    assert [path.name for path in Path(run_dir(tmp_path)).iterdir() if path.is_file()] == ["keeper.log"]
