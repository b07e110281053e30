"""The graph for programs that draw: Graphviz' DOT and Mermaid. Arrows point from the dependent to the dependency."""

from collections.abc import Iterator, Mapping

from dumb_actors.cli.picture import Arrow, Picture, Reason

__all__ = ["to_dot", "to_mermaid"]

_FILLS: Mapping[str, str] = {
    "ready": "#c8e6c9",
    "completed": "#c8e6c9",
    "starting": "#b3e5fc",
    "preparing": "#b3e5fc",
    "waiting": "#fff9c4",
    "stopping": "#fff9c4",
    "backoff": "#ffe0b2",
    "failed": "#ffcdd2",
    "stopped": "#eceff1",
}

_DOT_STYLES: Mapping[Reason, str] = {
    "needs": "solid",
    "would need": "dashed",
    "gave way": "dashed",
    "label": "dotted",
    "can use": "dotted",
}


def to_dot(picture: Picture) -> str:
    """Give the picture in the language of Graphviz."""
    ids = _ids(picture)
    lines = ["digraph dependencies {", "  rankdir = BT;", '  node [shape=box, style="rounded,filled"];']
    for box in picture.boxes:
        text = _dot_text(box.name) + "\\n" + box.phase
        width = ", penwidth=2" if box.is_critical else ""
        lines.append(f'  {ids[box.name]} [label="{text}", fillcolor="{_FILLS.get(box.phase, "#ffffff")}"{width}];')
    for arrow in picture.arrows:
        # What does not hold up a start has no say in where a box stands either.
        rest = "" if arrow.reason == "needs" else ", constraint=false, color=gray50, fontcolor=gray50"
        ends = f"{ids[arrow.source]} -> {ids[arrow.target]}"
        text = "\\n".join(_dot_text(word) for word in _words(arrow))
        lines.append(f'  {ends} [label="{text}", style={_DOT_STYLES[arrow.reason]}{rest}];')
    return "\n".join([*lines, "}"])


def to_mermaid(picture: Picture) -> str:
    """Give the picture as a Mermaid flowchart."""
    ids = _ids(picture)
    lines = ["flowchart BT"]
    lines += [f'  {ids[box.name]}["{_mermaid_text(box.name)}<br/>{box.phase}"]' for box in picture.boxes]
    for arrow in picture.arrows:
        line = "-->" if arrow.reason == "needs" else "-.->"
        text = "<br/>".join(_mermaid_text(word) for word in _words(arrow))
        lines.append(f'  {ids[arrow.source]} {line}|"{text}"| {ids[arrow.target]}')
    return "\n".join([*lines, *_mermaid_classes(picture, ids)])


def _mermaid_classes(picture: Picture, ids: Mapping[str, str]) -> Iterator[str]:
    for phase in dict.fromkeys(box.phase for box in picture.boxes):
        members = ",".join(ids[box.name] for box in picture.boxes if box.phase == phase)
        yield f"  classDef {phase} fill:{_FILLS.get(phase, '#ffffff')},stroke:#607d8b,color:#000000"
        yield f"  class {members} {phase}"
    if critical := ",".join(ids[box.name] for box in picture.boxes if box.is_critical):
        yield "  classDef critical stroke-width:3px"
        yield f"  class {critical} critical"


def _ids(picture: Picture) -> Mapping[str, str]:
    # Names of services may have anything in them, names of nodes must not.
    return {box.name: f"n{number}" for number, box in enumerate(picture.boxes)}


def _words(arrow: Arrow) -> Iterator[str]:
    if arrow.reason != "needs":
        yield f"({arrow.reason})"
    yield from arrow.signals


def _dot_text(text: str) -> str:
    """Write *text* within double quotes: DOT reads escapes there, and entities of HTML."""
    for character, written in (("&", "&amp;"), ("\\", "\\\\"), ('"', '\\"')):
        text = text.replace(character, written)
    return _in_one_line(text)


def _mermaid_text(text: str) -> str:
    """Write *text* within double quotes: what Mermaid, Markdown or HTML would read as theirs is written as a number."""
    return "".join(
        character if character.isalnum() or character in " .,:/()_-" else f"#{ord(character)};"
        for character in _in_one_line(text)
    )


def _in_one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
