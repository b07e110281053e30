"""`timeline`: what each service did during a boot, as a chart of the terminal's width."""

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import click

from dumb_actors.cli.client import Api
from dumb_actors.cli.paint import DONE, Paint, clock, paint_for

__all__ = ["Wanted", "chart", "list_boots", "show_timeline"]

Json: TypeAlias = Mapping[str, Any]

_TIMEOUT_S = 60.0
"""The journal may be long, and its disk slow."""
_PLAIN_WIDTH = 100
_LEAST_BAR = 16
_NAME_LIMIT = 28
_AND_THEN = 1.25
"""What goes on is shown for so much longer than the last thing that happened."""

_KINDS = {"spawning": "preparing"}
_INDENT = 15
_COLOURS = {
    "waiting": "yellow",
    "preparing": "cyan",
    "probing": "blue",
    "running": "green",
    "completed": "green",
    "stopping": "magenta",
    "backoff": "magenta",
    "failed": "red",
}
_SIGNS = {
    "waiting": "·",
    "preparing": "▪",
    "probing": "░",
    "running": "█",
    "completed": "─",
    "stopping": "▽",
    "backoff": "~",
    "failed": "✗",
}
_PLAIN_SIGNS = {
    "waiting": ".",
    "preparing": "+",
    "probing": "=",
    "running": "#",
    "completed": "-",
    "stopping": "v",
    "backoff": "~",
    "failed": "x",
}
_WORDS = {
    "waiting": "waiting",
    "preparing": "preparing and spawning",
    "probing": "not ready yet",
    "running": "ready",
    "completed": "has done its work",
    "stopping": "stopping",
    "backoff": "until the next attempt",
    "failed": "it ended",
}


@attrs.frozen(kw_only=True)
class Wanted:
    """
    What is asked for.

    Attributes:
        boot: Of which boot; see `Supervisor.timeline`.

        service: Instead, of the last start of this service.

        as_json: As the API gives it.

        width: Columns; None: those of the terminal.
    """

    boot: str = "latest"
    service: str | None = None
    as_json: bool = False
    width: int | None = None


def show_timeline(api: Api, wanted: Wanted) -> int:
    """
    Show the timeline of a boot, or of a start.

    Raises:
        ApiUnreachable, Answered: By the supervisor; among the latter that the journal does not know the boot.
    """
    asked = {"boot": wanted.boot} if wanted.service is None else {"service": wanted.service}
    found = api.get("/timeline", asked, timeout=_TIMEOUT_S)
    if wanted.as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return DONE
    signs = _SIGNS if _takes_signs(sys.stdout.encoding) else _PLAIN_SIGNS
    width = wanted.width or _columns() or _PLAIN_WIDTH
    for line in chart(found, paint_for(sys.stdout), width=width, signs=signs):
        click.echo(line, color=True)
    return DONE


def list_boots(api: Api, *, as_json: bool) -> int:
    """Show which boots the journal knows; raises as `show_timeline` does."""
    found = api.get("/timeline/boots", timeout=_TIMEOUT_S)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return DONE
    rows = [("BOOT", "AT", "BY", "SERVICES", "TOOK", "NOT READY")]
    rows += [
        (
            str(boot["seq"]),
            clock(boot["at"]),
            str(boot["by"]),
            "-" if boot["services"] is None else str(boot["services"]),
            "-" if boot["makespan_s"] is None else _seconds(boot["makespan_s"]),
            ", ".join(boot["not_ready"]),
        )
        for boot in found["boots"]
    ]
    if len(rows) == 1:
        click.echo("the journal knows no boot")
        return DONE
    sizes = [max(len(row[column]) for row in rows) for column in range(5)]
    paint = paint_for(sys.stdout)
    for number, row in enumerate(rows):
        cells = [text.ljust(size) for text, size in zip(row, [*sizes, 0], strict=True)]
        line = "  ".join(cells).rstrip()
        click.echo(line if number else paint.dim(line), color=True)
    return DONE


