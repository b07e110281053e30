"""How soon a keeper is replaced, and what passes between the two ends."""

import pytest

from dumb_actors.keeper.pace import Pace
from dumb_actors.keeper.wire import LONGEST, LineSplitter, decode, encode


def test_the_first_ends_cost_nothing_and_a_loop_does() -> None:
    pace = Pace()
    assert [pace.delay_after(float(now)) for now in range(8)] == [0, 0, 0, 0, 1, 2, 4, 8]
    assert pace.delay_after(15.0) == 8


def test_a_loop_stays_one_at_its_slowest() -> None:
    pace, now = Pace(), 0.0
    delays = []
    for _ in range(30):
        delays.append(pace.delay_after(now))
        now += delays[-1] + 0.1
    assert delays[:5] == [0, 0, 0, 0, 1]
    assert set(delays[7:]) == {8}


def test_ends_that_lie_apart_are_no_loop() -> None:
    pace = Pace()
    assert {pace.delay_after(now * 16.0) for now in range(20)} == {0}
    assert [pace.delay_after(1000.0 + now) for now in range(5)] == [0, 0, 0, 0, 1]
    assert pace.delay_after(2000.0) == 0


def test_a_path_that_is_no_utf8_goes_through() -> None:
    path = b"/a/\xff\n".decode("utf-8", "surrogateescape")
    (line,) = LineSplitter().feed(encode({"op": "add", "fifo": path}))
    assert decode(line) == {"op": "add", "fifo": path}


def test_lines_come_whole_however_they_are_cut() -> None:
    splitter = LineSplitter()
    content = encode({"op": "a"}) + b"garbage\n" + encode({"op": "b"})
    lines = [line for index in range(len(content)) for line in splitter.feed(content[index : index + 1])]
    assert lines == [b'{"op":"a"}', b"garbage", b'{"op":"b"}']


def test_a_line_without_an_end_is_given_once_and_cut() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"x" * (LONGEST + 1)) == [b"x" * 80]
    assert splitter.feed(b"x" * (LONGEST + 1)) == []
    assert splitter.feed(b'xxx\n{"op":"a"}\n') == [b'{"op":"a"}']


@pytest.mark.parametrize("line", [b"", b"garbage", b"[]", b"{}", b'{"op":1}', b"\xff", b"[" * 100_000])
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        decode(line)
