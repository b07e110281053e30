"""Somebody else rotates the log while much is written: by moving it, or by copying and truncating it."""

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from dumb_actors.logs.flow import Flow
from dumb_actors.logs.index import read_index
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.pump import Pump
from dumb_actors.logs.splice import splice

LINES = 4_000_000


@contextmanager
def turned(log: Path, between: Callable[[], None] = lambda: None) -> Iterator[tuple[Pump, Flow]]:
    """Give a pump that the test turns; *between* is called after each look at the log, before bytes move."""

    def move(source: int, target: int, count: int, offset: int | None = None) -> int:
        between()
        return splice(source, target, count, offset)

    pump = Pump(splice_to_log=move)
    flow = pump.open(FlowOrder(str(log.with_name("fifo")), str(log), 0, 0, 1))
    flow.hold()
    pump.add(flow)
    pump.turn()
    yield pump, flow
    pump.stop()
    pump.run()
    pump.close()


def say(pump: Pump, flow: Flow, text: bytes) -> None:
    os.write(flow.child_fd, text)
    pump.turn()


def written_while(log: Path, rotate: Callable[[], None]) -> None:
    """Write many numbered lines, calling *rotate* again and again meanwhile."""
    pump = Pump()
    running = threading.Thread(target=pump.run)
    running.start()
    flow = pump.open(FlowOrder(str(log.with_name("fifo")), str(log), 0, 0, 1))
    flow.hold()
    pump.add(flow)
    with subprocess.Popen(["seq", str(LINES)], stdout=flow.child_fd) as writer:
        while writer.poll() is None:
            rotate()
    done = threading.Event()
    pump.finish(flow, done.set)
    assert done.wait(60)
    pump.stop()
    running.join()
    pump.close()


def in_order(content: bytes) -> bool:
    """Say whether there are only lines with numbers that grow, save that the first and the last may be cut."""
    lines = content.split(b"\n")[1:-1]
    numbers = [int(line) for line in lines]
    return all(one < other for one, other in pairwise(numbers))


def test_a_log_that_is_moved_under_load_loses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    kept: list[Path] = []

    def move() -> None:
        if log.exists() and log.stat().st_size:
            kept.append(tmp_path / f"kept{len(kept)}")
            log.rename(kept[-1])

    written_while(log, move)
    assert len(kept) > 3
    whole = b"".join(path.read_bytes() for path in [*kept, log] if path.exists())
    expected = subprocess.run(["seq", str(LINES)], capture_output=True, check=True).stdout
    assert whole == expected
    if log.exists():
        assert [entry.offset for entry in read_index(str(log), log.stat().st_size)][:1] == [0]


def test_a_log_that_is_copied_and_truncated_under_load_has_no_hole(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    times = 0

    def copy_and_truncate() -> None:
        nonlocal times
        if log.exists() and log.stat().st_size:
            shutil.copyfile(log, tmp_path / "copy")
            os.truncate(log, 0)
            times += 1

    written_while(log, copy_and_truncate)
    assert times > 3
    content = log.read_bytes()
    assert b"\0" not in content
    assert in_order(content)
    entries = read_index(str(log), len(content))
    if content:
        assert entries[0].offset == 0
    assert [entry.offset for entry in entries] == sorted(entry.offset for entry in entries)


def test_a_log_that_is_truncated_after_we_looked_where_it_ends_gets_no_hole(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    cut = False

    def between() -> None:
        nonlocal cut
        if cut:
            cut = False
            os.truncate(log, 0)

    for size in (4, 5000, 200_000):
        with turned(log, between) as (pump, flow):
            say(pump, flow, b"x" * (size - 1) + b"\n")
            cut = True
            say(pump, flow, b"one\n")
            assert log.read_bytes() == b"one\n"
            assert [entry.offset for entry in read_index(str(log), 4)] == [0]
            say(pump, flow, b"two\n")
            assert log.read_bytes() == b"one\ntwo\n"
            assert flow.sink.lost_bytes == 0
            assert flow.finish() == ("one", "two")
        log.unlink()


def test_a_log_that_really_begins_with_zeros_is_left_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with turned(log) as (pump, flow):
        for text in (b"\0\0\0", b"\0\0\0", bytes(10_000), b"end\n"):
            say(pump, flow, text)
        assert log.read_bytes() == bytes(10_006) + b"end\n"


def test_the_index_of_a_truncated_log_begins_anew(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with turned(log) as (pump, flow):
        say(pump, flow, b"one\n")
        (before,) = read_index(str(log), 4)
        os.truncate(log, 0)
        say(pump, flow, b"two\n")
        (after,) = read_index(str(log), 4)
        assert (after.offset, after.generation) == (0, 1)
        assert after.time_ns > before.time_ns
        assert flow.sink.start == (log.stat().st_ino, 0, after.time_ns)
        say(pump, flow, b"three\n")
        os.truncate(log, 4)
        say(pump, flow, b"four\n")
        assert log.read_bytes() == b"two\nfour\n"
        assert [entry.offset for entry in read_index(str(log), 9)] == [0]


def test_the_indexes_follow_a_log_that_is_moved_to_be_number_one(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with turned(log) as (pump, flow):
        times = []
        for text in (b"one\n", b"two\n", b"three\n"):
            say(pump, flow, text)
            times.append(read_index(str(log), 9)[0].time_ns)
            for number in (2, 1, 0):
                old = log.with_name(f"x.log.{number}") if number else log
                if old.exists():
                    old.rename(log.with_name(f"x.log.{number + 1}"))
        say(pump, flow, b"four\n")
        names = ("x.log.3", "x.log.2", "x.log.1")
        assert [log.with_name(name).read_bytes() for name in names] == [b"one\n", b"two\n", b"three\n"]
        assert [read_index(str(log.with_name(name)), 9)[0].time_ns for name in names] == times
        assert read_index(str(log), 9)[0].time_ns > times[-1]


def test_a_log_that_is_moved_elsewhere_leaves_no_index_to_the_next_one(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with turned(log) as (pump, flow):
        say(pump, flow, b"one\n")
        (before,) = read_index(str(log), 4)
        log.rename(tmp_path / "elsewhere")
        say(pump, flow, b"two\n")
        (after,) = read_index(str(log), 4)
        assert after.time_ns > before.time_ns