def _takes_signs(encoding: str | None) -> bool:
    try:
        "".join(_SIGNS.values()).encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _columns() -> int | None:
    # A terminal that does not know its width says 0.
    return (os.get_terminal_size(sys.stdout.fileno()).columns or None) if sys.stdout.isatty() else None


# --- the chart --------------------------------------------------------------------------------------------------------


def chart(timeline: Json, paint: Paint, *, width: int, signs: Mapping[str, str] = _SIGNS) -> Iterator[str]:
    """
    Give the lines of a timeline: a row for each service, and below them what it comes to.

    Args:
        timeline: As the API gives it.

        width: Columns of the whole.

        signs: What stands for each kind of span.
    """
    rows = timeline["services"]
    yield paint(_title(timeline), bold=True)
    if rows:
        yield ""
        yield from _Chart(timeline=timeline, paint=paint, width=width, signs=signs).lines()
        yield ""
    for label, parts, between in _summary(timeline, paint):
        first, *rest = _folded(parts, between, width - _INDENT) or [""]
        yield f"{paint.dim(label.ljust(_INDENT))}{first}"
        yield from (" " * _INDENT + line for line in rest)


def _title(timeline: Json) -> str:
    what, rows = timeline["what"], timeline["services"]
    ready = sum(row["phase"] in {"ready", "completed"} for row in rows)
    services = "1 service" if len(rows) == 1 else f"{len(rows)} services"
    count = f"{ready} of {services} ready" if ready < len(rows) else services
    state = "" if timeline["is_complete"] or timeline["partial"] else ", under way"
    return f"{what} {timeline['seq']} by {timeline['by']}, {clock(timeline['begin_at'])}{state}: {count}"


@attrs.frozen(kw_only=True)
class _Chart:
    timeline: Json
    paint: Paint
    width: int
    signs: Mapping[str, str]
    names: int = attrs.field(init=False)
    notes: int = attrs.field(init=False)
    bar: int = attrs.field(init=False)
    lasts_s: float = attrs.field(init=False)

    @names.default
    def _names(self) -> int:
        return min(_NAME_LIMIT, max(len(row["service"]) for row in self.timeline["services"]))

    @notes.default
    def _notes(self) -> int:
        return max(len(_note(row)) for row in self.timeline["services"])

    @bar.default
    def _bar(self) -> int:
        return max(_LEAST_BAR, self.width - self.names - self.notes - 5)

    @lasts_s.default
    def _lasts_s(self) -> float:
        """Give what the chart is about: where somebody waits for ever, not all of that."""
        ends = [
            mono - self.timeline["begin_mono"]
            for row in self.timeline["services"]
            for span in row["spans"]
            for mono in (span["begin_mono"], span["end_mono"])
            if mono is not None
        ]
        last, end = max(ends, default=0.0), float(self.timeline["end_s"])
        return max(0.001, end if self.timeline["is_complete"] or not last else min(end, last * _AND_THEN))

    def lines(self) -> Iterator[str]:
        yield self.paint.dim(f"{'':{self.names + 3}}{self._scale()}").rstrip()
        used: set[str] = set()
        for row in self.timeline["services"]:
            cells = self._cells(row)
            used.update(cell for cell in cells if cell)
            yield self._line(row, cells)
        legend = [f"{self._paint_sign(kind, 1)} {_WORDS[kind]}" for kind in _SIGNS if kind in used]
        if any(row["on_critical_path"] for row in self.timeline["services"]):
            legend.append("* on the critical path")
        yield ""
        yield from _folded(legend, "   ", self.width)

    def _line(self, row: Json, cells: Sequence[str]) -> str:
        mark = "*" if row["on_critical_path"] else " "
        name = _cut(row["service"], self.names)
        bar, start = "", 0
        for index in range(1, len(cells) + 1):
            if index == len(cells) or cells[index] != cells[start]:
                bar += self._paint_sign(cells[start], index - start)
                start = index
        note = _note(row).rjust(self.notes)
        painted = self.paint(note, "" if row["ready_s"] is not None or row["adopted"] else "red")
        return f"{mark} {self.paint(name.ljust(self.names), bold=row['on_critical_path'])} {bar} {painted}"

    def _paint_sign(self, kind: str, count: int) -> str:
        return self.paint(self.signs[kind] * count, _COLOURS[kind]) if kind else " " * count

    def _cells(self, row: Json) -> list[str]:
        """Give what it did for most of the time of each column; an end is shown in any case."""
        begin, cell_s = self.timeline["begin_mono"], self.lasts_s / self.bar
        most = [0.0] * self.bar
        cells = [""] * self.bar

        def put(kind: str, low: float, high: float) -> None:
            for index in range(int(low / cell_s), min(self.bar, math.ceil(high / cell_s))):
                share = min(high, (index + 1) * cell_s) - max(low, index * cell_s)
                if share > most[index] + 1e-9 * cell_s:
                    most[index], cells[index] = share, kind

        for span in row["spans"]:
            kind = _KINDS.get(span["kind"], span["kind"])
            low = max(0.0, span["begin_mono"] - begin)
            high = self.lasts_s if span["end_mono"] is None else span["end_mono"] - begin
            if span["end_mono"] is None and span["outcome"]:
                high = low  # when it ended is not known
            put(kind, low, high)
            if span["outcome"] == "completed":
                put("completed", high, self.lasts_s)
            if span["outcome"] in {"failed", "backoff"} and span["end_mono"] is not None:
                last = min(self.bar - 1, max(0, math.ceil(high / cell_s) - 1))
                cells[last], most[last] = "failed", math.inf
        if row["adopted"] and not any(cells):
            cells = ["running"] * self.bar
        return cells

    def _scale(self) -> str:
        step, line = _step_of(self.lasts_s, self.bar), ""
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        count = 0
        while (column := round(count * step / self.lasts_s * self.bar)) < self.bar:
            label = f"|{count * step:.{digits}f} s" if count else "|0"
            if column + len(label) <= self.bar:
                line = line.ljust(column) + label
            count += 1
        return line


