"""The latest record of a service, as it is carried along and written again with each change."""

import time

import attrs

from dumb_actors.process.record import RECORD_FORMAT, Record, RecordState, json_of, step_facts

__all__ = ["Latest", "latest_of"]


@attrs.define
class Latest:
    """
    What was written last of a service.

    Attributes:
        head: The beginning of each line of this generation: what never changes, without the closing brace.

        generation and the others: As in `Record`.
    """

    generation: int
    head: str
    state: RecordState
    boot_id: str | None
    pid: int | None = None
    start_ticks: int | None = None
    started_at: float | None = None
    ready: bool = False
    ready_at: float | None = None
    completed: bool = False
    ending: str = ""

    def line(self, run_id: str) -> bytes:
        """Give the whole line."""
        facts = {name: getattr(self, name) for name in _CHANGING}
        facts |= {"run_id": run_id, "at": time.time()}
        return f"{self.head}, {json_of(facts)[1:]}\n".encode()


_CHANGING = ("state", "boot_id", "pid", "start_ticks", "started_at", "ready", "ready_at", "completed", "ending")


def latest_of(record: Record) -> Latest:
    """Make of a record what later changes of it begin with."""
    facts = {name: getattr(record, name) for name in attrs.fields_dict(Record) if name not in _CHANGING}
    del facts["run_id"], facts["at"]
    facts["stop"] = [step_facts(step) for step in record.stop]
    head = {"generation": facts.pop("generation"), "format": RECORD_FORMAT, **facts}
    return Latest(record.generation, json_of(head)[:-1], **{name: getattr(record, name) for name in _CHANGING})
