"""
`GET /events`: what happens, as server-sent events: the present state first, then every event, without a gap.

The state is one message and not one for each service: a client replaces what it shows in one step, sees what is gone,
and a connection that breaks can be resumed from any message's id.

Source: HTML standard, section 9.2, server-sent events.
"""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Annotated, Any, Literal, Self, get_args

import attrs
import trio
from quart import Response
from quart.wrappers.response import ResponseBody

from dumb_actors import Cause, Event, EventsLost, EventStream, Phase, UnknownService
from dumb_web.context import Web
from dumb_web.routes import Header, Media, Route
from dumb_web.status import Overview, overview
from dumb_web.streams import stream_response
from dumb_web.structure import OneOf, Range
from dumb_web.wire import alike, dump

__all__ = ["HEARTBEAT_S", "KINDS", "ROUTES", "EventMessage", "message_of"]

HEARTBEAT_S = 15.0
"""
After so many seconds without an event a comment is sent, by a timer of the open stream.

A client on this machine that goes away is noticed without it. One behind a tunnel or a proxy is not: the other end of
our connection lives on. And proxies cut what is silent, after a minute as a rule.
"""

RETRY = b"retry: 1000\n\n"
HEARTBEAT = b": nothing new\n\n"
END = b"id:\n\n"
"""Takes the last id from the client: what asks next is another run of the supervisor, and begins with its state."""

KINDS: tuple[str, ...] = get_args(attrs.fields(Event).kind.type)
LONGEST_ID = 18


# --- what is asked and told -------------------------------------------------------------------------------------------


@attrs.frozen
class EventsQuery:
    """
    The query of `GET /events`.

    Attributes:
        service: Only events of these services; given again for each. Left out: every event, those of the supervisor
            itself included.

        kind: Only events of these kinds; given again for each. The snapshot comes nevertheless.

        after: Go on right behind the event with this number, as the header `Last-Event-ID` does, which goes before.
    """

    service: list[str] = attrs.field(factory=list)
    kind: list[Annotated[str, OneOf(KINDS)]] = attrs.field(factory=list)
    after: Annotated[int, Range(ge=0)] | None = None


@attrs.frozen(kw_only=True)
class SnapshotMessage(Overview):
    """
    The state of everything, or of the services that were asked for: the first message of a stream, unless it goes on
    where another ended.
    """

    kind: Literal["snapshot"] = "snapshot"


@attrs.frozen(kw_only=True)
class EventMessage:
    """
    One thing that happened.

    Attributes:
        seq: Sequence number, without gaps; the message's `id`.

        kind: What sort of event; the message's `event`.

        service: Name; empty for events of the supervisor itself.

        generation: Of the service's latest child; 0 before the first.

        from, to: The phases before and after it; equal where the event is no transition.

        cause: Why.

        at: Wall time, Unix seconds: for display.

        mono: Monotonic seconds: for intervals.

        detail: Further facts; which ones depends on the kind.
    """

    seq: int
    kind: Annotated[str, OneOf(KINDS)]
    service: str
    generation: int
    from_: Phase
    to: Phase
    cause: Cause
    at: float
    mono: float
    detail: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class LostMessage:
    """
    This reader was too slow: the stream ends. Whoever comes back with its id gets what it missed.

    Attributes:
        seq: Of the last event that was sent; the message's `id`.

        at: When that was told (Unix seconds).
    """

    seq: int
    kind: Literal["lost"] = "lost"
    at: float


async def events(
    web: Web, query: EventsQuery, last_event_id: Annotated[str | None, Header("Last-Event-ID")]
) -> Annotated[Response, Media("text/event-stream", events=(SnapshotMessage, EventMessage, LostMessage))]:
    """
    Tell what happens, as server-sent events: first the present state, then every event.

    A reader that is too slow is told (`lost`) and let go; it may come back with its last id.

    Args:
        last_event_id: Go on right behind the event with this number, without a snapshot, as long as that event is among
            the last 4,096; what is no number is taken for none. Where it is of an earlier run of the supervisor, the
            snapshot comes behind what was missed.
    """
    wanted = Wanted(
        services=frozenset(web.supervisor.find(name).name for name in query.service), kinds=frozenset(query.kind)
    )
    after = int(last_event_id) if last_event_id and _is_number(last_event_id) else query.after
    return stream_response(EventBody(web, wanted, after), "text/event-stream; charset=utf-8")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_ID


# --- the stream -------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Wanted:
    """Which events a reader wants; empty sets stand for all."""

    services: frozenset[str]
    kinds: frozenset[str]

    def has(self, event: Event) -> bool:
        """Say whether *event* is wanted; that of a snapshot is not, for the snapshot has been sent as a whole."""
        return (
            event.kind != "snapshot"
            and (not self.services or event.service in self.services)
            and (not self.kinds or event.kind in self.kinds)
        )

    def message(self, overview: Overview) -> bytes:
        """Write the first message."""
        chosen = [one for one in overview.services if not self.services or one.process_name in self.services]
        return _message(alike(SnapshotMessage, overview, services=chosen, kind="snapshot"))


class EventBody(ResponseBody):
    """
    The body of a stream, until the client goes, is too slow, the supervisor has ended, or the hub is closed.

    Not a generator: nothing is held across a `yield`, and the subscription ends at a known place.
    """

    def __init__(self, web: Web, wanted: Wanted, after: int | None) -> None:
        self._web = web
        self._wanted = wanted
        self._after = after
        self._first: bytes | None = None
        self._late_state: bytes | None = None
        self._has_ended = False
        self._stack = AsyncExitStack()
        self._events: EventStream

    async def __aenter__(self) -> Self:
        self._events = await self._stack.enter_async_context(self._web.supervisor.events(after=self._after))
        # Written at once: services may come and go.
        is_needed = self._events.crossed or not self._events.resumed
        state = self._wanted.message(overview(self._web, self._events.snapshot)) if is_needed else b""
        self._first = RETRY + (b"" if self._events.resumed else state)
        self._late_state = state if self._events.crossed else None
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        value: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        await self._stack.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        if self._has_ended:
            raise StopAsyncIteration
        with self._web.hub.wait():
            return await self._following()
        return self._rest()

    def _rest(self) -> bytes:
        """The server ends: what has happened by now is still told, and that is all."""
        while (event := self._events.take_nowait()) is not None:
            if (told := self._tell(event)) is not None:
                return told
        return self._end_with(END)

    def _tell(self, event: Event) -> bytes | None:
        """Write what is to be sent of *event*, and behind the last one that was missed the state."""
        told = _message(message_of(event)) if self._wanted.has(event) else b""
        if self._late_state is not None and event.seq >= self._events.snapshot.seq:
            told, self._late_state = told + self._late_state, None
        return told or None

    async def _following(self) -> bytes:
        with trio.move_on_after(HEARTBEAT_S):
            try:
                async for event in self._events:
                    if (told := self._tell(event)) is not None:
                        return told
            except EventsLost as error:
                return self._end_with(_message(LostMessage(seq=error.after, at=self._web.supervisor.snapshot().at)))
            return self._end_with(END)
        return HEARTBEAT

    def _end_with(self, last: bytes) -> bytes:
        self._has_ended = True
        return last


def message_of(event: Event) -> EventMessage:
    """Give *event* as it is sent."""
    return alike(EventMessage, event, from_=event.from_phase, to=event.to_phase)


def _message(content: SnapshotMessage | EventMessage | LostMessage) -> bytes:
    return f"id: {content.seq}\nevent: {content.kind}\ndata: {dump(content)}\n\n".encode()


ROUTES = (Route("GET", "/events", events, errors=(UnknownService,)),)
