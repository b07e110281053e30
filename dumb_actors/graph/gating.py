"""Which edges are gates of their own: what actors wait for, and what plans say that they will."""

from collections.abc import Iterable

from dumb_actors.model.edge import Edge

__all__ = ["without_repeats"]


def without_repeats(edges: Iterable[Edge]) -> list[Edge]:
    """
    Leave out waits, and what the maps say again: the same wish to see the same service in the same state.

    Args:
        edges: All of one service that have a say in starting.
    """
    edges = list(edges)
    found: dict[tuple[str, str], Edge] = {}
    proved = {edge.target for edge in edges if edge.wait is not None}
    for edge in edges:
        if edge.wait is not None:
            continue
        # A wait gate asks for the live child of its provider already.
        if edge.signal == "depends_on" or not (edge.until == "started" and edge.target in proved):
            found.setdefault((edge.target, edge.until), edge)
    return list(found.values())
