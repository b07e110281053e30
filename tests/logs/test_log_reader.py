"""Reading logs from their end."""

import gzip
import os
from pathlib import Path

import pytest

from dumb_actors.logs.mover import FlowOrder, Mover
from dumb_actors.logs.parts import part_names
from dumb_actors.logs.reader import Position, end_of, generation_start, last_lines, tail_and_end, tail_bytes
from tests.logs.written import Wrote, write_log


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize(
    ("content", "n", "expected"),
    [
        (b"", 3, []),
        (b"a\n", 3, ["a"]),
        (b"a", 3, ["a"]),
        (b"\n", 3, [""]),
        (b"a\n\nb\n", 3, ["a", "", "b"]),
        (b"a\nb\nc\nd\n", 2, ["c", "d"]),
        (b"a\nb\nc\nd", 2, ["c", "d"]),
        (b"a\nb\n", 2, ["a", "b"]),
        (b"a\r\nb\r\n", 5, ["a", "b"]),
        (b"a\x0cb\n\xe2\x80\xa8c\n", 5, ["a\x0cb", "\u2028c"]),
        (b"\xff\xfe\n", 1, ["\ufffd\ufffd"]),
        (b"a\n", 0, []),
    ],
)
def test_last_lines(tmp_path: Path, content: bytes, n: int, expected: list[str]) -> None:
    assert last_lines(write(tmp_path / "x", content), n) == expected


def test_many_blocks_are_read_backward(tmp_path: Path) -> None:
    path = write(tmp_path / "x", b"".join(b"line %d\n" % number for number in range(100_000)))
    assert last_lines(path, 30_000) == [f"line {number}" for number in range(70_000, 100_000)]


def test_no_file_is_no_lines(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    assert last_lines(path, 5) == []
    assert tail_bytes(path, 5) == b""
    assert end_of(path) is None


def test_lines_reach_over_rotated_files(tmp_path: Path) -> None:
    write(tmp_path / "x.2", b"1\n2\n")
    write(tmp_path / "x.1", b"3\n4\n")
    path = write(tmp_path / "x", b"5\n6\n")
    assert last_lines(path, 3) == ["4", "5", "6"]
    assert last_lines(path, 99) == ["1", "2", "3", "4", "5", "6"]
    assert tail_bytes(path, 6) == b"4\n5\n6\n"
    assert tail_bytes(path, 1000) == b"1\n2\n3\n4\n5\n6\n"


def test_a_missing_number_in_the_middle_of_a_rotation_does_not_end_the_row(tmp_path: Path) -> None:
    write(tmp_path / "x.2", b"1\n")
    path = write(tmp_path / "x", b"2\n")
    assert last_lines(path, 9) == ["1", "2"]


def test_nothing_before_the_start_is_returned(tmp_path: Path) -> None:
    rotated = tmp_path / "x.1"
    write(rotated, b"older\nours 1\n")
    path = write(tmp_path / "x", b"ours 2\n")
    start = Position(rotated.stat().st_ino, 6)
    assert last_lines(path, 9, start) == ["ours 1", "ours 2"]
    assert last_lines(path, 1, start) == ["ours 2"]


def test_a_start_whose_file_is_gone_gives_the_present_file(tmp_path: Path) -> None:
    write(tmp_path / "x.1", b"perhaps older\n")
    path = write(tmp_path / "x", b"younger\n")
    assert last_lines(path, 9, Position(1, 0)) == ["younger"]


def test_a_start_at_the_end_gives_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "x", b"older\n")
    assert last_lines(path, 9, end_of(path)) == []


def test_a_limit_cuts_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "x", b"x" * 200_000 + b"\nend\n")
    lines = last_lines(path, 9, limit=1000)
    assert [len(line) for line in lines] == [1000 - 5 + 1, 3]
    assert lines[0].startswith("…x")


# --- compressed parts -------------------------------------------------------------------------------------------------


def test_lines_reach_into_compressed_files(tmp_path: Path) -> None:
    write(tmp_path / "x.3.gz", gzip.compress(b"1\n2\n"))
    write(tmp_path / "x.2.gz", gzip.compress(b"3\n" + b"4" * 200_000 + b"\n"))
    write(tmp_path / "x.1", b"5\n")
    path = write(tmp_path / "x", b"6\n")
    assert last_lines(path, 3) == ["4" * 200_000, "5", "6"]
    assert last_lines(path, 5) == ["2", "3", "4" * 200_000, "5", "6"]
    assert last_lines(path, 99)[:2] == ["1", "2"]
    assert tail_bytes(path, 8) == b"444\n5\n6\n"
    assert tail_bytes(path, 1_000_000) == b"1\n2\n3\n" + b"4" * 200_000 + b"\n5\n6\n"


def test_a_compressed_file_that_is_not_needed_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "x.2.gz").symlink_to("x.2.gz")  # opening it fails
    write(tmp_path / "x.1", b"1\n")
    path = write(tmp_path / "x", b"2\n3\n")
    assert last_lines(path, 2) == ["2", "3"]
    assert tail_bytes(path, 5) == b"\n2\n3\n"
    with pytest.raises(OSError, match="symbolic"):
        last_lines(path, 3)


def test_the_raw_part_counts_where_there_are_both(tmp_path: Path) -> None:
    write(tmp_path / "x.2", b"1\n")
    write(tmp_path / "x.2.gz", b"half writ")
    write(tmp_path / "x.1", b"2\n")
    path = write(tmp_path / "x", b"3\n")
    assert [name.removeprefix(path) for name in part_names(path)] == ["", ".1", ".2"]
    assert last_lines(path, 9) == ["1", "2", "3"]


def test_a_start_in_a_compressed_file_is_found_by_its_stamp(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_log(path, [Wrote(b"older\nours 1\n", 0, 1)])
    start = end_of(str(path))
    assert start is not None
    start = start._replace(offset=6)
    write_log(path, [Wrote(b"ours 2\n", 1, 1, rotates=True), Wrote(b"ours 3\n", 2, 1, rotates=True)])
    assert (tmp_path / "x.2.gz").exists()
    assert last_lines(str(path), 9, start) == ["ours 1", "ours 2", "ours 3"]
    assert last_lines(str(path), 9, Position(start.inode, start.offset)) == ["ours 3"]


def test_a_tail_says_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert tail_and_end(str(path), 9) == (b"", None)
    write_log(path, [Wrote(b"one\n", 0, 1), Wrote(b"two\n", 1, 1, rotates=True)])
    content, end = tail_and_end(str(path), 6)
    assert (content, end and end[:2]) == (b"e\ntwo\n", (path.stat().st_ino, 4))


async def test_where_a_generation_begins_is_found_wherever_rotations_took_it(tmp_path: Path) -> None:
    log = str(tmp_path / "x.log")
    for generation in (1, 2, 3):
        async with Mover() as mover:
            stream = await mover.open(FlowOrder(str(tmp_path / "f"), log, 1000, 50, generation))
            assert generation_start(log, generation) is None
            for line in range(200):
                os.write(stream.child_fd, f"{generation} {line}\n".encode())
            await stream.finish()
    for generation in (1, 2, 3):
        start = generation_start(log, generation)
        assert start is not None
        lines = last_lines(log, 1_000_000, start)
        assert lines[0] == f"{generation} 0"
        assert len(lines) == 200 * (4 - generation)
    assert generation_start(log, 4) is None
    assert generation_start(str(tmp_path / "none.log"), 1) is None
