"""A leader that was taken over: its exit told as truly as can be, its tree ended, and strangers never touched."""

import errno
import fcntl
import os
import signal
import subprocess
import threading
from pathlib import Path

import attrs
import pytest
import trio
from orphans import HOLD, Orphans
from process_support import NoOutput, Place, Words, ended, is_alive

from dumb_actors.model.child import Exit
from dumb_actors.model.spec import StopStep
from dumb_actors.process import pidfd, procfs, subreaper
from dumb_actors.process.adopted import AdoptedLeader
from dumb_actors.process.child import ProcessChild, adopted_child
from dumb_actors.process.survivors import Survivor, resolve

TERM = (StopStep(signal="SIGTERM", wait=3600),)
GATE = 'mkfifo gate; echo up > "$1"; read -r word < gate'
"""Says that it waits, and waits."""

REAPED = 'wait; echo reaped > "$1"; read -r word < never'
NEVER_REAPED = "exec sleep 1000"


@attrs.define
class Adopter:
    """Takes leaders over as a second supervisor does."""

    orphans: Orphans
    place: Place

    async def child(self, identity: tuple[int, int], **options: object) -> ProcessChild:
        record = self.orphans.record(pid=identity[0], start_ticks=identity[1])
        (survivor,) = await resolve([record], procfs.boot_id())
        assert isinstance(survivor, Survivor)
        settings = {"output": NoOutput(), "subreaper": False, "fifo": record.fifo} | options
        launch = attrs.evolve(survivor.record.to_launch({"PATH": os.environ["PATH"]}), cwd=self.place.directory)
        return adopted_child(
            survivor.take(),
            launch,
            spawner=self.place.spawner,
            lineage=self.place.lineage,
            **settings,  # type: ignore[arg-type]
        )


@pytest.fixture
def adopter(orphans: Orphans, place: Place) -> Adopter:
    os.mkfifo(Path(place.directory, "never"))
    return Adopter(orphans, place)


@pytest.fixture
def old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel before 6.9: it knows neither the ioctl of a pidfd nor how to signal a group through one."""
    send = signal.pidfd_send_signal

    def plain_send(descriptor: int, number: int, info: None = None, flags: int = 0) -> None:
        if flags:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        send(descriptor, number)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))

    monkeypatch.setattr(signal, "pidfd_send_signal", plain_send)
    monkeypatch.setattr(fcntl, "ioctl", refuse)


def _open_gate(place: Place, word: str = "go") -> None:
    Path(place.directory, "gate").write_text(f"{word}\n")


# --- exits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 7", Exit(code=7)),
        ("exit 0", Exit(code=0)),
        ("kill -TERM $$", Exit(signal="SIGTERM")),
        ("kill -36 $$", Exit(signal="SIGRTMIN+2")),
    ],
)
@pytest.mark.parametrize("kept", [REAPED, NEVER_REAPED, None])
async def test_exit_is_told_whatever_its_parent_does(
    adopter: Adopter, words: Words, script: str, expected: Exit, kept: str | None
) -> None:
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(f"{GATE}; {script}", kept=kept)
        assert await words.word() == "up"
        child = await adopter.child(identity)
        _open_gate(adopter.place)
        if kept == REAPED:
            assert await words.word() == "reaped"
            if _knows_no_exits():
                expected = Exit()
        assert await child.wait() == expected
        ending = await child.finish()
    assert ending.exit == expected
    assert (ending.tree_empty, ending.tree_proof, ending.swept) == (True, "best_effort", ())
    assert adopter.place.lineage.own == set()


def _knows_no_exits() -> bool:
    """Tell whether this kernel is older than 6.15."""
    return tuple(int(word) for word in os.uname().release.split(".")[:2]) < (6, 15)


@pytest.mark.usefixtures("old_kernel")
@pytest.mark.parametrize("kept", [REAPED, NEVER_REAPED])
async def test_old_kernel_tells_the_exit_only_before_it_is_reaped(adopter: Adopter, words: Words, kept: str) -> None:
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(f"{GATE}; exit 7", kept=kept)
        await words.word()
        child = await adopter.child(identity)
        _open_gate(adopter.place)
        if kept == REAPED:
            await words.word()
        assert await child.wait() == (Exit() if kept == REAPED else Exit(code=7))
        await child.finish()


@pytest.mark.parametrize("status", [0, 7 << 8])
async def test_zero_that_we_may_not_know_is_not_taken_for_success(
    adopter: Adopter, words: Words, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel shows a zero to whom it does not show the status."""
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(f"{GATE}; exit {status >> 8}", kept=NEVER_REAPED)
        await words.word()
        child = await adopter.child(identity)

        def refuse(path: str) -> str:
            raise PermissionError(errno.EACCES, path)

        _open_gate(adopter.place)
        await ended(child.pid)
        monkeypatch.setattr(os, "readlink", refuse)
        assert await child.wait() == (Exit(code=7) if status else Exit())
        monkeypatch.undo()
        await child.finish()


