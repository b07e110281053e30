"""The mover: real FIFOs, real files, real writers."""

# Small local files and programs: plain calls keep the order of events plain.

import errno
import gzip
import os
import subprocess
import threading
from functools import partial
from pathlib import Path

import pytest
import trio

from dumb_actors.errors import UnusablePath
from dumb_actors.logs.flow import Flow
from dumb_actors.logs.mover import Mover, Stream
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position
from dumb_actors.logs.pump import Pump
from dumb_actors.logs.splice import splice, waiting_bytes
from dumb_actors.logs.watch import NAMES, WRITES, Watch

LIMIT = 20


async def run(stream: Stream, *argv: str) -> None:
    """Run a program to its end with the stream as its output."""
    await trio.run_process(argv, stdout=stream.child_fd, stdin=subprocess.DEVNULL)


async def open_stream(mover: Mover, tmp_path: Path, *, size: int = 0, count: int = 2, name: str = "x") -> Stream:
    return await mover.open(FlowOrder(f"{tmp_path}/run/{name}", f"{tmp_path}/log/{name}.log", size, count))


def held(pump: Pump, tmp_path: Path, name: str) -> Flow:
    flow = pump.open(FlowOrder(f"{tmp_path}/{name}", f"{tmp_path}/{name}.log", 0, 1))
    flow.hold()
    return flow


def parts(tmp_path: Path, name: str = "x") -> list[bytes]:
    """The contents of all files of a log, the oldest first."""
    log = tmp_path / "log" / f"{name}.log"
    contents = [log.read_bytes()]
    number = 1
    while True:
        raw, packed = (log.with_name(f"{name}.log.{number}{suffix}") for suffix in ("", ".gz"))
        if not raw.exists() and not packed.exists():
            return contents[::-1]
        contents.append(raw.read_bytes() if raw.exists() else gzip.decompress(packed.read_bytes()))
        number += 1


async def test_fifty_megabytes_over_many_rotations_are_complete_in_order_and_cut_at_line_ends(tmp_path: Path) -> None:
    count = 6_500_000
    with trio.fail_after(60):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path, size=1_000_000, count=100)
            await run(stream, "seq", str(count))
            lines = await stream.finish()
    files = parts(tmp_path)
    expected = subprocess.run(["seq", str(count)], capture_output=True, check=True).stdout
    assert len(expected) > 50_000_000
    assert b"".join(files) == expected
    assert len(files) >= 45
    assert all(part.endswith(b"\n") for part in files)
    assert all(1_000_000 <= len(part) < 1_000_020 for part in files[:-1])
    assert lines == tuple(str(number) for number in range(count - 19, count + 1))
    assert stream.taken_bytes == len(expected)
    assert stream.lost_bytes == 0


async def test_finish_drains_what_a_dead_writer_left(tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path)
            await run(stream, "sh", "-c", "echo one; echo two >&1; printf 'no end'")
            assert await stream.finish() == ("one", "two", "no end")
            assert stream.child_fd == -1
            assert await stream.finish() == ("one", "two", "no end")
    assert parts(tmp_path) == [b"one\ntwo\nno end"]
    assert not Path(stream.fifo).exists()


async def test_files_are_private_and_the_start_is_where_the_generation_begins(tmp_path: Path) -> None:
    log = tmp_path / "log" / "x.log"
    log.parent.mkdir()
    log.write_bytes(b"older\n")
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path)
            assert stream.start == Position(log.stat().st_ino, 6)
            assert Path(stream.fifo).stat().st_mode & 0o777 == 0o600
            await run(stream, "echo", "younger")
            assert await stream.finish() == ("younger",)
            other = await open_stream(mover, tmp_path, name="fresh")
            assert (tmp_path / "log" / "fresh.log").stat().st_mode & 0o777 == 0o600
            assert await other.finish() == ()
    assert log.read_bytes() == b"older\nyounger\n"


async def test_last_lines_reach_over_one_rotation_and_not_before_the_start(tmp_path: Path) -> None:
    log = tmp_path / "log" / "x.log"
    log.parent.mkdir()
    log.write_bytes(b"older\n" * 3)
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path, size=24)
            await run(stream, "sh", "-c", "echo one; echo two; printf 'th\\303ree\\n'")
            assert await stream.finish() == ("one", "two", "th\N{REPLACEMENT CHARACTER}ree")
    assert parts(tmp_path) == [b"older\nolder\nolder\none\ntwo\n", b"th\303ree\n"]


