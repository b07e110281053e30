"""`GET /events/history`, and readers of `GET /events` that come back from an earlier run."""

import json
from pathlib import Path

import pytest
from web_events import reading
from web_support import site, spec

from dumb_actors import Cause, Event, Phase
from dumb_actors.journal.codec import line_of
from dumb_actors.journal.segments import Head, Segment
from dumb_web.events_history import LIMIT

OLD_AT = 1_600_000_000.0


def old_event(seq: int, service: str = "gone") -> Event:
    return Event(
        seq=seq,
        kind="exited" if seq % 2 else "phase",
        service=service,
        generation=1,
        from_phase=Phase.READY,
        to_phase=Phase.STOPPED,
        cause=Cause(kind="exit", text=f"old {seq}"),
        mono=1.0,
        at=OLD_AT + seq,
    )


def begin_behind(here, directory: Path, events: list[Event]) -> None:
    """Have the supervisor be one that follows another, which was killed after *events*."""
    path = Segment.named(str(directory), 1).path
    head = json.dumps(Head(run_id="old", opened_at=OLD_AT).as_json()).encode() + b"\n"
    Path(path).write_bytes(head + b"".join(map(line_of, events)))
    here.supervisor.journal_dir = str(directory)
    bus = here.supervisor._bus
    bus.seq = bus.first_seq = 1000
    bus.remember(events)


def numbers(answer) -> list[int]:
    return [one["seq"] for one in answer["events"]]


@pytest.mark.parametrize("path", ["/events/history", "/api/events/history/"])
async def test_what_has_happened_in_this_run_and_before(tmp_path, path):
    async with site([spec("web")]) as here:
        begin_behind(here, tmp_path, [old_event(seq) for seq in range(1, 11)])
        await here.supervisor.start("web")
        newest = here.supervisor.snapshot().seq
        answer = await here.get(path)
        assert numbers(answer) == [*range(1, 11), *range(1001, newest + 1)]
        assert (answer["seq"], answer["more"]) == (newest, False)
        first, last = answer["events"][0], answer["events"][-1]
        assert (first["from"], first["cause"]["text"], first["at"]) == ("ready", "old 1", OLD_AT + 1)
        assert last["service"] == "web"


async def test_without_a_journal_there_is_what_is_in_memory():
    async with site([spec("web")]) as here:
        await here.supervisor.start("web")
        assert numbers(await here.get("/events/history")) == list(range(1, here.supervisor.snapshot().seq + 1))


async def test_what_memory_has_forgotten_comes_from_the_journal(tmp_path):
    async with site([spec("web")]) as here:
        begin_behind(here, tmp_path, [old_event(seq) for seq in range(1, 11)])
        here.supervisor._bus._earlier = ()
        await here.supervisor.start("web")
        everything = numbers(await here.get("/events/history"))
        assert everything[:10] == list(range(1, 11))
        assert numbers(await here.get("/events/history", limit=len(everything) - 4)) == everything[4:]
        assert numbers(await here.get("/events/history", service="gone")) == list(range(1, 11))


async def test_questions(tmp_path):
    async with site([spec("The Web")]) as here:
        begin_behind(here, tmp_path, [old_event(seq) for seq in range(1, 11)])
        await here.supervisor.start("The Web")

        async def ask(**query):
            return numbers(await here.get("/events/history", **query))

        everything = await ask()
        assert await ask(limit=3) == everything[-3:]
        assert await ask(after=4, limit=3) == [5, 6, 7]
        assert await ask(since=int(OLD_AT) + 3, until=int(OLD_AT) + 5) == [3, 4, 5, 6]
        assert await ask(service="gone", kind="exited") == [1, 3, 5, 7, 9]
        assert await ask(kind=["exited", "phase"], until=int(OLD_AT) + 99) == list(range(1, 11))
        assert await ask(service="theweb") == await ask(service="The Web") != []
        assert await ask(service="nobody") == []
        assert await ask(limit=10**9) == everything


