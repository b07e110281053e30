"""One record of a child: its facts, and how they stand in a line of a file."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import attrs
from attrs.validators import deep_iterable, ge, in_, instance_of, optional

from dumb_actors.errors import HostError
from dumb_actors.model.child import Launch
from dumb_actors.model.spec import StopStep

__all__ = [
    "RECORD_FORMAT",
    "Record",
    "RecordState",
    "RecordTooNew",
    "json_of",
    "parse_record",
    "salvaged_generation",
    "step_facts",
]

RECORD_FORMAT = 2
"""Number in each line. It goes up when an older program would misread a newer file."""

RecordState: TypeAlias = Literal["intent", "running", "ended"]


class RecordTooNew(HostError):
    """A record was written by a newer version of this program; nothing was changed. `.detail` has path and format."""

    code = "record-too-new"


def _strings(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


def _steps(value: Iterable[StopStep | Mapping[str, Any]]) -> tuple[StopStep, ...]:
    return tuple(step if isinstance(step, StopStep) else _step(step) for step in value)


def _step(value: Mapping[str, Any]) -> StopStep:
    command = value.get("command")
    return StopStep(
        signal=value.get("signal"), command=None if command is None else tuple(command), wait=value.get("wait", 0.0)
    )


def _position(value: Iterable[int] | None) -> tuple[int, int] | None:
    if value is None:
        return None
    inode, offset = value
    if not (isinstance(inode, int) and isinstance(offset, int)):
        raise ValueError("a position in a log is an inode and an offset")
    return inode, offset


_TEXT = instance_of(str)
_NUMBER = instance_of(int)
_FLAG = instance_of(bool)
_TEXT_OR_NONE = optional(_TEXT)
_NUMBER_OR_NONE = optional(_NUMBER)
_TIME_OR_NONE = optional(instance_of((int, float)))


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

        fifo, fifo_err: Absolute paths of its output FIFO and of that for standard error alone; None without one.

        argv, cwd, log_path, stderr_path, log_size, log_count, digest, notify, stop, uid, gid, groups: From its
            `Launch`.

        log_start: Inode of the log file, and the offset in it where this generation begins; None: not known.

        cgroup: Directory of its control group; None without one.

        pid, start_ticks: Identity of the leader; None before it is known.

        boot_id: Of the boot in which it was spawned; None: not known.

        ready, ready_at: It proved ready, and when (Unix seconds).

        started_at: When its pid was known (Unix seconds).

        completed: It ended as a one-shot that has done its work.

        ending: In words how it ended; empty before.

        run_id: Of the supervisor that wrote this.

        at: When this was written (Unix seconds).
    """

    # First in the line, so that it is what survives of a torn one.
    generation: int = attrs.field(validator=[_NUMBER, ge(0)])
    service: str = attrs.field(validator=_TEXT)
    slug: str = attrs.field(validator=_TEXT)
    marker: str = attrs.field(validator=_TEXT)
    fifo: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    fifo_err: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    argv: tuple[str, ...] = attrs.field(default=(), converter=_strings, validator=deep_iterable(_TEXT))
    cwd: str = attrs.field(default="", validator=_TEXT)
    log_path: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    stderr_path: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    log_size: int = attrs.field(default=10_000_000, validator=_NUMBER)
    log_count: int = attrs.field(default=2, validator=_NUMBER)
    log_start: tuple[int, int] | None = attrs.field(default=None, converter=_position)
    digest: str = attrs.field(default="", validator=_TEXT)
    notify: bool = attrs.field(default=False, validator=_FLAG)
    stop: tuple[StopStep, ...] = attrs.field(default=(), converter=_steps)
    uid: int | None = attrs.field(default=None, validator=_NUMBER_OR_NONE)
    gid: int | None = attrs.field(default=None, validator=_NUMBER_OR_NONE)
    groups: tuple[int, ...] = attrs.field(default=(), converter=tuple, validator=deep_iterable(_NUMBER))
    cgroup: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    # What changes comes last.
    state: RecordState = attrs.field(validator=in_(("intent", "running", "ended")))
    boot_id: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    pid: int | None = attrs.field(default=None, validator=_NUMBER_OR_NONE)
    start_ticks: int | None = attrs.field(default=None, validator=_NUMBER_OR_NONE)
    started_at: float | None = attrs.field(default=None, validator=_TIME_OR_NONE)
    ready: bool = attrs.field(default=False, validator=_FLAG)
    ready_at: float | None = attrs.field(default=None, validator=_TIME_OR_NONE)
    completed: bool = attrs.field(default=False, validator=_FLAG)
    ending: str = attrs.field(default="", validator=_TEXT)
    run_id: str = attrs.field(default="", validator=_TEXT)
    at: float | None = attrs.field(default=None, validator=_TIME_OR_NONE)

    def to_launch(self, env: Mapping[str, str]) -> Launch:
        """Give the order that it was made by, as far as that is recorded; *env*, its environment, is not."""
        return Launch(
            service=self.service,
            slug=self.slug,
            generation=self.generation,
            argv=self.argv,
            cwd=self.cwd,
            env=env,
            marker=self.marker,
            log_path=self.log_path,
            stderr_path=self.stderr_path,
            log_size=self.log_size,
            log_count=self.log_count,
            digest=self.digest,
            notify=self.notify,
            stop=self.stop,
            uid=self.uid,
            gid=self.gid,
            groups=self.groups,
        )


_FIELDS = frozenset(field.name for field in attrs.fields(Record))


def parse_record(raw: bytes, path: str) -> Record:
    """
    Read one JSON object; names that are not known are passed over.

    Raises:
        RecordTooNew: It is of a newer format.

        ValueError, TypeError, AttributeError: It is no record.
    """
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
    return Record(**{key: value for key, value in document.items() if key in _FIELDS})


json_of = json.JSONEncoder().encode


def step_facts(step: StopStep) -> dict[str, Any]:
    """Give a step as it stands in a record."""
    return {"signal": step.signal, "command": step.command, "wait": step.wait}


def salvaged_generation(raw: bytes) -> int:
    """Give the highest generation in a damaged file whose whole number is there, else 0."""
    return max((int(number) for number in re.findall(rb'"generation": (\d{1,15}),', raw)), default=0)
