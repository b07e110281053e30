"""`GET /why`."""

from pathlib import Path

import pytest
from web_support import config_of, site, spec

from dumb_actors import Tcp
from dumb_actors.journal.segments import Segment
from dumb_actors.testing.simulated import Behaviour

NEVER = Behaviour(ready_after=float("inf"))


@pytest.mark.parametrize("path", ["/why", "/why/", "/api/why"])
async def test_the_chain_down_to_the_root(path):
    specs = [spec("The Db", readiness=Tcp(1)), spec("web", depends_on=["The Db"])]
    async with site(specs, {"The Db": NEVER}) as here:
        await here.supervisor.boot()
        while here.supervisor.status("The Db").phase != "starting":
            await here.get("/health")
        answer = await here.get(path, process_name="WEB")
        assert (answer["process_name"], answer["phase"], answer["status"]) == ("WEB", "waiting", "idle")
        assert answer["summary"] == "'web' waits for 'The Db' to be ready"
        assert [(link["kind"], link["service"]) for link in answer["chain"]] == [
            ("state", "web"),
            ("state", "The Db"),
            ("spawned", "The Db"),
            ("boot", "The Db"),
        ]
        assert (answer["branches"], answer["complete"]) == ([], True)
        assert answer["hint"] == "`dumb-actors logs 'The Db'` shows what it is doing"
        assert answer["chain"][3]["seq"] == 1


async def test_branches():
    specs = [spec("a", enabled=False), spec("b", enabled=False), spec("top", depends_on=["a", "b"])]
    async with site(specs) as here:
        await here.supervisor.boot()
        while here.supervisor.status("top").phase != "waiting":
            await here.get("/health")
        answer = await here.get("/why", process_name="top")
        assert [branch["what"] for branch in answer["branches"]] == ["'a' to be ready", "'b' to be ready"]
        assert [link["kind"] for link in answer["branches"][1]["chain"]] == ["state", "not_wished"]


async def test_an_instant_of_the_past():
    async with site([spec("web")]) as here:
        await here.supervisor.start("web")
        await here.supervisor.stop("web")
        events = (await here.get("/events/history", kind="phase"))["events"]
        ready = next(event for event in events if event["to"] == "ready")
        answer = await here.get("/why", process_name="web", at=ready["at"])
        assert (answer["phase"], answer["at"]) == ("ready", ready["at"])
        assert (await here.get("/why", process_name="web", at="9999-01-01"))["phase"] == "stopped"
        answer = await here.get("/why", process_name="web", at=5)
        assert (answer["phase"], answer["status"], answer["complete"]) == (None, None, False)


async def test_builtins_and_what_has_left():
    document = {"web": {"process_name": "web", "command": ["x"]}}
    async with site(config_of(document)) as here:
        answer = await here.get("/why", process_name="dumb api")
        assert (answer["phase"], answer["summary"]) == ("ready", "'DUMB API' is this supervisor itself")
        assert (await here.get("/why", process_name="DUMB Frontend"))["phase"] == "stopped"
        await here.supervisor.start("web")
        await here.supervisor.reconfigure([spec("other")])
        answer = await here.get("/why", process_name="web")
        assert [link["kind"] for link in answer["chain"]] == ["state", "reload"]


async def test_wrong_questions_and_a_journal_that_cannot_be_read(tmp_path):
    async with site([spec("web")]) as here:
        response = await here.client.get("/why?process_name=nobody")
        assert response.status_code == 404
        assert response.json() == {
            "detail": "Process not found",
            "code": "unknown-service",
            "service": "nobody",
            "known": ["web"],
        }
        assert (await here.client.get("/why?process_name=%20")).status_code == 400
        response = await here.client.get("/why?at=1")
        assert (response.status_code, response.json()["detail"][0]["loc"]) == (422, ["query", "process_name"])
        for wrong in ("yesterday", "-1", "nan", "1e99", ""):
            response = await here.client.get("/why", params={"process_name": "web", "at": wrong})
            assert (response.status_code, response.json()["detail"][0]["loc"]) == (422, ["query", "at"]), wrong
        Path(Segment.named(str(tmp_path), 1).path).write_text('{"format": 2}\n')
        here.supervisor.journal_dir = str(tmp_path)
        response = await here.client.get("/why?process_name=web")
        assert (response.status_code, response.json()["code"]) == (500, "journal-too-new")
