"""
Read a regular expression in Python's notation into a network of places, for `pattern`.

Known: characters, `.`, classes, `\\d \\w \\s \\b` and their opposites, `^ $ \\A \\Z`, groups, `|`, `* + ? {m,n}` and
their lazy forms, and `(?i)` `(?s)` `(?m)` at the beginning.
"""

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import NoReturn, TypeAlias

__all__ = ["BadPattern", "Char", "Edge", "Node", "Place", "Program", "parse_pattern"]

LONGEST = 1000
LARGEST = 2000
DEEPEST = 40

HEAD = re.compile(r"\(\?([ims]+)\)")
CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
ESCAPE = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|0[0-7]{0,2}|[abfnrtvdDsSwW]|[^a-zA-Z0-9])", re.DOTALL
)
EDGE = re.compile(r"\^|\$|\\[AZbB]")
REPEAT = re.compile(r"\*|\+|\?|\{(?!\})(\d*)(,?)(\d*)\}")
GROUP = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")


class BadPattern(ValueError):
    """It is no regular expression, or uses what our search does not know; the text says what."""


class Edge(Enum):
    """Where something that takes no character holds."""

    START = auto()
    END = auto()
    WORD = auto()
    INSIDE = auto()


EDGES = {"^": Edge.START, "\\A": Edge.START, "$": Edge.END, "\\Z": Edge.END, "\\b": Edge.WORD, "\\B": Edge.INSIDE}


class Char:
    """Takes one character, and leads on."""

    def __init__(self, takes: Callable[[str], object], after: "Node") -> None:
        self.takes = takes
        self.after = after


class Fork:
    """Leads on without a character."""

    def __init__(self, *after: "Node") -> None:
        self.after = after


class Place(Fork):
    """Leads on where the edge is."""

    def __init__(self, edge: Edge, after: "Node") -> None:
        super().__init__(after)
        self.edge = edge


Node: TypeAlias = Char | Fork
Build: TypeAlias = Callable[[Node], Node]
"""Makes the nodes of a part of the pattern, which lead to the given one; returns the first."""


class Program:
    """A network: a match is a way from `start` to `end`."""

    def __init__(self, build: Build) -> None:
        self.end: Node = Fork()
        self.start = build(self.end)


def parse_pattern(text: str) -> Program:
    """
    Read *text*.

    Raises:
        BadPattern: See there.
    """
    if len(text) > LONGEST:
        raise BadPattern(f"the regular expression is longer than {LONGEST} characters")
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise BadPattern(f"not a regular expression: {error}") from None
    return Program(_Reader(text).read())


class _Reader:
    """Reads a pattern of which `re` has said that it is one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._size = 0
        self._flags = 0
        if head := HEAD.match(text):
            self._at = head.end()
            for letter in head[1]:
                self._flags |= {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE}[letter]

    def read(self) -> Build:
        return self._choice()

    def _choice(self) -> Build:
        branches = [self._row()]
        while self._take("|"):
            branches.append(self._row())
        if len(branches) == 1:
            return branches[0]
        return lambda after: Fork(*(build(after) for build in branches))

    def _row(self) -> Build:
        parts: list[Build] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repeated())

        def build(after: Node) -> Node:
            for part in reversed(parts):
                after = part(after)
            return after

        return build

    def _repeated(self) -> Build:
        part = self._one()
        while found := REPEAT.match(self._text, self._at):
            self._at = found.end()
            self._take("?")
            if self._take("+"):
                self._refuse("possessive repetitions")
            least, most = _bounds(found)
            if max(least, most or 0) > LARGEST:
                self._refuse(f"more than {LARGEST} repetitions")
            part = self._times(part, least, most)
        return part

    def _one(self) -> Build:
        if found := EDGE.match(self._text, self._at):
            self._at = found.end()
            edge = EDGES[found[0]]
            return lambda after: self._counted(Place(edge, after))
        if self._text[self._at] == "(":
            return self._group()
        found = CLASS.match(self._text, self._at) or ESCAPE.match(self._text, self._at)
        if found is None and self._text[self._at] == "\\":
            self._refuse(f"`{self._text[self._at : self._at + 2]}`")
        piece = found[0] if found else self._text[self._at]
        self._at += len(piece)
        takes = self._taker(piece)
        return lambda after: self._counted(Char(takes, after))

    def _taker(self, piece: str) -> Callable[[str], object]:
        if len(piece) == 1 and piece != "." and not self._flags & re.IGNORECASE:
            return piece.__eq__
        # One character alone: nothing that could take long.
        return re.compile(piece if len(piece) > 1 or piece == "." else re.escape(piece), self._flags).fullmatch

    def _group(self) -> Build:
        found = GROUP.match(self._text, self._at)
        if found is None:
            self._refuse(f"`{self._text[self._at : self._at + 4]}`")
        self._depth += 1
        if self._depth > DEEPEST:
            self._refuse(f"more than {DEEPEST} groups in one another")
        self._at = found.end()
        inner = self._choice()
        self._take(")")
        self._depth -= 1
        return inner

    def _times(self, part: Build, least: int, most: int | None) -> Build:
        def build(after: Node) -> Node:
            if most is None:
                loop = Fork()
                loop.after = (part(loop), after)
                after = loop
            end = after
            for _ in range((most or least) - least):
                after = self._counted(Fork(part(after), end))
            for _ in range(least):
                after = self._counted(part(after))
            return after

        return build

    def _counted(self, node: Node) -> Node:
        self._size += 1
        if self._size > LARGEST:
            self._refuse("repetitions as large as these")
        return node

    def _take(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _refuse(self, what: str) -> NoReturn:
        raise BadPattern(f"this search does not know {what} in regular expressions")


def _bounds(found: "re.Match[str]") -> tuple[int, int | None]:
    match found[0]:
        case "*":
            return 0, None
        case "+":
            return 1, None
        case "?":
            return 0, 1
    least = int(found[1] or 0)
    if not found[2]:
        return least, least
    return least, int(found[3]) if found[3] else None