@pytest.mark.parametrize("kept", [0, 1, 2])
async def test_only_so_many_rotated_files_are_kept(tmp_path: Path, kept: int) -> None:
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path, size=2, count=kept)
            await run(stream, "seq", "9")
            lines = await stream.finish()
    assert parts(tmp_path) == [b"%d\n" % number for number in range(9 - kept, 10)]
    assert lines == tuple(str(number) for number in range(9 - kept, 10))


async def test_a_line_longer_than_the_limit_is_cut_at_twice_the_size_only(tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path, size=100_000, count=5)
            await run(stream, "sh", "-c", "head -c 150000 /dev/zero; echo; head -c 500000 /dev/zero; echo; echo end")
            assert (await stream.finish())[-1] == "end"
    files = parts(tmp_path)
    assert files[0] == bytes(150_000) + b"\n"
    assert b"".join(files) == bytes(150_000) + b"\n" + bytes(500_000) + b"\nend\n"
    assert all(len(part) <= 100_000 * 2 + 65536 for part in files)


async def test_suppressed_output_is_drained_and_counted(tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await mover.open(FlowOrder(str(tmp_path / "f"), None, 0, 0))
            assert stream.log_path is None
            await run(stream, "head", "-c", "5000000", "/dev/zero")
            assert await stream.finish() == ()
            assert stream.taken_bytes == 5_000_000
    assert list(tmp_path.iterdir()) == []


class Disk:
    """Stands between the mover and the log: full or not."""

    def __init__(self, free: int) -> None:
        self.free = free

    def __call__(self, source: int, target: int, count: int, offset: int | None = None) -> int:
        if self.free <= 0 and waiting_bytes(source):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        moved = splice(source, target, min(count, max(self.free, 1)), offset)
        self.free -= moved
        return moved


def test_a_full_disk_loses_counts_and_leaves_one_marker(tmp_path: Path) -> None:
    disk = Disk(free=5)
    pump = Pump(splice_to_log=disk)
    log = tmp_path / "x.log"
    flow = held(pump, tmp_path, "x")
    pump.add(flow)
    pump.turn()
    for text in (b"first\nsecond\n", b"third\n"):
        os.write(flow.child_fd, text)
        pump.turn()
    assert flow.sink.lost_bytes == 14
    assert log.read_bytes() == b"first"
    disk.free = 1000
    os.write(flow.child_fd, b"fourth\n")
    pump.turn()
    marker = b"[dumb-actors: 14 bytes of output were lost here: No space left on device]\n"
    assert log.read_bytes() == b"first\n" + marker + b"fourth\n"
    assert flow.finish()[-1] == "fourth"
    assert flow.sink.lost_bytes == 14
    pump.stop()
    pump.run()
    pump.close()


def test_a_gap_at_the_end_is_marked_when_the_stream_is_finished(tmp_path: Path) -> None:
    disk = Disk(free=0)
    pump = Pump(splice_to_log=disk)
    log = tmp_path / "x.log"
    flow = held(pump, tmp_path, "x")
    os.write(flow.child_fd, b"never seen\n")
    flow.finish()
    assert log.read_bytes() == b"[dumb-actors: 11 bytes of output were lost here: No space left on device]\n"
    pump.close()


def test_a_stream_with_much_gets_its_share_and_another_its_turn(tmp_path: Path) -> None:
    pump = Pump(budget=4096)
    busy = held(pump, tmp_path, "busy")
    calm = held(pump, tmp_path, "calm")
    pump.add(busy)
    pump.add(calm)
    pump.turn()
    os.write(busy.child_fd, bytes(40_000))
    os.write(calm.child_fd, b"a line\n")
    pump.turn()
    assert (tmp_path / "calm.log").read_bytes() == b"a line\n"
    assert (tmp_path / "busy.log").stat().st_size == 4096
    pump.stop()
    pump.run()
    pump.close()
    assert (tmp_path / "busy.log").stat().st_size == 40_000


async def test_a_log_that_was_truncated_moved_or_deleted_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "log" / "x.log"
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path)
            await _written(stream, b"one\n", log)
            os.truncate(log, 0)
            await _written(stream, b"two\n", log)
            assert log.read_bytes() == b"two\n"
            log.unlink()
            await _written(stream, b"three\n", log)
            assert log.read_bytes() == b"three\n"
            log.rename(tmp_path / "log" / "kept")
            await _written(stream, b"four\n", log)
            await stream.finish()
    assert log.read_bytes() == b"four\n"
    assert (tmp_path / "log" / "kept").read_bytes() == b"three\n"


