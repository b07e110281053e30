"""What an earlier supervisor left is proved, or is left alone."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from orphans import HOLD, Orphans
from process_support import Words, ended, is_alive

from dumb_actors.process import procfs
from dumb_actors.process import survivors as survivors_module
from dumb_actors.process.adopted import end_remains
from dumb_actors.process.lineage import Lineage
from dumb_actors.process.record import Record
from dumb_actors.process.survivors import Gone, Remains, Survivor, Unresolved, Verdict, resolve

BOOT = procfs.boot_id()


async def _verdict(record: Record, boot_id: str = BOOT, **options: object) -> Verdict:
    (verdict,) = await resolve([record], boot_id, **options)  # type: ignore[arg-type]
    if isinstance(verdict, Survivor):
        os.close(verdict.pidfd)
    return verdict


@pytest.fixture
def stranger() -> Iterator[procfs.ProcStat]:
    """Somebody who has nothing to do with us and must live on; the leader of a session."""
    popen = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    stat = procfs.read_stat(popen.pid)
    assert stat is not None
    yield stat
    assert popen.poll() is None
    popen.kill()
    popen.wait()


# --- leaders whose pid is recorded ------------------------------------------------------------------------------------


async def test_recorded_leader_is_proved_without_a_walk(orphans: Orphans, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it shows no sign: programs wipe their environment and close what they were given."""
    monkeypatch.delattr(procfs, "all_pids")
    with trio.fail_after(10):
        pid, ticks = await orphans.leader("sleep 1000; true", marked=False, fifo=False)
        record = orphans.record(pid=pid, start_ticks=ticks, ready=True)
        verdict = await _verdict(record)
    assert isinstance(verdict, Survivor)
    assert (verdict.pid, verdict.start_ticks, verdict.record) == (pid, ticks, record)


async def test_record_of_one_that_ended_is_passed_over(orphans: Orphans) -> None:
    assert await resolve([orphans.record(state="ended", pid=1, start_ticks=1)], BOOT) == []


@pytest.mark.parametrize("forged", [{"start_ticks": 1}, {"boot_id": "another"}, {"pid": 1 << 22}, {"pid": 1 << 40}])
async def test_strangers_number_is_no_survivor(
    orphans: Orphans, stranger: procfs.ProcStat, forged: dict[str, object]
) -> None:
    record = orphans.record(**({"pid": stranger.pid, "start_ticks": stranger.start_ticks} | forged))
    with trio.fail_after(10):
        assert await _verdict(record) == Gone(record=record)


