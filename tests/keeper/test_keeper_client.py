"""The keeper in its supervisor's hands: it moves, is replaced, and leaves."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
import trio

import dumb_actors.keeper.client
import dumb_actors.keeper.start
from dumb_actors.errors import UnusablePath
from dumb_actors.keeper.client import Keeper, KeptStream
from dumb_actors.keeper.identity import read_identity
from dumb_actors.keeper.pace import Pace
from dumb_actors.logs.parts import Position
from dumb_actors.logs.sink import GapNews
from dumb_actors.process import procfs
from dumb_actors.process.spawner import Spawner
from tests.keeper.keeper_support import (
    LIMIT,
    WRITER,
    Ends,
    another,
    child,
    ended,
    is_alive,
    memory_kib,
    named_after,
    numbered,
    order,
    run_dir,
    stop_writer,
)

EAGER = {"limit": 1000}


async def write(stream: KeptStream, text: str) -> None:
    await trio.to_thread.run_sync(os.write, stream.child_fd, text.encode())


async def test_it_moves_tells_the_last_lines_and_leaves_nothing(tmp_path: Path, spawner: Spawner) -> None:
    own: set[int] = set()
    log = tmp_path / "web.log"
    log.write_bytes(b"older\n")
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=own, orphans="adopt", version="1.2") as keeper:
            stream = await keeper.open(order(tmp_path))
            assert stream.start == Position(log.stat().st_ino, 6, stream.start.stamp)
            assert (tmp_path / "run/out/web.1").stat().st_mode & 0o777 == 0o600
            await trio.run_process(["seq", "300000"], stdout=stream.child_fd)
            assert await stream.finish() == tuple(str(number) for number in range(299981, 300001))
            assert await stream.finish() == stream.lines
            assert stream.taken_bytes == log.stat().st_size - 6
            assert (stream.lost_bytes, stream.child_fd) == (0, -1)
            assert not Path(stream.fifo).exists()
            pid = keeper.pid
            assert pid is not None
            assert own == {pid}
            identity = read_identity(run_dir(tmp_path))
            assert identity is not None
            assert (identity.pid, identity.version) == (pid, "1.2")
            assert identity.boot_id == procfs.boot_id()
            stat = procfs.read_stat(pid)
            assert stat is not None
            assert (stat.session, stat.pgid) == (pid, pid)
            assert Path(f"/proc/{pid}/cwd").readlink() == Path("/")
            assert {str(Path(f"/proc/{pid}/fd/{fd}").readlink()) for fd in range(3)} == {
                "/dev/null",
                f"{tmp_path}/run/keeper.log",
            }
        assert own == set()
        assert not is_alive(pid)
    assert log.read_bytes() == b"older\n" + b"".join(b"%d\n" % number for number in range(1, 300001))
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["keeper.log", "out"]
    assert (tmp_path / "run/keeper.log").read_bytes() == b""


async def test_what_is_not_finished_is_finished_on_leaving(tmp_path: Path, spawner: Spawner) -> None:
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            stream = await keeper.open(order(tmp_path))
            await write(stream, "one\ntwo\n")
        assert await stream.finish() == ("one", "two")
        with pytest.raises(trio.ClosedResourceError):
            keeper.opening(order(tmp_path))
    assert (tmp_path / "web.log").read_bytes() == b"one\ntwo\n"
    assert not Path(stream.fifo).exists()


async def test_without_a_stream_there_is_no_process(tmp_path: Path, spawner: Spawner) -> None:
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            await keeper.stay()
            assert keeper.pid is None
    assert list((tmp_path / "run").iterdir()) == []


async def test_killed_many_times_under_load_nothing_is_lost_or_doubled(
    tmp_path: Path, spawner: Spawner, ends: Ends
) -> None:
    with trio.fail_after(LIMIT):
        keeping = Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt", pace=Pace(**EAGER))
        async with keeping as keeper:
            stream = await keeper.open(order(tmp_path))
            writer = child(stream, sys.executable, "-c", WRITER)
            await keeper.wait_ready()
            pids = [keeper.pid]
            for _ in range(12):
                assert pids[-1] is not None
                os.kill(pids[-1], signal.SIGKILL)
                pids.append(await another(keeper, ends))
            count = await stop_writer(writer)
            lines = await stream.finish()
    assert len(set(pids)) == 13
    assert numbered(tmp_path / "web.log") == count
    assert lines == tuple(str(number) for number in range(count - 20, count))


async def test_a_successor_is_told_of_everything_that_was_asked(tmp_path: Path, spawner: Spawner, ends: Ends) -> None:
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            stream = await keeper.open(order(tmp_path))
            await write(stream, "before\n")
            await keeper.wait_ready()
            assert keeper.pid is not None
            os.kill(keeper.pid, signal.SIGSTOP)
            await write(stream, "after\n")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.finish)
                await trio.testing.wait_all_tasks_blocked()
                os.kill(keeper.pid, signal.SIGKILL)
                await ends.next()
            assert stream.lines == ("before", "after")
    assert (tmp_path / "web.log").read_bytes() == b"before\nafter\n"


async def test_what_a_killed_keeper_has_begun_to_finish_is_finished_by_the_next(
    tmp_path: Path, spawner: Spawner, ends: Ends
) -> None:
    (tmp_path / "web.log").write_bytes(b"older\n")
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            stream = await keeper.open(order(tmp_path))
            await keeper.wait_ready()
            assert keeper.pid is not None
            os.kill(keeper.pid, signal.SIGKILL)
            await ended(keeper.pid)
            # As if it had.
            Path(stream.fifo).unlink()
            (tmp_path / "web.log").write_bytes(b"older\nlast\n")
            await write(stream, "words\n")
            assert await stream.finish() == ("last", "words")


async def test_output_that_is_lost_is_told_and_counted(tmp_path: Path, spawner: Spawner) -> None:
    log = tmp_path / "web.log"
    send, receive = trio.open_memory_channel[tuple[str, GapNews]](10)
    with trio.fail_after(LIMIT):
        async with Keeper(
            run_dir(tmp_path),
            spawner=spawner,
            own=set(),
            orphans="adopt",
            on_gap=lambda fifo, news: send.send_nowait((fifo, news)),
        ) as keeper:
            stream = await keeper.open(order(tmp_path))
            log.unlink()
            log.mkdir()
            await write(stream, "lost\n")
            fifo, news = await receive.receive()
            assert (fifo, news.lost_bytes, news.recovered) == (stream.fifo, 5, False)
            assert news.reason
            log.rmdir()
            await write(stream, "kept\n")
            assert (await receive.receive())[1].recovered
            assert stream.lost_bytes == 5
            await stream.finish()
            assert stream.lost_bytes == 5
    assert b"5 bytes of output were lost" in log.read_bytes()
    assert log.read_bytes().endswith(b"kept\n")


async def test_a_log_that_cannot_be_made_is_told_before_anything_starts(tmp_path: Path, spawner: Spawner) -> None:
    (tmp_path / "web.log").mkdir()
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            with pytest.raises(UnusablePath):
                await keeper.open(order(tmp_path))
            with pytest.raises(UnusablePath):
                await keeper.open(order(tmp_path, "nul\0"))
            Path(order(tmp_path, "file").fifo).write_text("not a FIFO")
            with pytest.raises(UnusablePath, match="FIFO"):
                keeper.adopting(order(tmp_path, "file"), None)()
    assert [path.name for path in (tmp_path / "run/out").iterdir()] == ["file.1"]


async def test_a_keeper_that_cannot_start_costs_time_and_nothing_else(
    tmp_path: Path, spawner: Spawner, ends: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no such luck')")
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            with monkeypatch.context() as patched:
                patched.setattr(dumb_actors.keeper.start, "PROGRAM", str(broken))
                stream = await keeper.open(order(tmp_path))
                await write(stream, "said meanwhile\n")
                for _ in range(3):
                    assert "no such luck" in await ends.next()
                patched.setattr(sys, "executable", f"{tmp_path}/missing")
                await trio.testing.wait_all_tasks_blocked()
            await keeper.wait_ready()
            assert await stream.finish() == ("said meanwhile",)


async def test_one_that_does_not_answer_is_killed_on_leaving(
    tmp_path: Path, spawner: Spawner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dumb_actors.keeper.client, "LEAVE_TIMEOUT_S", 0.05)
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            stream = await keeper.open(order(tmp_path))
            await keeper.wait_ready()
            assert keeper.pid is not None
            pid = keeper.pid
            os.kill(pid, signal.SIGSTOP)
        assert await stream.finish() == ()
    assert not is_alive(pid)
    assert "keeper.not_left" in caplog.text
    assert not (tmp_path / "run/keeper.json").exists()


async def test_what_the_block_raises_comes_out_as_it_is(tmp_path: Path, spawner: Spawner) -> None:
    with trio.fail_after(LIMIT):
        with pytest.raises(LookupError, match="mine"):
            async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
                await keeper.open(order(tmp_path))
                raise LookupError("mine")
        with trio.CancelScope() as scope:
            async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
                await keeper.open(order(tmp_path))
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
    assert list((tmp_path / "run/out").iterdir()) == []


async def test_signals_meant_for_a_terminal_do_not_end_it_and_sigterm_does(
    tmp_path: Path, spawner: Spawner, ends: Ends
) -> None:
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="stop") as keeper:
            stream = await keeper.open(order(tmp_path))
            await keeper.wait_ready()
            assert keeper.pid is not None
            pid = keeper.pid
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                os.kill(pid, number)
            assert "returncode=0" in await ends.next()
            assert Path(stream.fifo).exists()
            await write(stream, "for the next one\n")
            assert await stream.finish() == ("for the next one",)


async def test_it_goes_on_when_its_files_are_replaced(
    tmp_path: Path, spawner: Spawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(dumb_actors.keeper.start.PROGRAM).parent.parent
    copy = shutil.copytree(source, tmp_path / "copy" / source.name)
    monkeypatch.setattr(dumb_actors.keeper.start, "PROGRAM", str(copy / "keeper/__main__.py"))
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            keeper.begin()
            await keeper.wait_ready()
            shutil.rmtree(tmp_path / "copy")
            stream = await keeper.open(order(tmp_path, log_size=50_000, log_count=4))
            await trio.run_process(["seq", "100000"], stdout=stream.child_fd)
            assert (await stream.finish())[-1] == "100000"
    assert (tmp_path / "run/keeper.log").read_bytes() == b""


async def test_it_is_small(tmp_path: Path, spawner: Spawner) -> None:
    with trio.fail_after(LIMIT):
        async with Keeper(run_dir(tmp_path), spawner=spawner, own=set(), orphans="adopt") as keeper:
            streams = [await keeper.open(order(tmp_path, f"s{number}")) for number in range(10)]
            for stream in streams:
                await write(stream, "a line\n")
            assert [await stream.finish() for stream in streams] == [("a line",)] * 10
            assert keeper.pid is not None
            used = memory_kib(keeper.pid)
            print(f"resident: {used} KiB, {memory_kib(keeper.pid, 'RssAnon')} of them its own")
    assert used <= 16 * 1024


async def test_nobody_is_left_by_the_support_itself(tmp_path: Path) -> None:
    assert named_after(str(tmp_path)) == []