async def test_page_by_page_and_then_what_comes_without_gap_or_double(tmp_path):
    async with site([spec("web")]) as here:
        begin_behind(here, tmp_path, [old_event(seq) for seq in range(1, 11)])
        await here.supervisor.start("web")
        seen, after, more = [], 0, True
        while more:
            page = await here.get("/events/history", after=after, limit=4)
            seen += numbers(page)
            after, more = page["seq"], page["more"]
            assert more == (len(page["events"]) == 4)
        await here.supervisor.stop("web")
        newest = here.supervisor.snapshot().seq
        async with reading(here, after=after) as reader:
            seen += [message.data["seq"] for message in await reader.until(seq=newest)]
        assert seen == [*range(1, 11), *range(1001, newest + 1)]


async def test_a_filter_that_nothing_meets_still_says_where_to_go_on():
    async with site([spec("web")]) as here:
        await here.supervisor.start("web")
        newest = here.supervisor.snapshot().seq
        assert await here.get("/events/history", after=0, service="x") == {"events": [], "seq": newest, "more": False}


async def test_the_limit_is_clamped(tmp_path):
    async with site([spec("web")]) as here:
        begin_behind(here, tmp_path, [])
        here.supervisor._bus.seq = here.supervisor._bus.first_seq = 2 * LIMIT
        with Path(Segment.named(str(tmp_path), 1).path).open("ab") as file:
            file.write(b"".join(line_of(old_event(seq)) for seq in range(1, LIMIT + 100)))
        here.supervisor._bus.publish("supervisor", Cause(kind="supervisor", text="x"))
        answer = await here.get("/events/history", after=0, limit=99_999)
        assert (len(answer["events"]), answer["seq"], answer["more"]) == (LIMIT, LIMIT, True)


async def test_wrong_questions_and_a_journal_that_cannot_be_read(tmp_path):
    async with site([spec("web")]) as here:
        response = await here.client.get("/events/history?after=-1&since=x&kind=sleep&limit=0")
        assert {tuple(one["loc"]) for one in response.json()["detail"]} == {
            ("query", "after"),
            ("query", "since"),
            ("query", "kind", 0),
            ("query", "limit"),
        }
        (tmp_path / "file").write_text("")
        here.supervisor.journal_dir = str(tmp_path / "file")
        response = await here.client.get("/events/history")
        assert (response.status_code, response.json()["code"]) == (500, "unusable-path")
        Path(Segment.named(str(tmp_path), 1).path).write_text('{"format": 2}\n')
        here.supervisor.journal_dir = str(tmp_path)
        response = await here.client.get("/events/history")
        assert (response.status_code, response.json()["code"]) == (500, "journal-too-new")


# --- coming back from an earlier run ----------------------------------------------------------------------------------


async def test_a_client_of_a_killed_run_gets_what_it_missed_and_then_the_state(tmp_path):
    async with site([spec("web"), spec("db")]) as here:
        begin_behind(here, tmp_path, [old_event(seq) for seq in range(1, 11)])
        await here.supervisor.start("web")
        newest = here.supervisor.snapshot().seq
        async with reading(here, headers=[("last-event-id", "8")]) as reader:
            *missed, state = await reader.until(kind="snapshot")
            assert [message.data["seq"] for message in missed] == [9, 10, *range(1001, newest + 1)]
            assert (state.id, state.data["seq"]) == (str(newest), newest)
            assert [one["phase"] for one in state.data["services"]] == ["ready", "stopped"]
            await here.supervisor.start("db")
            following = await reader.until(service="db", to="ready")
            assert following[0].data["seq"] == newest + 1
            assert "snapshot" not in {message.event for message in following}


async def test_a_client_that_saw_what_never_came_into_the_journal_gets_the_state(tmp_path):
    async with site([spec("web")]) as here:
        begin_behind(here, tmp_path, [old_event(seq) for seq in range(1, 11)])
        for last in ("11", "999", "1000"):
            async with reading(here, headers=[("last-event-id", last)]) as reader:
                assert (await reader.next()).event == "snapshot"