async def test_other_boot_voids_everything_without_a_look(orphans: Orphans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(procfs, "all_pids")
    with trio.fail_after(10):
        pid, ticks = await orphans.leader("sleep 1000; true")
        for record in (orphans.record(state="intent", boot_id="x"), orphans.record(pid=pid, start_ticks=ticks)):
            assert await _verdict(record, "y") == Gone(record=record)
    assert is_alive(pid)


@pytest.mark.parametrize("sign", ["marker", "fifo", "none"])
@pytest.mark.parametrize("unknown", ["then", "now"])
async def test_where_the_boot_is_not_known_a_sign_is_needed(orphans: Orphans, unknown: str, sign: str) -> None:
    with trio.fail_after(10):
        pid, ticks = await orphans.leader("sleep 1000; true", marked=sign == "marker", fifo=sign == "fifo")
        record = orphans.record(pid=pid, start_ticks=ticks, boot_id=None if unknown == "then" else BOOT)
        verdict = await _verdict(record, BOOT if unknown == "then" else "")
    if sign == "none":
        assert verdict == Unresolved(record=record, pids=(pid,))
    else:
        assert isinstance(verdict, Survivor)


async def test_zombie_is_gone(orphans: Orphans) -> None:
    popen = subprocess.Popen(["sh", "-c", "exit 3"], start_new_session=True)
    await ended(popen.pid)
    stat = procfs.read_stat(popen.pid)
    assert stat is not None
    record = orphans.record(pid=stat.pid, start_ticks=stat.start_ticks)
    assert await _verdict(record) == Gone(record=record)
    assert popen.wait() == 3


async def test_program_that_was_replaced_on_disk_is_still_itself(orphans: Orphans, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o700)
    with trio.fail_after(10):
        pid, ticks = await orphans.leader("exec ./program 1000", marked=False, fifo=False)
        while Path(f"/proc/{pid}/exe").readlink() != program.resolve():
            await trio.lowlevel.checkpoint()
        (tmp_path / "new").write_text("#!/bin/sh\n")
        (tmp_path / "new").replace(program)
        verdict = await _verdict(orphans.record(pid=pid, start_ticks=ticks))
    assert isinstance(verdict, Survivor)


# --- what is left of a leader that is gone ----------------------------------------------------------------------------


@pytest.mark.parametrize("wiped", ["", "env -i "])
async def test_daemon_of_a_leader_that_is_gone_is_found_and_can_be_ended(
    orphans: Orphans, words: Words, stranger: procfs.ProcStat, wiped: str
) -> None:
    lineage = Lineage()
    with trio.fail_after(10):
        pid, ticks = await orphans.leader(f"(setsid {wiped}{HOLD} &); exec sleep 1000")
        daemon = await words.number()
        orphans.note(daemon)
        os.kill(pid, signal.SIGKILL)
        await ended(pid)
        record = orphans.record(pid=pid, start_ticks=ticks)
        verdict = await _verdict(record)
        assert isinstance(verdict, Remains)
        assert daemon in verdict.pids
        assert pid not in verdict.pids
        sweep = await end_remains(lineage, marker=record.marker, fifo=record.fifo, subreaper=False)
    assert not is_alive(daemon)
    assert daemon in {swept.pid for swept in sweep.swept.values()}
    assert sweep.left == {}
    verdict = await _verdict(record)
    assert isinstance(verdict, Gone)


async def test_keeper_of_the_output_is_no_remains(orphans: Orphans) -> None:
    keeper = subprocess.Popen(["sleep", "1000"], stdout=orphans.fifo_fd)
    orphans.parents.append(keeper)
    for record in (orphans.record(pid=1 << 22, start_ticks=1), orphans.record(state="intent")):
        assert isinstance(await _verdict(record, aside={keeper.pid}), Gone)


# --- intents ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("marked", "fifo"), [(True, True), (True, False), (False, True)])
async def test_intent_leads_to_the_leader_by_marker_or_fifo(orphans: Orphans, marked: bool, fifo: bool) -> None:
    with trio.fail_after(10):
        pid, ticks = await orphans.leader("sleep 1000 & sleep 1000; true", marked=marked, fifo=fifo)
        verdict = await _verdict(orphans.record(state="intent", boot_id=None))
    assert isinstance(verdict, Survivor)
    assert (verdict.pid, verdict.start_ticks) == (pid, ticks)
    assert (verdict.record.state, verdict.record.pid, verdict.record.start_ticks) == ("running", pid, ticks)
    assert verdict.record.boot_id == BOOT


async def test_leader_of_an_intent_is_the_one_that_is_older_than_its_daemons(orphans: Orphans, words: Words) -> None:
    with trio.fail_after(10):
        pid, _ = await orphans.leader(f"(setsid {HOLD} &); setsid {HOLD} & wait")
        for _ in range(2):
            orphans.note(await words.number())
        verdict = await _verdict(orphans.record(state="intent"))
    assert isinstance(verdict, Survivor)
    assert verdict.pid == pid


async def test_intent_that_was_never_spawned_is_gone(orphans: Orphans, stranger: procfs.ProcStat) -> None:
    record = orphans.record(state="intent")
    assert await _verdict(record) == Gone(record=record)


async def test_members_of_an_intents_generation_without_a_leader_are_remains(orphans: Orphans, words: Words) -> None:
    """The leader ended before anybody looked, and one that is in its session lives."""
    with trio.fail_after(10):
        await orphans.leader("sh -c 'echo $$ > $1; sleep 1000; true' x $1 & exit 0")
        member = await words.number()
        orphans.note(member)
        verdict = await _verdict(orphans.record(state="intent"), patience_s=0.01)
    assert isinstance(verdict, Remains)
    assert member in verdict.pids


HALF_SPAWNED = """
import os, sys
fifo, words, gate, steps, program = sys.argv[1:]
descriptor = os.open(fifo, os.O_RDWR)
def tell(): os.close(os.open(words, os.O_WRONLY)); f = os.open(words, os.O_WRONLY); os.write(f, b"%d\\n" % os.getpid())
if os.fork() == 0:
    if "s" in steps: os.setsid()
    if "d" in steps: os.dup2(descriptor, 1)
    tell()
    os.close(os.open(gate, os.O_RDONLY))  # until the test opens the other end
    os.setsid() if "s" not in steps else None
    os.dup2(descriptor, 1)
    os.execve(program, [program, "1000"], {})
os.read(os.open(gate + ".parent", os.O_RDWR), 1)
"""
"""Forks as a supervisor does, and stops on the way to the exec; the supervisor itself waits for its SIGKILL."""


async def _half_spawned(orphans: Orphans, tmp_path: Path, steps: str) -> tuple[int, Path]:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    os.mkfifo(f"{gate}.parent")
    supervisor = orphans.python(HALF_SPAWNED, orphans.fifo, orphans.words.path, str(gate), steps, "/bin/sleep")
    pid = await orphans.words.number()
    orphans.note(pid)
    supervisor.kill()
    supervisor.wait()
    return pid, gate


async def test_child_that_is_a_leader_and_has_its_output_counts_before_its_exec(
    orphans: Orphans, tmp_path: Path
) -> None:
    with trio.fail_after(10):
        pid, _ = await _half_spawned(orphans, tmp_path, "sd")
        verdict = await _verdict(orphans.record(state="intent"))
    assert isinstance(verdict, Survivor)
    assert verdict.pid == pid


@pytest.mark.parametrize("steps", ["", "s"])
async def test_child_that_only_was_forked_is_never_signalled(orphans: Orphans, tmp_path: Path, steps: str) -> None:
    """It has the descriptors of the supervisor, as anything else has that was forked from it."""
    with trio.fail_after(10):
        pid, _ = await _half_spawned(orphans, tmp_path, steps)
        record = orphans.record(state="intent")
        assert await _verdict(record, patience_s=0.01) == Unresolved(record=record, pids=(pid,))
        sweep = await end_remains(Lineage(), marker=record.marker, fifo=record.fifo, subreaper=False)
    assert is_alive(pid)
    assert sweep.swept == {}


async def test_child_that_only_was_forked_is_waited_for(
    orphans: Orphans, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    look = survivors_module._look_around

    def letting_it_go_on(*arguments: object) -> object:
        signs = look(*arguments)  # type: ignore[arg-type]
        looks.append(1)
        if len(looks) == 2:
            os.close(os.open(gate, os.O_WRONLY))
        return signs

    monkeypatch.setattr(survivors_module, "_look_around", letting_it_go_on)
    with trio.fail_after(10):
        pid, gate = await _half_spawned(orphans, tmp_path, "")
        verdict = await _verdict(orphans.record(state="intent"), patience_s=3600)
    assert isinstance(verdict, Survivor)
    assert verdict.pid == pid
    assert len(looks) > 2


async def test_many_are_judged_by_one_walk_in_their_order(
    orphans: Orphans, stranger: procfs.ProcStat, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks: list[list[int]] = []
    all_pids = procfs.all_pids

    def walk() -> list[int]:
        walks.append(all_pids())
        return walks[-1]

    monkeypatch.setattr(procfs, "all_pids", walk)
    with trio.fail_after(10):
        pid, ticks = await orphans.leader("sleep 1000; true")
        records = [
            orphans.record(slug="a", marker="a", fifo=None, pid=stranger.pid, start_ticks=1),
            orphans.record(slug="b", state="intent"),
            orphans.record(slug="c", marker="c", fifo=None, state="ended"),
            orphans.record(slug="d", marker="d", fifo="/nowhere/d", state="intent"),
            orphans.record(slug="e", marker="e", fifo=None, pid=pid, start_ticks=ticks),
        ]
        verdicts = await resolve(records, BOOT)
    for verdict in verdicts:
        if isinstance(verdict, Survivor):
            os.close(verdict.pidfd)
    found = [(verdict.record.slug, type(verdict)) for verdict in verdicts]
    assert found == [("a", Gone), ("b", Survivor), ("d", Gone), ("e", Survivor)]
    assert len(walks) == 1


async def test_cancelled_or_broken_leaves_nothing_open(orphans: Orphans, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError(24, "Too many open files")

    with trio.fail_after(10):
        pid, ticks = await orphans.leader("sleep 1000; true")
        records = [orphans.record(pid=pid, start_ticks=ticks), orphans.record(state="intent", marker="m", fifo="/f")]
        with trio.CancelScope() as scope:
            scope.cancel()
            await resolve(records, BOOT)
        assert scope.cancelled_caught
        monkeypatch.setattr(survivors_module, "_look_around", broken)
        with pytest.raises(OSError, match="Too many"):
            await resolve(records, BOOT)
