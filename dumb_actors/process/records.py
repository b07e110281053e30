"""
What is on disk about each service's latest child, so that a supervisor that was killed can be followed by another one.

One small file for each service. Each change of state appends one line, a whole JSON object, by one write: the last
complete line counts, and a line that was cut off by a kill is passed over. A file that grew, or whose end is not a
whole line, is written anew under another name and renamed: after SIGKILL at any instant it is the old or the new one.
Nothing is synced: the loss of the machine ends all children anyway, and the boot id tells. The file of a child that
ended stays, because the next generation is counted from it.
"""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from dumb_actors.errors import UnusablePath
from dumb_actors.model.child import Ending, Launch
from dumb_actors.process import procfs
from dumb_actors.process.latest import Latest, latest_of
from dumb_actors.process.record import (
    RECORD_FORMAT,
    Record,
    RecordState,
    RecordTooNew,
    json_of,
    parse_record,
    salvaged_generation,
    step_facts,
)

__all__ = ["RECORD_FORMAT", "Record", "RecordState", "RecordTooNew", "Records"]

COMPACT_BYTES = 64 * 1024
"""A file that would grow beyond this is written anew, with one line."""

_UNKNOWN_SIZE = 1 << 62
"""Size of a file that must not be appended to."""

_log = logging.getLogger(__name__)


