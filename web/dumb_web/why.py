"""`GET /why`: what led to where a service is, or was, down to the root."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from dumb_actors import (
    Branch,
    Builtin,
    CausalLink,
    CauseKind,
    Explanation,
    JournalTooNew,
    LinkKind,
    Phase,
    RequestError,
    UnknownService,
    UnusablePath,
)
from dumb_web.context import Web
from dumb_web.errors import ApiError, Entry, InvalidRequest
from dumb_web.listing import API_KEY
from dumb_web.moments import parse_moment
from dumb_web.routes import Route
from dumb_web.snapshots import Status
from dumb_web.wire import alike

__all__ = ["ROUTES"]


@attrs.frozen
class WhyQuery:
    """
    The query of `GET /why`.

    Attributes:
        process_name: Which service; one that has left the configuration must be named exactly.

        at: The instant that is asked about: Unix seconds, ISO 8601, or an age such as `10m`, `2h`, `1d`; left out, or
            in the future: now.
    """

    process_name: str
    at: str | None = None


@attrs.frozen(kw_only=True)
class WhyLink:
    """
    One step of an explanation; each is explained by the next one.

    Attributes:
        kind: What sort of step: `state` is where a service is, up to the instant that is explained.

        text: A sentence for a person, without times.

        service: Whom it is about; empty for the supervisor, and for what no service of ours offers.

        generation: Of its child then; 0 before the first.

        seq: The event that tells of it, as in `GET /events/history`; null where none does.

        at: When it happened (Unix seconds); for a `state` since when it is so.

        cause: The kind of the event's cause; null without an event.

        by: Who asked for it; empty for what nobody asked for.

        facts: More about it, as far as it is known: `phase`, `pid`, `exit`, `code`, `signal`, `ran_s`, `last_lines`,
            `next_at`, `waits_for`, `what`, `answer`, `dependency`, `on_loss`, `command`, `count`, `ends`, …

        hint: What would help; empty where nothing is to be done.
    """

    kind: LinkKind
    text: str
    service: str
    generation: int
    seq: int | None
    at: float | None
    cause: CauseKind | None
    by: str
    facts: Mapping[str, Any]
    hint: str


@attrs.frozen(kw_only=True)
class WhyBranch:
    """
    One of several things that a service waits for.

    Attributes:
        what: In words: `'PostgreSQL' to be ready`.

        chain: Why it does not hold.

        branches: Where that ends in a service that waits for several things: each of them.
    """

    what: str
    chain: Sequence[WhyLink]
    branches: Sequence["WhyBranch"]


@attrs.frozen(kw_only=True)
class Why:
    """
    Why a service is where it is, or was.

    Attributes:
        process_name: As it was asked for.

        at: The instant that is explained (Unix seconds).

        phase: Where it is; null: the journal does not tell.

        status: The same in the three words of the Process Management API.

        summary: The same in a sentence.

        chain: From its phase down to the root.

        branches: Where the chain ends in a service that waits for several things: each of them, what is not there
            first.

        hint: What would help; empty where nothing is to be done, or nothing is known.

        complete: The whole story is there: nothing was too old for the journal, or too long to be told.
    """

    process_name: str
    at: float
    phase: Phase | None
    status: Status | None
    summary: str
    chain: Sequence[WhyLink]
    branches: Sequence[WhyBranch]
    hint: str
    complete: bool


async def why(web: Web, query: WhyQuery) -> Why:
    """
    Explain why a service is where it is, or where it was at an instant.

    The chain goes from its phase back through what led there: a probe's answer, an exit with the last lines of output,
    somebody's command, the boot, a change of the configuration, the end of an earlier supervisor.
    """
    if not query.process_name.strip():
        raise ApiError(400, "process_name is required")
    name, at = query.process_name, _moment(query.at)
    try:
        listed = web.listing.find(name)
    except UnknownService:
        listed = None  # it may have left the configuration
    if isinstance(listed, Builtin):
        return _told(name, _of_builtin(listed, web.supervisor.snapshot().at))
    try:
        return _told(name, await web.supervisor.why(name if listed is None else listed.name, at=at))
    except UnknownService as error:
        raise ApiError(404, "Process not found", code=error.code, **error.detail) from None


def _moment(text: str | None) -> float | None:
    try:
        return None if text is None else parse_moment(text, time.time())
    except ValueError as error:
        raise InvalidRequest([Entry(type="value_error", loc=["query", "at"], msg=str(error), input=text)]) from None


def _of_builtin(builtin: Builtin, at: float) -> Explanation:
    runs = builtin.key == API_KEY
    text = f"{builtin.name!r} is this supervisor itself" if runs else f"{builtin.name!r} has no command to be started"
    phase = Phase.READY if runs else Phase.STOPPED
    link = CausalLink(kind="state", text=text, service=builtin.name, facts={"phase": str(phase)})
    return Explanation(service=builtin.name, phase=phase, at=at, summary=text, chain=(link,))


def _told(name: str, found: Explanation) -> Why:
    return alike(Why, found, process_name=name, chain=_links(found.chain), branches=_branches(found.branches))


def _links(chain: Sequence[CausalLink]) -> list[WhyLink]:
    return [alike(WhyLink, link) for link in chain]


def _branches(branches: Sequence[Branch]) -> list[WhyBranch]:
    return [
        WhyBranch(what=branch.what, chain=_links(branch.chain), branches=_branches(branch.branches))
        for branch in branches
    ]


ROUTES = (Route("GET", "/why", why, errors=(RequestError, UnknownService, JournalTooNew, UnusablePath)),)
