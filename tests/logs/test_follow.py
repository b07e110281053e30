"""Following a log: what is written arrives, whatever happens to the file."""

# Small local files: plain calls keep the order of events plain.

import os
from pathlib import Path

import pytest
import trio
import trio.testing

from dumb_actors.logs.follow import Follower
from dumb_actors.logs.mover import Mover
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.reader import Position, end_of
from tests.logs.written import Wrote, write_log

LIMIT = 20


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def rotate(path: Path, kept: int = 5) -> None:
    for number in range(kept, 0, -1):
        source = path if number == 1 else Path(f"{path}.{number - 1}")
        if source.exists():
            source.rename(f"{path}.{number}")


async def read_until(follower: Follower, size: int) -> bytes:
    content = b""
    while len(content) < size:
        content += await follower.read()
    return content


async def expect(follower: Follower, content: bytes) -> None:
    assert await read_until(follower, len(content)) == content


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.log"


async def test_pieces_arrive_as_they_are_written(path: Path) -> None:
    path.write_bytes(b"there\n")
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        await expect(follower, b"there\n")
        assert await follower.available() == b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expect, follower, b"half")
            await trio.testing.wait_all_tasks_blocked()
            append(path, b"half")
        append(path, b" and half\n")
        await expect(follower, b" and half\n")


async def test_it_begins_at_the_start(path: Path) -> None:
    path.write_bytes(b"older\nours\n")
    with trio.fail_after(LIMIT), Follower(str(path), Position(path.stat().st_ino, 6)) as follower:
        await expect(follower, b"ours\n")
    with trio.fail_after(LIMIT), Follower(str(path), end_of(str(path))) as follower:
        assert await follower.available() == b""


async def test_it_begins_in_a_rotated_file(path: Path) -> None:
    path.write_bytes(b"older\nours 1\n")
    start = Position(path.stat().st_ino, 6)
    rotate(path)
    path.write_bytes(b"ours 2\n")
    rotate(path)
    path.write_bytes(b"ours 3\n")
    with trio.fail_after(LIMIT), Follower(str(path), start) as follower:
        await expect(follower, b"ours 1\nours 2\nours 3\n")


async def test_a_start_that_is_gone_begins_with_the_present_file(path: Path) -> None:
    Path(f"{path}.1").write_bytes(b"perhaps older\n")
    path.write_bytes(b"ours\n")
    with trio.fail_after(LIMIT), Follower(str(path), Position(1, 0)) as follower:
        await expect(follower, b"ours\n")


async def test_the_rest_of_a_rotated_file_comes_before_the_new_one(path: Path) -> None:
    path.write_bytes(b"1\n")
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        await expect(follower, b"1\n")
        append(path, b"2\n")
        rotate(path)
        path.write_bytes(b"3\n")
        await expect(follower, b"2\n3\n")
        append(path, b"4\n")
        await expect(follower, b"4\n")


async def test_several_rotations_at_once_are_read_in_order(path: Path) -> None:
    path.write_bytes(b"1\n")
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        await expect(follower, b"1\n")
        for text in (b"2\n", b"3\n", b"4\n"):
            rotate(path)
            path.write_bytes(text)
        await expect(follower, b"2\n3\n4\n")


async def test_between_rename_and_creation_it_waits(path: Path) -> None:
    path.write_bytes(b"1\n")
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        await expect(follower, b"1\n")
        rotate(path)
        assert await follower.available() == b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expect, follower, b"2\n")
            await trio.testing.wait_all_tasks_blocked()
            path.write_bytes(b"2\n")


async def test_rotated_out_of_sight_it_goes_on_with_the_oldest_there_is(path: Path) -> None:
    path.write_bytes(b"1\n")
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        await expect(follower, b"1\n")
        for text in (b"2\n", b"3\n", b"4\n", b"5\n"):
            rotate(path, kept=2)
            path.write_bytes(text)
        await expect(follower, b"3\n4\n5\n")


async def test_what_it_has_open_it_reads_to_the_end_although_it_was_compressed_meanwhile(path: Path) -> None:
    write_log(path, [Wrote(b"1\n", 0, 1)])
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        await expect(follower, b"1\n")
        write_log(path, [Wrote(b"2\n", 1, 1)])
        for number in (3, 4, 5, 6):
            write_log(path, [Wrote(b"%d\n" % number, number, 1, rotates=True)])
        assert sorted(each.name for each in path.parent.glob("*.gz")) == ["x.log.2.gz", "x.log.3.gz", "x.log.4.gz"]
        os.utime(f"{path}.4.gz")  # it is known by its index, not by its time
        # The rest of its own, then what followed, though that is compressed as well.
        await expect(follower, b"2\n3\n4\n5\n6\n")
        append(path, b"7\n")
        await expect(follower, b"7\n")
        assert await follower.available() == b""


