"""
What an earlier supervisor left on this machine: found, held, and made children of ours again.

The order matters. First it is found out who lives; then the FIFOs of those are opened, so that nothing in them is lost;
only then may the former keeper be ended, which begins with the first stream that ours is given.
"""

import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import attrs
import trio

from dumb_actors.actors.outputs import Outputs, Ways
from dumb_actors.errors import UnusablePath
from dumb_actors.keeper.identity import read_identity
from dumb_actors.logs.parts import Position
from dumb_actors.logs.reader import generation_start
from dumb_actors.process import procfs
from dumb_actors.process.adopted import end_remains
from dumb_actors.process.lineage import Lineage
from dumb_actors.process.record import Record
from dumb_actors.process.survivors import Gone, Remains, Survivor, Unresolved, Verdict, resolve

__all__ = [
    "Inheritance",
    "end_all_remains",
    "find_inheritance",
    "hold_outputs",
    "note_left",
    "remove_stale_fifos",
]

log = logging.getLogger("dumb_actors.host")


@attrs.frozen(kw_only=True)
class Inheritance:
    """
    What was found at the beginning; nothing of it was signalled.

    Attributes:
        records: All of them, also of what ended.

        survivors: Whose leaders live. Their pidfds are the receiver's to close.

        remains: Whose leaders are gone while others of the generation live.

        reports: What a person should know, a sentence each.

        was_left: The earlier supervisor ended on purpose and left its services running.
    """

    records: Sequence[Record]
    survivors: Sequence[Survivor]
    remains: Sequence[Remains]
    reports: Sequence[str]
    was_left: bool

    @property
    def slugs(self) -> Mapping[str, str]:
        """The names of files, by name of the service."""
        return {record.service: record.slug for record in self.records}

    @property
    def completed(self) -> Sequence[Record]:
        """The one-shots that had done their work in this boot of the machine."""
        boot_id = procfs.boot_id()
        return [record for record in self.records if record.completed and record.boot_id == boot_id]


async def find_inheritance(records: Sequence[Record], run_dir: str) -> Inheritance:
    """
    Find out what became of the children of *records*.

    Raises:
        OSError: No descriptors are left; nothing is left open.

    Cancellation: safe and at once.
    """
    keeper = await trio.to_thread.run_sync(read_identity, run_dir)
    verdicts = await resolve(records, procfs.boot_id(), aside=() if keeper is None else (keeper.pid,))
    return Inheritance(
        records=records,
        survivors=[verdict for verdict in verdicts if isinstance(verdict, Survivor)],
        remains=[verdict for verdict in verdicts if isinstance(verdict, Remains)],
        reports=[text for verdict in verdicts if (text := _report(verdict))],
        was_left=await trio.to_thread.run_sync(_take_note_of_leaving, run_dir),
    )


def note_left(run_dir: str) -> None:
    """Note for the next supervisor that what runs was left on purpose; what cannot be written is logged."""
    try:
        _note(run_dir).touch()
    except OSError:
        log.exception("leaving.not_noted run_dir=%r", run_dir)


def _take_note_of_leaving(run_dir: str) -> bool:
    try:
        _note(run_dir).unlink()
    except FileNotFoundError:
        return False
    return True


def _note(run_dir: str) -> Path:
    return Path(run_dir, "left")


def _report(verdict: Verdict) -> str:
    record = verdict.record
    what = f"{record.service!r} (generation {record.generation})"
    match verdict:
        case Unresolved():
            who = ", ".join(f"{pid} ({procfs.command_of(pid)})" for pid in verdict.pids)
            return f"it cannot be proved whether {who} belongs to {what} of an earlier supervisor: it is left alone"
        case Remains():
            return f"{what} has ended while no supervisor was there; what is left of it is ended"
        case Gone() if record.state == "running" and record.boot_id == procfs.boot_id():
            return f"{what} has ended while no supervisor was there; how is not known"
        case _:
            return ""


async def hold_outputs(survivors: Iterable[Survivor], outputs: Outputs) -> dict[str, Ways]:
    """
    Open the FIFOs of all *survivors*, by marker; one whose FIFO cannot be opened goes without, and says so.

    Cancellation: safe; what was opened is closed.
    """
    held: dict[str, Ways] = {}
    try:
        for survivor in survivors:
            launch = survivor.record.to_launch({})
            try:
                start = await trio.to_thread.run_sync(_start_of, survivor.record)
                held[launch.marker] = await trio.to_thread.run_sync(outputs.adopting(launch, start))
            except UnusablePath as error:
                log.error("adoption.no_output service=%r reason=%r", launch.service, str(error))  # noqa: TRY400
    except BaseException:
        for ways in held.values():
            ways.close()
        raise
    return held


def _start_of(record: Record) -> Position | None:
    """Find where in the log the generation begins, wherever rotations have taken that file meanwhile."""
    found: Position | None = None
    if record.log_path is not None:
        with contextlib.suppress(OSError):
            found = generation_start(record.log_path, record.generation)
    return found or (Position(*record.log_start) if record.log_start else None)


async def end_all_remains(remains: Iterable[Remains], lineage: Lineage, *, subreaper: bool) -> None:
    """End what is left of generations whose leaders are gone; who cannot be ended is named in our log."""
    async with trio.open_nursery() as nursery:
        for each in remains:
            nursery.start_soon(_end_remains, each, lineage, subreaper)


async def _end_remains(each: Remains, lineage: Lineage, subreaper: bool) -> None:  # noqa: FBT001 - called by a nursery
    record = each.record
    sweep = await end_remains(lineage, marker=record.marker, fifo=record.fifo, subreaper=subreaper)
    if sweep.left:
        log.error("remains.left service=%r pids=%r", record.service, [one.pid for one in sweep.left.values()])


def remove_stale_fifos(directory: str, kept: Iterable[str]) -> None:
    """Remove what earlier generations left in the directory of FIFOs; called before there are new ones."""
    names = set(kept)
    try:
        stale = [path for path in Path(directory).iterdir() if str(path) not in names]
    except FileNotFoundError:
        return
    for path in stale:
        path.unlink(missing_ok=True)
