"""`events`: what happens to services, from the supervisor's stream of events."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import click

from dumb_actors.cli.client import Api, Service, find_service
from dumb_actors.cli.paint import DONE, paint_for
from dumb_actors.cli.sse import Message, read_messages
from dumb_actors.cli.telling import Seen, Teller, Told
from dumb_actors.errors import ApiUnreachable, DumbActorsError, UnknownService

__all__ = ["Wanted", "show_events"]

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


@attrs.frozen(kw_only=True)
class Wanted:
    """
    What is asked for.

    Attributes:
        follow: Go on with what comes, until the supervisor ends.

        names: Only these services, as typed; empty: all, and what concerns the supervisor itself.

        as_json: One JSON object on each line.

        after: Only what came after the event with this number; None: the present state first.
    """

    follow: bool = False
    names: tuple[str, ...] = ()
    as_json: bool = False
    after: int | None = None


def show_events(api: Api, wanted: Wanted) -> int:
    """
    Show the present state of the services, or what happened after an event; with `follow` also what comes.

    A connection that breaks while the supervisor lives is made anew, without a gap. Ends quietly when the supervisor
    has ended, and when it is interrupted.

    Raises:
        UnknownService: One of the names.

        ApiUnreachable, Answered: By the supervisor, before anything was shown.
    """
    status = api.get("/status")
    services: list[Service] = list(status["services"])
    writer = _Writer(api=api, as_json=wanted.as_json, only=_resolve(wanted.names, services))
    reader = _Reader(api=api, writer=writer, last=wanted.after)
    try:
        if wanted.follow:
            reader.follow()
        else:
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
                    _note(f"(what came after event {asked} is no longer known; this is the present state)")
                if message.id:
                    self.last = int(message.id)
                if message.event != "lost":  # it comes back with its number, and misses nothing
                    yield message


def _note(text: str) -> None:
    click.echo(paint_for(sys.stderr).dim(text), err=True, color=True)


# --- writing ----------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes what was read, of the services *only* (empty: of all, and of the supervisor itself)."""

    def __init__(self, *, api: Api, as_json: bool, only: frozenset[str]) -> None:
        self._api = api
        self._as_json = as_json
        self._only = only
        self._width = max((len(name) for name in only), default=0)
        self._teller = Teller(paint=paint_for(sys.stdout), look=self._look, every=True)

    def show(self, message: Message) -> None:
        """Write one message, if it is wanted."""
        if message.event == "snapshot":
            self._show_state(message.data)
        elif not self._only or message.data.get("service") in self._only:
            self._write(message.data)

    def _show_state(self, data: Mapping[str, Any]) -> None:
        """Write the state of the services: one object for a machine, a line for each service for a person."""
        chosen = [one for one in data["services"] if not self._only or one["process_name"] in self._only]
        if self._as_json:
            self._write({**data, "services": chosen})
            return
        self._width = max((len(str(one["process_name"])) for one in chosen), default=self._width)
        for one in chosen:
            for line in self._teller.state_lines(one, self._width):
                click.echo(line, color=True)

    def _write(self, data: Mapping[str, Any]) -> None:
        if self._as_json:
            click.echo(json.dumps(data, ensure_ascii=False))
            return
        told = Told.from_json(data)
        self._width = max(self._width, len(told.service))
        for line in self._teller.lines(told, self._width):
            click.echo(line, color=True)

    def _look(self, name: str) -> Seen | None:
        try:
            found = find_service(name, self._api.services())
        except DumbActorsError:
            return None  # it has ended, or is busy: the event stands without
        return None if found is None else Seen.from_json(found)
