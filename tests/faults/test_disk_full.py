"""The disk is full, or a directory is gone: whoever runs goes on, and what was lost is told and counted."""

import contextlib
import errno
import os
import re
import shutil

import pytest
import trio

from dumb_actors import Follower, Log, Phase, ServiceError, ServiceSpec, open_supervisor
from tests.leaks import no_leak
from tests.mounting import can_mount, point_in

from .told import Told
from .world import mount_small

__all__ = ["can_mount", "no_leak"]

LIMIT = 40
FULL = os.strerror(errno.ENOSPC)
MARKER = re.compile(r"\[dumb-actors: (\d+) bytes of output were lost here: (.*)\]")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def told(tmp_path, no_leak):
    told = Told(tmp_path)
    yield told
    told.close()


@pytest.fixture
def small_log(root, can_mount):
    """A small file system of its own for the logs, the journal among them."""
    with point_in(root, "log") as point:
        mount_small(point)
        yield point


@pytest.fixture
def small_run(root, can_mount):
    """One for records and FIFOs."""
    with point_in(root, "run") as point:
        mount_small(point)
        yield point


def fill(point):
    """Take all the room that there is; give the file that has it."""
    filler = point / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return filler


async def next_output(events, *, recovered):
    """Give the next event about the output, which must say that it is lost, or that it is taken again."""
    async for event in events:
        if event.kind == "output":
            assert event.detail["recovered"] is recovered, event
            return event
    raise AssertionError("the stream has ended")


async def moved(log, line):
    """Return when *line* stands in the log."""
    content = b""
    with Follower(str(log)) as follower:
        while f"\n{line}\n" not in content.decode():
            content += await follower.read()


def check_gap(log, told, lost_bytes):
    """Markers and the count of the events agree, and all the rest is there: lines that are whole but at a gap."""
    content = log.read_text()
    markers = MARKER.findall(content)
    assert sum(int(lost) for lost, _ in markers) == lost_bytes > 0
    written = "up\n" + "".join(f"{line}\n" for line in told.lines())
    kept = MARKER.sub("", content)
    # What is kept lies in what was written, piece by piece; the line's end before and after a marker is the marker's.
    place = 0
    for piece in MARKER.split(content)[::3]:
        found = written.find(piece.strip("\n"), place)
        assert found >= 0, piece[:100]
        place = found + len(piece.strip("\n"))
    assert len(markers) <= len(kept) - (len(written) - lost_bytes) <= 2 * len(markers)
    return markers


@pytest.mark.parametrize("keeper", [True, False], ids=["keeper", "thread"])
async def test_a_full_disk_loses_output_and_holds_nobody_up(root, small_log, told, keeper):
    with trio.fail_after(LIMIT):
        async with open_supervisor([told.spec], root=root, keeper=keeper) as supervisor:
            before = await supervisor.start("told")
            async with supervisor.events() as events:
                await told.write(100)
                filler = fill(small_log)
                await told.write(50_000)
                event = await next_output(events, recovered=False)
                assert event.service == "told"
                assert event.detail["reason"] == FULL
                assert FULL in event.cause.text
                await told.write(50_000)
                filler.unlink()
                last = told.last
                await told.write(100)
                event = await next_output(events, recovered=True)
            assert supervisor.status("told").pid == before.pid
            await supervisor.stop("told")
            # Of the events that the journal could not take, the history says nothing else than that they are missing.
            assert [one.generation for one in await supervisor.history(kinds=["spawned"])] == [1]
        log = small_log / "told.log"
        assert {reason for _, reason in check_gap(log, told, event.detail["lost_bytes"])} == {FULL}
        assert log.read_text().splitlines()[-100:] == told.lines(last + 1)
    assert list((root / "run/out").iterdir()) == []


@pytest.mark.parametrize("keeper", [True, False], ids=["keeper", "thread"])
async def test_a_log_directory_that_something_else_took_the_place_of_is_made_again(root, told, keeper):
    log = root / "log"
    with trio.fail_after(LIMIT):
        async with open_supervisor([told.spec], root=root, keeper=keeper) as supervisor:
            await supervisor.start("told")
            async with supervisor.events() as events:
                await told.write(100)
                await moved(log / "told.log", 100)
                shutil.rmtree(log)
                log.write_text("I am no directory")
                await told.write(50_000)
                await next_output(events, recovered=False)
                log.unlink()
                await told.write(100)
                event = await next_output(events, recovered=True)
            await supervisor.stop("told")
        marker, *rest = (log / "told.log").read_text().splitlines(keepends=True)
        lost_bytes = event.detail["lost_bytes"]
        assert int(MARKER.match(marker)[1]) == lost_bytes > 0
        # What the FIFO still held when the file was removed is not lost.
        assert "".join(rest) == "".join(f"{line}\n" for line in told.lines(101))[lost_bytes:]


@pytest.mark.parametrize("keeper", [True, False], ids=["keeper", "thread"])
async def test_a_log_directory_that_was_removed_is_made_again_and_nothing_is_lost(root, told, keeper):
    log = root / "log/told.log"
    with trio.fail_after(LIMIT):
        async with open_supervisor([told.spec], root=root, keeper=keeper) as supervisor:
            await supervisor.start("told")
            await told.write(100)
            await moved(log, 100)
            shutil.rmtree(root / "log")
            await told.write(1000)
            await supervisor.restart("told")
            await told.write(1)
            # The journal as well: what came afterwards is there.
            assert 2 in {event.generation for event in await supervisor.history(kinds=["spawned"])}
        assert log.read_text().splitlines() == [*told.lines(101)[:-1], "up", str(told.last)]


async def test_no_room_for_records_fails_a_start_in_words_and_harms_nobody(root, small_run, told):
    other = ServiceSpec("other", ["sh", "-c", "echo up; exec sleep 1000"], readiness=Log("^up$"), restart="never")
    with trio.fail_after(LIMIT):
        async with open_supervisor([told.spec, other], root=root, keeper=True) as supervisor:
            before = await supervisor.start("told")
            filler = fill(small_run)
            with pytest.raises(ServiceError) as caught:
                await supervisor.start("other")
            failed = supervisor.status("other")
            assert failed.phase is Phase.FAILED
            for text in (str(caught.value), failed.reason):
                assert FULL in text
                assert "other.json" in text
            assert failed.pid is None
            assert not (root / "log/other.log").exists() or (root / "log/other.log").read_bytes() == b""
            assert [path.name for path in (small_run / "out").iterdir()] == [f"told.{before.generation}"]
            await told.write(1000)
            now = supervisor.status("told")
            assert (now.phase, now.pid) == (Phase.READY, before.pid)
            # Whether its end can be recorded or not, it is ended.
            await supervisor.stop("told")
            assert list((small_run / "out").iterdir()) == []
            filler.unlink()
            assert (await supervisor.start("other")).phase is Phase.READY
            assert (await supervisor.start("told")).generation == before.generation + 1
    assert list((root / "run/out").iterdir()) == []