async def test_without_an_index_what_was_compressed_is_not_read_twice(path: Path) -> None:
    write_log(path, [Wrote(b"1\n", 0, 1)], indexed=False)
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        await expect(follower, b"1\n")
        for number in (2, 3, 4):
            write_log(path, [Wrote(b"%d\n" % number, number, 1, rotates=True)], indexed=False)
        await expect(follower, b"2\n3\n4\n")
        assert await follower.available() == b""


async def test_it_begins_in_a_compressed_file(path: Path) -> None:
    write_log(path, [Wrote(b"older\nours 1\n", 0, 1)])
    end = end_of(str(path))
    assert end is not None
    writes = [
        Wrote(b"x" * 99_999 + b"\n", 1, 1, rotates=True),
        *(Wrote(b"%d\n" % n, n, 1, rotates=True) for n in (2, 3)),
    ]
    write_log(path, writes)
    with trio.fail_after(LIMIT), Follower(str(path), end._replace(offset=6)) as follower:
        await expect(follower, b"ours 1\n" + b"x" * 99_999 + b"\n2\n3\n")
        append(path, b"4\n")
        await expect(follower, b"4\n")


async def test_truncation_starts_anew(path: Path) -> None:
    path.write_bytes(b"a long first line\n")
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        await expect(follower, b"a long first line\n")
        os.truncate(path, 0)
        assert await follower.available() == b""
        append(path, b"new\n")
        await expect(follower, b"new\n")


async def test_a_deleted_file_is_followed_by_its_successor_not_by_older_ones(path: Path) -> None:
    older = Path(f"{path}.1")
    older.write_bytes(b"older\n")
    os.utime(older, (1, 1))
    path.write_bytes(b"1\n")
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        await expect(follower, b"1\n")
        path.unlink()
        path.write_bytes(b"2\n")
        await expect(follower, b"2\n")


async def test_a_file_several_levels_down_is_awaited(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "x.log"
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expect, follower, b"here\n")
            for step in (path.parent.parent.mkdir, path.parent.mkdir, path.touch, lambda: append(path, b"here\n")):
                await trio.testing.wait_all_tasks_blocked()
                step()


async def test_other_files_of_the_directory_do_not_wake_it(path: Path) -> None:
    path.touch()
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        assert await follower.available() == b""
        woken = False

        async def wait() -> None:
            nonlocal woken
            await follower.changed()
            woken = True

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            other = path.with_name("other.log")
            other.write_bytes(b"x")
            os.utime(other)
            other.unlink()
            await trio.testing.wait_all_tasks_blocked()
            assert not woken
            append(path, b"x")


async def test_a_cancelled_read_loses_nothing(path: Path) -> None:
    path.touch()
    with trio.fail_after(LIMIT), Follower(str(path)) as follower:
        with trio.move_on_after(0):
            await follower.read()
        append(path, b"kept\n")
        with trio.CancelScope() as scope:
            scope.cancel()
            await follower.read()
        await expect(follower, b"kept\n")


async def test_on_a_file_system_without_nowait_reads_it_uses_a_thread() -> None:
    directory = Path(f"/dev/shm/dumb-actors-test-{os.getpid()}")
    directory.mkdir()
    path = directory / "x.log"
    try:
        path.write_bytes(b"1\n")
        with trio.fail_after(LIMIT), Follower(str(path)) as follower:
            await expect(follower, b"1\n")
            append(path, b"2\n")
            await expect(follower, b"2\n")
    finally:
        path.unlink()
        directory.rmdir()


async def test_megabytes_through_mover_and_rotations_arrive_complete(tmp_path: Path) -> None:
    count = 300_000
    expected = b"".join(b"%d\n" % number for number in range(1, count + 1))
    received = bytearray()

    with trio.fail_after(LIMIT):
        async with Mover() as mover:
            log = str(tmp_path / "x.log")
            stream = await mover.open(
                FlowOrder(str(tmp_path / "f"), log, log_size=20_000, log_count=1000, generation=1)
            )
            with Follower(log, stream.start) as follower:

                async def follow() -> None:
                    while len(received) < len(expected):
                        received.extend(await follower.read())

                async with trio.open_nursery() as nursery:
                    nursery.start_soon(follow)
                    await trio.run_process(["seq", str(count)], stdout=stream.child_fd)
                    assert (await stream.finish())[-1] == str(count)
    assert received == expected
