"""A log file that does not take bytes: they are lost and counted, it is told once, and the flow lives on."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from dumb_actors.logs.flow import Flow
from dumb_actors.logs.mover import FlowOrder, GapNews, Mover
from dumb_actors.logs.pump import Pump
from dumb_actors.logs.splice import splice, waiting_bytes

FULL = os.strerror(errno.ENOSPC)


class Disk:
    """Stands between the pump and the log: full or not."""

    def __init__(self) -> None:
        self.full = False

    def __call__(self, source: int, target: int, count: int, offset: int | None = None) -> int:
        if self.full and waiting_bytes(source):
            raise OSError(errno.ENOSPC, FULL)
        return splice(source, target, count, offset)


class World:
    """A pump that the test turns, one flow, and what was told of it."""

    def __init__(self, tmp_path: Path, *, log: str = "log/x.log", size: int = 0, must_open: bool = True) -> None:
        self.disk = Disk()
        self.told: list[GapNews] = []
        self.pump = Pump(splice_to_log=self.disk, on_gap=self._tell)
        self.log = tmp_path / log
        order = FlowOrder(str(tmp_path / "f"), str(self.log), size, 3, 1)
        self.flow = self.pump.open(order, must_open=must_open)
        self.flow.hold()
        self.pump.add(self.flow)
        self.pump.turn()

    def _tell(self, flow: Flow, lost_bytes: int, reason: str, recovered: bool) -> None:
        assert flow is self.flow
        self.told.append(GapNews(lost_bytes, reason, recovered))

    def say(self, text: bytes) -> None:
        os.write(self.flow.child_fd, text)
        self.pump.turn()

    def close(self) -> None:
        self.pump.stop()
        self.pump.run()
        self.pump.close()


def marker(lost: int, reason: str) -> bytes:
    return f"[dumb-actors: {lost} bytes of output were lost here: {reason}]\n".encode()


def test_a_gap_is_told_when_it_begins_and_when_its_marker_is_written_and_not_in_between(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.say(b"before\n")
    world.disk.full = True
    for text in (b"one\n", b"two\n", b"three\n"):
        world.say(text)
    assert world.told == [GapNews(4, FULL, recovered=False)]
    world.disk.full = False
    world.say(b"after\n")
    world.say(b"and on\n")
    assert world.told == [GapNews(4, FULL, recovered=False), GapNews(14, FULL, recovered=True)]
    assert world.log.read_bytes() == b"before\n" + marker(14, FULL) + b"after\nand on\n"
    world.disk.full = True
    world.say(b"again\n")
    assert world.told[2:] == [GapNews(20, FULL, recovered=False)]
    world.close()
    assert world.told[3:] == [GapNews(20, FULL, recovered=True)]
    assert world.log.read_bytes().endswith(b"and on\n" + marker(6, FULL))


def test_a_gap_across_a_rotation_is_still_one_gap(tmp_path: Path) -> None:
    world = World(tmp_path, size=8)
    world.say(b"a line of it\n")
    world.disk.full = True
    world.say(b"lost\n")
    world.say(b"lost\n")
    # The marker went to a new file; with nothing behind it, it stays there.
    assert [news.recovered for news in world.told] == [False]
    world.disk.full = False
    world.say(b"after\n")
    assert [news.recovered for news in world.told] == [False, True]
    world.close()


def _directory_gone(log: Path) -> Callable[[], None]:
    shutil.rmtree(log.parent)
    log.parent.write_bytes(b"in the way")
    return log.parent.unlink


def _made_a_directory(log: Path) -> Callable[[], None]:
    log.unlink()
    log.mkdir()
    return log.rmdir


@pytest.mark.parametrize("spoil", [_directory_gone, _made_a_directory])
def test_a_log_that_something_else_took_the_place_of_is_made_anew(
    tmp_path: Path, spoil: Callable[[Path], Callable[[], None]]
) -> None:
    world = World(tmp_path)
    world.say(b"before\n")
    repair = spoil(world.log)
    world.say(b"lost\n")
    world.say(b"too\n")
    assert len(world.told) == 1
    reason = world.told[0].reason
    assert reason in {"Is a directory", "Not a directory", "File exists"}
    repair()
    world.say(b"after\n")
    assert world.told[1:] == [GapNews(9, reason, recovered=True)]
    assert world.log.read_bytes() == marker(9, reason) + b"after\n"
    assert world.flow.finish()[-1] == "after"
    world.close()


def test_a_directory_that_vanished_is_made_again_and_nothing_is_lost(tmp_path: Path) -> None:
    world = World(tmp_path, log="log/deep/x.log")
    world.say(b"before\n")
    shutil.rmtree(tmp_path / "log")
    world.say(b"after\n")
    assert world.log.read_bytes() == b"after\n"
    assert world.told == []
    assert world.flow.sink.lost_bytes == 0
    world.close()


def test_a_log_that_cannot_be_opened_now_is_opened_as_soon_as_it_can_be(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"in the way")
    world = World(tmp_path, must_open=False)
    with pytest.raises(FileExistsError):
        world.pump.open(FlowOrder(str(tmp_path / "g"), str(world.log), 0, 1))
    assert not (tmp_path / "g").exists()
    world.say(b"lost\n")
    assert [(news.lost_bytes, news.recovered) for news in world.told] == [(5, False)]
    (tmp_path / "log").unlink()
    world.say(b"kept\n")
    reason = world.told[0].reason
    assert world.log.read_bytes() == marker(5, reason) + b"kept\n"
    assert world.flow.sink.start.offset == 0
    assert world.flow.sink.start.inode == world.log.stat().st_ino
    assert world.flow.finish() == (marker(5, reason).decode().strip(), "kept")
    world.close()


def test_a_log_that_can_never_be_opened_is_drained_and_counted(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"in the way")
    world = World(tmp_path, must_open=False)
    world.say(b"lost\n")
    assert world.flow.finish() == ()
    assert world.flow.sink.lost_bytes == 5
    world.close()


async def test_the_mover_tells_within_trio(tmp_path: Path) -> None:
    disk = Disk()
    told: list[tuple[str, GapNews]] = []
    begun, ended = trio.Event(), trio.Event()

    def tell(fifo: str, news: GapNews) -> None:
        trio.lowlevel.current_trio_token()
        told.append((fifo, news))
        (ended if news.recovered else begun).set()

    with trio.fail_after(30):
        async with Mover(splice_to_log=disk, on_gap=tell) as mover:
            stream = await mover.open(FlowOrder(str(tmp_path / "f"), str(tmp_path / "x.log"), 0, 1))
            disk.full = True
            os.write(stream.child_fd, b"lost\n")
            await begun.wait()
            disk.full = False
            os.write(stream.child_fd, b"kept\n")
            await ended.wait()
            await stream.finish()
    assert told == [
        (stream.fifo, GapNews(5, FULL, recovered=False)),
        (stream.fifo, GapNews(5, FULL, recovered=True)),
    ]
