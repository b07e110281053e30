"""`logs`: the output of a service, byte for byte or as JSON, all of it or what is asked for."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import click

from dumb_actors.cli.client import Api, LogReply, find_service
from dumb_actors.cli.gone import ReaderWatch
from dumb_actors.cli.paint import DONE, paint_for
from dumb_actors.cli.sse import read_messages
from dumb_actors.errors import DumbActorsError, UnknownService

__all__ = ["LINES", "Wanted", "show_log"]

LINES = 100


@attrs.frozen(kw_only=True)
class Wanted:
    """
    What is asked for.

    Attributes:
        name: Of the service, as typed.

        lines: Only the last so many lines; None: 100, or all where `since` is given.

        since, until: Unix seconds.

        grep: Only lines with this in them.

        is_regex: `grep` is a regular expression.

        generation: Only lines of this generation, a number or `last`.

        follow: Go on with what comes, until the supervisor ends.

        as_json: One JSON object on each line.
    """

    name: str
    lines: int | None = None
    since: float | None = None
    until: float | None = None
    grep: str | None = None
    is_regex: bool = False
    generation: str | None = None
    follow: bool = False
    as_json: bool = False

    @property
    def tail(self) -> int | None:
        """How many of the last lines; None: all."""
        return LINES if self.lines is None and self.since is None else self.lines

    def params(self) -> dict[str, Any]:
        """Give the query for the API, but for how many lines, and of which format."""
        given = {"since": self.since, "until": self.until, "match": self.grep, "generation": self.generation}
        given["regex"] = "true" if self.is_regex else None
        return {name: value for name, value in given.items() if value is not None}


def show_log(api: Api, wanted: Wanted) -> int:
    """
    Write what is wanted of a service's log to stdout.

    Ends quietly when it is interrupted, and with `follow` as soon as nobody reads any more.

    Raises:
        UnknownService: No such name.

        ApiUnreachable, Answered: By the supervisor.

        BrokenPipeError: Nobody reads any more.
    """
    services = api.services()
    found = find_service(wanted.name, services)
    if found is None:
        raise UnknownService(wanted.name, [str(service["process_name"]) for service in services])
    log = _Log(api=api, name=str(found["process_name"]), wanted=wanted)
    try:
        if wanted.follow:
            log.follow()
        else:
            log.show()
    except KeyboardInterrupt:
        return DONE
    return DONE


@attrs.frozen(kw_only=True)
class _Log:
    api: Api
    name: str
    wanted: Wanted

    def show(self) -> None:
        """Write what there is. An answer ends at a limit of the API; it is asked again for the rest."""
        if self.wanted.tail is None:
            for page in self._pages({}, "after"):
                _write(page)
            return
        pages = list(self._pages({"tail": self.wanted.tail}, "before"))
        for page in reversed(pages):
            _write(page)

    def _pages(self, where: dict[str, Any], direction: str) -> Iterator[bytes]:
        """Give answer after answer: forward, or, for the last lines, backward."""
        while True:
            page, count, goes_on = self._page(where)
            yield page
            if "tail" in where:
                where["tail"] -= count
            if goes_on is None or where.get("tail") == 0:
                return
            where[direction] = goes_on

    def _page(self, where: Mapping[str, Any]) -> tuple[bytes, int, str | None]:
        """Ask once: the lines, how many they are, and where to go on."""
        params = {**self.wanted.params(), **where}
        goes_on = "older" if "tail" in where else "cursor"
        if self.wanted.as_json:
            answer = self.api.get_log(self.name, {**params, "format": "json"})
            content = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in answer["lines"])
            return content.encode(), len(answer["lines"]), answer[goes_on] if answer["more"] else None
        with self.api.stream_log(self.name, {**params, "format": "text"}) as reply:
            page = b"".join(reply.pieces)
            count = page.count(b"\n") + (not page.endswith(b"\n") and bool(page))
            return page, count, reply.headers.get(f"x-log-{goes_on}") if "x-log-more" in reply.headers else None

    def follow(self) -> None:
        """Write what there is and what comes."""
        params = self.wanted.params() | {"format": "events" if self.wanted.as_json else "text", "follow": "true"}
        if self.wanted.tail is not None:
            params["tail"] = self.wanted.tail
        reader = ReaderWatch(sys.stdout)
        try:
            with self.api.stream_log(self.name, params) as reply, reader.cutting(reply.socket):
                for piece in _objects(reply) if self.wanted.as_json else reply.pieces:
                    _write(piece)
        except DumbActorsError:
            if not reader.is_gone:
                raise
        if reader.is_gone:
            raise BrokenPipeError


def _objects(reply: LogReply) -> Iterator[bytes]:
    for message in read_messages(reply.lines()):
        if message.event == "line":
            yield f"{json.dumps(message.data, ensure_ascii=False)}\n".encode()
        elif message.event == "reset":
            click.echo(paint_for(sys.stderr).dim(f"({message.data.get('detail')})"), err=True, color=True)


def _write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
