"""Events to write down, and disks that fill and hang when they are told to."""

import errno
import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
from hypothesis import strategies as st

from dumb_actors.journal.codec import line_of
from dumb_actors.journal.segments import Head, Segment
from dumb_actors.journal.store import Limits, System
from dumb_actors.model.event import Cause, Event
from dumb_actors.model.phase import Phase

QUICK = Limits(patience=20.0, retry=0.001)
"""Waits for a disk that works as long as a test may take, and tries one that does not at once."""


def event(seq: int, service: str = "web", **fields: Any) -> Event:
    given = {
        "kind": "phase",
        "generation": 1,
        "from_phase": Phase.STARTING,
        "to_phase": Phase.READY,
        "cause": Cause(kind="probe", text="HTTP 200"),
        "mono": float(seq),
        "at": 1_700_000_000.0 + seq,
    }
    return Event(seq=seq, service=service, **{**given, **fields})


def numbers(events: Iterable[Event]) -> list[int]:
    return [one.seq for one in events]


def write_segment(directory: Any, first: int, events: Iterable[Event], *, opened_at: float = 0.0, head: Any = None):
    """Write a segment as a run would have."""
    path = Segment.named(str(directory), first).path
    line = json.dumps(Head(run_id="r", boot_id="b", opened_at=opened_at).as_json() if head is None else head)
    content = line.encode() + b"\n" + b"".join(map(line_of, events))
    Path(path).write_bytes(content)
    return path


_texts = st.text(max_size=30)
_numbers = st.integers(0, 2**53)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_bodies = st.builds(
    event,
    seq=st.just(1),
    service=_texts,
    kind=st.sampled_from(["phase", "spawned", "exited", "command", "answer", "supervisor", "health"]),
    generation=st.integers(0, 10**6),
    from_phase=st.sampled_from(Phase),
    to_phase=st.sampled_from(Phase),
    cause=st.builds(
        Cause, kind=st.sampled_from(["exit", "probe", "command"]), text=_texts, by=_texts, seq=st.none() | _numbers
    ),
    mono=st.floats(0, 1e9),
    at=st.floats(0, 1e10),
    detail=st.dictionaries(_texts, _json, max_size=4),
)


@st.composite
def event_lists(draw: Any, *, max_size: int = 12) -> list[Event]:
    """Draw events with growing numbers."""
    bodies = draw(st.lists(_bodies, max_size=max_size))
    first = draw(st.integers(1, 10**6))
    return [attrs.evolve(body, seq=first + index) for index, body in enumerate(bodies)]


class Disk:
    """A disk that can be full, or hang, from one write to the next."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.writes: list[int] = []
        self.syncs = 0
        self.refused = threading.Event()
        self.waits = threading.Event()
        self._flows = threading.Event()
        self._flows.set()

    def system(self, **more: Any) -> System:
        return System(write=self._write, sync=self._sync, **more)

    def fill(self, room: int = 0) -> None:
        self.refused.clear()
        self.room = room

    def clear(self) -> None:
        self.room = None

    def hang(self) -> None:
        self.waits.clear()
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def _stop(self) -> None:
        if not self._flows.is_set():
            self.waits.set()
            self._flows.wait()

    def _write(self, fd: int, data: bytes) -> int:
        self._stop()
        if self.room is not None:
            data, full = data[: self.room], not self.room
            if full:
                self.refused.set()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room -= len(data)
        done = os.write(fd, data)
        self.writes.append(done)
        return done

    def _sync(self, fd: int) -> None:
        self._stop()
        self.syncs += 1
        os.fsync(fd)
