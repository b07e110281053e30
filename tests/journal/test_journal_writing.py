"""The journal as it is written: never in anybody's way, whatever the disk does; bounded, private, in order."""

import json
import os
import stat
import threading
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing
from journal_support import QUICK, Disk, event, numbers, write_segment

from dumb_actors.journal.reading import Tally, last_seq, read_journal
from dumb_actors.journal.segments import JournalTooNew, list_segments
from dumb_actors.journal.store import SKIPPED, Limits, Line, Store, System
from dumb_actors.journal.writing import open_journal


def lines_of(directory: Path) -> list[dict]:
    paths = [segment.path for segment in list_segments(str(directory))]
    return [json.loads(line) for path in paths for line in Path(path).read_text().splitlines()]


async def in_thread(call):
    with trio.fail_after(20):
        return await trio.to_thread.run_sync(call, abandon_on_cancel=True)


async def test_what_is_noted_is_read_back_and_numbers_go_on(tmp_path):
    directory = tmp_path / "log" / "journal"
    async with open_journal(str(directory), limits=QUICK) as journal:
        assert (journal.first_seq, journal.history) == (0, ())
        for seq in range(1, 4):
            journal.note(event(seq))
        assert await journal.flush()
        assert numbers(read_journal(str(directory))) == [1, 2, 3]
        journal.note(event(4))
    first = journal.run_id
    assert lines_of(directory)[-1] == {"kind": "end", "seq": 4}
    async with open_journal(str(directory), limits=QUICK) as journal:
        assert (journal.first_seq, journal.history, journal.lost) == (4, (), 0)
        journal.note(event(5))
    assert numbers(read_journal(str(directory))) == [1, 2, 3, 4, 5]
    heads = [line for line in lines_of(directory) if "format" in line]
    assert [head["run_id"] for head in heads] == [first, journal.run_id]
    assert first != journal.run_id
    assert {head["format"] for head in heads} == {1}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


async def test_a_run_without_an_event_is_no_trouble_for_the_next(tmp_path):
    async with open_journal(str(tmp_path), limits=QUICK) as journal:
        journal.note(event(1))
    for _ in range(2):
        async with open_journal(str(tmp_path), limits=QUICK) as journal:
            pass
    async with open_journal(str(tmp_path), limits=QUICK) as journal:
        assert 1 <= journal.first_seq <= 4
        journal.note(event(journal.first_seq + 1))
    assert len(list(read_journal(str(tmp_path)))) == 2


async def test_after_a_kill_numbers_skip_what_may_have_been_given_out_and_the_last_events_are_known(tmp_path):
    write_segment(tmp_path, 1, [event(seq) for seq in range(1, 11)])
    async with open_journal(str(tmp_path), limits=QUICK, history=4) as journal:
        assert journal.first_seq == 10 + SKIPPED
        assert numbers(journal.history) == [7, 8, 9, 10]
        assert last_seq(str(tmp_path)) == 10


async def test_a_disk_that_hangs_costs_no_time_and_what_it_did_not_take_is_counted(tmp_path):
    disk = Disk()
    limits = attrs.evolve(QUICK, backlog=10)
    async with open_journal(str(tmp_path), limits=limits, system=disk.system()) as journal:
        journal.note(event(1))
        assert await journal.flush()
        disk.hang()
        journal.note(event(2))
        await in_thread(disk.waits.wait)
        for seq in range(3, 103):
            journal.note(event(seq))
        assert journal.lost == 90
        disk.flow()
        assert await journal.flush()
        journal.note(event(103))
    tally = Tally()
    assert numbers(read_journal(str(tmp_path), tally=tally)) == [*range(1, 13), 103]
    assert tally == Tally(lost=90)
    kinds = [line.get("kind") for line in lines_of(tmp_path)]
    assert kinds[-3:] == ["gap", "phase", "end"]
    assert lines_of(tmp_path)[-3] == {"kind": "gap", "lost": 90, "seq": 102}


async def test_one_write_takes_all_that_waits(tmp_path):
    disk = Disk()
    async with open_journal(str(tmp_path), limits=QUICK, system=disk.system()) as journal:
        disk.hang()
        journal.note(event(1))
        await in_thread(disk.waits.wait)
        for seq in range(2, 502):
            journal.note(event(seq))
        before = len(disk.writes)
        disk.flow()
        assert await journal.flush()
        assert len(disk.writes) - before == 2
        assert disk.syncs == 2  # the first line, and the directory
    assert disk.syncs == 3


