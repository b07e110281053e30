"""Trees of processes that are hard to end, under `up`: a stop, a crash of the leader and `down` each leave nothing."""

import json
import os
import select
import shlex
import signal
import sys
from contextlib import closing
from operator import itemgetter

import pytest

from dumb_actors.process import procfs
from tests.cli.program import end_pid, find_marked, service
from tests.faults.world import wait_for_end

BOMB = 200

# A daemon in the old manner: a session of its own, and no parent. It tells its pid (10 bytes) through the FIFO in its
# first argument and goes on with its environment `wiped`, its output and all else `closed`, or both.
DAEMON = """
import os, sys
told = os.open(sys.argv[1], os.O_WRONLY)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(told, b"%9d\\n" % os.getpid())
        if "closed" in sys.argv:
            os.closerange(0, 1000)
        os.execve("/bin/sleep", ["sleep", "1000"], {} if "wiped" in sys.argv else dict(os.environ))
    os._exit(0)
os.wait()
"""

# What says that the service is ready is the last one of its tree that is in place.
HALTED = "sleep 1000 & kill -STOP $!; setsid sh -c 'echo up; kill -STOP $$; sleep 1000; true' &"
DEAF = """
trap '' TERM HUP
sleep 1000 &
setsid sh -c "setsid sh -c 'echo up; sleep 1000; true' & sleep 1000; true" &
while :; do sleep 1000; done
"""


class Pids:
    """A FIFO through which processes tell their pids."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def next(self):
        assert select.select([self._fd], [], [], 20)[0], "nobody has told its pid"
        return int(os.read(self._fd, 10))

    def close(self):
        os.close(self._fd)


def daemon(pids, *how):
    """Give a script that begins a daemon; the daemon has told its pid when it is over."""
    return shlex.join([sys.executable, "-I", "-S", "-c", DAEMON, str(pids.path), *how])


class Stack:
    """Services, each with a tree of its own, that are all ready; and who follows their events."""

    def __init__(self, shell, pids, scripts):
        more = {"stop": [{"signal": "SIGTERM", "wait": 0.2}], "restart": "never"}
        self.shell = shell
        self.up = shell.up({name: service(name, script, **more) for name, script in scripts.items()})
        for name in scripts:
            self.up.read_until(f"{name} +ready")
        self.daemons = {pids.next() for script in scripts.values() if str(pids.path) in script}
        for pid in self.daemons:
            while procfs.command_of(pid) != "sleep 1000":  # that it has come to its exec is told to nobody
                select.select([], [], [], 0.01)
        self.events = shell.begin("events", "-f", "--json")
        self.leaders = {one["process_name"]: one["pid"] for one in shell.run("status", "--json").json["services"]}
        self.members = {pid for pid, command in find_marked(shell.mark) if "sleep" in command} | self.daemons

    def ended(self, name):
        """Give the detail of the event with which the first generation of a service has ended."""
        self.events.read_until(f'"kind": ?"exited", ?"service": ?"{name}"')
        found = [json.loads(line) for line in self.events.out]
        return next(one["detail"] for one in found if one["kind"] == "exited" and one["service"] == name)

    def end_by_stop(self):
        assert self.shell.run("stop", *self.leaders).code == 0

    def end_by_crash(self):
        for pid in self.leaders.values():
            os.kill(pid, signal.SIGKILL)

    def end_by_down(self):
        assert self.shell.run("down").code == 0
        assert self.up.wait().code == 0
        assert self.events.wait().code == 0

    def check_ended(self):
        """Everything of the first generations has ended, and the events have said so."""
        for name in self.leaders:
            detail = self.ended(name)
            assert detail["tree_empty"] is True, detail
            assert detail["tree_proof"] in {"cgroup", "subreaper"}, detail
        assert [procfs.command_of(pid) for pid in self.members if not wait_for_end(pid, 0)] == []

    def close(self):
        for pid in self.daemons:
            end_pid(pid)


ENDINGS = {"stop": Stack.end_by_stop, "crash": Stack.end_by_crash, "down": Stack.end_by_down}


@pytest.fixture
def pids(tmp_path):
    pids = Pids(tmp_path / "pids")
    yield pids
    pids.close()


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_nothing_is_left(shell, pids, end):
    scripts = {
        "bomb": f"i=0; while [ $i -lt {BOMB} ]; do sleep 1000 & i=$((i+1)); done; echo up; wait",
        "halted": f"{HALTED} exec sleep 1000",
        "deaf": DEAF,
        "wiped": f"{daemon(pids, 'wiped')}; echo up; exec sleep 1000",
        "closed": f"{daemon(pids, 'closed')}; echo up; exec sleep 1000",
    }
    with closing(Stack(shell, pids, scripts)) as stack:
        assert len(stack.daemons) == 2
        assert len(stack.members) > BOMB + 8
        os.kill(stack.leaders["halted"], signal.SIGSTOP)
        end(stack)
        stack.check_ended()
        swept = [one for name in ("wiped", "closed") for one in stack.ended(name)["swept"]]
        assert sorted(swept, key=itemgetter("pid")) == [
            {"pid": pid, "command": "sleep 1000"} for pid in sorted(stack.daemons)
        ]
        # The two sessions beside that of the leader, and the one.
        assert len(stack.ended("deaf")["swept"]) >= 2
        assert len(stack.ended("halted")["swept"]) >= 1
        if end is not Stack.end_by_down:
            stack.end_by_down()
    assert find_marked(shell.mark) == []


def test_a_daemon_that_shows_no_sign_makes_the_proof_a_best_effort(shell, pids):
    """Nothing proves whose it is, so it is left alone, and nobody says that all is proved to be gone."""
    scripts = {"both": f"{daemon(pids, 'wiped', 'closed')}; echo up; exec sleep 1000"}
    with closing(Stack(shell, pids, scripts)) as stack:
        stack.end_by_stop()
        expected = "cgroup" if not any(map(is_alive, stack.daemons)) else "best_effort"
        assert stack.ended("both")["tree_proof"] == expected
        stack.end_by_down()


def is_alive(pid):
    stat = procfs.read_stat(pid)
    return stat is not None and not stat.is_dead