class Records:
    """
    The records of one supervisor, in one directory that only it writes to.

    Everything here is synchronous: small files in a directory like `/run`. Calls for different services may come from
    different threads; those for one service come one after the other.

    Attributes:
        run_id: Of this supervisor; it stands in each line.

        damaged: After `load`, the files in which something could not be understood, and why.
    """

    def __init__(self, directory: str, *, run_id: str = "") -> None:
        self.run_id = run_id
        self._directory = directory
        self._boot_id = procfs.boot_id()
        self._generations: dict[str, int] = {}
        self._latest: dict[str, Latest] = {}
        self._sizes: dict[str, int] = {}
        self._is_loaded = False
        self.damaged: dict[str, str] = {}

    def load(self) -> list[Record]:
        """
        Read every record, sorted by slug; nothing is written.

        It may be called again. A file in which something cannot be understood is logged and listed in `damaged`: what
        is left of it counts, and if nothing is, it is passed over as if it were absent. A last line without its end is
        no damage, only what a kill leaves.

        Raises:
            RecordTooNew: One is of a newer format.

            UnusablePath: The directory or a file cannot be read.
        """
        try:
            slugs = sorted(path.stem for path in Path(self._directory).iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            slugs = []
        except OSError as error:
            raise UnusablePath(self._directory, "cannot read the records in", error) from error
        found = [self._read(slug) for slug in slugs]
        self._is_loaded = True
        return [record for record in found if record is not None]

    def next_generation(self, slug: str) -> int:
        """
        Give the generation of the next child of *slug*: one more than ever before, over restarts of the supervisor.

        Each call gives a new number. It is on disk with `write_intent`; one that was given and never spawned may be
        given again by a later supervisor. A torn file still tells its generation if that much of it is readable;
        else counting begins at 1 again, which is why proofs of identity rest on the marker and never on a generation.

        Raises:
            RecordTooNew, UnusablePath: As `load`.
        """
        if slug not in self._generations:
            if self._is_loaded:  # then there is no file of that name: nobody else makes any
                self._sizes[slug] = 0
            else:
                self._read(slug)
        self._generations[slug] = self._generations.get(slug, 0) + 1
        return self._generations[slug]

    def write_intent(
        self,
        launch: Launch,
        fifo: str | None,
        *,
        fifo_err: str | None = None,
        log_start: tuple[int, int] | None = None,
        cgroup: str | None = None,
    ) -> None:
        """
        Record that *launch* is about to be spawned, with everything that is known of it but its environment.

        Args:
            launch: The order.

            fifo, fifo_err: Absolute paths of its output FIFO, and of that for standard error alone.

            log_start: Inode of the log file, and the offset where this generation begins.

            cgroup: Directory of its control group.

        Raises:
            UnusablePath: It could not be written; the former record stands, and nothing must be spawned.
        """
        facts: dict[str, Any] = {
            "generation": launch.generation,
            "format": RECORD_FORMAT,
            "service": launch.service,
            "slug": launch.slug,
            "marker": launch.marker,
            "fifo": fifo,
            "fifo_err": fifo_err,
            "argv": launch.argv,
            "cwd": launch.cwd,
            "log_path": launch.log_path,
            "stderr_path": launch.stderr_path,
            "log_size": launch.log_size,
            "log_count": launch.log_count,
            "log_start": log_start,
            "digest": launch.digest,
            "notify": launch.notify,
            "stop": [step_facts(step) for step in launch.stop],
            "uid": launch.uid,
            "gid": launch.gid,
            "groups": launch.groups,
            "cgroup": cgroup,
        }
        latest = Latest(launch.generation, json_of(facts)[:-1], "intent", self._boot_id)
        self._write(launch.slug, latest)

    def write_pid(self, launch: Launch, pid: int, start_ticks: int, boot_id: str) -> None:
        """
        Record who the spawned leader is.

        Raises:
            UnusablePath: It could not be written; the intent stands and still leads to the child.
        """
        facts = {"state": "running", "pid": pid, "start_ticks": start_ticks, "boot_id": boot_id}
        self._change(launch, started_at=time.time(), **facts)

    def write_ready(self, launch: Launch) -> None:
        """
        Record that it proved ready.

        Raises:
            UnusablePath: It could not be written; a later supervisor has it prove that again.
        """
        self._change(launch, ready=True, ready_at=time.time())

    def write_ended(self, launch: Launch, ending: Ending | None) -> None:
        """
        Record that nothing of *launch* is left; *ending* None: it was never started.

        Raises:
            UnusablePath: It could not be written; the former record stands, and its identity proves nothing any more.
        """
        self._change(launch, state="ended", ending="was not started" if ending is None else str(ending.exit))

    def write_completed(self, launch: Launch, *, completed: bool) -> None:
        """
        Record that a one-shot has done its work, or that this counts no more.

        Raises:
            UnusablePath: It could not be written; the former record stands, and a later supervisor may run it again.
        """
        self._change(launch, completed=completed)

    def adopt(self, record: Record) -> None:
        """
        Take over a record of an earlier supervisor, with the pid that was found if it had none.

        Later writes for its generation follow it, whoever made the `Launch`.

        Raises:
            UnusablePath: It could not be written; the former record stands and leads to the same child. Later writes
                for its generation work all the same.
        """
        latest = latest_of(record)
        self._count(record.slug, record.generation)
        self._latest[record.slug] = latest
        self._write(record.slug, latest)

    def _change(self, launch: Launch, **facts: Any) -> None:
        latest = self._latest.get(launch.slug)
        if latest is None or latest.generation != launch.generation:
            raise ValueError(f"no intent was written for generation {launch.generation} of {launch.service!r}")
        self._write(launch.slug, attrs.evolve(latest, **facts))

    def _path(self, slug: str) -> str:
        return f"{self._directory}/{slug}.json"

    def _read(self, slug: str) -> Record | None:
        path = self._path(slug)
        try:
            raw = Path(path).read_bytes()
        except FileNotFoundError:
            self._sizes[slug] = 0
            return None
        except OSError as error:
            raise UnusablePath(path, "cannot read the record", error) from error
        record: Record | None = None
        faults: list[str] = []
        for line in _candidates(raw):
            try:
                record = parse_record(line, path)
            except (ValueError, TypeError, AttributeError) as error:
                faults.append(str(error))
            else:
                break
        is_whole = record is not None and not faults and raw.endswith(b"}\n") and not raw.startswith(b"{\n")
        self._sizes[slug] = len(raw) if is_whole else _UNKNOWN_SIZE
        if faults or record is None:
            self._note_damage(path, faults[0] if faults else "it has no complete line")
        self._count(slug, salvaged_generation(raw) if record is None or faults else record.generation)
        if record is not None:
            self._count(slug, record.generation)
            self._latest[slug] = latest_of(record)
        return record

    def _note_damage(self, path: str, reason: str) -> None:
        self.damaged[path] = reason
        _log.warning("record.damaged", extra={"path": path, "reason": reason})

    def _count(self, slug: str, generation: int) -> None:
        self._generations[slug] = max(generation, self._generations.get(slug, 0))

    def _write(self, slug: str, latest: Latest) -> None:
        line = latest.line(self.run_id)
        size = self._sizes.get(slug, _UNKNOWN_SIZE)
        try:
            if size + len(line) > COMPACT_BYTES or not self._append(slug, line):
                self._replace(slug, line)
                size = 0
        except OSError as error:
            # A part of the line may stand there: nothing can be put behind it.
            self._sizes[slug] = _UNKNOWN_SIZE
            raise UnusablePath(self._path(slug), "cannot write the record", error) from error
        self._sizes[slug] = size + len(line)
        self._count(slug, latest.generation)
        self._latest[slug] = latest

    def _append(self, slug: str, line: bytes) -> bool:
        """Append *line*; False: there is no directory."""
        try:
            descriptor = os.open(self._path(slug), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            return False
        _write_and_close(descriptor, line)
        return True

    def _replace(self, slug: str, line: bytes) -> None:
        """Make *line* the whole file."""
        new = f"{self._directory}/{slug}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            descriptor = os.open(new, flags, 0o600)
        except FileNotFoundError:
            Path(self._directory).mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(new, flags, 0o600)
        except FileExistsError:
            # What a killed supervisor left half written is of no more use.
            Path(new).unlink()
            descriptor = os.open(new, flags, 0o600)
        _write_and_close(descriptor, line)
        Path(new).replace(self._path(slug))


def _write_and_close(descriptor: int, line: bytes) -> None:
    try:
        # One write, unless the disk is full: then the second one says so.
        while line:
            line = line[os.write(descriptor, line) :]
    finally:
        os.close(descriptor)


def _candidates(raw: bytes) -> Iterator[bytes]:
    """Give what may be the latest record, the best first."""
    if raw.startswith(b"{\n"):  # format 1: one object over many lines
        yield raw
        return
    *lines, _cut_off = raw.split(b"\n")
    yield from (line for line in reversed(lines) if line)