@pytest.mark.parametrize("room", [0, 1, 100, 240, 700])
async def test_a_full_disk_is_told_once_and_costs_nothing_when_it_has_room_again(tmp_path, caplog, room):
    disk = Disk()
    async with open_journal(str(tmp_path), limits=QUICK, system=disk.system()) as journal:
        disk.fill(room)
        for seq in range(1, 11):
            journal.note(event(seq))
        await in_thread(disk.refused.wait)
        disk.refused.clear()
        await in_thread(disk.refused.wait)
        assert "No space left" in journal.trouble
        # What is there while it is full is whole.
        tally = Tally()
        found = numbers(read_journal(str(tmp_path), tally=tally))
        assert found == list(range(1, len(found) + 1))
        assert (tally.damaged, tally.torn) == (0, 0)
        disk.clear()
        assert await journal.flush()
        assert (journal.trouble, journal.lost) == ("", 0)
    tally = Tally()
    assert numbers(read_journal(str(tmp_path), tally=tally)) == list(range(1, 11))
    assert tally == Tally()
    assert caplog.messages.count("journal.failed") == 1
    assert caplog.messages.count("journal.recovered") == 1


async def test_a_disk_that_is_full_to_the_end_loses_the_rest_and_the_next_run_skips_its_numbers(tmp_path):
    disk = Disk()
    async with open_journal(str(tmp_path), limits=QUICK, system=disk.system()) as journal:
        journal.note(event(1))
        assert await journal.flush()
        disk.fill()
        journal.note(event(2))
        journal.note(event(3))
    assert journal.lost == 2
    async with open_journal(str(tmp_path), limits=QUICK) as journal:
        assert journal.first_seq > 3
        assert numbers(journal.history) == [1]


async def test_a_flush_says_that_something_was_given_up(tmp_path):
    disk = Disk()
    answers = []

    async def flush(journal) -> None:
        answers.append(await journal.flush())

    async with trio.open_nursery() as nursery:
        async with open_journal(str(tmp_path), limits=QUICK, system=disk.system()) as journal:
            disk.fill()
            journal.note(event(1))
            nursery.start_soon(flush, journal)
            await trio.testing.wait_all_tasks_blocked()
            await in_thread(disk.refused.wait)
    assert answers == [False]
    assert journal.lost == 1
    assert lines_of(tmp_path)[1:] == []


def test_where_even_a_half_line_cannot_be_taken_back_the_next_one_is_whole(tmp_path, monkeypatch):
    disk = Disk()
    store = Store(str(tmp_path), run_id="r", limits=Limits(), system=disk.system())
    store.begin(0)
    lines = [Line(1, b'{"kind":"gap","lost":1,"seq":1}\n')]
    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", lambda *_: (_ for _ in ()).throw(OSError(5, "I/O error")))
        disk.fill(5)
        with pytest.raises(OSError, match="No space"):
            store.append(lines)
    disk.clear()
    store.append(lines)
    assert lines == []
    store.close()
    tally = Tally()
    assert list(read_journal(str(tmp_path), tally=tally)) == []
    assert tally == Tally(damaged=1, lost=1)


async def test_a_disk_that_is_full_from_the_beginning_gives_numbers_of_a_clock(tmp_path):
    disk = Disk()
    disk.fill()
    async with open_journal(str(tmp_path), limits=QUICK, system=disk.system(wall=lambda: 1_700_000_000.5)) as journal:
        assert journal.first_seq == 1_700_000_000_500
        disk.clear()
        journal.note(event(journal.first_seq + 1))
        assert await journal.flush()
    async with open_journal(str(tmp_path), limits=QUICK) as journal:
        assert journal.first_seq == 1_700_000_000_501


async def test_a_disk_that_hangs_from_beginning_to_end_holds_nobody_up(tmp_path):
    disk = Disk()
    disk.hang()
    limits = Limits(patience=0.01)
    async with open_journal(str(tmp_path), limits=limits, system=disk.system(wall=lambda: 1_700_000_000.0)) as journal:
        assert journal.first_seq == 1_700_000_000_000
        journal.note(event(journal.first_seq + 1))
        assert not await journal.flush()
    (thread,) = [one for one in threading.enumerate() if one.name == "dumb-actors journal"]
    assert thread.daemon
    disk.flow()
    await in_thread(thread.join)
    await trio.testing.wait_all_tasks_blocked()
    assert journal.first_seq == 1_700_000_000_000  # what came late changes nothing
    assert numbers(read_journal(str(tmp_path))) == [1_700_000_000_001]


