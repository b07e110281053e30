"""The journal as it is read: whatever was cut off, damaged, removed or is being written."""

import json
import os
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_support import event, event_lists, numbers, write_segment

from dumb_actors.errors import HostError, UnusablePath
from dumb_actors.journal.codec import LONGEST_LINE, Damaged, event_of, line_of, parse_line
from dumb_actors.journal.history import history_of
from dumb_actors.journal.reading import Question, Tally, last_seq, read_journal
from dumb_actors.journal.segments import JournalTooNew
from dumb_actors.journal.store import SKIPPED, resume_after
from dumb_actors.model.event import Cause


@given(event_lists())
def test_what_is_written_is_read_back(events):
    for one in events:
        line = line_of(one)
        assert line.isascii()
        assert line.count(b"\n") == 1
        assert event_of(parse_line(line)) == one


@given(event_lists(), st.data())
def test_everything_before_a_cut_comes_back_in_order(tmp_path_factory, events, data):
    """As after SIGKILL or power loss: the file ends anywhere."""
    directory = tmp_path_factory.mktemp("journal")
    first = events[0].seq if events else 1
    path = Path(write_segment(directory, first, events))
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    # A line is whole without its end, too: what begins with a brace and ends early is no JSON.
    ends = [len(whole) - len(b"".join(map(line_of, events[index + 1 :]))) for index in range(len(events))]
    left = [one for one, end in zip(events, ends, strict=True) if end - 1 <= cut]
    tally = Tally()
    assert list(read_journal(str(directory), tally=tally)) == left
    assert list(read_journal(str(directory), newest_first=True)) == left[::-1]
    assert (tally.damaged, tally.unknown, tally.lost) == (0, 0, 0)
    assert last_seq(str(directory)) == (left[-1].seq if left else 0)
    seq, had_end = resume_after(str(directory))
    assert not had_end
    assert seq == max(last_seq(str(directory)), first) + SKIPPED


@given(event_lists(max_size=8), st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.data())
def test_damage_in_the_middle_costs_what_is_damaged(tmp_path_factory, events, garbage, data):
    directory = tmp_path_factory.mktemp("journal")
    path = Path(write_segment(directory, 1, []))
    lines = [line_of(one) for one in events]
    for piece in garbage:
        lines.insert(data.draw(st.integers(0, len(lines))), piece.replace(b"\n", b"") + b"\0\n")
    path.write_bytes(path.read_bytes() + b"".join(lines))
    for backward in (False, True):
        tally = Tally()
        found = list(read_journal(str(directory), newest_first=backward, tally=tally))
        assert found == (events[::-1] if backward else events)
        assert tally == Tally(damaged=len(garbage))


def test_damage_without_any_line_end_costs_no_memory_and_no_other_line(tmp_path):
    path = Path(write_segment(tmp_path, 1, [event(1)]))
    path.write_bytes(path.read_bytes() + b"\0" * (3 * LONGEST_LINE) + b"\n" + line_of(event(2)))
    for backward in (False, True):
        assert sorted(numbers(read_journal(str(tmp_path), newest_first=backward))) == [1, 2]


def _journal(directory: Path, sizes: list[int], jump: int = 1000) -> list[int]:
    """Several runs; numbers go on, with a jump where one was killed."""
    seq, written = 0, []
    for size in sizes:
        events = [
            event(seq + index, "web" if index % 2 else "db", kind="phase" if index % 3 else "exited")
            for index in range(1, size + 1)
        ]
        write_segment(directory, seq + 1, events, opened_at=events[0].at if events else 0.0)
        written += numbers(events)
        seq += size + (jump or not size)
    return written


