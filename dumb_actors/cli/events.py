"""`events`: what happens to services, from the supervisor's stream of events, and what has happened before."""

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

import attrs
import click

from dumb_actors.cli.client import Api, Service, find_service
from dumb_actors.cli.paint import DONE, paint_for
from dumb_actors.cli.sse import Message, read_messages
from dumb_actors.cli.telling import Seen, Teller, Told
from dumb_actors.errors import ApiUnreachable, DumbActorsError, RequestError, UnknownService
from dumb_actors.model.event import EventKind

__all__ = ["Wanted", "show_events"]

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_PAGE = 10_000
_PAGE_TIMEOUT_S = 60.0
"""The journal may be long, and its disk slow."""


@attrs.frozen(kw_only=True)
class Wanted:
    """
    What is asked for.

    Attributes:
        follow: Go on with what comes, until the supervisor ends.

        names: Only these services, as typed; empty: all, and what concerns the supervisor itself.

        as_json: One JSON object on each line.

        after: Only what came after the event with this number; None: the present state first.

        since, until: What has happened then (Unix seconds), also in earlier runs, instead of the present state.

        kinds: Only events of these kinds; empty: all.
    """

    follow: bool = False
    names: tuple[str, ...] = ()
    as_json: bool = False
    after: int | None = None
    since: float | None = None
    until: float | None = None
    kinds: tuple[str, ...] = ()

    @property
    def history(self) -> bool:
        """Whether it is asked for what has happened."""
        return self.since is not None or self.until is not None


def show_events(api: Api, wanted: Wanted) -> int:
    """
    Show the present state of the services, or what has happened; with `follow` also what comes.

    A connection that breaks while the supervisor lives is made anew, without a gap. Ends quietly when the supervisor
    has ended, and when it is interrupted.

    Raises:
        UnknownService: One of the names.

        RequestError: One of the kinds is none.

        ApiUnreachable, Answered: By the supervisor, before anything was shown.
    """
    status = api.get("/status")
    services: list[Service] = list(status["services"])
    _check_kinds(wanted.kinds)
    only = _Only(services=_resolve(wanted.names, services), kinds=frozenset(wanted.kinds))
    writer = _Writer(api=api, as_json=wanted.as_json, only=only)
    reader = _Reader(api=api, writer=writer, last=wanted.after)
    try:
        if wanted.history:
            reader.look_back(wanted.since, wanted.until)
        if wanted.follow:
            reader.follow()
        elif not wanted.history:
            reader.catch_up(int(status["seq"]))
    except KeyboardInterrupt:
        return DONE
    return DONE


def _resolve(typed: Sequence[str], services: list[Service]) -> frozenset[str]:
    names = []
    for name in typed:
        found = find_service(name, services)
        if found is None:
            raise UnknownService(name, [str(service["process_name"]) for service in services])
        names.append(str(found["process_name"]))
    return frozenset(names)


def _check_kinds(kinds: Sequence[str]) -> None:
    known = [kind for kind in get_args(EventKind) if kind != "snapshot"]
    for kind in kinds:
        if kind not in known:
            raise RequestError(f"no event is of the kind {kind!r}\nthere are: {', '.join(known)}", kind=kind)


@attrs.frozen(kw_only=True)
class _Only:
    """What is wanted of the events; empty sets stand for all, and for what concerns the supervisor itself."""

    services: frozenset[str]
    kinds: frozenset[str]

    def has(self, data: Mapping[str, Any]) -> bool:
        return (not self.services or data.get("service") in self.services) and (
            not self.kinds or data.get("kind") in self.kinds
        )

    def query(self) -> dict[str, Any]:
        """Give it as far as the API can be asked."""
        service = {"service": next(iter(self.services))} if len(self.services) == 1 else {}
        return {**service, "kind": sorted(self.kinds)}


# --- reading ----------------------------------------------------------------------------------------------------------


