"""Regular expressions of our own: they say what Python's say, and never take long."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_actors.logs.pattern import REGEX_LINE, make_matcher
from dumb_actors.logs.regex import BadPattern

TOKENS = [
    *"ab._ -|*+?^$()é{}", "[ab]", "[^a]", "[]a]", r"[a\]b-]", r"\d", r"\w", r"\s", r"\W", r"\b", r"\B", r"\.", r"\x61",
    "(?:", "(?P<n>", "{2}", "{1,3}", "{,2}", "{2,}", "*?", "+?",
]  # fmt: skip


@given(
    tokens=st.lists(st.sampled_from(TOKENS), min_size=1, max_size=8),
    ignore_case=st.booleans(),
    texts=st.lists(st.text(alphabet="abAB1 _-.é]{}", max_size=8), min_size=1, max_size=8),
)
def test_it_says_what_python_says(tokens: list[str], ignore_case: bool, texts: list[str]) -> None:
    pattern = ("(?i)" if ignore_case else "") + "".join(tokens)
    try:
        expected = re.compile(pattern)
        matcher = make_matcher(pattern, is_regex=True)
    except (re.error, BadPattern, Warning):
        return
    for text in texts:
        if text or r"\B" not in pattern:  # what \B says of nothing differs between versions of Python
            assert matcher(text.encode()) == bool(expected.search(text)), (pattern, text)


@pytest.mark.parametrize(
    ("pattern", "line", "expected"),
    [
        (r"error|warn", b"2026 a warning", True),
        (r"^\d{4}-\d\d .* (GET|POST) /api", b"2026-02 x GET /api/v3", True),
        (r"^\d{4}-\d\d .* (GET|POST) /api", b"2026-02 x PUT /api/v3", False),
        (r"end$", b"the end\r", True),
        (r"(?i)Grün", "GRÜN".encode(), True),
        (r"\x41\t\.", b"A\t.", True),
        (r"a{3}", b"aab aa", False),
        (r"", b"", True),
        (r"\bcat\b", b"a cat.", True),
        (r"\bcat\b", b"concat", False),
        (r"^\b", b".", False),
        (r"\b$", b".", False),
        (r"^a{,2}b$", b"b", True),
        (r"^a{,2}b$", b"aaab", False),
        (r"^a{2,}b$", b"aaab", True),
        (r"^a{2,}b$", b"ab", False),
        (r"z", b"a" * REGEX_LINE + b"z", False),
        (r".", b"\xff", True),
    ],
)
def test_patterns(pattern: str, line: bytes, expected: bool) -> None:
    assert make_matcher(pattern, is_regex=True)(line) == expected


def test_a_text_is_no_pattern() -> None:
    matcher = make_matcher("a.*b", is_regex=False)
    assert matcher(b"x a.*b")
    assert not matcher(b"a--b")


@pytest.mark.parametrize(
    "pattern",
    ["(", "[", "*a", "(?=a)", "(?!a)", "(?<=a)b", r"(a)\1", "a++", "(?>a)", "(?i:a)", "((a{900}){900}){900}",
     "(){2001}", "((){2000}){2000}", "x" * 1001, "(" * 50 + ")" * 50, "(?x)a b"],
)  # fmt: skip
def test_what_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        make_matcher(pattern, is_regex=True)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("(a+)+$", False),
        ("(a|a)+$", False),
        ("(a*)*b$", False),
        ("(.*)(.*)(.*)(.*)[^a]$", True),
        ("(a?){300}a{300}$", False),
    ],
)
def test_patterns_that_would_take_for_ever(pattern: str, expected: bool) -> None:
    """Without a limit on the time: with an engine that tries one way after the other these never end."""
    line = b"a" * 3000 + b"!"
    assert make_matcher(pattern, is_regex=True)(line) == expected


def test_what_it_remembers_is_bounded() -> None:
    matcher = make_matcher("[ab]*a[ab]{12}c", is_regex=True)
    for number in range(3000):
        line = format(number * 7919 % 65536, "016b").replace("0", "a").replace("1", "b")
        assert matcher(f"{line}c".encode()) == (line[-13] == "a")
        assert not matcher(chr(0x4E00 + number).encode())