@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    jump=st.sampled_from([0, 5]),
    after=st.none() | st.integers(0, 60),
    before=st.none() | st.integers(0, 60),
    since=st.none() | st.integers(0, 60),
    until=st.none() | st.integers(0, 60),
    service=st.sampled_from([None, "web", "db", "nobody", ""]),
    kinds=st.sampled_from([(), ("phase",), ("exited", "phase"), ("health",)]),
    limit=st.none() | st.integers(0, 20),
)
def test_questions_are_answered_as_by_looking_at_everything(tmp_path_factory, sizes, jump, limit, **question):
    directory = tmp_path_factory.mktemp("journal")
    _journal(directory, sizes, jump)
    times = {key: None if question[key] is None else 1_700_000_000.0 + question[key] for key in ("since", "until")}
    question |= times

    def is_wanted(one):
        return (
            (question["after"] is None or one.seq > question["after"])
            and (question["before"] is None or one.seq < question["before"])
            and (question["since"] is None or one.at >= question["since"])
            and (question["until"] is None or one.at <= question["until"])
            and (question["service"] is None or one.service == question["service"])
            and (not question["kinds"] or one.kind in question["kinds"])
        )

    expected = [one for one in read_journal(str(directory)) if is_wanted(one)]
    assert list(read_journal(str(directory), limit=limit, **question)) == expected[:limit]
    newest = list(read_journal(str(directory), limit=limit, newest_first=True, **question))
    assert newest == expected[::-1][:limit]


def test_files_that_cannot_have_it_are_not_opened(tmp_path, monkeypatch):
    _journal(tmp_path, [3, 3, 3])
    opened = []
    real = os.open

    def spy(path, *rest, **more):
        opened.append(Path(path).name)
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", spy)
    assert (
        numbers(read_journal(str(tmp_path), after=2007))
        == [2008, 2009]
        == numbers(read_journal(str(tmp_path), before=2010, limit=2, newest_first=True))[::-1]
    )
    assert set(opened) == {f"{2007:020}.jsonl"}
    opened.clear()
    assert numbers(read_journal(str(tmp_path), before=1004)) == [1, 2, 3]
    assert opened == [f"{1:020}.jsonl"]
    opened.clear()
    assert numbers(read_journal(str(tmp_path), after=1003, limit=1)) == [1004]
    assert opened == [f"{1004:020}.jsonl"]


def test_a_clock_that_was_wrong_at_the_boot_hides_nothing(tmp_path):
    """A machine without a clock of its own begins in 1970, and is set a little later."""
    write_segment(tmp_path, 1, [event(1, at=1000.0), event(2, at=2000.0)], opened_at=1000.0)
    write_segment(tmp_path, 3, [event(3, at=5.0), event(4, at=2001.0)], opened_at=5.0)
    assert numbers(read_journal(str(tmp_path), since=2000.0)) == [2, 4]
    assert numbers(read_journal(str(tmp_path), until=10.0)) == [3]


def test_a_cause_is_written_as_ever_where_it_names_no_event():
    """Lines of earlier versions are read, and earlier versions read ours."""
    record = json.loads(line_of(event(1)))
    assert record["cause"] == {"kind": "probe", "text": "HTTP 200", "by": ""}
    assert event_of(record) == event(1)
    led = event(2, cause=Cause(kind="exit", text="exit code 1", seq=1))
    assert json.loads(line_of(led))["cause"]["seq"] == 1


def test_unknown_kinds_are_kept_out_and_unknown_keys_are_ignored(tmp_path):
    path = Path(write_segment(tmp_path, 1, [event(1)]))
    record = json.loads(line_of(event(2)))
    more = [
        {**record, "kind": "sleep"},
        {**record, "to": "dreaming"},
        {**record, "cause": {**record["cause"], "kind": "moon"}},
        {**record, "seq": 3, "colour": "red", "cause": {**record["cause"], "phase": "full"}},
    ]
    path.write_bytes(path.read_bytes() + b"".join(json.dumps(one).encode() + b"\n" for one in more))
    tally = Tally()
    assert list(read_journal(str(tmp_path), tally=tally)) == [
        event(1),
        attrs.evolve(event(2), seq=3),
    ]
    assert tally == Tally(unknown=3)


