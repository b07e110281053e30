"""`GET /events`: the state, then every event; resuming, filters, slow readers, ends."""

import pytest
import trio
import trio.testing
from web_events import reading
from web_schema import DOCUMENT
from web_support import config_of, site, spec, until

import dumb_web.events
from dumb_actors import Cause
from dumb_actors.actors.bus import HISTORY_SIZE


def publish(here, count, service=""):
    for number in range(count):
        cause = Cause(kind="supervisor", text=f"number {number}")
        here.supervisor._bus.publish("supervisor", cause, service=service, detail={"what": "test"})


def streams(here):
    return here.supervisor._bus._streams


@pytest.mark.parametrize("path", ["/events", "/events/", "/api/events", "/api/events/"])
async def test_first_the_state_and_then_every_event(path):
    document = {name: {"process_name": name, "command": "x", "readiness": {"settle": 0}} for name in ("web", "db")}
    async with site(config_of(document)) as here:
        await here.supervisor.start("db")
        async with reading(here, path) as reader:
            headers = reader.headers
            assert headers["content-type"] == "text/event-stream; charset=utf-8"
            assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
            first = await reader.next()
            state = await here.get("/status")
            assert {**state, "at": 0, "kind": "snapshot"} == {**first.data, "at": 0}
            assert (first.event, first.id, reader.retry) == ("snapshot", str(state["seq"]), 1000)
            await here.supervisor.start("web")
            got = await reader.until(service="web", to="ready")
        seqs = [message.data["seq"] for message in got]
        assert seqs == list(range(state["seq"] + 1, seqs[-1] + 1))
        assert [message.id for message in got] == [str(seq) for seq in seqs]
        assert [message.event for message in got] == [message.data["kind"] for message in got]
        last = got[-1].data
        assert (last["kind"], last["from"], last["generation"]) == ("phase", "starting", 1)
        assert last["cause"]["text"]
        assert list(last) == list(DOCUMENT["components"]["schemas"]["EventMessage"]["properties"])


@pytest.mark.parametrize("how", ["header", "query", "both"])
async def test_a_reader_that_comes_back_misses_nothing_and_gets_no_state(how):
    async with site([spec("web")]) as here:
        await here.supervisor.start("web")
        async with reading(here) as reader:
            last = (await reader.next()).data["seq"]
        await here.supervisor.restart("web")
        seq = here.supervisor.snapshot().seq
        assert seq > last + 3
        headers = [("last-event-id", str(last))] if how != "query" else []
        query = {} if how == "header" else {"after": last if how == "query" else 0}
        async with reading(here, headers=headers, **query) as reader:
            got = await reader.until(seq=seq)
            assert [message.data["seq"] for message in got] == list(range(last + 1, seq + 1))
            publish(here, 1)
            assert (await reader.next()).data["seq"] == seq + 1
        async with reading(here, after=seq + 1) as reader:
            publish(here, 1)
            assert (await reader.next()).data["seq"] == seq + 2


@pytest.mark.parametrize("last", ["", "x", "-1", "999999", "1.5", "9" * 400, "\u0661"])
async def test_an_id_that_is_not_ours_gets_the_state(last):
    async with site([spec("web")]) as here:
        publish(here, 3)
        async with reading(here, headers=[("last-event-id", last.encode())]) as reader:
            assert (await reader.next()).event == "snapshot"


async def test_an_id_that_is_too_old_gets_the_state():
    async with site([spec("web")]) as here:
        publish(here, HISTORY_SIZE + 1)
        async with reading(here, after=0) as reader:
            assert (await reader.next()).event == "snapshot"
        async with reading(here, after=1) as reader:
            got = await reader.until(seq=HISTORY_SIZE + 1)
        assert [message.data["seq"] for message in got] == list(range(2, HISTORY_SIZE + 2))


