"""`GET /events/history`: what has happened, also in earlier runs of the supervisor, from memory and the journal."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, cast

import attrs

from dumb_actors import Event, JournalTooNew, UnusablePath
from dumb_web.context import Web
from dumb_web.errors import json_response
from dumb_web.events import KINDS, EventMessage, message_of
from dumb_web.routes import Route
from dumb_web.structure import OneOf, Range
from dumb_web.wire import dump

__all__ = ["LIMIT", "ROUTES"]

LIMIT = 10_000


@attrs.frozen
class HistoryQuery:
    """
    The query of `GET /events/history`.

    Attributes:
        after: Only events behind this number, and of those the first; left out: of all events the last.

        since: Only events that happened then or later (whole Unix seconds).

        until: Only events that happened then or before (whole Unix seconds).

        service: Only events of this service; one that is not configured any more must be named exactly.

        kind: Only events of these kinds; given again for each.

        limit: At most so many events; what is above 10,000 counts as that.
    """

    after: Annotated[int, Range(ge=0)] | None = None
    since: Annotated[int, Range(ge=0)] | None = None
    until: Annotated[int, Range(ge=0)] | None = None
    service: str | None = None
    kind: list[Annotated[str, OneOf(KINDS)]] = attrs.field(factory=list)
    limit: Annotated[int, Range(ge=1)] = 1000


@attrs.frozen(kw_only=True)
class History:
    """
    What has happened.

    Attributes:
        events: The newest last. Monotonic times of different runs of the supervisor cannot be compared.

        seq: Go on from here: with `GET /events?after=` for what comes, or, where there is more, with another question.

        more: The limit cut it off, and behind `seq` there may be more; only where `after` was given.
    """

    events: Sequence[EventMessage]
    seq: int
    more: bool


async def events_history(web: Web, query: HistoryQuery) -> History:
    """
    Tell what has happened, oldest event first, also in earlier runs of the supervisor.

    It goes back as far as the journal does, by default thirty days or 64 MB.
    """
    # Before the question: whatever happens meanwhile is told by whoever is asked with this number.
    newest = web.supervisor.snapshot().seq
    limit = min(query.limit, LIMIT)
    found = await web.supervisor.history(
        after=query.after,
        since=query.since,
        # To the end of that second.
        until=None if query.until is None else query.until + 1,
        service=query.service,
        kinds=query.kind,
        limit=limit,
    )
    more = query.after is not None and len(found) == limit
    last = found[-1].seq if found else 0
    text = await web.in_file_thread(partial(_write, found, last if more else max(newest, last), more=more))
    response = json_response(None)
    response.set_data(text)
    # A response is sent as it is; what is declared is what is in it.
    return cast("History", response)


def _write(events: Sequence[Event], seq: int, *, more: bool) -> str:
    """Write the answer, in a thread: ten thousand events take a tenth of a second."""
    return dump(History(events=[message_of(event) for event in events], seq=seq, more=more))


ROUTES = (Route("GET", "/events/history", events_history, errors=(JournalTooNew, UnusablePath)),)