async def _written(stream: Stream, text: bytes, log: Path) -> None:
    """Write, and wait until it is in the file."""
    with Watch() as watch:
        watch.add(str(log.parent), NAMES | WRITES)
        os.write(stream.child_fd, text)
        while not log.exists() or not log.read_bytes().endswith(text):
            await watch.events()


async def test_a_rotation_that_cannot_be_done_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "log" / "x.log.next").mkdir(parents=True)
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path, size=10)
            await run(stream, "seq", "1000")
            assert (await stream.finish())[-1] == "1000"
            assert stream.lost_bytes == 0
    expected = b"".join(b"%d\n" % number for number in range(1, 1001))
    assert (tmp_path / "log" / "x.log").read_bytes() == expected


async def test_finish_ends_though_somebody_goes_on_writing(tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with Mover() as mover, trio.open_nursery() as nursery:
            stream = await open_stream(mover, tmp_path, size=1_000_000)
            yes = partial(trio.run_process, ["yes"], stdout=stream.child_fd, check=False)
            process = await nursery.start(yes)
            with Watch() as watch:
                watch.add(str(tmp_path / "log" / "x.log"), WRITES)
                await watch.events()
            assert set(await stream.finish()) == {"y"}
            process.kill()


@pytest.mark.parametrize("case", ["log is a directory", "fifo exists", "log below a file", "log is a fifo"])
async def test_what_cannot_be_made_is_refused_and_leaves_nothing(tmp_path: Path, case: str) -> None:
    fifo, log = tmp_path / "run" / "f", tmp_path / "log" / "x.log"
    log.parent.mkdir()
    culprit = log
    match case:
        case "log is a directory":
            log.mkdir()
        case "fifo exists":
            fifo.parent.mkdir()
            fifo.touch()
            culprit = fifo
        case "log below a file":
            log.touch()
            log = log / "y" / "z.log"
            culprit = log.parent
        case "log is a fifo":
            os.mkfifo(log)
    async with Mover() as mover:
        with trio.fail_after(LIMIT), pytest.raises(UnusablePath) as caught:
            await mover.open(FlowOrder(str(fifo), str(log), 0, 1))
    assert caught.value.path == str(culprit)
    assert fifo.exists() == (case == "fifo exists")


async def test_leaving_finishes_all_streams_and_open_is_refused_afterwards(tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path)
            await run(stream, "echo", "kept")
        assert parts(tmp_path) == [b"kept\n"]
        assert not Path(stream.fifo).exists()
        assert await stream.finish() == ("kept",)
        with pytest.raises(trio.ClosedResourceError):
            await open_stream(mover, tmp_path)
        await mover.aclose()


async def test_no_thread_without_a_stream_and_one_for_many(tmp_path: Path) -> None:
    def movers() -> int:
        return sum("log mover" in thread.name for thread in threading.enumerate())

    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            assert movers() == 0
            streams = [await open_stream(mover, tmp_path, name=f"s{number}") for number in range(20)]
            assert movers() == 1
            async with trio.open_nursery() as nursery:
                for number, stream in enumerate(streams):
                    nursery.start_soon(run, stream, "echo", str(number))
            assert [await stream.finish() for stream in streams] == [(str(number),) for number in range(20)]


async def test_a_cancelled_finish_finishes_all_the_same(tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            stream = await open_stream(mover, tmp_path)
            await run(stream, "echo", "kept")
            with trio.CancelScope() as scope:
                scope.cancel()
                await stream.finish()
            assert await stream.finish() == ("kept",)
