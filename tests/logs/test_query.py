"""Queries: how little they read, where they stop, and what they make of odd logs."""

import os
from pathlib import Path
from typing import Literal

import attrs
import pytest
import trio

from dumb_actors.logs import scan
from dumb_actors.logs.follow import Follower
from dumb_actors.logs.index import _ENTRY, SPACING, index_path, read_entries, read_index
from dumb_actors.logs.mover import Mover
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position, parse_position
from dumb_actors.logs.query import LogPage, LogQuery, search_log
from tests.logs.written import BEGAN, SECOND, Wrote, pack, rotate, write_log

GIGABYTE = 1 << 30
LITTLE = 2 * 1024 * 1024


def texts(page: LogPage) -> list[str]:
    return [line.text for line in page.lines]


def line_at(offset: int) -> bytes:
    return b"%063d\n" % offset


@attrs.define
class Counted:
    count: int = 0


@pytest.fixture
def read_bytes(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Count what is read."""
    counted = Counted()
    pread = os.pread

    def counting(fd: int, count: int, offset: int) -> bytes:
        content = pread(fd, count, offset)
        counted.count += len(content)
        return content

    monkeypatch.setattr(os, "pread", counting)
    return counted


@pytest.fixture
def huge(tmp_path: Path) -> str:
    """A log of 1 GB that is nearly all hole: an index for all of it, and lines around some places."""
    path = tmp_path / "x.log"
    entries = []
    with path.open("wb") as file:
        file.truncate(GIGABYTE)
        for number in range(GIGABYTE // SPACING):
            offset = number * SPACING
            entries.append(_ENTRY.pack(offset, (BEGAN + number) * SECOND, 1 + number // 8192))
        for offset in (0, GIGABYTE // 4, GIGABYTE // 2, GIGABYTE - SPACING):
            file.seek(offset - 64 if offset else 0)
            for place in range(max(0, offset - 64), offset + SPACING, 64):
                file.write(line_at(place))
    Path(index_path(str(path))).write_bytes(b"".join(entries))
    return str(path)


def test_the_last_lines_of_a_gigabyte(huge: str, read_bytes: Counted) -> None:
    page = search_log(huge, LogQuery(tail=10))
    assert texts(page) == [line_at(GIGABYTE - 64 * n).decode().strip() for n in range(10, 0, -1)]
    assert page.more
    assert read_bytes.count < LITTLE


def test_a_time_of_a_gigabyte(huge: str, read_bytes: Counted) -> None:
    number = GIGABYTE // 4 // SPACING
    page = search_log(huge, LogQuery(since=BEGAN + number + 0.5, until=BEGAN + number + 0.6))
    assert texts(page)[0] == f"{GIGABYTE // 4:063}"
    assert len(page.lines) == SPACING // 64
    assert {(line.time, line.generation) for line in page.lines} == {(BEGAN + number, 1)}
    assert read_bytes.count < LITTLE


def test_since_a_time_of_a_gigabyte(huge: str, read_bytes: Counted) -> None:
    number = GIGABYTE // SPACING - 1
    page = search_log(huge, LogQuery(since=BEGAN + number + 0.5, match=f"{GIGABYTE - 128:063}"))
    assert texts(page) == [f"{GIGABYTE - 128:063}"]
    assert not page.more
    assert read_bytes.count < LITTLE


@pytest.mark.parametrize("generation", [2, "last"])
def test_a_generation_of_a_gigabyte(huge: str, read_bytes: Counted, generation: int | Literal["last"]) -> None:
    page = search_log(huge, LogQuery(generation=generation, tail=3))
    assert [line.generation for line in page.lines] == [2] * 3
    first = search_log(huge, LogQuery(generation=2, limit_bytes=64))
    assert [(line.position.offset, line.generation) for line in first.lines] == [(GIGABYTE // 2, 2)]
    assert read_bytes.count < 2 * LITTLE


def test_a_match_stops_at_the_limit_and_goes_on(huge: str, read_bytes: Counted) -> None:
    query = LogQuery(tail=1, match="no such text", limit_s=60)
    page = search_log(huge, query)
    assert (page.lines, page.more) == ((), True)
    assert 64 << 20 <= read_bytes.count < 70 << 20
    assert page.older is not None
    assert GIGABYTE - (70 << 20) < page.older.offset <= GIGABYTE - (64 << 20)
    before = read_bytes.count
    search_log(huge, attrs.evolve(query, before=page.older))
    assert read_bytes.count < 2 * before + LITTLE


def test_compressed_parts_are_not_read_unless_they_are_needed(tmp_path: Path, read_bytes: Counted) -> None:
    path = tmp_path / "x.log"
    noise = os.urandom(400_000).hex().encode()
    old = [Wrote(b"\n".join(noise[at : at + 50] for at in range(0, len(noise), 50)) + b"\n", 0, 1)]
    write_log(path, [*old, Wrote(b"middle\n", 10, 2, rotates=True), Wrote(b"young\n", 20, 3, rotates=True)])
    assert {each.name for each in tmp_path.iterdir()} == {
        "x.log", "x.log.idx", "x.log.1", "x.log.1.idx", "x.log.2.gz", "x.log.2.idx",
    }  # fmt: skip
    for query in (LogQuery(tail=2), LogQuery(since=BEGAN + 5), LogQuery(generation=2), LogQuery(generation="last")):
        assert set(texts(search_log(str(path), query))) <= {"middle", "young"}
    assert read_bytes.count < 10_000
    assert len(search_log(str(path), LogQuery(generation=1)).lines) == len(noise) // 50
    assert read_bytes.count > 100_000


def test_a_query_stops_when_told_or_out_of_time(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"x" * 99 + b"\n", 0, 1)] * 30_000)
    whole = search_log(str(path), LogQuery(), stop=lambda: True)
    assert whole.more
    assert 0 < len(whole.lines) < 30_000
    late = search_log(str(path), LogQuery(tail=30_000, limit_s=0))
    assert late.more
    assert 0 < len(late.lines) < 30_000


def test_very_long_lines_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    limit = scan.LINE_LIMIT
    path.write_bytes(b"a" * limit + b"\n" + b"b" * (3 << 20) + b"c\n" + b"last\n")
    for query in (LogQuery(), LogQuery(tail=3)):
        page = search_log(str(path), query)
        assert texts(page) == ["a" * limit, "b" * limit + "…", "last"]
        assert all(texts(search_log(str(path), LogQuery(after=line.end))) == ["last"] for line in page.lines[1:2])
    # What is cut off is not searched, and a search may begin within such a line.
    assert texts(search_log(str(path), LogQuery(match="c"))) == []
    middle = page.lines[1].position
    assert texts(search_log(str(path), LogQuery(after=middle._replace(offset=middle.offset + (2 << 20))))) == ["last"]


def test_a_very_long_line_that_grows_comes_once(tmp_path: Path, read_bytes: Counted) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"first\n" + b"a" * (8 << 20))
    page = search_log(str(path), LogQuery(unfinished=False, tail=2))
    assert texts(page) == ["first", "a" * scan.LINE_LIMIT + "…"]
    count = read_bytes.count
    for content in (b"b" * 100_000, b"c\nlast\n"):
        with path.open("ab") as file:
            file.write(content)
        page = search_log(str(path), LogQuery(unfinished=False, after=page.cursor))
    assert texts(page) == ["last"]
    assert read_bytes.count - count < LITTLE


def test_a_last_line_without_an_end(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"one\ntw")
    page = search_log(str(path), LogQuery())
    assert [(line.text, line.is_whole) for line in page.lines] == [("one", True), ("tw", False)]
    assert texts(search_log(str(path), LogQuery(unfinished=False))) == ["one"]
    path.write_bytes(b"one\ntwo\n")
    assert page.cursor is not None
    assert texts(search_log(str(path), LogQuery(after=page.cursor))) == ["two"]


def test_a_line_that_a_generation_left_open_is_not_that_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"killed in the mid", 0, 1), Wrote(b"new one\nunended", 5, 2)])
    found = search_log(str(path), LogQuery()).lines
    assert [(line.text, line.generation, line.is_whole) for line in found] == [
        ("killed in the mid", 1, True),
        ("new one", 2, True),
        ("unended", 2, False),
    ]
    assert texts(search_log(str(path), LogQuery(generation=2, tail=9))) == ["new one", "unended"]
    other = tmp_path / "y.log"
    write_log(other, [Wrote(b"one", 0, 1), Wrote(b"two", 5, 2)])
    assert [(line.text, line.is_whole) for line in search_log(str(other), LogQuery()).lines] == [
        ("one", True),
        ("two", False),
    ]


def test_cursors_survive_renaming_and_compression_but_not_the_end_of_their_file(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"one\ntwo\n", 0, 1)])
    first = search_log(str(path), LogQuery(tail=2)).lines[0]
    text = str(first.end)
    position = parse_position(text)
    assert position == first.end
    for number in range(3):
        assert texts(search_log(str(path), LogQuery(after=position)))[0] == "two"
        assert texts(search_log(str(path), LogQuery(before=position, tail=9))) == ["one"]
        write_log(path, [Wrote(b"%d\n" % number, 10 + number, 1, rotates=True)])
    assert Path(f"{path}.3.gz").exists()
    Path(f"{path}.3.gz").unlink()
    for query in (LogQuery(after=position), LogQuery(before=position, tail=3)):
        page = search_log(str(path), query)
        assert (page.is_reset, page.lines) == (True, ())


def test_a_cursor_is_not_taken_for_one_of_a_file_that_got_its_inode(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"one\ntwo\n", 0, 1)])
    cursor = search_log(str(path), LogQuery()).cursor
    assert cursor is not None
    content = path.read_bytes()
    Path(f"{path}.idx").unlink()
    with path.open("wb"):
        pass
    write_log(path, [Wrote(content + b"another log\n", 9, 1)])
    assert path.stat().st_ino == cursor.inode
    assert search_log(str(path), LogQuery(after=cursor)).is_reset


def test_without_an_index_a_cursor_lasts_until_compression(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"one\ntwo\n", 0, 1)], indexed=False)
    after = Position(path.stat().st_ino, 4)
    rotate(path)
    path.write_bytes(b"three\n")
    assert texts(search_log(str(path), LogQuery(after=after))) == ["two", "three"]
    rotate(path)
    assert search_log(str(path), LogQuery(after=after)).is_reset
    assert texts(search_log(str(path), LogQuery())) == ["one", "two", "three"]


@pytest.mark.parametrize("text", ["", "1", "1:2", "1:2:3:4", "a:2:3", "1:-2:3", "1:2:٣", "9" * 90 + ":1:1"])
def test_what_is_no_cursor(text: str) -> None:
    assert parse_position(text) is None


def test_no_log(tmp_path: Path) -> None:
    page = search_log(str(tmp_path / "x.log"), LogQuery(tail=3))
    assert (page.lines, page.more, page.cursor, page.is_reset) == ((), False, None, False)
    assert search_log(str(tmp_path / "x.log"), LogQuery(after=Position(1, 1))).is_reset
    os.mkfifo(tmp_path / "fifo.log")
    assert search_log(str(tmp_path / "fifo.log"), LogQuery()).lines == ()


def test_a_raw_part_goes_before_its_compressed_twin(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"one\n", 0, 1), Wrote(b"two\n", 1, 1, rotates=True), Wrote(b"three\n", 2, 1, rotates=True)])
    Path(f"{path}.2").write_bytes(b"one\n")
    assert texts(search_log(str(path), LogQuery())) == ["one", "two", "three"]


def test_a_damaged_compressed_part_gives_what_is_left_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    lines = b"".join(b"%d %s\n" % (number, os.urandom(20).hex().encode()) for number in range(5000))
    write_log(path, [Wrote(lines, 0, 1), Wrote(b"two\n", 1, 1, rotates=True), Wrote(b"three\n", 2, 1, rotates=True)])
    packed = Path(f"{path}.2.gz")
    content = bytearray(packed.read_bytes())
    content[len(content) // 2 :] = content[-8:]
    packed.write_bytes(content)
    found = texts(search_log(str(path), LogQuery(limit_s=60)))
    assert found[-2:] == ["two", "three"]
    assert found[:100] == lines.decode().splitlines()[:100]


def test_a_rotation_in_the_middle_is_waited_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose index has its next name already must not be taken for one without."""
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"one\n", 0, 7)])
    Path(f"{path}.idx").rename(f"{path}.1.idx")
    Path(f"{path}.next").touch()
    stat = os.stat

    def finish(name: str) -> os.stat_result:
        found = stat(name)
        if str(name).endswith(".next"):
            path.rename(f"{path}.1")
            Path(name).rename(path)
        return found

    monkeypatch.setattr(os, "stat", finish)
    assert [line.generation for line in search_log(str(path), LogQuery()).lines] == [7]


