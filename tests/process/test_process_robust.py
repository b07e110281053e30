"""What services do to their supervisors: odd programs, daemons, storms of forks; and control groups."""

# ruff: noqa: ASYNC222  # a test may wait for processes of its own in the loop

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import trio
from orphans import Orphans
from process_support import Place, Words, ended, is_alive

from dumb_actors.errors import SpawnFailed
from dumb_actors.model.child import Exit
from dumb_actors.model.spec import StopStep
from dumb_actors.process import process_child, procfs
from dumb_actors.process.child import start_child
from dumb_actors.process.lineage import descendants_of, reap
from dumb_actors.process.records import Records
from dumb_actors.process.survivors import Survivor, resolve

TERM = (StopStep(signal="SIGTERM", wait=3600),)
HOLD = "sh -c 'echo $$ > $1; sleep 1000; true' x $1"


def _program(place: Place, content: bytes) -> str:
    path = Path(place.directory, "program")
    path.write_bytes(content)
    path.chmod(0o700)
    return str(path)


# --- programs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argv0", ["./program", "{path}", "program"])
async def test_script_without_a_first_line_for_the_system_is_told_in_words(place: Place, argv0: str) -> None:
    path = _program(place, b"echo hello\n")
    launch = place.launch(argv0.format(path=path), PATH=place.directory)
    with trio.fail_after(10), pytest.raises(SpawnFailed, match="it has no '#!' line") as caught:
        await place.spawn(launch)
    assert caught.value.errno == errno.ENOEXEC


async def test_program_for_another_machine_is_not_called_a_script(place: Place) -> None:
    _program(place, b"\x7fELF\0\0\0")
    with trio.fail_after(10), pytest.raises(SpawnFailed, match="no program for this machine") as caught:
        await place.spawn(place.launch("./program"))
    assert caught.value.errno == errno.ENOEXEC
    assert "#!" not in str(caught.value)


async def test_program_that_is_being_written_is_told_and_leaves_nothing(place: Place) -> None:
    path = _program(place, Path("/bin/sleep").read_bytes())
    with trio.fail_after(10), open(path, "ab"), pytest.raises(SpawnFailed) as caught:  # noqa: PTH123
        await place.spawn(place.launch(path, "1"))
    assert caught.value.errno == errno.ETXTBSY


async def test_program_that_was_looked_up_is_not_searched_again(place: Place, words: Words) -> None:
    """And sees the name that it was called by."""
    launch = place.launch("no-such-name", "-c", 'echo "$0" > words; cat /proc/$$/cmdline > words', PATH="/nowhere")
    with trio.fail_after(10):
        child = await place.spawn(launch, executable="/bin/sh")
        assert await words.word() == "no-such-name"
        await child.wait()
        await child.finish()
        child = await place.spawn(attrs.evolve(launch, executable="/bin/sh"))
        assert await words.word() != ""
        await child.wait()
        await child.finish()


async def test_standard_error_may_go_elsewhere(place: Place) -> None:
    ends = [os.pipe(), os.pipe()]
    for reading, _ in ends:
        os.set_blocking(reading, False)
    launch = place.launch("sh", "-c", "echo out; echo err >&2")
    try:
        with trio.fail_after(10):
            leader = await place.spawner.run(start_child, launch, ends[0][1], None, None, ends[1][1])
            await leader.wait()
            await leader.reap()
            leader.close()
        assert [os.read(reading, 100) for reading, _ in ends] == [b"out\n", b"err\n"]
    finally:
        for pair in ends:
            for descriptor in pair:
                os.close(descriptor)


# --- stops and storms -------------------------------------------------------------------------------------------------


