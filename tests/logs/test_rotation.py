"""Rotated parts: their names, their compression, their indexes, and what a kill at any instant leaves of them."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from dumb_actors.logs.compress import Compressor
from dumb_actors.logs.flow import Flow
from dumb_actors.logs.index import IndexWriter, read_index
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position
from dumb_actors.logs.pump import Pump
from dumb_actors.logs.rotate import make_next, rotate


@pytest.fixture
def pump() -> Iterator[Pump]:
    """Gives a pump that the test turns, and finishes what is left."""
    pump = Pump()
    yield pump
    pump.stop()
    pump.run()
    pump.close()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "x.log"


def opened(pump: Pump, log: Path, *, size: int, kept: int, generation: int = 7) -> Flow:
    flow = pump.open(FlowOrder(str(log.with_name("fifo")), str(log), size, kept, generation))
    flow.hold()
    pump.add(flow)
    pump.turn()
    return flow


def say(pump: Pump, flow: Flow, text: bytes) -> None:
    os.write(flow.child_fd, text)
    pump.turn()


def compressed(pump: Pump) -> None:
    """Wait until the thread that compresses has nothing left to do."""
    thread = pump._tools.compressor._thread
    if thread is not None:
        thread.join()


def content(part: Path) -> bytes:
    packed = part.with_name(f"{part.name}.gz")
    return part.read_bytes() if part.exists() else gzip.decompress(packed.read_bytes())


def names(log: Path) -> set[str]:
    return {path.name for path in log.parent.iterdir()} - {"fifo"}


def turn_over(path: str, kept: int) -> None:
    os.close(make_next(path))
    rotate(path, kept)


def test_the_second_part_and_older_ones_are_compressed_and_keep_time_mode_and_index(pump: Pump, log: Path) -> None:
    flow = opened(pump, log, size=4, kept=3)
    for text in (b"one\n", b"two\n", b"three\n", b"four\n"):
        say(pump, flow, text)
        times = {part.name: part.stat().st_mtime_ns for part in log.parent.glob("x.log*[0-9g]")}
        compressed(pump)
    assert names(log) == {"x.log", "x.log.1", "x.log.2.gz", "x.log.3.gz"} | {
        f"x.log{n}.idx" for n in ("", ".1", ".2", ".3")
    }
    assert [content(log.with_name(name)) for name in ("x.log.3", "x.log.2", "x.log.1", "x.log")] == [
        b"one\n",
        b"two\n",
        b"three\n",
        b"four\n",
    ]
    packed = log.with_name("x.log.2.gz")
    assert packed.stat().st_mode & 0o777 == 0o600
    assert packed.stat().st_mtime_ns == times["x.log.2"]
    indexes = [read_index(str(log.with_name(name)), 100) for name in ("x.log.3.gz", "x.log.2.gz", "x.log.1", "x.log")]
    assert [[(entry.offset, entry.generation) for entry in index] for index in indexes] == [[(0, 7)]] * 4
    assert [index[0].time_ns for index in indexes] == sorted(index[0].time_ns for index in indexes)
    assert flow.finish() == ("one", "two", "three", "four")


def test_the_oldest_part_goes_with_its_index_and_so_does_what_a_higher_limit_had_kept(pump: Pump, log: Path) -> None:
    for number in range(1, 6):
        log.with_name(f"x.log.{number}.gz").write_bytes(gzip.compress(b"old %d\n" % number))
        log.with_name(f"x.log.{number}.idx").touch()
    flow = opened(pump, log, size=4, kept=2)
    say(pump, flow, b"one\n")
    say(pump, flow, b"two\n")
    compressed(pump)
    assert names(log) == {"x.log", "x.log.idx", "x.log.1", "x.log.1.idx", "x.log.2.gz", "x.log.2.idx"}
    assert content(log.with_name("x.log.2")) == b"old 1\n"


def test_where_nothing_is_kept_there_is_no_part_and_the_index_begins_anew(pump: Pump, log: Path) -> None:
    flow = opened(pump, log, size=4, kept=0)
    for text in (b"first\n", b"second\n"):
        say(pump, flow, text)
    assert names(log) == {"x.log", "x.log.idx"}
    assert log.read_bytes() == b"second\n"
    assert [entry.offset for entry in read_index(str(log), 100)] == [0]
    assert flow.finish() == ("second",)


def test_a_generation_that_is_found_in_a_compressed_part_has_its_start_there(pump: Pump, log: Path) -> None:
    log.write_bytes(b"of another\n")
    flow = opened(pump, log, size=4, kept=5)
    for text in (b"one\n", b"two\n", b"three\n", b"four\n"):
        say(pump, flow, text)
    compressed(pump)
    assert log.with_name("x.log.4.gz").exists()
    stamp = read_index(str(log.with_name("x.log.3.gz")), 100)[0].time_ns
    assert flow.sink.start._replace(inode=0) == Position(0, 0, stamp)
    assert flow.finish() == ("one", "two", "three", "four")


def test_the_first_byte_of_a_new_generation_has_an_entry_at_once(pump: Pump, log: Path) -> None:
    flow = opened(pump, log, size=0, kept=0, generation=1)
    say(pump, flow, b"one\n")
    flow.finish()
    flow = opened(pump, log, size=0, kept=0, generation=2)
    assert [entry.generation for entry in read_index(str(log), 100)] == [1]
    say(pump, flow, b"two\n")
    assert [(entry.offset, entry.generation) for entry in read_index(str(log), 100)] == [(0, 1), (4, 2)]
    assert flow.sink.start.stamp == read_index(str(log), 100)[0].time_ns


def test_there_is_no_entry_for_bytes_that_have_not_come_yet(pump: Pump, log: Path) -> None:
    flow = opened(pump, log, size=0, kept=0)
    say(pump, flow, bytes(70_000))
    assert [entry.offset for entry in read_index(str(log), 70_000)] == [0]
    say(pump, flow, b"now\n")
    assert [entry.offset for entry in read_index(str(log), 70_000)] == [0, 70_000]


class Held(Compressor):
    """Has compressed, and waits before it gives the file its name."""

    def __init__(self) -> None:
        super().__init__()
        self.has_packed = threading.Event()
        self.may_go_on = threading.Event()

    def _pack(self, source: int, temporary: str) -> bool:
        done = super()._pack(source, temporary)
        self.has_packed.set()
        assert self.may_go_on.wait(30)
        return done


def _prepared(log: Path) -> Held:
    """Give a compressor that holds the compressed content of number 2 in its hands."""
    for name, text in (("x.log", b"c\n"), ("x.log.1", b"b\n"), ("x.log.2", b"a\n")):
        log.with_name(name).write_bytes(text)
    held = Held()
    held.compress(str(log), 5)
    assert held.has_packed.wait(30)
    return held


def _released(held: Held) -> None:
    thread = held._thread
    assert thread is not None
    held.may_go_on.set()
    thread.join()


def test_a_part_that_is_renamed_while_it_is_compressed_is_found_again(log: Path) -> None:
    held = _prepared(log)
    turn_over(str(log), 5)
    turn_over(str(log), 5)
    assert log.with_name("x.log.4").read_bytes() == b"a\n"
    _released(held)
    assert names(log) == {"x.log", "x.log.1", "x.log.2.gz", "x.log.3.gz", "x.log.4.gz"}
    assert [content(log.with_name(f"x.log.{number}")) for number in (4, 3, 2)] == [b"a\n", b"b\n", b"c\n"]


def test_a_part_that_has_gone_while_it_was_compressed_stays_gone(log: Path) -> None:
    held = _prepared(log)
    for _ in range(2):
        turn_over(str(log), 2)
    assert log.with_name("x.log.2").read_bytes() == b"c\n"
    held._is_closed = True
    _released(held)
    assert names(log) == {"x.log", "x.log.1", "x.log.2"}


def test_a_part_that_somebody_has_written_to_meanwhile_stays_raw(log: Path) -> None:
    held = _prepared(log)
    with log.with_name("x.log.2").open("ab") as part:
        part.write(b"more\n")
    _released(held)
    assert names(log) == {"x.log", "x.log.1", "x.log.2"}
    assert log.with_name("x.log.2").read_bytes() == b"a\nmore\n"


def test_closing_gives_up_what_is_under_way_and_leaves_nothing_of_it(log: Path) -> None:
    held = _prepared(log)
    held._is_closed = True
    held.may_go_on.set()
    held.close(30)
    held.compress(str(log), 5)
    assert held._thread is None
    assert "x.log.gz.next" not in names(log)


def test_what_a_killed_compression_left_is_put_right_by_the_next_one(pump: Pump, log: Path) -> None:
    log.with_name("x.log.gz.next").write_bytes(b"half")
    log.with_name("x.log.next").write_bytes(b"")
    log.with_name("x.log.1").write_bytes(b"older\n")
    log.with_name("x.log.2").write_bytes(b"oldest\n")
    log.with_name("x.log.2.gz").write_bytes(gzip.compress(b"oldest\n"))
    flow = opened(pump, log, size=4, kept=9)
    assert "x.log.next" not in names(log)
    say(pump, flow, b"one\n")
    say(pump, flow, b"two\n")
    compressed(pump)
    assert {name for name in names(log) if "idx" not in name} == {
        "x.log",
        "x.log.1",
        "x.log.2.gz",
        "x.log.3.gz",
    }
    assert [content(log.with_name(f"x.log.{number}")) for number in (3, 2, 1)] == [b"oldest\n", b"older\n", b"one\n"]


def test_where_there_are_both_the_raw_part_counts(log: Path) -> None:
    log.write_bytes(b"now\n")
    log.with_name("x.log.1").write_bytes(b"raw\n")
    log.with_name("x.log.1.gz").write_bytes(b"cut short")
    turn_over(str(log), 3)
    assert names(log) == {"x.log", "x.log.1", "x.log.2"}
    assert log.with_name("x.log.2").read_bytes() == b"raw\n"


class KilledHere(BaseException):
    """Stands for SIGKILL: no line of ours runs after it."""


def _kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the call number *step* that renames or removes be one that never returns."""
    steps = count()
    for name in ("rename", "unlink"):
        real = getattr(os, name)

        def call(*args: str, real: object = real) -> None:
            if next(steps) == step:
                raise KilledHere
            real(*args)  # type: ignore[operator]

        monkeypatch.setattr(os, name, call)