def _step_of(lasts_s: float, columns: int) -> float:
    """Give a round number of seconds that takes twelve columns or more."""
    least = lasts_s * 12 / columns
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


def _note(row: Json) -> str:
    """Say behind the bar when it was ready, or where it is instead."""
    if row["ready_s"] is not None:
        word = "" if row["phase"] in {"ready", "completed"} else f", {row['phase']}"
        return f"{_seconds(row['ready_s'])}{word}"
    return "adopted" if row["adopted"] and row["phase"] in {"ready", "completed"} else str(row["phase"])


# --- what it comes to -------------------------------------------------------------------------------------------------


def _summary(timeline: Json, paint: Paint) -> Iterator[tuple[str, list[str], str]]:
    """Give what it comes to: label, parts, and what stands between them."""
    makespan, ideal = timeline["makespan_s"], timeline["ideal_s"]
    if makespan is None:
        yield "took", ["- (nobody is ready)"], " "
    else:
        words = f"{_seconds(makespan)}, {makespan / max(ideal, 1e-9):.2f} times the ideal {_seconds(ideal)}"
        yield "took", words.split(" "), " "
    steps = timeline["critical_path"]
    if steps:
        told = [f"{step['service']} {_seconds(step['end_s'] - step['begin_s'])}" for step in steps]
        yield "critical path", told, " → "
    yield "would help", timeline["change"]["text"].split(" "), " "
    for row in timeline["services"]:
        if row["reason"]:
            word = paint.phase(str(row["phase"]))
            yield "not ready", [f"{row['service']},", f"{word}:", *row["reason"].split(" ")], " "
    if timeline["partial"]:
        yield "incomplete", timeline["partial"].split(" "), " "


def _folded(parts: Sequence[str], between: str, width: int) -> list[str]:
    """Join *parts*, in lines of at most *width* columns where that can be; colours take none."""
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}{between}{part}" if lines else part
        if lines and len(click.unstyle(longer)) > width:
            lines[-1] += between.rstrip()
            lines.append(part)
        elif lines:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def _seconds(value: float) -> str:
    """Write a duration in three digits: `35 ms`, `4.51 s`, `12.3 s`, `154 s`."""
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} s"
