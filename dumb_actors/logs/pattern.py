"""
What a line of a log is searched for: a text, or a regular expression whose search takes time in proportion to the line.

Python's own engine tries one way after the other. For some pattern and line that takes longer than anybody can wait,
and nothing else of the program runs meanwhile. Here all ways are followed at the same time, and the sets of places in
the pattern that were met are remembered (a finite automaton that is built as it is needed). The price: no look-around,
no references to groups, and some 10 MB/s.

Source: Ken Thompson, "Regular Expression Search Algorithm", Communications of the ACM 11, 6 (1968).
"""

from collections.abc import Callable

from dumb_actors.logs.regex import BadPattern, Char, Edge, Node, Place, Program, parse_pattern

__all__ = ["REGEX_LINE", "BadPattern", "Matcher", "make_matcher"]

Matcher = Callable[[bytes], bool]

REGEX_LINE = 4096
"""Bytes of a line that a regular expression looks at."""

REMEMBERED = 20_000
START, WORD, OTHER, END = range(4)


def make_matcher(text: str, *, is_regex: bool) -> Matcher:
    """
    Make the function that says whether a line matches.

    Args:
        text: What is to stand in the line, exactly; or a regular expression, of which the first 4 KiB of a line are
            searched.

        is_regex: Which of both.

    Raises:
        BadPattern: It is no regular expression, or uses what this search does not know.
    """
    if not is_regex:
        needle = text.encode(errors="surrogatepass")
        return lambda line: needle in line
    return _Machine(parse_pattern(text)).matches


class _State(dict[str, "_State"]):
    """A set of places that were reached, after a character of one kind; where each next character leads."""

    __slots__ = ("before", "machine", "reached")

    def __init__(self, machine: "_Machine", reached: frozenset[Node], before: int) -> None:
        super().__init__()
        self.machine = machine
        self.reached = reached
        self.before = before

    def __missing__(self, char: str) -> "_State":
        state = self[char] = self.machine.step(self, char)
        return state


class _Machine:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._found = _State(self, frozenset(), OTHER)
        self._states: dict[tuple[frozenset[Node], int], _State] = {}
        self._steps = 0
        self._first = _State(self, frozenset(), START)

    def matches(self, line: bytes) -> bool:
        """Say whether the pattern is found in *line*."""
        found = self._found
        state = self._first
        for char in line[:REGEX_LINE].decode(errors="replace").removesuffix("\r"):
            state = state[char]
            if state is found:
                return True
        return self._reach(state, END)[1]

    def step(self, state: _State, char: str) -> _State:
        """Find where *char* leads from *state*."""
        self._steps += 1
        if self._steps > REMEMBERED:
            self._forget()
        kind = WORD if char.isalnum() or char == "_" else OTHER
        chars, is_match = self._reach(state, kind)
        if is_match:
            return self._found
        reached = frozenset(each.after for each in chars if each.takes(char))
        return self._states.setdefault((reached, kind), _State(self, reached, kind))

    def _reach(self, state: _State, after: int) -> tuple[list[Char], bool]:
        """Follow what needs no character, between one of the kind *before* and one of the kind *after*."""
        chars: list[Char] = []
        # A match may begin anywhere.
        seen: set[Node] = {*state.reached, self._program.start}
        waiting = list(seen)
        while waiting:
            node = waiting.pop()
            if isinstance(node, Char):
                chars.append(node)
                continue
            if node is self._program.end:
                return chars, True
            if isinstance(node, Place) and not _holds(node, state.before, after):
                continue
            following = [each for each in node.after if each not in seen]
            seen.update(following)
            waiting += following
        return chars, False

    def _forget(self) -> None:
        for state in (*self._states.values(), self._first):
            state.clear()
        self._states.clear()
        self._steps = 0


def _holds(place: Place, before: int, after: int) -> bool:
    match place.edge:
        case Edge.START:
            return before == START
        case Edge.END:
            return after == END
        case Edge.WORD:
            return (before == WORD) != (after == WORD)
        case Edge.INSIDE:
            return (before == WORD) == (after == WORD)