async def test_only_some_services_and_kinds():
    async with site([spec("web"), spec("My DB"), spec("other")]) as here:
        async with reading(here, service=["mydb", "web"], kind=["phase", "spawned"]) as reader:
            first = await reader.next()
            assert [one["process_name"] for one in first.data["services"]] == ["web", "My DB"]
            for name in ("other", "web", "My DB"):
                await here.supervisor.start(name)
            got = await reader.until(service="My DB", to="ready", kind="phase")
        assert {message.data["service"] for message in got} == {"web", "My DB"}
        assert {message.event for message in got} == {"phase", "spawned"}
        async with reading(here, kind="supervisor") as reader:
            assert (await reader.next()).event == "snapshot"
            publish(here, 1)
            assert (await reader.next()).event == "supervisor"


async def test_wrong_questions():
    async with site([spec("web")]) as here:
        response = await here.client.get("/events?after=-1&kind=phase&kind=sleep&service=web")
        assert [(one["type"], one["loc"]) for one in response.json()["detail"]] == [
            ("literal_error", ["query", "kind", 1]),
            ("greater_than_equal", ["query", "after"]),
        ]
        for name in ("nobody", "DUMB API"):
            response = await here.client.get("/events", params={"service": name})
            assert (response.status_code, response.json()["code"]) == (404, "unknown-service")
        foreign = await here.client.get("/events", headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403


async def test_a_slow_reader_is_told_and_gets_the_rest_when_it_comes_back():
    async with site([spec("web")]) as here:
        async with reading(here, buffer=4096) as reader:
            await reader.next()
            while streams(here):  # until the sockets' buffers and the reader's own are full
                publish(here, 500)
                await trio.testing.wait_all_tasks_blocked(0.001)
            *_, before, lost = await reader.rest()
        assert (lost.event, lost.id, lost.data["seq"]) == ("lost", before.id, before.data["seq"])
        newest = here.supervisor.snapshot().seq
        async with reading(here, headers=[("last-event-id", str(lost.data["seq"]))]) as reader:
            got = await reader.until(seq=newest)
        if newest - lost.data["seq"] > HISTORY_SIZE:
            assert [message.event for message in got] == ["snapshot"]
        else:
            assert [message.data["seq"] for message in got] == list(range(lost.data["seq"] + 1, newest + 1))


async def test_streams_end_before_the_server_and_take_the_last_id_back():
    async with site([spec("web")]) as here:
        async with reading(here) as reader, reading(here, kind="phase") as other:
            await reader.next()
            await other.next()
            here.shutdown.set()
            # Proper ends: a body that is cut off would raise.
            assert (await reader.rest(), await other.rest()) == ([], [])
            assert (reader.last_id, other.last_id) == ("", "")
            await here.stopped.wait()


async def test_streams_end_with_the_supervisor_which_says_so():
    async with site([spec("web")]) as here:
        await here.supervisor.start("web")
        async with reading(here) as reader:
            await reader.next()
            await here.supervisor.shutdown(by="test")
            got = await reader.rest()
        assert got[-1].data["detail"] == {"what": "ended"}
        assert any(message.data["to"] == "stopped" for message in got)
        assert reader.last_id == ""


async def test_a_comment_comes_when_nothing_else_does(monkeypatch):
    monkeypatch.setattr(dumb_web.events, "HEARTBEAT_S", 0.01)
    async with site([spec("web")]) as here:
        async with reading(here) as reader:
            await reader.next()
            assert (await reader.block()).startswith(":")
            publish(here, 1)
            assert (await reader.next()).event == "supervisor"


async def test_nothing_stays_of_a_client_that_goes():
    async with site([spec("web")]) as here:
        async with reading(here) as reader:
            await reader.next()
            await until(lambda: len(streams(here)) == len(here.app.hub._scopes) == 1)
        await until(lambda: not streams(here) and not here.app.hub._scopes)


async def test_fifty_readers_see_the_same():
    seen = []

    async with site([spec("web")]) as here:

        async def read(task_status) -> None:
            async with reading(here) as reader:
                await reader.next()
                task_status.started()
                seen.append([message.data["seq"] for message in await reader.rest()])

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                await nursery.start(read)
            await here.supervisor.start("web")
            seq = here.supervisor.snapshot().seq
            await until(lambda: all(not stream._receive.statistics().current_buffer_used for stream in streams(here)))
            here.shutdown.set()
    assert seen == [seen[0]] * 50
    assert seen[0][-1] == seq
