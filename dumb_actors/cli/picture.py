"""What `graph` shows: the part of the whole graph that was asked for, as values that each form is made of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import attrs

__all__ = ["Arrow", "Box", "Picture", "Reason", "picture_of"]

Reason: TypeAlias = Literal["needs", "would need", "gave way", "label", "can use"]
"""
What an arrow says: it holds up a start; it would, if anybody wished its target; it gave way in a circle; it is a label,
which never does; it is a known cooperation, which never does either.
"""


@attrs.frozen(kw_only=True)
class Box:
    """
    A service in the picture.

    Attributes:
        name: Of the service.

        phase: Where it is in its life.

        level: The length of the longest way down from it.

        is_critical: Whether it decides how long a start takes.

        is_on: Whether it is enabled, or wished to run.
    """

    name: str
    phase: str
    level: int
    is_critical: bool
    is_on: bool


@attrs.frozen(kw_only=True)
class Arrow:
    """
    An arrow in the picture, from the dependent to the dependency.

    Attributes:
        source, target: Names of services.

        signals: Why.

        reason: What it says.

        on_loss: What happens to the source when the target is lost.
    """

    source: str
    target: str
    signals: Sequence[str]
    reason: Reason
    on_loss: str = "keep"


@attrs.frozen(kw_only=True)
class Picture:
    """
    What is to be shown.

    Attributes:
        around: Whose surroundings they are; None: everybody's.

        boxes: Services, in the order of the configuration.

        arrows: Between those.

        cycles: Circles through them and what gave way, as the API gives them.

        missing: References to nobody, as the API gives them.

        hidden: How many services are not shown because they are disabled.

        hidden_links: How many known cooperations are not shown.
    """

    around: str | None
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    cycles: Sequence[Mapping[str, Any]]
    missing: Sequence[Mapping[str, Any]]
    hidden: int = 0
    hidden_links: int = 0

    def box(self, name: str) -> Box:
        """Find a service of the picture."""
        return next(box for box in self.boxes if box.name == name)

    def needs(self, name: str) -> list[Arrow]:
        """List the arrows that begin at a service, what holds up its start first."""
        return _sorted(arrow for arrow in self.arrows if arrow.source == name)

    def needed_by(self, name: str) -> list[Arrow]:
        """List the arrows that end at a service, those that hold up a start first."""
        return _sorted(arrow for arrow in self.arrows if arrow.target == name)


_ORDER: Sequence[Reason] = ("needs", "would need", "gave way", "label", "can use")


def _sorted(arrows: Iterator[Arrow]) -> list[Arrow]:
    return sorted(arrows, key=lambda arrow: _ORDER.index(arrow.reason))


def picture_of(answer: Mapping[str, Any], *, around: str | None = None, everything: bool = False) -> Picture:
    """
    Choose what to show.

    Args:
        answer: What `GET /graph` says.

        around: Only this service and its direct neighbours.

        everything: Disabled services and known cooperations, too. Around a service, disabled ones are always shown.
    """
    edges = [edge for edge in answer["edges"] if around is None or around in {edge["source"], edge["target"]}]
    kept = [edge for edge in edges if everything or edge["classification"] != "linkage"]
    boxes = [_box(node) for node in answer["nodes"]]
    if around is None:
        shown = {box.name for box in boxes if everything or box.is_on}
    else:
        shown = {around, *(edge[end] for edge in kept for end in ("source", "target"))}
    gone = {(cycle["source"], cycle["target"]) for cycle in answer["cycles_broken"]}
    return Picture(
        around=around,
        boxes=[box for box in boxes if box.name in shown],
        arrows=[_arrow(edge, gone) for edge in kept if {edge["source"], edge["target"]} <= shown],
        cycles=[cycle for cycle in answer["cycles_broken"] if _concerns(cycle["cycle"], around, shown)],
        missing=[each for each in answer["missing"] if _concerns([each["source"]], around, shown)],
        hidden=0 if around is not None else len(boxes) - len(shown),
        hidden_links=len(edges) - len(kept),
    )


def _concerns(names: Sequence[str], around: str | None, shown: set[str]) -> bool:
    return set(names) <= shown if around is None else around in names


def _box(node: Mapping[str, Any]) -> Box:
    return Box(
        name=node["process_name"],
        phase=node["phase"],
        level=node["level"],
        is_critical=node["critical"],
        is_on=node["enabled"] or node["wished"],
    )


def _arrow(edge: Mapping[str, Any], gone: set[tuple[str, str]]) -> Arrow:
    return Arrow(
        source=edge["source"],
        target=edge["target"],
        signals=edge["signals"],
        reason=_reason(edge, gone),
        on_loss=edge["on_loss"],
    )


def _reason(edge: Mapping[str, Any], gone: set[tuple[str, str]]) -> Reason:
    if edge["gates"]:
        return "needs"
    if edge["signals"] == ["core_service_fields"]:
        return "label"
    if edge["classification"] == "linkage":
        return "can use"
    return "gave way" if (edge["source"], edge["target"]) in gone else "would need"
