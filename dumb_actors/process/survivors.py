"""
What an earlier supervisor left: which of the recorded children live, proved beyond doubt.

A recorded leader is proved by the boot, its pid and its start ticks. A child that was spawned but not yet recorded is
found by the marker in its environment, or by who was given its output FIFO, since programs may wipe their environment.
What is not proved is reported and never signalled.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

import attrs
import trio

from dumb_actors.process import pidfd, procfs
from dumb_actors.process.adopted import AdoptedLeader
from dumb_actors.process.procfs import ProcStat
from dumb_actors.process.record import Record

__all__ = ["Gone", "Remains", "Survivor", "Unresolved", "Verdict", "resolve"]

PATIENCE_S = 0.5
"""How long a child that was forked and has not begun yet is given to do so: a dead mount may hold it for ever."""

FIRST_PAUSE_S = 0.000_5


@attrs.frozen(kw_only=True)
class Survivor:
    """
    The leader lives; `record` has its pid even if it was only an intent. `pidfd` is the receiver's to close.
    """

    record: Record
    pid: int
    start_ticks: int
    pidfd: int

    def take(self) -> AdoptedLeader:
        """Make a leader of it, whose the pidfd is from then on."""
        return AdoptedLeader(self.pid, self.start_ticks, self.pidfd)


@attrs.frozen(kw_only=True)
class Remains:
    """The leader is gone, but others of the generation live: `pids`, by its marker or its FIFO (`end_remains`)."""

    record: Record
    pids: tuple[int, ...]


@attrs.frozen(kw_only=True)
class Gone:
    """Nothing of it is left, as far as can be known."""

    record: Record


@attrs.frozen(kw_only=True)
class Unresolved:
    """It may be that `pids` are of this generation. Nothing proves it, so they must not be signalled."""

    record: Record
    pids: tuple[int, ...]


Verdict: TypeAlias = Survivor | Remains | Gone | Unresolved


@attrs.define(eq=False)
class _Signs:
    """What the process table tells about one generation: who proves to be of it, and who may be."""

    proved: list[ProcStat] = attrs.field(factory=list)
    doubtful: list[ProcStat] = attrs.field(factory=list)


async def resolve(
    records: Iterable[Record], boot_id: str, *, aside: Collection[int] = (), patience_s: float = PATIENCE_S
) -> list[Verdict]:
    """
    Find out what became of the children of *records* that had not ended; nothing is signalled or changed.

    Costs some system calls for each leader that lives; one walk of the process table, in a thread, when any does not;
    and more of them, for at most *patience_s* seconds, when a child is in the middle of its start.

    Args:
        records: As loaded. Those of children that ended are passed over.

        boot_id: Of the present boot; empty: not known, and then a leader also has to show its marker or FIFO.

        aside: Processes that hold FIFOs for other reasons than being of a service: the keeper of the output.

        patience_s: In seconds of the run's clock.

    Returns:
        One verdict for each record, in their order.

    Raises:
        OSError: No descriptors are left; nothing is left open.

    Cancellation: safe and at once; nothing is left open.
    """
    open_records = [record for record in records if record.state != "ended"]
    verdicts: dict[int, Verdict] = {}
    try:
        for index, record in enumerate(open_records):
            verdict = _without_a_walk(record, boot_id)
            if verdict is not None:
                verdicts[index] = verdict
        with trio.move_on_after(patience_s) as scope:
            pause = FIRST_PAUSE_S
            while await _walk_for(open_records, verdicts, boot_id, aside, is_last=False):
                # That a process has reached its exec is told to nobody but its parent, which is dead.
                await trio.sleep(pause)
                pause *= 2
        if scope.cancelled_caught:
            await _walk_for(open_records, verdicts, boot_id, aside, is_last=True)
    except BaseException:
        for verdict in verdicts.values():
            if isinstance(verdict, Survivor):
                os.close(verdict.pidfd)
        raise
    return [verdicts[index] for index in range(len(open_records))]


def _without_a_walk(record: Record, boot_id: str) -> Verdict | None:
    if record.boot_id and boot_id and record.boot_id != boot_id:
        return Gone(record=record)
    if record.pid is None or not record.start_ticks:
        return None
    descriptor = pidfd.open_proved(record.pid, record.start_ticks)
    if descriptor is None:
        return None
    if (record.boot_id and boot_id) or _shows_a_sign(record.pid, record):
        return _survivor(record, record.pid, record.start_ticks, descriptor, boot_id)
    os.close(descriptor)
    return Unresolved(record=record, pids=(record.pid,))


async def _walk_for(
    records: Sequence[Record], verdicts: dict[int, Verdict], boot_id: str, aside: Collection[int], *, is_last: bool
) -> bool:
    """Judge by one walk who is not judged yet; tell whether another one may know more."""
    asked = {index: record for index, record in enumerate(records) if index not in verdicts}
    if not asked:
        return False
    signs = await trio.to_thread.run_sync(_look_around, asked, frozenset(aside), abandon_on_cancel=True)
    for index, record in asked.items():
        verdict = _judge(record, signs[index], boot_id, is_last=is_last)
        if verdict is not None:
            verdicts[index] = verdict
    return len(verdicts) < len(records)


def _look_around(asked: dict[int, Record], aside: frozenset[int]) -> dict[int, _Signs]:
    signs = {index: _Signs() for index in asked}
    by_marker = {record.marker: index for index, record in asked.items()}
    by_fifo = {fifo: index for index, record in asked.items() for fifo in (record.fifo, record.fifo_err) if fifo}
    under = os.path.commonpath(by_fifo) if by_fifo else "/"
    for pid in procfs.all_pids():
        stat = procfs.read_stat(pid) if pid != os.getpid() and pid not in aside else None
        if stat is None or stat.is_dead:
            continue
        marked = by_marker.get(procfs.marker_of(pid) or "")
        files = procfs.written_files(pid, under) if by_fifo else {}
        proved = {by_fifo[path] for path, was_passed_on in files.items() if was_passed_on and path in by_fifo}
        if marked is not None:
            proved.add(marked)
        for index in proved:
            signs[index].proved.append(stat)
        for index in {by_fifo[path] for path in files if path in by_fifo} - proved:
            signs[index].doubtful.append(stat)
    return signs


def _judge(record: Record, signs: _Signs, boot_id: str, *, is_last: bool) -> Verdict | None:
    """Judge one generation whose leader is not proved by its pid; None: look again."""
    is_known = bool(record.pid and record.start_ticks)
    if not is_known:
        # A leader is older than its daemons, which begin sessions too. Should it be gone already, the oldest stands
        # for it: it is of this generation in any case.
        sessions = [stat for stat in signs.proved if stat.session == stat.pid]
        leader = min(sessions, key=lambda stat: (stat.start_ticks, stat.pid), default=None)
        descriptor = None if leader is None else pidfd.open_proved(*leader.identity)
        if leader is not None and descriptor is not None:
            if _shows_a_sign(leader.pid, record):
                return _survivor(record, leader.pid, leader.start_ticks, descriptor, boot_id)
            os.close(descriptor)
        # One that was forked and has not reached its exec has the descriptors of a dead supervisor, and its session.
        if (signs.proved or signs.doubtful) and not is_last:
            return None
    if signs.proved:
        return Remains(record=record, pids=tuple(stat.pid for stat in signs.proved))
    if signs.doubtful and not is_known:
        return Unresolved(record=record, pids=tuple(stat.pid for stat in signs.doubtful))
    return Gone(record=record)


def _shows_a_sign(pid: int, record: Record) -> bool:
    fifos = (fifo for fifo in (record.fifo, record.fifo_err) if fifo is not None)
    return procfs.has_marker(pid, record.marker) or any(procfs.holds_file(pid, fifo) for fifo in fifos)


def _survivor(record: Record, pid: int, start_ticks: int, descriptor: int, boot_id: str) -> Survivor:
    proved = attrs.evolve(record, state="running", pid=pid, start_ticks=start_ticks, boot_id=boot_id or record.boot_id)
    return Survivor(record=proved, pid=pid, start_ticks=start_ticks, pidfd=descriptor)
