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
    "find_circles",
    "find_contradicted",
    "order_names",
]

Pair: TypeAlias = tuple[str, str]
"""Source and target: the source needs the target."""

Cycle: TypeAlias = tuple[str, ...]
"""Names, each needs the next; the first is repeated at the end."""

Links: TypeAlias = Mapping[str, Sequence[str]]


def _group_pairs(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """List the targets of each source, in order of mention."""
    grouped: dict[str, list[str]] = {}
    for source, target in pairs:
        grouped.setdefault(source, []).append(target)
    return grouped


def _strong_components(needs: Links) -> list[list[str]]:
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
    """Find circles until none is left; after each, its names are left out. Each begins with its first source."""
    needs = _group_pairs(pairs)
    place = {name: number for number, name in enumerate(needs)}
    found: list[Cycle] = [(name, name) for name in needs if name in needs[name]]
    alone = {cycle[0] for cycle in found}
    rest = {name: [t for t in targets if t not in alone] for name, targets in needs.items() if name not in alone}
    todo = _strong_components(rest)
    while todo:
        inside = set(todo.pop(0))
        part = {name: [t for t in rest.get(name, ()) if t in inside] for name in sorted(inside)}
        cycle = _way_round(min(inside, key=place.__getitem__), part)
        found.append(cycle)
        gone = set(cycle)
        left = {name: [t for t in targets if t not in gone] for name, targets in part.items() if name not in gone}
        todo += _strong_components(left)
    return sorted(found, key=lambda cycle: place[cycle[0]])


def _way_round(start: str, needs: Links) -> Cycle:
    """Give a shortest circle through *start*, which is on one."""
    came_from: dict[str, str] = {}
    todo = deque([start])
    while start not in came_from:
        here = todo.popleft()
        for other in needs[here]:
            if other not in came_from:
                came_from[other] = here
                todo.append(other)
    way = [start, came_from[start]]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))


def break_circles(ranks: Mapping[Pair, int]) -> list[Cycle]:
    """
    Let the weakest pairs of circles give way.

    Pairs are taken in order of falling rank, those of equal rank by name; one that would close a circle with those
    taken before gives way. So a weaker pair never costs a stronger one its place.

    Returns:
        The circles: the first pair of each gave way, all others stay.
    """
    doubtful = {pair for part in _parts_with_circles(ranks) for pair in part}
    kept: list[Pair] = []
    cycles: list[Cycle] = []
    for rank in sorted({ranks[pair] for pair in doubtful}, reverse=True):
        tier = sorted(pair for pair in doubtful if ranks[pair] == rank)
        found = _break_tier(kept, tier)
        gone = {(cycle[0], cycle[1]) for cycle in found}
        kept += [pair for pair in tier if pair not in gone]
        cycles += found
    return cycles


def _break_tier(kept: Sequence[Pair], tier: Sequence[Pair]) -> list[Cycle]:
    """Add the pairs of *tier* to those *kept*; only where that makes circles, one by one."""
    new = frozenset(tier)
    cycles: list[Cycle] = []
    for part in _parts_with_circles([*kept, *tier]):
        line = _Line(pair for pair in part if pair not in new)
        ways = ((pair[0], *line.add(*pair)) for pair in part if pair in new)
        cycles += [way for way in ways if len(way) > 1]
    return sorted(cycles)