async def test_process_that_was_halted_gets_the_stop_signal_all_the_same(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell("trap 'exit 4' TERM; sleep 1000 & echo up > $1; wait", words.path)
        await words.word()
        os.kill(child.pid, signal.SIGSTOP)
        while procfs.read_stat(child.pid).state != "T":  # type: ignore[union-attr]
            await trio.lowlevel.checkpoint()
        await child.terminate(TERM)
        assert (await child.finish()).exit == Exit(code=4)


async def test_step_that_halts_is_not_undone(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell("echo up > $1; exec sleep 1000", words.path)
        await words.word()
        await child.terminate((StopStep(signal="SIGSTOP", wait=0),))
        while procfs.read_stat(child.pid).state != "T":  # type: ignore[union-attr]
            await trio.lowlevel.checkpoint()
        assert (await child.finish()).exit == Exit(signal="SIGKILL")


async def test_end_of_a_daemons_leader_is_seen_while_the_daemon_lives(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell(f"(setsid {HOLD} > /dev/null 2>&1 &); exit 0", words.path)
        daemon = await words.number()
        assert await child.wait() == Exit(code=0)
        assert is_alive(daemon)
        await child.terminate(TERM)  # a service that is stopped is asked to, whatever its leader did
        await child.finish()
        assert not is_alive(daemon)


STORM = (
    "import os, time\n"
    "for _ in range(200):\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        os.fork()\n"
    "        os.write(1, b'x\\n')\n"
    "        time.sleep(1000)\n"
    "time.sleep(1000)\n"
)
"""Two hundred sessions of two processes each."""


@pytest.mark.parametrize("how", ["stop", "crash"])
@pytest.mark.parametrize("when", [1, 400])
@pytest.mark.usefixtures("as_subreaper")
async def test_storm_of_forks_is_ended(place: Place, words: Words, how: str, when: int) -> None:
    """In the middle of it, too."""
    before = set(procfs.main_thread_children())
    descriptor = os.open(words.path, os.O_RDWR)
    try:
        with trio.fail_after(60):
            launch = place.launch(sys.executable, "-I", "-S", "-c", STORM)
            child = await place.spawn(launch, subreaper=True, output_fd=descriptor)
            for _ in range(when):
                await words.word()
            if how == "stop":
                await child.terminate(TERM)
            else:
                os.kill(child.pid, signal.SIGKILL)
                await child.wait()
            ending = await child.finish()
    finally:
        os.close(descriptor)
    assert ending.tree_empty
    assert [pid for pid in procfs.all_pids() if procfs.has_marker(pid, launch.marker)] == []
    # Who was killed with the group in the very moment of leaving it died in a session of its own, unseen.
    for pid in set(procfs.main_thread_children()) - before:
        await ended(pid)
        reap(pid)


async def test_storm_of_forks_is_ended_by_a_stop_without_the_sub_reaper(place: Place, words: Words) -> None:
    descriptor = os.open(words.path, os.O_RDWR)
    try:
        with trio.fail_after(60):
            launch = place.launch(sys.executable, "-I", "-S", "-c", STORM)
            child = await place.spawn(launch, output_fd=descriptor)
            for _ in range(400):
                await words.word()
            await child.terminate(TERM)
            await child.finish()
    finally:
        os.close(descriptor)
    assert [pid for pid in procfs.all_pids() if procfs.has_marker(pid, launch.marker)] == []


async def test_daemon_without_its_environment_is_found_by_a_stop_without_the_sub_reaper(
    place: Place, words: Words, orphans: Orphans
) -> None:
    with trio.fail_after(10):
        child = await place.shell(
            f"(setsid env -i {HOLD} &); exec sleep 1000", words.path, output_fd=orphans.fifo_fd, fifo=orphans.fifo
        )
        daemon = await words.number()
        orphans.note(daemon)
        assert procfs.marker_of(daemon) is None
        await child.terminate(TERM)
        ending = await child.finish()
    assert not is_alive(daemon)
    assert daemon in {swept.pid for swept in ending.swept}


@pytest.mark.usefixtures("as_subreaper")
@pytest.mark.parametrize("session", ["ours", "its own"])
async def test_what_the_program_forked_with_our_descriptors_is_not_swept(
    place: Place, orphans: Orphans, session: str
) -> None:
    """It has every FIFO of ours open, as a worker of `multiprocessing` has."""
    worker = os.fork()
    if worker == 0:
        if session == "its own":
            os.setsid()
        signal.pause()
        os._exit(0)
    try:
        with trio.fail_after(10):
            child = await place.shell("exec sleep 1000", subreaper=True, output_fd=orphans.fifo_fd, fifo=orphans.fifo)
            await child.terminate(TERM)
            ending = await child.finish()
            without = await place.shell("exec sleep 1000", output_fd=orphans.fifo_fd, fifo=orphans.fifo)
            await without.terminate(TERM)
            await without.finish()
        assert ending.swept == ()
        assert is_alive(worker)
    finally:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)


# --- control groups ---------------------------------------------------------------------------------------------------


@attrs.define(eq=False)
class Group:
    """A control group as far as a child sees it, made of plain processes."""

    path: str
    members: set[int] = attrs.field(factory=set)
    kills: int = 0
    is_refused: bool = False
    is_stuck: bool = False

    def kill(self) -> None:
        self.kills += 1
        if self.is_refused:
            raise PermissionError(errno.EACCES, "refused")
        for member in self.members if not self.is_stuck else ():
            for pid in [member, *(below.pid for below in descendants_of(member))]:
                os.kill(pid, signal.SIGKILL)

    def is_empty(self) -> bool:
        return not any(is_alive(pid) for pid in self.members)

    async def wait_empty(self) -> None:
        if self.is_stuck:
            await trio.sleep_forever()
        for pid in self.members:
            await ended(pid)


@pytest.fixture
def group(place: Place) -> Group:
    return Group(place.directory)


async def _with_daemon(place: Place, words: Words, group: Group) -> tuple[process_child.ProcessChild, int]:
    """A daemon that nothing but the control group leads to."""
    child = await place.shell(f"(setsid env -i {HOLD} &); exec sleep 1000", words.path, cgroup=group)
    daemon = await words.number()
    group.members.add(daemon)
    return child, daemon


@pytest.mark.parametrize("how", ["stop", "crash"])
async def test_control_group_ends_everybody_without_a_walk(
    place: Place, words: Words, group: Group, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    with trio.fail_after(10):
        child, daemon = await _with_daemon(place, words, group)
        monkeypatch.delattr(procfs, "all_pids")
        if how == "stop":
            await child.terminate(TERM)
        else:
            os.kill(child.pid, signal.SIGKILL)
            await child.wait()
        assert group.kills == 0
        ending = await child.finish()
    assert not is_alive(daemon)
    assert (ending.tree_proof, ending.tree_empty, ending.left) == ("cgroup", True, ())


async def test_who_does_not_leave_the_control_group_is_named(
    place: Place, words: Words, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_child, "CGROUP_TIMEOUT_S", 0.01)
    group.is_stuck = True
    with trio.fail_after(10):
        child, daemon = await _with_daemon(place, words, group)
        Path(group.path, "cgroup.procs").write_text(f"{daemon}\n0\n")
        try:
            ending = await child.finish()
        finally:
            for pid in (daemon, *procfs.children_of(daemon)):
                os.kill(pid, signal.SIGKILL)
    assert (ending.tree_proof, ending.tree_empty) == ("cgroup", False)
    assert [left.pid for left in ending.left] == [daemon]


async def test_control_group_that_cannot_be_killed_leaves_the_other_means(
    place: Place, words: Words, group: Group, caplog: pytest.LogCaptureFixture
) -> None:
    group.is_refused = True
    with trio.fail_after(10):
        child = await place.shell(f"(setsid {HOLD} &); exec sleep 1000", words.path, cgroup=group)
        daemon = await words.number()
        await child.terminate(TERM)
        ending = await child.finish()
    assert not is_alive(daemon)
    assert ending.tree_proof == "best_effort"
    assert "cgroup.not_killed" in caplog.messages


# --- a supervisor that is killed --------------------------------------------------------------------------------------

SUPERVISOR = """
import os, sys
from dumb_actors.model.child import Launch
from dumb_actors.process import procfs
from dumb_actors.process.child import start_child
from dumb_actors.process.lineage import descendants_of, reap
from dumb_actors.process.child import start_child
from dumb_actors.process.lineage import descendants_of, reap
from dumb_actors.process.records import Records
directory, fifo, words, marker, last = sys.argv[1:]
records = Records(directory, run_id="first")
script = f"echo $$ > {words}; exec sleep 1000"
launch = Launch(service="web", slug="web", generation=records.next_generation("web"), argv=("sh", "-c", script),
                cwd="/", env={"PATH": os.environ["PATH"]}, marker=marker, log_path=None)
descriptor = os.open(fifo, os.O_RDWR)
records.write_intent(launch, fifo)
leader = start_child(launch, descriptor, None)
if last != "intent":
    records.write_pid(launch, leader.pid, leader.start_ticks, procfs.boot_id())
if last == "ready":
    records.write_ready(launch)
os.write(1, b"x")
os.read(0, 1)
"""


@pytest.mark.parametrize("last", ["intent", "pid", "ready"])
async def test_child_of_a_supervisor_that_is_killed_is_found_by_the_next(
    orphans: Orphans, words: Words, tmp_path: Path, last: str
) -> None:
    directory = str(tmp_path / "records")
    arguments = [sys.executable, "-c", SUPERVISOR, directory, orphans.fifo, words.path, orphans.marker, last]
    with trio.fail_after(30):
        killed = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        orphans.parents.append(killed)
        pid = await words.number()
        identity = orphans.note(pid)
        assert killed.stdout is not None
        assert await trio.to_thread.run_sync(killed.stdout.read, 1) == b"x"
        killed.kill()
        killed.communicate()
        records = Records(directory, run_id="second")
        (survivor,) = await resolve(records.load(), procfs.boot_id())
    assert isinstance(survivor, Survivor)
    os.close(survivor.pidfd)
    assert (survivor.pid, survivor.start_ticks) == identity
    assert survivor.record.ready == (last == "ready")
    records.adopt(survivor.record)
    (record,) = Records(directory).load()
    assert (record.state, record.pid, record.start_ticks) == ("running", *identity)
    assert (record.generation, record.run_id) == (1, "second")
    assert records.next_generation("web") == 2