async def test_a_directory_that_cannot_be_made_is_no_reason_to_end(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    async with open_journal(str(tmp_path / "file" / "journal"), limits=QUICK) as journal:
        assert journal.first_seq > 0
        journal.note(event(journal.first_seq + 1))
        (tmp_path / "file").unlink()
        assert await journal.flush()
    assert len(list(read_journal(str(tmp_path / "file" / "journal")))) == 1
    assert caplog.messages.count("journal.failed") == 1


async def test_a_journal_that_somebody_removed_begins_anew(tmp_path):
    directory = tmp_path / "journal"
    async with open_journal(str(directory), limits=QUICK) as journal:
        journal.note(event(1))
        assert await journal.flush()
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()
        journal.note(event(2))
        assert await journal.flush()
        assert numbers(read_journal(str(directory))) == [2]


async def test_a_newer_journal_is_refused_and_left_alone(tmp_path):
    path = write_segment(tmp_path, 1, [], head={"format": 2})
    before = Path(path).read_bytes()
    with pytest.raises(JournalTooNew):
        async with open_journal(str(tmp_path), limits=QUICK):
            raise AssertionError("it was opened")
    await in_thread(lambda: [one.join() for one in threading.enumerate() if one.name == "dumb-actors journal"])
    assert [entry.name for entry in tmp_path.iterdir()] == [Path(path).name]
    assert Path(path).read_bytes() == before


async def test_its_size_is_bounded(tmp_path):
    limits = attrs.evolve(QUICK, segment_size=4000, total_size=20_000)
    async with open_journal(str(tmp_path), limits=limits) as journal:
        for seq in range(1, 501):
            journal.note(event(seq))
            assert await journal.flush()
            assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 20_000 + 300
    found = numbers(read_journal(str(tmp_path)))
    assert found == list(range(found[0], 501))
    assert found[0] > 1
    segments = list_segments(str(tmp_path))
    assert 4 <= len(segments) <= 6
    assert {segment.first for segment in segments} <= set(found)


async def test_its_age_is_bounded(tmp_path):
    day, now = 86_400.0, [1_700_000_000.0]
    system = System(wall=lambda: now[0])
    async with open_journal(str(tmp_path), limits=QUICK, system=system) as journal:
        for seq in range(1, 60):
            journal.note(event(seq, at=now[0]))
            assert await journal.flush()
            newest = list_segments(str(tmp_path))[-1].path
            os.utime(newest, (now[0], now[0]))
            now[0] += day + 1
        found = list(read_journal(str(tmp_path)))
        assert numbers(found) == list(range(found[0].seq, 60))
        assert 29 <= (found[-1].at - found[0].at) / day <= 31


async def test_a_segment_without_events_is_never_begun_anew(tmp_path):
    """Its name is that of the event that is to come."""
    now = [1_700_000_000.0]
    async with open_journal(str(tmp_path), limits=QUICK, system=System(wall=lambda: now[0])) as journal:
        now[0] += 40 * 86_400
        journal.note(event(1))
        assert await journal.flush()
    assert numbers(read_journal(str(tmp_path))) == [1]


async def test_an_event_that_cannot_be_written_costs_no_other(tmp_path, caplog):
    loop: list = []
    loop.append(loop)
    async with open_journal(str(tmp_path), limits=QUICK) as journal:
        journal.note(event(1))
        journal.note(event(2, detail={"loop": loop}))
        journal.note(event(3, detail={"set": frozenset({1}), "phase": {"nested": event(1).detail}}))
    tally = Tally()
    found = list(read_journal(str(tmp_path), tally=tally))
    assert numbers(found) == [1, 3]
    assert found[1].detail == {"set": "frozenset({1})", "phase": {"nested": {}}}
    assert (tally.lost, journal.lost) == (1, 1)
    assert "journal.unwritable" in caplog.messages


async def test_what_comes_after_the_end_is_counted_and_harms_nothing(tmp_path):
    async with open_journal(str(tmp_path), limits=QUICK) as journal:
        journal.note(event(1))
    journal.note(event(2))
    assert journal.lost == 1
    assert numbers(read_journal(str(tmp_path))) == [1]


async def test_a_cancelled_block_writes_what_was_noted(tmp_path):
    with trio.CancelScope() as scope:
        async with open_journal(str(tmp_path), limits=QUICK) as journal:
            for seq in range(1, 1001):
                journal.note(event(seq))
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert len(list(read_journal(str(tmp_path)))) == 1000
    assert lines_of(tmp_path)[-1]["kind"] == "end"


async def test_what_the_body_raises_comes_out_as_it_is(tmp_path):
    with pytest.raises(KeyError, match="mine"):
        async with open_journal(str(tmp_path), limits=QUICK):
            raise KeyError("mine")


async def test_readers_while_it_is_written_see_a_beginning_without_a_gap(tmp_path):
    limits = attrs.evolve(QUICK, segment_size=20_000)
    seen: list[list[int]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(numbers(read_journal(str(tmp_path))))
            backward = numbers(read_journal(str(tmp_path), newest_first=True, limit=300))
            if backward:
                assert backward == list(range(backward[0], backward[-1] - 1, -1))

    async with open_journal(str(tmp_path), limits=limits) as journal, trio.open_nursery() as nursery:
        nursery.start_soon(in_thread, read)
        for seq in range(1, 3001):
            journal.note(event(seq))
            if seq % 50 == 0:
                assert await journal.flush()
        done.set()
    assert all(one == list(range(1, len(one) + 1)) for one in seen)
    assert len({len(one) for one in seen}) > 1
