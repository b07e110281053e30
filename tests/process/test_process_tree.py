"""With the sub-reaper on: whoever left the group is found, killed and reaped, and nobody else."""

# a test may touch local files and processes of its own in the loop

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trio
from process_support import Place, Words, ended, is_alive

from dumb_actors.model.child import Ending, Exit
from dumb_actors.model.spec import StopStep
from dumb_actors.process import procfs, subreaper
from dumb_actors.process.child import OwnChild
from dumb_actors.process.lineage import Family, Lineage, reap

pytestmark = pytest.mark.usefixtures("as_subreaper")

TERM = (StopStep(signal="SIGTERM", wait=3600),)

HOLD = "sh -c 'echo $$ > $1; sleep 1000; true' x $1"
"""Tells its pid, and holds on; no exec follows, for in the middle of one a process shows no environment."""

DAEMON = f"(setsid {HOLD} &)"
"""Forks twice and begins a session of its own."""

WIPED = f"(setsid env -i {HOLD} &)"
"""The same without any environment."""


async def _crash(child: OwnChild) -> Ending:
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()
    return await child.finish()


def _pids(ending: Ending) -> set[int]:
    return {swept.pid for swept in ending.swept}


@attrs.define
class Fifo:
    path: str
    descriptor: int


@pytest.fixture
def fifo(leaves_nothing: None, tmp_path: Path) -> Iterator[Fifo]:
    path = tmp_path.resolve() / "output"
    os.mkfifo(path)
    fifo = Fifo(str(path), os.open(path, os.O_RDWR))
    yield fifo
    os.close(fifo.descriptor)


@pytest.fixture
def keeper(fifo: Fifo) -> Iterator[int]:
    """A child of ours that holds the FIFO and must live on."""
    popen = subprocess.Popen(["sleep", "1000"], stdout=fifo.descriptor)
    yield popen.pid
    assert popen.poll() is None
    popen.kill()
    popen.wait()


