"""`graph`: the dependencies of all services or around one, as a text, for Graphviz, for Mermaid, or as JSON."""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import attrs

from dumb_actors.cli.client import Answered, Api
from dumb_actors.cli.drawing import to_dot, to_mermaid
from dumb_actors.cli.paint import Paint
from dumb_actors.cli.picture import Arrow, Box, Picture, Reason, picture_of
from dumb_actors.errors import UnknownService

__all__ = ["Wanted", "graph_text", "tell_graph"]


_UP = frozenset({"ready", "completed"})
_BACKWARDS: Mapping[Reason, str] = {
    "needs": "needs it",
    "would need": "would need it",
    "gave way": "gave way",
    "label": "names it",
    "can use": "can use it",
}
"""What an arrow says, seen from its target."""


@attrs.frozen(kw_only=True)
class Wanted:
    """
    What to show of the graph.

    Attributes:
        name: Around whom; None: of all.

        form: `text`, `dot`, `mermaid` or `json`.

        everything: Known cooperations and disabled services, too.
    """

    name: str | None
    form: str
    everything: bool


def tell_graph(api: Api, wanted: Wanted, paint: Paint) -> str:
    """
    Give what `graph` writes.

    Raises:
        UnknownService: There is no service of this name.
    """
    if wanted.name is None:
        answer = api.get("/graph")
        if wanted.form == "json":
            return json.dumps(answer, indent=2)
        return _write(picture_of(answer, everything=wanted.everything), wanted.form, paint)
    page = _page_of(api, wanted.name, everything=wanted.everything)
    if wanted.form == "json":
        return json.dumps(page, indent=2)
    picture = picture_of(api.get("/graph"), around=page["process_name"], everything=wanted.everything)
    if not picture.boxes:  # a part of the supervisor itself: nobody is linked with it
        phase = "ready" if page["statuses"].get(page["process_name"]) == "running" else "stopped"
        lone = Box(name=page["process_name"], phase=phase, level=0, is_critical=False, is_on=True)
        picture = attrs.evolve(picture, boxes=[lone])
    return _write(picture, wanted.form, paint)


def _page_of(api: Api, name: str, *, everything: bool) -> Any:
    try:
        return api.get("/process/dependency-graph", {"process_name": name, "scope": "all" if everything else "runtime"})
    except Answered as error:
        if error.body.get("code") == "unknown-service":
            raise UnknownService(name, error.body.get("known") or ()) from None
        raise


def _write(picture: Picture, form: str, paint: Paint) -> str:
    match form:
        case "dot":
            return to_dot(picture)
        case "mermaid":
            return to_mermaid(picture)
    return "\n".join(graph_text(picture, paint))


# --- the text ---------------------------------------------------------------------------------------------------------


def graph_text(picture: Picture, paint: Paint) -> Iterator[str]:
    """Give the lines of the text form."""
    if not picture.boxes:
        yield "no service is enabled" if picture.hidden else "no services are configured"
    elif picture.around is None:
        yield from _layers(picture, paint)
    else:
        yield from _surroundings(picture, picture.around, paint)
    notes = [*_legend(picture, paint), *_gave_way(picture, paint), *_missing(picture, paint), *_hidden(picture, paint)]
    if notes:
        yield ""
        yield from notes


def _layers(picture: Picture, paint: Paint) -> Iterator[str]:
    """Show level by level what starts, and below each service why not earlier."""
    width = max(len(box.name) for box in picture.boxes)
    levels = sorted({box.level for box in picture.boxes})
    for number, level in enumerate(levels):
        if number:
            yield ""
        yield paint.dim("what needs nothing" if level == 0 else f"level {level}")
        for box in picture.boxes:
            if box.level == level:
                yield _head(box, width, paint)
                yield from _branches(picture, picture.needs(box.name), paint)


def _head(box: Box, width: int, paint: Paint) -> str:
    mark = paint(" *", bold=True) if box.is_critical else ""
    return f"  {paint(box.name.ljust(width), bold=True)}  {paint.phase(box.phase)}{mark}"


def _branches(picture: Picture, arrows: list[Arrow], paint: Paint, *, backwards: bool = False) -> Iterator[str]:
    """Show one arrow in a line: what it says, the service at its other end, how that stands, and why."""
    boxes = [picture.box(arrow.source if backwards else arrow.target) for arrow in arrows]
    phases = ["" if box.phase in _UP else box.phase for box in boxes]
    words = [_BACKWARDS[arrow.reason] if backwards else arrow.reason for arrow in arrows]
    word_width, name_width, phase_width = (
        max(map(len, texts), default=0) for texts in (words, [box.name for box in boxes], phases)
    )
    for number, (arrow, box, phase, word) in enumerate(zip(arrows, boxes, phases, words, strict=True), start=1):
        twig = "└─" if number == len(arrows) else "├─"
        name, said = box.name.ljust(name_width), word.ljust(word_width)
        ends = f"{name}  {said}" if backwards else f"{said}  {name}"
        state = f"  {paint.phase(phase, phase_width)}" if phase_width else ""
        why = ", ".join(arrow.signals) + ("" if arrow.on_loss == "keep" else f"; on loss: {arrow.on_loss}")
        shown = ends if arrow.reason == "needs" else paint.dim(ends)
        yield f"    {paint.dim(twig)} {shown}{state}  {paint.dim(why)}"


def _surroundings(picture: Picture, name: str, paint: Paint) -> Iterator[str]:
    yield _head(picture.box(name), len(name), paint).removeprefix("  ")
    for title, arrows, backwards in (
        ("depends on", picture.needs(name), False),
        ("its dependents", picture.needed_by(name), True),
    ):
        yield paint.dim(f"  {title}" + ("" if arrows else ": nobody"))
        yield from _branches(picture, arrows, paint, backwards=backwards)


def _legend(picture: Picture, paint: Paint) -> Iterator[str]:
    if any(box.is_critical for box in picture.boxes if picture.around in {None, box.name}):
        yield paint.dim("* on the longest path: what decides how long a start takes")


def _gave_way(picture: Picture, paint: Paint) -> Iterator[str]:
    for cycle in picture.cycles:
        way = [f"{source} needs {target}" for source, target in pairwise(cycle["cycle"][1:])]
        signals = ", ".join(cycle["signals"])
        pair = f"{cycle['source']} → {cycle['target']}"
        yield f"{paint('gave way', 'yellow')}: {pair} ({signals}), because {', '.join(way)}"


def _missing(picture: Picture, paint: Paint) -> Iterator[str]:
    for each in picture.missing:
        yield (
            f"{paint('missing', 'red')}: {each['source']} refers to {each['reference']!r} ({each['signal']}), "
            f"and there is no such service: {each['path']}"
        )


def _hidden(picture: Picture, paint: Paint) -> Iterator[str]:
    counted = [
        (picture.hidden, "disabled service", "disabled services"),
        (picture.hidden_links, "known cooperation", "known cooperations"),
    ]
    parts = [f"{count} {one if count == 1 else more}" for count, one, more in counted if count]
    if parts:
        yield paint.dim(f"not shown: {', '.join(parts)} (--all shows them)")
