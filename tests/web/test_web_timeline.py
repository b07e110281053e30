"""`GET /timeline` and `GET /timeline/boots`."""

import json
from pathlib import Path

import pytest
from web_support import NEVER, site, spec

from dumb_actors.journal.codec import line_of
from dumb_actors.journal.segments import Head, Segment
from dumb_actors.model.probe import Tcp
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour

SPECS = [spec("web", depends_on=["db"]), spec("db", readiness=Tcp(5432)), spec("other")]
SLOW = {"db": Behaviour(ready_after=0.05)}


@pytest.mark.parametrize("path", ["/timeline", "/api/timeline/"])
async def test_the_last_boot_is_told_with_what_it_took_so_long_for(path):
    async with site(SPECS, SLOW) as here:
        await here.supervisor.boot()
        for name in ("web", "other"):
            await here.supervisor.wait_ready(name)
        answer = await here.get(path)
    assert (answer["what"], answer["by"], answer["is_complete"], answer["partial"]) == ("boot", "boot", True, "")
    path_taken = answer["critical_path"]
    assert [(step["service"], step["after"]) for step in path_taken] == [("db", ""), ("web", "db")]
    assert sum(step["end_s"] - step["begin_s"] for step in path_taken) == pytest.approx(answer["makespan_s"])
    assert answer["ideal_s"] <= answer["makespan_s"]
    assert answer["change"] == answer["changes"][0]
    rows = {row["service"]: row for row in answer["services"]}
    assert {name for name, row in rows.items() if row["on_critical_path"]} == {"db", "web"}
    waited = rows["web"]["spans"][0]
    assert (waited["kind"], waited["waits_for"], waited["ended_by"]) == ("waiting", ["'db' to be ready"], "db")


async def test_a_boot_under_way_ends_now_and_says_who_is_missing():
    async with site(SPECS, {"db": NEVER}) as here:
        await here.supervisor.boot()
        await here.supervisor.wait_ready("other")
        answer = await here.get("/timeline")
    assert answer["is_complete"] is False
    assert answer["not_ready"] == ["db", "web"]
    web = next(row for row in answer["services"] if row["service"] == "web")
    assert (web["ready_s"], web["reason"], web["spans"][-1]["end_at"]) == (None, "waits for 'db' to be ready", None)
    assert answer["end_s"] > answer["makespan_s"]


async def test_boots_are_listed_and_asked_for_by_number():
    async with site(SPECS, SLOW) as here:
        recorder = EventRecorder(here.supervisor)
        await here.supervisor.boot()
        for name in ("web", "other"):
            await here.supervisor.wait_ready(name)
        [boot] = (await here.get("/timeline/boots"))["boots"]
        assert boot["seq"] == recorder.find(lambda event: event.detail.get("what") == "booted").seq
        by_number = await here.get("/timeline", boot=boot["seq"])
        assert by_number == await here.get("/timeline", boot="latest") == await here.get("/timeline", boot=0)
    assert (boot["services"], boot["not_ready"], boot["makespan_s"]) == (3, [], by_number["makespan_s"])


async def test_a_boot_of_an_earlier_run_is_told_from_the_journal(tmp_path):
    async with site(SPECS, SLOW) as here:
        recorder = EventRecorder(here.supervisor)
        await here.supervisor.boot()
        for name in ("web", "other"):
            await here.supervisor.wait_ready(name)
        was = await here.get("/timeline")
    path = Segment.named(str(tmp_path), 1).path
    head = json.dumps(Head(run_id="old", opened_at=0.0).as_json()).encode() + b"\n"
    Path(path).write_bytes(head + b"".join(map(line_of, recorder.events)))
    async with site(SPECS, SLOW) as here:
        here.supervisor.journal_dir = str(tmp_path)
        bus = here.supervisor._bus
        bus.seq = bus.first_seq = recorder.events[-1].seq
        await here.supervisor.boot()
        for name in ("web", "other"):
            await here.supervisor.wait_ready(name)
        assert await here.get("/timeline", boot=-1) == was
        latest, earlier = (await here.get("/timeline/boots"))["boots"]
        assert (earlier["seq"], latest["seq"] > was["seq"]) == (was["seq"], True)


async def test_the_last_start_of_a_service_with_what_it_brought_along():
    async with site(SPECS, SLOW) as here:
        await here.supervisor.start("web")
        answer = await here.get("/timeline", service="Web")
    assert (answer["what"], answer["by"], answer["is_complete"]) == ("start", "library", True)
    assert {row["service"] for row in answer["services"]} == {"db", "web"}


async def test_what_is_not_known_is_404_and_nonsense_422():
    async with site(SPECS) as here:
        none = await here.client.get("/timeline")
        assert (none.status_code, none.json()["boots"]) == (404, [])
        await here.supervisor.boot()
        [boot] = (await here.get("/timeline/boots"))["boots"]
        unknown = await here.client.get("/timeline", params={"boot": 12345})
        assert unknown.status_code == 404
        assert [one["seq"] for one in unknown.json()["boots"]] == [boot["seq"]]
        assert str(boot["seq"]) in unknown.json()["detail"]
        assert (await here.client.get("/timeline", params={"boot": -1})).status_code == 404
        assert (await here.client.get("/timeline", params={"service": "nobody"})).status_code == 404
        # One that never was started: no other error, and no 500.
        for nonsense in ("first", "", "1.5", "--1", "9" * 30):
            answer = await here.client.get("/timeline", params={"boot": nonsense})
            assert answer.status_code == 422, nonsense
            assert answer.json()["detail"][0]["loc"] == ["query", "boot"]