def test_a_rotation_that_somebody_killed_left_does_not_hold_up(tmp_path: Path, read_bytes: Counted) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"one\n", 0, 7)])
    Path(f"{path}.next").touch()
    os.utime(f"{path}.next", (1, 1))
    assert [line.generation for line in search_log(str(path), LogQuery()).lines] == [7]
    assert read_bytes.count < 200  # it was looked at once


def test_a_cursor_in_an_empty_file_is_found_when_that_was_compressed(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"one\n", 0, 7)])
    rotate(path)
    path.touch()
    cursor = search_log(str(path), LogQuery()).cursor
    write_log(path, [Wrote(b"two\n", 1, 7), *(Wrote(b"%d\n" % n, n, 7, rotates=True) for n in (3, 4))])
    assert Path(f"{path}.2.gz").exists()
    assert texts(search_log(str(path), LogQuery(after=cursor))) == ["two", "3", "4"]


def test_a_truncated_file_is_told_by_what_came_later(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"a long first line\n", 0, 1), Wrote(b"and another one\n", 10, 1)])
    os.truncate(path, 0)
    write_log(path, [Wrote(b"new\n", 100, 2)])
    [line] = search_log(str(path), LogQuery()).lines
    assert (line.text, line.generation, round(line.time)) == ("new", 2, BEGAN + 100)
    assert search_log(str(path), LogQuery(generation=1)).lines == ()
    write_log(path, [Wrote(b"x" * 99 + b"\n", 110, 2), Wrote(b"end\n", 120, 2)])
    found = search_log(str(path), LogQuery()).lines
    assert [(round(line.time) - BEGAN, line.generation) for line in found] == [(100, 2), (110, 2), (120, 2)]
    assert len(search_log(str(path), LogQuery(generation=2)).lines) == 3