def _parts_with_circles(pairs: Iterable[Pair]) -> list[list[Pair]]:
    """Give the pairs that are part of a circle, by the component that they are in."""
    all_pairs = list(pairs)
    component_of = {
        name: number
        for number, component in enumerate(_strong_components(_group_pairs(all_pairs)))
        for name in component
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

    Args:
        pairs: The first ones; they make no circle.
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._net = _Net(pairs)
        ordered = order_names(sorted(self._net.names), self._net.needs)
        self._place = {name: index for index, name in enumerate(ordered)}

    def add(self, source: str, target: str) -> tuple[str, ...]:
        """Add a pair; where it would close a circle, add nothing and give the way from *target* back to *source*."""
        place = self._place
        for name in (target, source):
            place.setdefault(name, len(place))
        low, high = place[source], place[target]
        if high > low:
            if way := self._net.way(target, source, lambda name: low <= place[name] <= high):
                return way
            below = _reach(target, self._net.needs, lambda name: place[name] >= low)
            above = _reach(source, self._net.needed_by, lambda name: place[name] <= high)
            places = sorted(place[name] for name in (*below, *above))
            ordered = (*sorted(below, key=place.__getitem__), *sorted(above, key=place.__getitem__))
            place.update(zip(ordered, places, strict=True))
        self._net.add(source, target)
        return ()


class _Net:
    """Pairs, to be walked in both directions."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.needs: dict[str, list[str]] = {}
        self.needed_by: dict[str, list[str]] = {}
        self._pairs: set[Pair] = set()
        for pair in pairs:
            self.add(*pair)

    @property
    def names(self) -> set[str]:
        """Everybody in it."""
        return {*self.needs, *self.needed_by}

    def add(self, source: str, target: str) -> None:
        """Add a pair."""
        self.needs.setdefault(source, []).append(target)
        self.needed_by.setdefault(target, []).append(source)
        self._pairs.add((source, target))

    def way(self, start: str, goal: str, fits: Callable[[str], bool] = lambda _name: True) -> tuple[str, ...]:
        """
        Give a way from *start* to another name, *goal*, over names that fit; empty when there is none.

        It is sought from both ends, where fewer ways lead on first: half the world may need one of the names.
        """
        if (start, goal) in self._pairs:
            return (start, goal)
        came_from, leads_to = {start: start}, {goal: goal}
        ahead, behind = deque([start]), deque([goal])
        while ahead and behind:
            onwards = self.needs.get(ahead[0], ())
            back = self.needed_by.get(behind[0], ())
            if len(onwards) <= len(back):
                met = _spread(ahead, onwards, came_from, leads_to, fits)
            else:
                met = _spread(behind, back, leads_to, came_from, fits)
            if met:
                return (*reversed(_chain(met, came_from)), *_chain(met, leads_to)[1:])
        return ()


def _spread(
    todo: deque[str],
    others: Iterable[str],
    seen: dict[str, str],
    seen_from_the_other_end: Mapping[str, str],
    fits: Callable[[str], bool],
) -> str:
    """Go on from the first of *todo* to *others*; give a name where both ends meet, or nothing."""
    here = todo.popleft()
    for other in others:
        if other not in seen and fits(other):
            seen[other] = here
            if other in seen_from_the_other_end:
                return other
            todo.append(other)
    return ""


def _chain(name: str, links: Mapping[str, str]) -> list[str]:
    chain = [name]
    while links[chain[-1]] != chain[-1]:
        chain.append(links[chain[-1]])
    return chain


def _reach(start: str, links: Links, fits: Callable[[str], bool]) -> set[str]:
    found = {start}
    todo = [start]
    while todo:
        for other in links.get(todo.pop(), ()):
            if other not in found and fits(other):
                found.add(other)
                todo.append(other)
    return found


def find_contradicted(pairs: Iterable[Pair], needs: Links) -> list[Cycle]:
    """
    List those of *pairs* that stand against *needs*, which has no circle: the target needs the source, in the end.

    Returns:
        Circles whose first pair is one of *pairs*; the rest is of *needs*.
    """
    settled = {(source, target) for source, targets in needs.items() for target in targets}
    asked = [pair for pair in pairs if pair not in settled]
    cycles: list[Cycle] = []
    for part in _parts_with_circles(sorted({*settled, *asked})) if asked else ():
        net = _Net(pair for pair in part if pair in settled)
        ways = ((source, *net.way(target, source)) for source, target in part if (source, target) not in settled)
        cycles += [way for way in ways if len(way) > 1]
    return sorted(cycles)


def order_names(names: Sequence[str], needs: Links) -> dict[str, int]:
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