async def test_several_tasks_may_wait_and_the_first_may_be_cancelled(adopter: Adopter, words: Words) -> None:
    exits: list[Exit] = []

    async def wait(child: ProcessChild) -> None:
        exits.append(await child.wait())

    with trio.fail_after(20):
        identity = await adopter.orphans.leader(f"{GATE}; exit 7")
        await words.word()
        child = await adopter.child(identity)
        async with trio.open_nursery() as nursery:
            first = trio.CancelScope()
            with first:
                async with trio.open_nursery() as inner:
                    inner.start_soon(wait, child)
                    await trio.testing.wait_all_tasks_blocked()
                    for _ in range(2):
                        nursery.start_soon(wait, child)
                    await trio.testing.wait_all_tasks_blocked()
                    first.cancel()
            _open_gate(adopter.place)
        await child.finish()
    assert exits == [Exit(code=7)] * 2


# --- our own child after all ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("as_subreaper")
@pytest.mark.parametrize("ending", ["exit", "stop"])
async def test_orphan_that_came_to_us_is_reaped_by_us(adopter: Adopter, words: Words, ending: str) -> None:
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(f"trap 'exit 9' TERM; {GATE}; exit 7")
        await words.word()
        child = await adopter.child(identity, subreaper=True)
        stat = procfs.read_stat(child.pid)
        assert stat is not None
        assert stat.ppid == os.getpid()
        if ending == "stop":
            await child.terminate(TERM)
        else:
            _open_gate(adopter.place)
        assert await child.wait() == Exit(code=9 if ending == "stop" else 7)
        # It is nobody's but its child's to collect.
        assert subreaper.reap_foreign(adopter.place.lineage, alone=True) == []
        assert (await child.finish()).tree_empty
    assert procfs.read_stat(child.pid) is None


@pytest.mark.usefixtures("as_subreaper")
async def test_orphan_that_came_to_us_and_does_not_end_is_reaped_when_it_does(orphans: Orphans, words: Words) -> None:
    with trio.fail_after(20):
        identity = await orphans.leader("exec sleep 1000")
        leader = AdoptedLeader(*identity, os.pidfd_open(identity[0]))
        leader.abandon()
        leader.close()
        os.kill(identity[0], signal.SIGKILL)
        (reaper,) = [thread for thread in threading.enumerate() if thread.name.startswith("dumb-actors reaper")]
        await trio.to_thread.run_sync(reaper.join)
    assert procfs.read_stat(identity[0]) is None


# --- stops and crashes ------------------------------------------------------------------------------------------------


async def test_stop_ends_the_whole_tree(adopter: Adopter, words: Words) -> None:
    script = f"trap 'exit 4' TERM; (setsid {HOLD} &); (setsid env -i {HOLD} &); setsid {HOLD} & sleep 1000 & wait"
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(script)
        daemons = [await words.number() for _ in range(3)]
        for daemon in daemons:
            adopter.orphans.note(daemon)
        child = await adopter.child(identity)
        await child.terminate(TERM)
        ending = await child.finish()
    assert ending.exit == Exit(code=4)
    assert [daemon for daemon in daemons if is_alive(daemon)] == []
    assert set(daemons) <= {swept.pid for swept in ending.swept}
    assert ending.tree_empty


@pytest.mark.parametrize("kept", [REAPED, NEVER_REAPED])
async def test_crash_ends_the_group_and_the_daemons(adopter: Adopter, words: Words, kept: str) -> None:
    """Whether the leader's number is free by then or not, and though a member shows no sign of the generation."""
    plain, second = f"env -i {HOLD} > /dev/null 2>&1", GATE.replace("gate", "gate2")
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(
            f"(setsid {HOLD} &) ; {GATE}; {plain} & {second}; kill -KILL $$", kept=kept
        )
        said = {await words.word(), await words.word()} - {"up"}
        (daemon,) = (int(word) for word in said)
        adopter.orphans.note(daemon)
        child = await adopter.child(identity)
        _open_gate(adopter.place)
        said = {await words.word(), await words.word()} - {"up"}
        (member,) = (int(word) for word in said)
        adopter.orphans.note(member)
        Path(adopter.place.directory, "gate2").write_text("go\n")
        if kept == REAPED:
            assert await words.word() == "reaped"
        await child.wait()
        assert is_alive(member)
        ending = await child.finish()
    assert not is_alive(member)
    assert not is_alive(daemon)
    assert ending.tree_empty
    assert member not in {swept.pid for swept in ending.swept}


@pytest.mark.usefixtures("old_kernel")
async def test_old_kernel_ends_only_the_proved_members_of_a_crashed_leaders_group(
    adopter: Adopter, words: Words
) -> None:
    """The number may be a stranger's, so who shows no sign is left alone; one that was seen before is proved."""
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(
            f"env -i {HOLD} > /dev/null 2>&1 & {GATE}; env -i {HOLD} > /dev/null 2>&1 & {HOLD} & mkfifo gate2; "
            "read -r x < gate2; kill -KILL $$",
            kept=REAPED,
        )
        seen, up = sorted([await words.word(), await words.word()])
        assert up == "up"
        child = await adopter.child(identity)
        _open_gate(adopter.place)
        later = [await words.number(), await words.number()]
        marked = next(pid for pid in later if procfs.has_marker(pid, adopter.orphans.marker))
        (plain,) = set(later) - {marked}
        for pid in (int(seen), *later):
            adopter.orphans.note(pid)
        while not Path(adopter.place.directory, "gate2").exists():
            await trio.lowlevel.checkpoint()
        Path(adopter.place.directory, "gate2").write_text("go\n")
        assert await words.word() == "reaped"
        await child.finish()
    assert not is_alive(int(seen))
    assert not is_alive(marked)
    assert is_alive(plain)


