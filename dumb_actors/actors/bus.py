"""
The event bus: every event to every reader, in order, without gaps, and without ever waiting for a reader.

Publishing is synchronous: the sequence number, the time stamps and the hand-over to each reader's buffer happen in one
step, so that order on the bus is the order in which things happened.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any, Self

import attrs
import trio

from dumb_actors.errors import EventsLost
from dumb_actors.model.event import Cause, Event, EventKind, Snapshot
from dumb_actors.model.phase import Phase

__all__ = ["BUFFER_SIZE", "EventBus", "EventStream"]

BUFFER_SIZE = 1024
HISTORY_SIZE = 4096
"""So many events are kept for readers that come back."""
AS_IT_WAS = "as it was when this reader came"


class EventStream:
    """
    One reader's view of the bus; an async iterator of `Event`s.

    First comes one event of kind `snapshot` for each service, then every event after that snapshot, without a gap. It
    ends when the supervisor has ended.

    A reader that comes back from an earlier run of the supervisor, which was killed, first gets what is remembered of
    that run and what happened in this one, and only then the snapshot events: the services may have come to another
    state without any event that tells so.

    Attributes:
        snapshot: The state of everything at the time of subscription.

        resumed: It goes on right behind the event that the reader named; then no snapshot events come first.

        crossed: It goes on from an earlier run; then snapshot events come behind what the reader missed.

    Raises:
        EventsLost: By the iteration: more than the buffer's number of events were not read in time. What was buffered
            has been handed out; subscribe anew for a fresh snapshot.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        first: Iterable[Event],
        buffer_size: int,
        *,
        resumed: bool = False,
        crossed: bool = False,
    ) -> None:
        self.snapshot = snapshot
        self.resumed = resumed
        self.crossed = crossed
        self.lost = False
        self._last_seq = snapshot.seq
        self._first = iter(first)
        self._send, self._receive = trio.open_memory_channel[Event](buffer_size)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        await trio.lowlevel.checkpoint()  # first: a cancellation here costs no event
        event = next(self._first, None)
        if event is not None:
            return event
        try:
            event = await self._receive.receive()
        except trio.EndOfChannel:
            if self.lost:
                raise EventsLost(self._last_seq) from None
            raise StopAsyncIteration from None
        self._last_seq = event.seq
        return event

    def take_nowait(self) -> Event | None:
        """Give the next event if it is there already; for a reader that has to come to an end."""
        event = next(self._first, None)
        if event is None:
            try:
                event = self._receive.receive_nowait()
            except (trio.WouldBlock, trio.EndOfChannel):
                return None
            self._last_seq = event.seq
        return event

    def offer(self, event: Event) -> bool:
        """Take *event* into the buffer; False when it is full: then the reader is cut off and will be told."""
        try:
            self._send.send_nowait(event)
        except trio.WouldBlock:
            self.lost = True
            self._send.close()
            return False
        return True

    def close(self) -> None:
        """End the stream after what is buffered."""
        self._send.close()