def test_what_later_entries_contradict_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    given = [(0, 1, 1), (18, 2, 1), (90, 3, 1), (0, 4, 2), (5, 5, 2), (99, 6, 2), (200, 7, 2)]
    Path(f"{path}.idx").write_bytes(b"".join(_ENTRY.pack(*entry) for entry in given) + b"torn")
    assert read_index(str(path), 100) == [(0, 4, 2), (5, 5, 2), (99, 6, 2)]
    with Path(f"{path}.idx").open("rb") as file:
        assert read_entries(file.fileno(), 100, 50) == [(5, 5, 2), (99, 6, 2)]
        assert read_entries(file.fileno(), 100, 99) == [(99, 6, 2)]
    assert read_index(str(tmp_path / "y.log"), 100) == []


def test_packing_keeps_lines_times_and_generations(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    write_log(path, [Wrote(b"%d\n" % n, n * 2, 1 + n // 5) for n in range(20)])
    rotate(path)
    path.write_bytes(b"")
    before = [(line.text, line.time, line.generation) for line in search_log(str(path), LogQuery()).lines]
    pack(Path(f"{path}.1"))
    after = [(line.text, line.time, line.generation) for line in search_log(str(path), LogQuery()).lines]
    assert before == after
    assert [time for _, time, _ in before] == [pytest.approx(BEGAN + n * 2) for n in range(20)]


async def test_going_on_while_a_mover_writes_rotates_and_compresses(tmp_path: Path) -> None:
    """Every line comes once, in order, however searches and rotations meet."""
    count, found = 100_000, list[str]()
    log = str(tmp_path / "x.log")
    with trio.fail_after(60):
        async with Mover() as mover:
            order = FlowOrder(str(tmp_path / "f"), log, log_size=30_000, log_count=100, generation=1)
            stream = await mover.open(order)

            async def read() -> None:
                query = LogQuery(unfinished=False, limit_bytes=50_000)
                with Follower(log) as follower:
                    while len(found) < count:
                        while await follower.available():
                            pass
                        page = await trio.to_thread.run_sync(search_log, log, query)
                        assert not page.is_reset
                        found.extend(texts(page))
                        query = attrs.evolve(query, after=page.cursor)
                        if not page.more and len(found) < count:
                            await follower.read()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(read)
                await trio.run_process(["seq", str(count)], stdout=stream.child_fd)
                await stream.finish()
    assert found == [str(number) for number in range(1, count + 1)]
    assert {line.generation for line in search_log(log, LogQuery(tail=1000)).lines} == {1}