@pytest.mark.usefixtures("old_kernel")
async def test_old_kernel_stops_a_living_leader_with_its_group(adopter: Adopter, words: Words) -> None:
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(f"trap 'exit 4' TERM; {HOLD} & wait", kept=NEVER_REAPED)
        member = await words.number()
        adopter.orphans.note(member)
        child = await adopter.child(identity)
        await child.terminate(TERM)
        assert (await child.finish()).exit == Exit(code=4)
    assert not is_alive(member)


async def test_group_of_a_stranger_that_got_the_number_is_not_signalled(adopter: Adopter, words: Words) -> None:
    """Numbers come round only after very many processes, so the stranger's is put in by hand."""
    stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        with trio.fail_after(20):
            identity = await adopter.orphans.leader(f"{GATE}; exit 7", kept=REAPED)
            await words.word()
            child = await adopter.child(identity)
            leader = child._leader
            assert isinstance(leader, AdoptedLeader)
            _open_gate(adopter.place)
            await words.word()
            leader.pid = child.family.leader = stranger.pid
            assert leader.group_is_empty()
            await child.finish()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_session_with_the_number_of_one_that_was_taken_over_proves_nothing(
    adopter: Adopter, words: Words
) -> None:
    """Not even after a descendant was seen in it: somebody else reaps the leader, and its number is free then."""
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(f"env -i {HOLD} & exec sleep 1000")
        member = await words.number()
        adopter.orphans.note(member)
        child = await adopter.child(identity)
        seen = procfs.read_stat(member)
        assert seen is not None
        assert child.family.claims(seen)
        later = procfs.ProcStat(
            pid=1 << 22, ppid=1, pgid=child.pid, session=child.pid, start_ticks=1 << 40, state="S", comm="stranger"
        )
        assert not child.family.claims(later)
        await child.finish()


async def test_stop_command_of_the_record_is_run(adopter: Adopter, words: Words) -> None:
    with trio.fail_after(20):
        identity = await adopter.orphans.leader("echo $$ > pid; echo up > $1; exec sleep 1000")
        await words.word()
        child = await adopter.child(identity)
        await child.terminate((StopStep(command=("sh", "-c", 'kill -USR1 "$(cat pid)"'), wait=3600),))
        assert (await child.finish()).exit == Exit(signal="SIGUSR1")


async def test_adopting_one_that_has_just_ended(adopter: Adopter, words: Words) -> None:
    with trio.fail_after(20):
        identity = await adopter.orphans.leader(f"{GATE}; exit 7", kept=NEVER_REAPED)
        await words.word()
        record = adopter.orphans.record(pid=identity[0], start_ticks=identity[1])
        (survivor,) = await resolve([record], procfs.boot_id())
        assert isinstance(survivor, Survivor)
        _open_gate(adopter.place)
        await ended(identity[0])
        leader = survivor.take()
        child = adopted_child(
            leader,
            survivor.record.to_launch({}),
            spawner=adopter.place.spawner,
            output=NoOutput(),
            subreaper=False,
            fifo=record.fifo,
            lineage=adopter.place.lineage,
        )
        await child.terminate(TERM)
        assert (await child.finish()).exit == Exit(code=7)


# --- pidfds -----------------------------------------------------------------------------------------------------------


def test_pidfd_is_opened_of_the_proved_one_only() -> None:
    stat = procfs.read_stat(os.getpid())
    assert stat is not None
    descriptor = pidfd.open_proved(*stat.identity)
    assert descriptor is not None
    os.close(descriptor)
    for pid, ticks in ((stat.pid, stat.start_ticks + 1), (1 << 22, 1), (0, 1), (-1, 1), (1 << 40, 1)):
        assert pidfd.open_proved(pid, ticks) is None


def test_thread_is_no_process() -> None:
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    assert thread.native_id is not None
    assert pidfd.open_proved(thread.native_id, 1) is None
    go.set()
    thread.join()


def test_no_descriptors_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        pidfd.open_proved(os.getpid(), 1)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, Exit(code=0)),
        (256, Exit(code=1)),
        (255 << 8, Exit(code=255)),
        (9, Exit(signal="SIGKILL")),
        (11 | 0x80, Exit(signal="SIGSEGV", core_dumped=True)),
        (64, Exit(signal="SIGRTMAX")),
        (40, Exit(signal="SIGRTMIN+6")),
    ],
)
def test_statuses(status: int, expected: Exit) -> None:
    assert pidfd.exit_of_status(status) == expected
