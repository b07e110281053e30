"""
What is on disk about each service's latest child, so that a supervisor that was killed can be followed by another one.

One small JSON file for each service, written under a new name and renamed: after SIGKILL at any instant the file is the
old or the new one. Nothing is synced: the loss of the machine ends all children anyway, and the boot id tells. The file
of a child that ended stays, because the next generation is counted from it.
"""

import json
import logging
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs
from attrs.validators import in_, instance_of, optional

from dumb_actors.errors import HostError, UnusablePath
from dumb_actors.model.child import Ending, Launch

__all__ = ["RECORD_FORMAT", "Record", "RecordState", "RecordTooNew", "Records"]

RECORD_FORMAT = 1
"""Number in each file. It goes up when an older program would misread a newer file."""

RecordState: TypeAlias = Literal["intent", "running", "ended"]

_log = logging.getLogger(__name__)


def _strings(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


class RecordTooNew(HostError):
    """A record was written by a newer version of this program; nothing was changed. `.detail` has path and format."""

    code = "record-too-new"


@attrs.frozen(kw_only=True)
class Record:
    """
    The latest child of one service.

    Attributes:
        generation: Its generation.

        service, slug: Name, and name of the file.

        state: `intent`: about to be spawned, or just spawned; `running`: it has a pid; `ended`: nothing of it is left,
            or what is left was reported.

        marker: In its environment.

        fifo: Absolute path of its output FIFO, if it has one.

        argv, cwd, log_path, digest: From its `Launch`.

        pid, start_ticks, boot_id: Identity of the leader; None before it is known.

        ending: In words how it ended; empty before.
    """

    # First in the file, so that it is what survives of a torn one.
    generation: int = attrs.field(validator=instance_of(int))
    service: str = attrs.field(validator=instance_of(str))
    slug: str = attrs.field(validator=instance_of(str))
    state: RecordState = attrs.field(validator=in_(("intent", "running", "ended")))
    marker: str = attrs.field(validator=instance_of(str))
    fifo: str | None = attrs.field(default=None, validator=optional(instance_of(str)))
    argv: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    cwd: str = attrs.field(default="", validator=instance_of(str))
    log_path: str | None = attrs.field(default=None, validator=optional(instance_of(str)))
    digest: str = attrs.field(default="", validator=instance_of(str))
    pid: int | None = attrs.field(default=None, validator=optional(instance_of(int)))
    start_ticks: int | None = attrs.field(default=None, validator=optional(instance_of(int)))
    boot_id: str | None = attrs.field(default=None, validator=optional(instance_of(str)))
    ending: str = attrs.field(default="", validator=instance_of(str))


class Records:
    """
    The records of one supervisor, in one directory that only it writes to.

    Everything here is synchronous: small files in a directory like `/run`.

    Attributes:
        damaged: After `load`, the files that could not be understood, and why.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._generations: dict[str, int] = {}
        self._latest: dict[str, Record] = {}
        self.damaged: dict[str, str] = {}

    def load(self) -> list[Record]:
        """
        Read every record, sorted by slug.

        It may be called again. A file that cannot be understood is logged, listed in `damaged` and passed over,
        as if it were absent.

        Raises:
            RecordTooNew: One is of a newer format.

            UnusablePath: The directory or a file cannot be read.
        """
        try:
            slugs = sorted(path.stem for path in Path(self._directory).iterdir() if path.suffix == ".json")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UnusablePath(self._directory, "cannot read the records in", error) from error
        found = [self._read(slug) for slug in slugs]
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
            self._read(slug)
        self._generations[slug] = self._generations.get(slug, 0) + 1
        return self._generations[slug]

    def write_intent(self, launch: Launch, fifo: str | None) -> None:
        """
        Record that *launch* is about to be spawned.

        Raises:
            UnusablePath: It could not be written; the former record stands, and nothing must be spawned.
        """
        self._write(
            Record(
                generation=launch.generation,
                service=launch.service,
                slug=launch.slug,
                state="intent",
                marker=launch.marker,
                fifo=fifo,
                argv=launch.argv,
                cwd=launch.cwd,
                log_path=launch.log_path,
                digest=launch.digest,
            )
        )

    def write_pid(self, launch: Launch, pid: int, start_ticks: int, boot_id: str) -> None:
        """
        Record who the spawned leader is.

        Raises:
            UnusablePath: It could not be written; the intent stands and still leads to the child.
        """
        known = self._known(launch)
        self._write(attrs.evolve(known, state="running", pid=pid, start_ticks=start_ticks, boot_id=boot_id))

    def write_ended(self, launch: Launch, ending: Ending | None) -> None:
        """
        Record that nothing of *launch* is left; *ending* None: it was never started.

        Raises:
            UnusablePath: It could not be written; the former record stands, and its identity proves nothing any more.
        """
        text = "was not started" if ending is None else str(ending.exit)
        self._write(attrs.evolve(self._known(launch), state="ended", ending=text))

    def _known(self, launch: Launch) -> Record:
        record = self._latest.get(launch.slug)
        if record is None or record.generation != launch.generation:
            raise ValueError(f"no intent was written for generation {launch.generation} of {launch.service!r}")
        return record

    def _path(self, slug: str) -> Path:
        return Path(self._directory, f"{slug}.json")

    def _read(self, slug: str) -> Record | None:
        path = self._path(slug)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnusablePath(str(path), "cannot read the record", error) from error
        try:
            record = _parse(raw, str(path))
        except (ValueError, TypeError) as error:
            self.damaged[str(path)] = str(error)
            _log.warning("record.damaged", extra={"path": str(path), "reason": str(error)})
            self._count(slug, _salvaged_generation(raw))
            return None
        self._count(slug, record.generation)
        self._latest[slug] = record
        return record

    def _count(self, slug: str, generation: int) -> None:
        self._generations[slug] = max(generation, self._generations.get(slug, 0))

    def _write(self, record: Record) -> None:
        path = self._path(record.slug)
        body = json.dumps({"format": RECORD_FORMAT, **attrs.asdict(record)}, indent=1).encode()
        new = path.with_name(f"{record.slug}.new")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # What a killed supervisor left half written is of no more use.
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
            new.replace(path)
        except OSError as error:
            raise UnusablePath(str(path), "cannot write the record", error) from error
        self._count(record.slug, record.generation)
        self._latest[record.slug] = record


def _parse(raw: bytes, path: str) -> Record:
    document: Any = json.loads(raw)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    number = document.get("format")
    if not isinstance(number, int):
        raise ValueError("no format number")
    if number > RECORD_FORMAT:
        raise RecordTooNew(
            f"{path} has format {number}, this version understands up to {RECORD_FORMAT}; "
            "use the newer version, or end its services and remove the file",
            path=path,
            format=number,
        )
    known = {field.name for field in attrs.fields(Record)}
    return Record(**{key: value for key, value in document.items() if key in known})


def _salvaged_generation(raw: bytes) -> int:
    """Give the generation in a torn file if the whole number is there, else 0."""
    match = re.search(rb'"generation": (\d{1,15}),', raw)
    return int(match[1]) if match else 0
