"""Queries against a naive filter over the whole text: random logs, rotations, questions, and limits."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dumb_actors.logs import query as query_module
from dumb_actors.logs import scan
from dumb_actors.logs.query import LogLine, LogQuery, search_log
from dumb_actors.logs.redact import Redactor
from tests.logs.written import BEGAN, Wrote, write_log


@attrs.frozen
class Expected:
    content: bytes
    at: float
    generation: int


def lines_of(writes: list[Wrote]) -> list[Expected]:
    """Split the output by hand: at line ends, at the end of a part, and where a generation begins."""
    lines: list[Expected] = []
    is_open = False
    before: Wrote | None = None
    for wrote in writes:
        if not wrote.content:
            continue
        if before is None or wrote.rotates or wrote.generation != before.generation:
            is_open = False
        before = wrote
        for piece in wrote.content.splitlines(keepends=True):
            if is_open:
                lines[-1] = attrs.evolve(lines[-1], content=lines[-1].content + piece.removesuffix(b"\n"))
            else:
                lines.append(Expected(piece.removesuffix(b"\n"), wrote.at, wrote.generation))
            is_open = not piece.endswith(b"\n")
    return lines


@st.composite
def logs(draw: st.DrawFn) -> list[Wrote]:
    writes = []
    at, generation = 0.0, 1
    for _ in range(draw(st.integers(0, 12))):
        at += draw(st.sampled_from([0.0, 0.125, 0.5, 1.0, 3.0, 60.0]))
        generation += draw(st.sampled_from([0, 0, 0, 1]))
        content = draw(st.text(alphabet="abc\n", max_size=24)).encode()
        writes.append(Wrote(content, at, generation, draw(st.sampled_from([False, False, False, True]))))
    # A rotation that nothing is written after is none.
    return [wrote for wrote in writes if wrote.content]


@contextmanager
def small_steps(size: int) -> Iterator[None]:
    """Read in so small pieces that everything lies on a border once."""
    names = [(scan, "BLOCK"), (scan, "SEGMENT"), (query_module, "FIRST_STEP"), (query_module, "LARGEST_STEP")]
    with ExitStack() as stack:
        for module, name in [*names, (query_module, "PACKED_STEP")]:
            stack.enter_context(mock.patch.object(module, name, size))
        yield


@contextmanager
def written(writes: list[Wrote], *, indexed: bool = True) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "x.log")
        write_log(path, writes, indexed=indexed)
        yield str(path)


def everything(path: str, query: LogQuery, **how: object) -> list[LogLine]:
    """Ask page after page, forward or backward, until there is no more."""
    lines: list[LogLine] = []
    for _ in range(10_000):
        page = search_log(path, query, **how)  # type: ignore[arg-type]
        assert not page.is_reset
        if query.tail is None:
            lines += page.lines
            query = attrs.evolve(query, after=page.cursor)
        else:
            lines = [*page.lines, *lines]
            query = attrs.evolve(query, tail=query.tail - len(page.lines), before=page.older)
            assert page.more == (page.older is not None)
        if not page.more or query.tail == 0:
            return lines
    raise AssertionError("there is always more")


def told(lines: list[LogLine]) -> list[tuple[bytes, int]]:
    return [(line.content, line.generation) for line in lines]


# Around the times at which something is written.
TIMES = st.builds(
    float.__add__,
    st.sampled_from([0.0, 0.125, 0.5, 1.0, 1.5, 3.0, 4.0, 60.0, 63.0]),
    st.sampled_from([-0.06, 0.0, 0.06]),
)
SIZES = st.sampled_from([1, 3, 1000])


@given(
    writes=logs(),
    size=SIZES,
    tail=st.none() | st.integers(0, 6),
    match=st.sampled_from([None, "a", "bc", "", "aa"]),
    generation=st.sampled_from([None, 1, 2, "last"]),
    limits=st.sampled_from([{}, {"limit_bytes": 9}, {"scan_bytes": 20}]),
)
@example(writes=[Wrote(b"ab", 0, 1), Wrote(b"cd\n", 5, 2)], size=1, tail=None, match=None, generation=2, limits={})
def test_a_query_gives_what_a_naive_filter_gives(
    writes: list[Wrote],
    size: int,
    tail: int | None,
    match: str | None,
    generation: Any,
    limits: dict[str, Any],
) -> None:
    wanted = (max((wrote.generation for wrote in writes), default=0)) if generation == "last" else generation
    expected = [
        (line.content, line.generation)
        for line in lines_of(writes)
        if (match is None or match.encode() in line.content) and wanted in {None, line.generation}
    ]
    if tail is not None:
        expected = expected[len(expected) - min(tail, len(expected)) :]
    with written(writes) as path, small_steps(size):
        for is_regex in (False, True):
            query = LogQuery(tail=tail, match=match, is_regex=is_regex, generation=generation, **limits)
            assert told(everything(path, query)) == expected


@given(
    writes=logs(),
    size=SIZES,
    since=st.none() | TIMES,
    until=st.none() | TIMES,
    tail=st.none() | st.integers(1, 4),
)
def test_no_line_of_the_time_is_missed_and_none_is_more_than_a_second_off(
    writes: list[Wrote], size: int, since: float | None, until: float | None, tail: int | None
) -> None:
    low = -1e9 if since is None else since
    high = 1e9 if until is None else until
    query = LogQuery(since=None if since is None else BEGAN + since, until=None if until is None else BEGAN + until)
    with written(writes) as path, small_steps(size):
        found = everything(path, query)
        assert everything(path, attrs.evolve(query, tail=tail)) == (found if tail is None else found[-tail:])
    lines = lines_of(writes)
    indexes = [index for index, line in enumerate(lines) if low <= line.at <= high]
    near = [index for index, line in enumerate(lines) if low - 1.001 <= line.at <= high + 1.001]
    # They are lines in a row, so where the first stands says which they are.
    starts = [
        at for at in range(len(lines)) if [line.content for line in lines[at : at + len(found)]] == told_texts(found)
    ]
    assert not indexes or found
    assert not found or any(set(indexes) <= set(range(at, at + len(found))) <= set(near) for at in starts), (
        indexes,
        near,
        starts,
    )
    for line in found:
        assert line.time <= BEGAN + high + 1e-6


def told_texts(lines: list[LogLine]) -> list[bytes]:
    return [line.content for line in lines]


@given(writes=logs(), size=SIZES, since=TIMES)
def test_without_an_index_no_line_is_missed(writes: list[Wrote], size: int, since: float) -> None:
    with written(writes, indexed=False) as path, small_steps(size):
        found = everything(path, LogQuery(since=BEGAN + since))
        all_lines = everything(path, LogQuery())
        assert everything(path, LogQuery(generation=1)) == []
    kept = told_texts(all_lines)
    assert found == all_lines[len(all_lines) - len(found) :]
    due = b"".join(wrote.content for wrote in writes if wrote.at >= since).count(b"\n")
    assert len(found) >= due
    assert b"\n".join(kept).replace(b"\n", b"") == b"".join(w.content for w in writes).replace(b"\n", b"")


@given(before=logs(), more=logs(), size=SIZES, unfinished=st.booleans())
def test_going_on_from_a_cursor_loses_and_doubles_nothing(
    before: list[Wrote], more: list[Wrote], size: int, unfinished: bool
) -> None:
    """Whatever was rotated and compressed in between."""
    last = before[-1] if before else Wrote(b"", 0, 1)
    more = [attrs.evolve(w, at=w.at + last.at + 2, generation=w.generation + last.generation) for w in more]
    with tempfile.TemporaryDirectory() as directory, small_steps(size):
        path = Path(directory, "x.log")
        write_log(path, before)
        first = search_log(str(path), LogQuery(unfinished=unfinished))
        write_log(path, more)
        if first.cursor is None:
            return
        rest = everything(str(path), LogQuery(after=first.cursor, unfinished=unfinished))
        whole = everything(str(path), LogQuery(unfinished=unfinished))
    settled = [line for line in first.lines if line.is_whole]
    assert [(line.content, line.end.offset) for line in [*settled, *rest]] == [
        (line.content, line.end.offset) for line in whole
    ]


@given(writes=logs(), size=SIZES, match=st.sampled_from([None, "a", "secret", "c"]), tail=st.none() | st.integers(1, 5))
@settings(max_examples=50)
def test_lines_are_masked_before_they_are_compared(
    writes: list[Wrote], size: int, match: str | None, tail: int | None
) -> None:
    redactor = Redactor(["aabbcc", "abcabc"])
    writes = [attrs.evolve(w, content=w.content.replace(b"b", b"aabbcc")) for w in writes]
    expected = [redactor.bytes(line.content) for line in lines_of(writes)]
    expected = [line for line in expected if match is None or match.encode() in line]
    with written(writes) as path, small_steps(size):
        found = everything(path, LogQuery(match=match, tail=tail), redact=redactor.bytes)
    assert told_texts(found) == (expected if tail is None else expected[-tail:])


@pytest.mark.parametrize("tail", [None, 3])
def test_a_damaged_index_changes_no_line(tmp_path: Path, tail: int | None) -> None:
    path = tmp_path / "x.log"
    writes = [Wrote(b"line %d\n" % number, number, 1) for number in range(50)]
    write_log(path, writes)
    whole = told_texts(everything(str(path), LogQuery(tail=tail)))
    index = Path(f"{path}.idx")
    for content in (b"", index.read_bytes()[:100], index.read_bytes()[24:], b"\xff" * 240, index.read_bytes()[::-1]):
        index.write_bytes(content)
        assert told_texts(everything(str(path), LogQuery(tail=tail))) == whole
        assert told_texts(everything(str(path), LogQuery(tail=tail, since=BEGAN)))[-1:] == whole[-1:]
