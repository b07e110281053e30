"""
Say in one line what happened to a service: what `up` tells about its own services and `events` about those of others.

`Told` is an event and `Seen` the state of a service, wherever they came from: the supervisor's own memory, or JSON
from its API.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from dumb_actors.cli.paint import Paint, for_how_long
from dumb_actors.cli.show import reason_of
from dumb_actors.model.event import Event, ServiceSnapshot

__all__ = ["NAME_LIMIT", "Seen", "Teller", "Told", "stamp"]

NAME_LIMIT = 32
_WORD_WIDTH = 9
_TEXT_LIMIT = 300
_LAST_LINES = 5
_INDENT = " " * 14
_BARE_KINDS = frozenset({"command", "answer", "spawned", "exited", "condition"})
"""Kinds of event that say nothing new to somebody who sees the phases; shown only where every event is asked for."""


def stamp(at: float) -> str:
    """Write an instant (Unix seconds) as local time with milliseconds."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S.%f")[:-3]


@attrs.frozen(kw_only=True)
class Told:
    """
    One event.

    Attributes:
        kind, service, at, detail: As in `dumb_actors.Event`.

        before, phase: The phases before and after it.

        text, cause: Why, in words; and the kind of cause.
    """

    kind: str
    service: str
    before: str
    phase: str
    text: str
    cause: str
    at: float
    detail: Mapping[str, Any]

    @classmethod
    def of(cls, event: Event) -> "Told":
        """Take over an event of this process."""
        return cls(
            kind=event.kind,
            service=event.service,
            before=str(event.from_phase),
            phase=str(event.phase),
            text=event.cause.text,
            cause=event.cause.kind,
            at=event.at,
            detail=event.detail,
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Told":
        """Take over an event as `GET /events` gives it."""
        cause = data.get("cause") or {}
        return cls(
            kind=str(data["kind"]),
            service=str(data.get("service") or ""),
            before=str(data.get("from") or ""),
            phase=str(data.get("to") or ""),
            text=str(cause.get("text") or ""),
            cause=str(cause.get("kind") or ""),
            at=float(data["at"]),
            detail=data.get("detail") or {},
        )


@attrs.frozen(kw_only=True)
class Seen:
    """
    The state of a service when its event is told; it may have gone on since.

    Attributes:
        phase: Where it is.

        waiting: What it waits for.

        hint, last_lines, log_path: What helps somebody whose service failed.
    """

    phase: str
    waiting: tuple[str, ...] = ()
    hint: str = ""
    last_lines: tuple[str, ...] = ()
    log_path: str = ""

    @classmethod
    def of(cls, snapshot: ServiceSnapshot, log_path: str) -> "Seen":
        """Take over a snapshot of this process."""
        return cls(
            phase=str(snapshot.phase),
            waiting=tuple(waiting.what for waiting in snapshot.waiting),
            hint=snapshot.hint,
            last_lines=snapshot.last_lines,
            log_path=log_path,
        )

    @classmethod
    def from_json(cls, service: Mapping[str, Any]) -> "Seen":
        """Take over a service as `GET /status` gives it."""
        return cls(
            phase=str(service["phase"]),
            waiting=tuple(str(waiting["what"]) for waiting in service.get("waiting") or ()),
            hint=str(service.get("hint") or ""),
            last_lines=tuple(service.get("last_lines") or ()),
            log_path=str(service.get("log_path") or ""),
        )


@attrs.frozen(kw_only=True)
class Teller:
    """
    Makes lines of events.

    Attributes:
        paint: Colours, or none.

        look: Gives the present state of a service; None when it is not known any more.

        every: Tell every event. Otherwise what says nothing is left out: preparing, waiting that is over at once,
            commands, what the phases say as well, and the stop of what had failed.
    """

    paint: Paint
    look: Callable[[str], Seen | None]
    every: bool = False

    def lines(self, told: Told, width: int) -> Iterator[str]:
        """Give the lines that tell of one event, names padded to *width*; none when it says nothing."""
        word, text = self._word_and_text(told)
        if not (word or text):
            return
        short = text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "…"
        name = self.paint(told.service.ljust(min(width, NAME_LIMIT)), bold=True)
        yield f"{self.paint.dim(stamp(told.at))}  {name}  {self._painted(told, word)}  {short}".rstrip()
        if told.kind == "phase" and (told.phase == "failed" or _is_first_end(told)):
            yield from (f"{_INDENT}{line}" for line in _what_would_help(told, self.look(told.service)))

    def state_lines(self, service: Mapping[str, Any], width: int) -> Iterator[str]:
        """Give the line that tells the present state of *service*, as `GET /status` gives it."""
        phase, since = str(service["phase"]), service.get("since")
        name = self.paint(str(service["process_name"]).ljust(min(width, NAME_LIMIT)), bold=True)
        when = stamp(float(since)) if since else " " * len(stamp(0))
        yield f"{self.paint.dim(when)}  {name}  {self.paint.phase(phase, _WORD_WIDTH)}  {reason_of(service)}".rstrip()

    def _word_and_text(self, told: Told) -> tuple[str, str]:
        if told.kind == "phase":
            return self._phase(told)
        if told.kind == "supervisor":
            what = str(told.detail.get("what", ""))
            return (what, told.text) if self.every or what == "leftover" else ("", "")
        if told.kind in _BARE_KINDS:
            return _bare(told) if self.every else ("", "")
        return _remarkable(told)

    def _phase(self, told: Told) -> tuple[str, str]:
        if told.phase == "waiting":
            now = self.look(told.service)
            # By the time this is read it may be over; then there was nothing to wait for.
            if now is not None and now.phase == "waiting" and now.waiting:
                return told.phase, "; ".join(f"for {what}" for what in now.waiting)
            return (told.phase, told.text) if self.every else ("", "")
        says_nothing = told.phase == "preparing" or (told.phase == "stopped" and told.before == "failed")
        return ("", "") if says_nothing and not self.every else (told.phase, told.text)

    def _painted(self, told: Told, word: str) -> str:
        if told.kind == "phase":
            return self.paint.phase(word, _WORD_WIDTH)
        colour = {"unhealthy": "red", "crashing": "red", "lost": "yellow", "healthy": "green", "back": "green"}
        return self.paint(word.ljust(_WORD_WIDTH), colour.get(word, "bright_black"))


def _remarkable(told: Told) -> tuple[str, str]:
    """Give word and text of what everybody should see although no phase changed."""
    detail = told.detail
    match told.kind:
        case "health":
            word = "healthy" if detail.get("healthy") else "unhealthy"
            return word, told.text.removeprefix(word).lstrip(", ")
        case "crash_loop":
            delay = detail.get("next_delay_s")
            later = f"; next attempt in {for_how_long(float(delay))}" if delay else ""
            return "crashing", told.text.removeprefix("crash loop: ") + later
        case "dependency":
            return "back" if detail.get("held") else "lost", told.text
        case _:
            return told.kind, told.text


def _bare(told: Told) -> tuple[str, str]:
    match told.kind:
        case "exited":
            swept = len(told.detail.get("swept") or ())
            text = str(told.detail.get("exit") or told.text)
            return "exited", text + (f"; {swept} that had left its group were ended" if swept else "")
        case "spawned":
            return "spawned", str(told.detail.get("argv") or told.text)
        case _:
            return told.kind, told.text


def _is_first_end(told: Told) -> bool:
    """Whether it ended unexpectedly for the first time: what its last lines say is then news."""
    return told.phase == "backoff" and told.detail.get("recent") == 1


def _what_would_help(told: Told, now: Seen | None) -> Iterator[str]:
    lines = told.detail.get("last_lines") or (now.last_lines if now is not None else ())
    if now is not None and now.hint:
        yield f"hint: {now.hint}"
    yield from (f"| {line}" for line in lines[-_LAST_LINES:])
    if told.cause != "spawn" and now is not None and now.log_path:  # else there was no output
        yield f"its log: {now.log_path}"
