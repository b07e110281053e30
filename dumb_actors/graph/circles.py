"""
Circles among pairs of names: found, and broken at their weakest pair.

A pair is (source, target): the source needs the target. All work stays linear where there is no circle; only the pairs
inside one are looked at one by one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

__all__ = [
    "Cycle",
    "Pair",
    "break_circles",
    "contradicted",
    "find_circles",
    "group_pairs",
    "order_names",
    "strong_components",
    "walk",
]

Pair: TypeAlias = tuple[str, str]
"""Source and target: the source needs the target."""

Cycle: TypeAlias = tuple[str, ...]
"""Names, each needs the next; the first is repeated at the end."""

Steps: TypeAlias = Callable[[str], Iterable[str]]


def walk(start: str, goal: str, steps: Steps) -> tuple[str, ...]:
    """Give a shortest way from *start* to *goal*, both included; empty when there is none."""
    came_from: dict[str, str] = {start: start}
    todo = deque([start])
    while todo:
        here = todo.popleft()
        for other in steps(here):
            if other == goal:
                return (*_way_back(here, came_from), goal)
            if other not in came_from:
                came_from[other] = here
                todo.append(other)
    return ()


def _way_back(here: str, came_from: Mapping[str, str]) -> tuple[str, ...]:
    way = [here]
    while came_from[way[-1]] != way[-1]:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))


def group_pairs(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """List the targets of each source, in order of mention."""
    grouped: dict[str, list[str]] = {}
    for source, target in pairs:
        grouped.setdefault(source, []).append(target)
    return grouped


def strong_components(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """List the sets of names that can reach each other (Tarjan), without those of one name, each sorted."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root in needs:
        if root in number:
            continue
        todo = [(root, iter(needs[root]))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while todo:
            name, rest = todo[-1]
            other = next(rest, None)
            if other is None:
                todo.pop()
                if todo:
                    low[todo[-1][0]] = min(low[todo[-1][0]], low[name])
                if low[name] == number[name]:
                    component = _pop_to(name, stack, on_stack)
                    if len(component) > 1:
                        found.append(sorted(component))
            elif other not in number:
                number[other] = low[other] = len(number)
                stack.append(other)
                on_stack.add(other)
                todo.append((other, iter(needs.get(other, ()))))
            elif other in on_stack:
                low[name] = min(low[name], number[other])
    return found


def _pop_to(name: str, stack: list[str], on_stack: set[str]) -> list[str]:
    component: list[str] = []
    while not component or component[-1] != name:
        component.append(stack.pop())
        on_stack.discard(component[-1])
    return component


def find_circles(pairs: Iterable[Pair]) -> list[Cycle]:
    """Find circles until none is left; after each, its names are left out."""
    needs = group_pairs(pairs)
    found: list[Cycle] = [(name, name) for name in needs if name in needs[name]]
    alone = {cycle[0] for cycle in found}
    rest = {name: [t for t in targets if t not in alone] for name, targets in needs.items() if name not in alone}
    todo = strong_components(rest)
    while todo:
        inside = set(todo.pop(0))
        part = {name: [t for t in rest.get(name, ()) if t in inside] for name in sorted(inside)}
        first = min(inside)
        cycle = walk(first, first, part.__getitem__)
        found.append(cycle)
        gone = set(cycle)
        left = {name: [t for t in targets if t not in gone] for name, targets in part.items() if name not in gone}
        todo += strong_components(left)
    return found


def break_circles(ranks: Mapping[Pair, int]) -> list[Cycle]:
    """
    Let the weakest pairs of circles give way.

    Pairs are taken in order of falling rank, those of equal rank by name; one that would close a circle with those
    taken before gives way. So a weaker pair never costs a stronger one its place.

    Returns:
        The circles: the first pair of each gave way, all others stay.
    """
    cycles: list[Cycle] = []
    for pairs in _pairs_inside(ranks):
        line = _Line(sorted({name for pair in pairs for name in pair}))
        ways = ((pair[0], *line.add(*pair)) for pair in sorted(pairs, key=lambda pair: (-ranks[pair], pair)))
        cycles += [way for way in ways if len(way) > 1]
    return cycles


def _pairs_inside(pairs: Iterable[Pair]) -> list[list[Pair]]:
    """Give the pairs that are part of a circle, by the component that they are in."""
    all_pairs = list(pairs)
    component_of = {
        name: number for number, component in enumerate(strong_components(group_pairs(all_pairs))) for name in component
    }
    inside: dict[int, list[Pair]] = {}
    for source, target in all_pairs:
        number = component_of.get(source)
        if number is not None and component_of.get(target) == number:
            inside.setdefault(number, []).append((source, target))
    return list(inside.values())


class _Line:
    """
    An order of names, dependencies first, that is kept while pairs are added (Pearce and Kelly).

    Only the stretch of the line between the two ends of a pair is ever looked at.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._place = {name: index for index, name in enumerate(names)}
        self._needs: dict[str, list[str]] = {name: [] for name in names}
        self._needed_by: dict[str, list[str]] = {name: [] for name in names}

    def add(self, source: str, target: str) -> tuple[str, ...]:
        """Add a pair; where it would close a circle, add nothing and give the way from *target* back to *source*."""
        place = self._place
        low, high = place[source], place[target]
        if high > low:
            # The target's dependencies first: they are few, whereas half the world may depend on the source.
            steps = self._within(self._needs, lambda at: at >= low)
            if way := walk(target, source, steps):
                return way
            below = _reach(target, steps)
            above = _reach(source, self._within(self._needed_by, lambda at: at <= high))
            places = sorted(place[name] for name in (*below, *above))
            ordered = (*sorted(below, key=place.__getitem__), *sorted(above, key=place.__getitem__))
            place.update(zip(ordered, places, strict=True))
        self._needs[source].append(target)
        self._needed_by[target].append(source)
        return ()

    def _within(self, links: Mapping[str, Sequence[str]], fits: Callable[[int], bool]) -> Steps:
        return lambda name: (other for other in links[name] if fits(self._place[other]))


def _reach(start: str, steps: Steps) -> set[str]:
    found = {start}
    todo = [start]
    while todo:
        for other in steps(todo.pop()):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


def contradicted(pairs: Iterable[Pair], needs: Mapping[str, Sequence[str]]) -> list[Cycle]:
    """
    List those of *pairs* that stand against *needs*, which has no circle: the target needs the source, in the end.

    Returns:
        Circles whose first pair is one of *pairs*; the rest is of *needs*.
    """
    settled = {(source, target) for source, targets in needs.items() for target in targets}
    asked = [pair for pair in pairs if pair not in settled]
    cycles: list[Cycle] = []
    for inside in _pairs_inside(sorted({*settled, *asked})) if asked else ():
        steps = _steps(group_pairs(pair for pair in inside if pair in settled))
        for source, target in (pair for pair in inside if pair not in settled):
            if way := walk(target, source, steps):
                cycles.append((source, *way))
    return cycles


def _steps(needs: Mapping[str, Sequence[str]]) -> Steps:
    return lambda name: needs.get(name, ())


def order_names(names: Sequence[str], needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """
    Put *names* in order, dependencies first, as far as possible as they are.

    Returns:
        The level of each name, in that order: the length of the longest way down from it. Names on a circle are left
        out, and those that need them.
    """
    waiting = {name: len(needs.get(name, ())) for name in names}
    needed_by: dict[str, list[str]] = {name: [] for name in names}
    for source, targets in needs.items():
        for target in targets:
            needed_by[target].append(source)
    levels = {name: 0 for name, count in waiting.items() if count == 0}
    todo = deque(levels)
    ordered: dict[str, int] = {}
    while todo:
        name = todo.popleft()
        ordered[name] = levels[name]
        for other in needed_by[name]:
            levels[other] = max(levels.get(other, 0), levels[name] + 1)
            waiting[other] -= 1
            if waiting[other] == 0:
                todo.append(other)
    return ordered