class EventBus:
    """
    Stamps events and hands them to the readers.

    Args:
        mono: The monotonic clock, seconds.

        wall: The wall clock, Unix seconds.

        take_snapshot: Gives the state of everything, given the sequence number of the last event.

        first_seq: Numbers go on behind this one. It must be at least the highest that any earlier run gave out.

        history: The last events of earlier runs, oldest first; see `remember`.

        mask: Makes secrets in a text unreadable; it is applied to the texts of every event before anybody sees it.

    Attributes:
        first_seq: What is behind this number is of this run.

        seq: The number of the last event.
    """

    def __init__(
        self,
        *,
        mono: Callable[[], float],
        wall: Callable[[], float],
        take_snapshot: Callable[[int], Snapshot],
        first_seq: int = 0,
        history: Iterable[Event] = (),
        mask: Callable[[str], str] | None = None,
    ) -> None:
        self.mono = mono
        self.wall = wall
        self.seq = first_seq
        self.first_seq = first_seq
        self._mask = mask
        self._take_snapshot = take_snapshot
        self._earlier: tuple[Event, ...] = ()
        self.remember(history)
        self._history: deque[Event] = deque(maxlen=HISTORY_SIZE)
        self._streams: list[EventStream] = []
        self._listeners: list[Callable[[Event], None]] = []
        self._is_closed = False

    def publish(
        self,
        kind: EventKind,
        cause: Cause,
        *,
        service: str = "",
        generation: int = 0,
        phases: tuple[Phase, Phase] = (Phase.STOPPED, Phase.STOPPED),
        detail: Mapping[str, Any] | None = None,
    ) -> Event:
        """Publish one event and return it."""
        self.seq += 1
        if self._mask is not None:
            text = self._mask(cause.text)
            cause = cause if text == cause.text else attrs.evolve(cause, text=text)
            detail = _masked(detail, self._mask) if detail else None
        event = Event(
            seq=self.seq,
            kind=kind,
            service=service,
            generation=generation,
            from_phase=phases[0],
            to_phase=phases[1],
            cause=cause,
            mono=self.mono(),
            at=self.wall(),
            detail=detail or {},
        )
        self._history.append(event)
        for listener in self._listeners:
            listener(event)
        self._streams = [stream for stream in self._streams if stream.offer(event)]
        return event

    def add_listener(self, listener: Callable[[Event], None]) -> None:
        """Call *listener* with each event, at once, before any reader gets it; it must be quick and must not raise."""
        self._listeners.append(listener)

    @contextmanager
    def subscribe(self, buffer_size: int = BUFFER_SIZE, *, after: int | None = None) -> Iterator[EventStream]:
        """Open a stream for the length of a block, right behind event *after* where that is still known."""
        snapshot = self._take_snapshot(self.seq)
        missed = self._since(after)
        crossed = missed is not None and after is not None and not self._is_of_this_run(after)
        state = self._snapshot_events(snapshot) if missed is None or crossed else ()
        first = chain(missed or (), state)
        stream = EventStream(snapshot, first, buffer_size, resumed=missed is not None, crossed=crossed)
        if self._is_closed:
            stream.close()
        else:
            self._streams.append(stream)
        try:
            yield stream
        finally:
            self._streams = [other for other in self._streams if other is not stream]
            stream.close()

    def remember(self, history: Iterable[Event]) -> None:
        """
        Take over the last events of earlier runs, oldest first, for readers that come back from there.

        Only those behind the last gap are kept: nobody may go on over an event that is not known. It may be called
        late, when they have been read.
        """
        kept: deque[Event] = deque(maxlen=HISTORY_SIZE)
        for event in history:
            if kept and event.seq != kept[-1].seq + 1:
                kept.clear()
            if event.seq <= self.first_seq:
                kept.append(event)
        self._earlier = tuple(kept)

    def recent(self) -> list[Event]:
        """
        List the events that are remembered, oldest first.

        Between them is no gap but the numbers that an earlier run may have given out before it was killed.
        """
        # Those of earlier runs are of no use once the first ones of this run are forgotten.
        is_whole = not self._history or self._history[0].seq == self.first_seq + 1
        return [*(self._earlier if is_whole else ()), *self._history]

    def _is_of_this_run(self, seq: int) -> bool:
        # Behind 0 there is nothing but this run: it began without any other.
        return seq > self.first_seq or seq == self.first_seq == 0

    def _since(self, after: int | None) -> list[Event] | None:
        """List the events behind *after*; None when they are not all known, or *after* was never given out."""
        oldest = self._history[0].seq if self._history else self.seq + 1
        if after is None or after > self.seq:
            return None
        if self._is_of_this_run(after):
            return None if after < oldest - 1 else [event for event in self._history if event.seq > after]
        # An event that was told and never came into the journal is nobody's to go on from.
        is_known = self._earlier and self._earlier[0].seq <= after <= self._earlier[-1].seq
        if not is_known or oldest != self.first_seq + 1:
            return None
        return [event for event in self.recent() if event.seq > after]

    def _snapshot_events(self, snapshot: Snapshot) -> list[Event]:
        return [
            Event(
                seq=snapshot.seq,
                kind="snapshot",
                service=service.name,
                generation=service.generation,
                from_phase=service.phase,
                to_phase=service.phase,
                cause=Cause(kind="supervisor", text=self.masked_text(service.reason) or AS_IT_WAS),
                mono=self.mono(),
                at=snapshot.at,
                detail={"pid": service.pid, "wished": service.wished},
            )
            for service in snapshot.services.values()
        ]

    def masked_text(self, text: str) -> str:
        """Give *text* as anybody may read it."""
        return text if self._mask is None else self._mask(text)

    def close(self) -> None:
        """End every stream, also later ones, after what it has buffered; later events reach listeners only."""
        self._is_closed = True
        for stream in self._streams:
            stream.close()
        self._streams = []


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    """Copy *value*, JSON-ready, with *mask* applied to every text in it that is no key."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: _masked(one, mask) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one, mask) for one in value]
    return value