@pytest.mark.parametrize(
    "change",
    [
        {"seq": True},
        {"seq": -1},
        {"seq": "1"},
        {"service": None},
        {"generation": 1.0},
        {"kind": ["phase"]},
        {"cause": "exit"},
        {"cause": {}},
        {"cause": {"kind": "exit", "text": "", "by": "", "seq": "1"}},
        {"mono": "1"},
        {"at": False},
        {"detail": []},
    ],
)
def test_events_are_read_strictly(change):
    with pytest.raises(Damaged):
        event_of({**json.loads(line_of(event(1))), **change})


def test_an_event_that_is_too_long_is_kept_without_its_detail():
    long = event(1, detail={"last_lines": ["x" * LONGEST_LINE]})
    read = event_of(parse_line(line_of(long)))
    assert read == attrs.evolve(long, detail=read.detail)
    assert list(read.detail) == ["left_out"]
    longer = event(2, cause=attrs.evolve(long.cause, text="y" * LONGEST_LINE))
    assert event_of(parse_line(line_of(longer))).cause.text == "(too long)"


def test_a_newer_format_is_refused_in_words(tmp_path):
    path = write_segment(tmp_path, 1, [event(1)], head={"format": 2, "shape": "unknown"})
    before = Path(path).read_bytes()
    for call in (
        lambda: list(read_journal(str(tmp_path))),
        lambda: last_seq(str(tmp_path)),
        lambda: resume_after(str(tmp_path)),
    ):
        with pytest.raises(JournalTooNew, match="has format 2, this version understands up to 1") as caught:
            call()
        assert isinstance(caught.value, HostError)
        assert caught.value.detail == {"path": path, "format": 2}
    assert Path(path).read_bytes() == before


def test_no_journal_and_foreign_files(tmp_path):
    assert list(read_journal(str(tmp_path / "none"))) == []
    assert (last_seq(str(tmp_path / "none")), resume_after(str(tmp_path / "none"))) == (0, (0, True))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "7.jsonl").write_text("{}")
    assert list(read_journal(str(tmp_path))) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusablePath):
        list(read_journal(str(tmp_path / "file")))


def test_segments_may_go_while_it_is_read(tmp_path):
    _journal(tmp_path, [3, 3, 3])
    events = read_journal(str(tmp_path))
    found = [next(events).seq]
    for name in (1, 1004):
        (tmp_path / f"{name:020}.jsonl").unlink()
    assert found + numbers(events) == [1, 2, 3, 2007, 2008, 2009]


def test_the_numbers_of_lost_events_count(tmp_path):
    path = Path(write_segment(tmp_path, 1, [event(1)]))
    path.write_bytes(path.read_bytes() + b'{"kind":"gap","lost":4,"seq":5}\n')
    tally = Tally()
    assert numbers(read_journal(str(tmp_path), tally=tally)) == [1]
    assert (tally, last_seq(str(tmp_path))) == (Tally(lost=4), 5)


@given(st.integers(0, 20), st.none() | st.integers(0, 12), st.none() | st.integers(0, 22), st.integers(0, 25))
def test_history_joins_memory_and_journal(tmp_path_factory, written, forgotten, after, limit):
    """Whatever the journal is behind, and wherever memory begins, as long as they meet."""
    directory = tmp_path_factory.mktemp("journal")
    events = [event(seq) for seq in range(1, 21)]
    write_segment(directory, 1, events[:written])
    recent = events[min(written, forgotten or 0) :]
    found = history_of(Question(after=after, limit=limit), recent, str(directory))
    wanted = [one for one in events if after is None or one.seq > after]
    assert found == (wanted[:limit] if after is not None else wanted[max(0, len(wanted) - limit) :])
    assert history_of(Question(limit=limit), recent, None) == recent[max(0, len(recent) - limit) :]