@attrs.define(kw_only=True)
class _Reader:
    """Reads the stream; `last` is the number of the last event that was read, None before the first."""

    api: Api
    writer: "_Writer"
    last: int | None
    _has_connected: bool = attrs.field(default=False, init=False)

    def catch_up(self, until: int) -> None:
        """Show the present state, or what happened from `last` to the event *until*."""
        if self.last is not None and self.last >= until:
            return
        for message in self._messages():
            self.writer.show(message)
            if message.event == "snapshot" or int(message.data["seq"]) >= until:
                return

    def look_back(self, since: float | None, until: float | None) -> None:
        """Show what has happened, page by page; `last` is then the number behind which it goes on without a gap."""
        asked: dict[str, Any] = {**self.writer.only.query(), "limit": _PAGE}
        if since is not None:
            asked["since"] = max(0, math.floor(since))
        if until is not None:
            asked["until"] = max(0, math.floor(until))
        while True:
            page = self.api.get("/events/history", {**asked, "after": self.last or 0}, timeout=_PAGE_TIMEOUT_S)
            self.last = int(page["seq"])
            for event in page["events"]:
                self.writer.show_past(event)
            if not page["more"]:
                return

    def follow(self) -> None:
        """Show what comes until the supervisor has ended."""
        pause_s = 0.0
        while True:
            before = self.last
            try:
                for message in self._messages():
                    if message.is_end:
                        return
                    self.writer.show(message)
            except DumbActorsError as error:
                if not self._has_connected:
                    raise
                # It listens as long as it lives; whatever else went wrong is tried again.
                if isinstance(error, ApiUnreachable) and error.detail.get("refused"):
                    _note("(the supervisor has ended)")
                    return
            pause_s = 0.0 if self.last != before else min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            time.sleep(pause_s)

    def _messages(self) -> Iterator[Message]:
        """Give the messages of one connection."""
        asked = self.last
        with self.api.stream_events(asked) as lines:
            self._has_connected = True
            for message in read_messages(lines):
                if message.event == "snapshot" and asked is not None:
                    is_known = self.last != asked
                    _note(
                        "(an earlier supervisor ended there; this is the present state)"
                        if is_known
                        else f"(what came after event {asked} is no longer known; this is the present state)"
                    )
                if message.id:
                    self.last = int(message.id)
                if message.event != "lost":  # it comes back with its number, and misses nothing
                    yield message


def _note(text: str) -> None:
    click.echo(paint_for(sys.stderr).dim(text), err=True, color=True)


# --- writing ----------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes what was read, as far as it is wanted."""

    def __init__(self, *, api: Api, as_json: bool, only: _Only) -> None:
        self.only = only
        self._api = api
        self._as_json = as_json
        self._width = max((len(name) for name in only.services), default=0)
        self._teller = Teller(paint=paint_for(sys.stdout), look=self._look, every=True)
        # How a service is now says nothing about what it was.
        self._past_teller = attrs.evolve(self._teller, look=lambda _: None)
        self._day = datetime.now().astimezone().date()

    def show(self, message: Message) -> None:
        """Write one message, if it is wanted."""
        if message.event == "snapshot":
            self._show_state(message.data)
        elif self.only.has(message.data):
            self._write(message.data, self._teller)

    def show_past(self, data: Mapping[str, Any]) -> None:
        """Write an event of the history, if it is wanted; for a person each day begins with its date."""
        if not self.only.has(data):
            return
        day = datetime.fromtimestamp(float(data["at"])).astimezone().date()
        if day != self._day and not self._as_json:
            click.echo(paint_for(sys.stdout).dim(f"{day:%A, %Y-%m-%d}"), color=True)
        self._day = day
        self._write(data, self._past_teller)

    def _show_state(self, data: Mapping[str, Any]) -> None:
        """Write the state of the services: one object for a machine, a line for each service for a person."""
        services = self.only.services
        chosen = [one for one in data["services"] if not services or one["process_name"] in services]
        if self._as_json:
            self._write({**data, "services": chosen}, self._teller)
            return
        self._width = max((len(str(one["process_name"])) for one in chosen), default=self._width)
        for one in chosen:
            for line in self._teller.state_lines(one, self._width):
                click.echo(line, color=True)

    def _write(self, data: Mapping[str, Any], teller: Teller) -> None:
        if self._as_json:
            click.echo(json.dumps(data, ensure_ascii=False))
            return
        told = Told.from_json(data)
        self._width = max(self._width, len(told.service))
        for line in teller.lines(told, self._width):
            click.echo(line, color=True)

    def _look(self, name: str) -> Seen | None:
        try:
            found = find_service(name, self._api.services())
        except DumbActorsError:
            return None  # it has ended, or is busy: the event stands without
        return None if found is None else Seen.from_json(found)