async def test_daemon_is_swept_after_a_crash(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell(f"{DAEMON}; sleep 1000; true", words.path, subreaper=True)
        daemon = await words.number()
        ending = await _crash(child)
    assert procfs.read_stat(daemon) is None
    (swept,) = [one for one in ending.swept if one.pid == daemon]
    assert (swept.pid, swept.command) == (daemon, f"sh -c echo $$ > $1; sleep 1000; true x {words.path}")
    assert (ending.tree_empty, ending.tree_proof, ending.left) == (True, "subreaper", ())


async def test_setsid_grandchild_is_swept_after_a_stop(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell(f"setsid {HOLD} & wait", words.path, subreaper=True)
        grandchild = await words.number()
        await child.terminate(TERM)
        assert is_alive(grandchild)
        ending = await child.finish()
    assert procfs.read_stat(grandchild) is None
    assert ending.exit == Exit(signal="SIGTERM")
    assert grandchild in _pids(ending)


async def test_group_members_are_killed_and_reaped_and_are_not_called_swept(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell('sleep 1000 & sleep 1000 & echo $! > "$1"; wait', words.path, subreaper=True)
        member = await words.number()
        ending = await _crash(child)
    assert procfs.read_stat(member) is None
    assert ending.swept == ()
    assert ending.tree_empty


async def test_daemon_that_wiped_its_environment_is_found_by_the_fifo(
    place: Place, words: Words, fifo: Fifo, keeper: int
) -> None:
    place.lineage.own.add(keeper)
    options = {"subreaper": True, "output_fd": fifo.descriptor, "fifo": fifo.path}
    with trio.fail_after(10):
        child = await place.shell(f"{WIPED}; sleep 1000; true", words.path, **options)
        daemon = await words.number()
        assert procfs.marker_of(daemon) is None
        ending = await _crash(child)
    assert procfs.read_stat(daemon) is None
    assert daemon in _pids(ending)
    assert keeper not in _pids(ending)


async def test_daemon_without_any_sign_is_found_by_what_a_stop_saw(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        child = await place.shell(f"setsid env -i {HOLD} & wait", words.path, subreaper=True)
        daemon = await words.number()
        await child.terminate(TERM)
        ending = await child.finish()
    assert procfs.read_stat(daemon) is None
    assert daemon in _pids(ending)


async def test_descendants_of_the_swept_are_swept(place: Place, words: Words) -> None:
    """Only the outer daemon bears the marker; the inner one is found below it."""
    Path(place.directory, "outer.sh").write_text(f"setsid env -i {HOLD} & echo $$ > $1; wait")
    with trio.fail_after(10):
        child = await place.shell("(setsid sh outer.sh $1 &); sleep 1000; true", words.path, subreaper=True)
        daemons = {await words.number(), await words.number()}
        ending = await _crash(child)
    assert daemons <= _pids(ending)
    assert [pid for pid in daemons if procfs.read_stat(pid) is not None] == []


async def test_runaway_that_forks_on_and_on_is_caught(place: Place, words: Words) -> None:
    script = Path(place.directory, "chain.sh")
    script.write_text("[ -e stop ] && exit\necho up > words\nsetsid sh chain.sh &\n")
    try:
        with trio.fail_after(20):
            child = await place.shell("setsid sh chain.sh & sleep 1000; true", subreaper=True)
            for _ in range(5):
                await words.word()
            ending = await _crash(child)
        assert ending.tree_empty
        assert not [pid for pid in procfs.all_pids() if procfs.has_marker(pid, child._launch.marker)]
    finally:
        Path(place.directory, "stop").touch()
        # Those of the chain that ended by themselves, unseen, each in a session of its own, are nobody's by proof.
        subreaper.reap_foreign(place.lineage, alone=True)


async def test_command_step_leaves_no_orphan(place: Place, words: Words) -> None:
    """The command waits for its daemon: what is still in the command's group when it ends is killed with it."""
    command = ("sh", "-c", f"mkfifo gate; {DAEMON}; read -r x < gate", "sh", words.path)
    endings: list[Ending] = []

    async def stop(child: OwnChild) -> None:
        await child.terminate((StopStep(command=command, wait=5), StopStep(signal="SIGTERM", wait=5)))
        endings.append(await child.finish())

    with trio.fail_after(20):
        child = await place.shell("exec sleep 1000", subreaper=True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop, child)
            orphan = await words.number()
            os.kill(child.pid, signal.SIGTERM)
            Path(place.directory, "gate").write_text("go\n")
    assert procfs.read_stat(orphan) is None
    assert orphan in _pids(endings[0])


async def test_sweep_of_one_leaves_the_other_alone(place: Place, words: Words) -> None:
    with trio.fail_after(10):
        first = await place.shell(f"{DAEMON}; sleep 1000; true", words.path, subreaper=True)
        first_daemon = await words.number()
        second = await place.shell(f"{DAEMON}; sleep 1000; true", words.path, subreaper=True)
        second_daemon = await words.number()
        await first.terminate(TERM)
        assert first_daemon in _pids(await first.finish())
        assert is_alive(second_daemon)
        assert is_alive(second.pid)
        await second.terminate(TERM)
        assert second_daemon in _pids(await second.finish())


# --- reaping without stealing -----------------------------------------------------------------------------------------


async def test_exit_codes_of_the_embedding_program_are_not_stolen(place: Place, words: Words) -> None:
    """Its children are zombies beside ours while everything of ours that reaps is at work."""
    with trio.fail_after(30):
        theirs = [
            subprocess.Popen(["sh", "-c", "exit 7"], start_new_session=new) for new in (False, True) for _ in range(5)
        ]
        codes: list[int] = []

        async def run_process() -> None:
            codes.append((await trio.run_process(["sh", "-c", "exit 8"], check=False)).returncode)

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(run_process)
                child = await place.shell(f"{DAEMON}; sleep 1000; true", words.path, subreaper=True)
                await words.word()
                subreaper.reap_foreign(place.lineage)
                await _crash(child)
        for popen in theirs:
            await ended(popen.pid)
        assert subreaper.reap_foreign(place.lineage) == []
        assert [popen.wait() for popen in theirs] == [7] * 10
    assert codes == [8] * 10


async def test_leader_that_was_not_waited_for_is_not_reaped(place: Place) -> None:
    with trio.fail_after(10):
        child = await place.shell("exit 5", subreaper=True)
        await ended(child.pid)
        assert subreaper.reap_foreign(place.lineage, alone=True) == []
        assert await child.wait() == Exit(code=5)
        await child.finish()


async def test_orphan_of_the_session_is_reaped_while_its_leader_runs(place: Place, words: Words) -> None:
    script = "mkfifo gate; (sh -c 'echo $$ > words; read -r x < gate' &); exec sleep 1000"
    with trio.fail_after(10):
        child = await place.shell(script, subreaper=True)
        orphan = await words.number()
        Path(place.directory, "gate").write_text("go\n")
        await ended(orphan)
        assert subreaper.reap_foreign(place.lineage) == [orphan]
        assert subreaper.reap_foreign(place.lineage) == []
        await child.finish()


SIMPLE_DAEMON = "(setsid sh -c 'mkfifo gate; echo $$ > $1; read -r x < gate' x $1 &)"
"""A daemon without children of its own."""


@pytest.mark.parametrize("seen", [True, False])
async def test_daemon_is_reaped_only_if_it_was_seen_alive_or_nobody_else_forks(
    place: Place, words: Words, *, seen: bool
) -> None:
    with trio.fail_after(10):
        child = await place.shell(f"{SIMPLE_DAEMON}; sleep 1000", words.path, subreaper=True)
        daemon = await words.number()
        while procfs.read_stat(daemon).ppid != os.getpid():  # type: ignore[union-attr]
            await trio.lowlevel.checkpoint()
        if seen:
            assert subreaper.reap_foreign(place.lineage) == []
        os.kill(daemon, signal.SIGKILL)
        await ended(daemon)
        assert subreaper.reap_foreign(place.lineage) == ([daemon] if seen else [])
        assert subreaper.reap_foreign(place.lineage, alone=True) == ([] if seen else [daemon])
        await child.finish()


async def test_daemon_with_a_wiped_environment_is_noted_by_its_fifo(place: Place, words: Words, fifo: Fifo) -> None:
    script = "(setsid env -i sh -c 'mkfifo gate; echo $$ > $1; read -r x < gate' x $1 &); exec sleep 1000"
    options = {"subreaper": True, "output_fd": fifo.descriptor, "fifo": fifo.path}
    with trio.fail_after(10):
        child = await place.shell(script, words.path, **options)
        daemon = await words.number()
        while procfs.read_stat(daemon).ppid != os.getpid():  # type: ignore[union-attr]
            await trio.lowlevel.checkpoint()
        assert subreaper.reap_foreign(place.lineage) == []
        os.kill(daemon, signal.SIGKILL)
        await ended(daemon)
        assert subreaper.reap_foreign(place.lineage) == [daemon]
        await child.finish()


@pytest.fixture
def stranger() -> Iterator[int]:
    popen = subprocess.Popen(["sh", "-c", "exit 9"], start_new_session=True)
    yield popen.pid
    assert popen.wait() == 9


async def test_reused_number_of_a_session_is_no_proof(stranger: int) -> None:
    """A program's child that begins a session, with a number that once was a session of ours."""
    await ended(stranger)
    lineage = Lineage()
    family = Family(leader=1, marker="m")
    family.sessions.add(stranger)
    lineage.add(family)
    assert subreaper.reap_foreign(lineage) == []


def test_enabling_and_disabling_is_told() -> None:
    assert subreaper.is_enabled()
    assert subreaper.disable()
    assert not subreaper.is_enabled()
    assert subreaper.enable()


def test_reaping_a_pid_that_is_no_child_does_nothing() -> None:
    assert not reap(1)


def test_importing_changes_nothing() -> None:
    code = "import dumb_actors.process.subreaper as s, sys; sys.exit(s.is_enabled())"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