def test_a_rotation_that_is_killed_at_any_step_loses_nothing_and_gives_no_part_a_wrong_index(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = 0
    killed = True
    while killed:
        for old in log.parent.iterdir():
            old.unlink()
        for number, name in enumerate(("x.log", "x.log.1", "x.log.2", "x.log.3.gz")):
            text = b"%d\n" % number
            log.with_name(name).write_bytes(gzip.compress(text) if "gz" in name else text)
            writer = IndexWriter(str(log.with_name(name)), number)
            writer.note(0)
            writer.close()
        with monkeypatch.context() as patch:
            _kill_at(patch, step)
            try:
                turn_over(str(log), 9)
                killed = False
            except KilledHere:
                step += 1
        # As the sink of the next process does.
        log.with_name("x.log.next").unlink(missing_ok=True)
        if not log.exists():
            log.touch()
        with log.open("ab") as file:
            file.write(b"after\n")
        turn_over(str(log), 9)
        numbers = [
            n for n in range(9, 0, -1) if any(log.parent.glob(f"x.log.{n}")) or any(log.parent.glob(f"*.{n}.gz"))
        ]
        texts = [content(log.with_name(f"x.log.{number}")) for number in numbers]
        assert b"".join(texts) == b"3\n2\n1\n0\nafter\n", step
        for number, text in zip(numbers, texts, strict=True):
            for entry in read_index(str(log.with_name(f"x.log.{number}")), 100):
                assert text.startswith(b"%d\n" % entry.generation), step
    assert step > 8


def test_a_compression_that_is_killed_at_any_step_loses_nothing(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = log.with_name("x.log.2")
    step = 0
    killed = True
    while killed:
        part.write_bytes(b"precious\n")
        with monkeypatch.context() as patch:
            _kill_at(patch, step)
            try:
                Compressor()._compress_parts(str(log), 5)
                killed = False
            except KilledHere:
                step += 1
        assert content(part) == b"precious\n", step
    assert step > 2
    assert names(log) == {"x.log.2.gz"}


def test_a_part_without_an_index_does_not_get_one_that_somebody_left(log: Path) -> None:
    log.write_bytes(b"now\n")
    log.with_name("x.log.1").write_bytes(b"before\n")
    log.with_name("x.log.2.idx").touch()
    turn_over(str(log), 3)
    assert names(log) == {"x.log", "x.log.1", "x.log.2"}


KILLED_AGAIN_AND_AGAIN = """
import os, random, signal, subprocess, sys
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.pump import Pump

fifo, log, seed, kills = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
chance = random.Random(seed)
order = FlowOrder(fifo, log, 100_000, 10_000, 1)
os.mkfifo(fifo)
holder = os.open(fifo, os.O_RDWR)
writer = subprocess.Popen(["seq", "1000000000"], stdout=holder)

def pumping(delay):
    pump = Pump()
    flow = pump.adopt(order)
    pump.add(flow)
    if delay:
        signal.setitimer(signal.ITIMER_REAL, delay)
    else:
        pump.stop()
    pump.run()
    if (thread := pump._tools.compressor._thread) is not None:
        thread.join()
    pump.close()

for _ in range(kills):
    pid = os.fork()
    if not pid:
        try:
            pumping(chance.uniform(0.0005, 0.03))
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM, status
writer.kill()
writer.wait()
pumping(None)
os.close(holder)
"""


def test_a_pump_that_is_killed_a_hundred_times_loses_nothing_and_doubles_nothing(log: Path) -> None:
    # SIGALRM without a handler ends a process as SIGKILL does, at whatever it is just doing.
    fifo = log.with_name("fifo")
    seed = int.from_bytes(os.urandom(4), "big")
    argv = [sys.executable, "-c", KILLED_AGAIN_AND_AGAIN, str(fifo), str(log), str(seed), "100"]
    subprocess.run(argv, check=True, timeout=100)
    numbers = sorted(
        {int(path.name.split(".")[2]) for path in log.parent.glob("x.log.[0-9]*")},
        reverse=True,
    )
    whole = b"".join([*(content(log.with_name(f"x.log.{number}")) for number in numbers), log.read_bytes()])
    lines = whole.split(b"\n")
    assert len(numbers) > 10
    assert any(log.parent.glob("x.log.*.gz"))
    last = lines.pop()
    wrong = next((place for place, line in enumerate(lines) if line != b"%d" % (place + 1)), None)
    assert wrong is None, f"seed {seed}: line {wrong} is {lines[wrong or 0]!r}"
    assert (b"%d" % (len(lines) + 1)).startswith(last)
