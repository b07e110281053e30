"""`GET /logs/<service>`: conditions, the three formats, going on, and masking on every way out."""

import gc
import json
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs
import h11
import pytest
import web_events
from hypothesis import given, settings
from hypothesis import strategies as st
from web_support import site, spec, until

from dumb_actors import Redactor
from dumb_actors.logs import index
from dumb_web import logfile, logstream
from dumb_web.logfile import piece_at
from dumb_web.moments import parse_moment
from tests.logs.written import secrets_and_text

SECRET = "hunter2hunter2"  # noqa: S105


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "web.log"


def logged(log: Path):
    return spec("web", log_file=str(log))


def write(log: Path, *lines: str, generation: int = 1, at: float | None = None) -> None:
    """Write whole lines, with an entry of the index."""
    size = log.stat().st_size if log.exists() else 0
    with Path(f"{log}.idx").open("ab") as file:
        now = time.time() if at is None else at
        file.write(index._ENTRY.pack(size, int(now * 1e9), generation))
    with log.open("ab") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def rotate(log: Path) -> None:
    for ending in ("", ".idx"):
        Path(f"{log}{ending}").rename(f"{log}.1{ending}")


@attrs.define
class Reader:
    """Reads a stream that can be left at any point; `last_id` is what a browser would send when it comes back."""

    inner: web_events.Reader
    last_id: str | None = None
    comments: int = 0

    async def chunk(self) -> str | None:
        """Give the next piece of text; None at the proper end."""
        event = await self.inner.event()
        return bytes(event.data).decode() if isinstance(event, h11.Data) else None

    async def block(self) -> dict[str, str] | None:
        """Give the fields of the next block of server-sent events; None at the proper end."""
        if (block := await self.inner.block()) is None:
            return None
        fields = dict(line.partition(": ")[::2] for line in block.splitlines())
        self.comments += "" in fields
        self.last_id = fields.get("id", self.last_id)
        return fields

    async def next(self):
        """Give the event and the data of the next message that has data."""
        while (fields := await self.block()) is not None:
            if "data" in fields:
                return fields["event"], json.loads(fields["data"])
        return None

    async def texts(self, count: int) -> list[str]:
        got = []
        for _ in range(count):
            event, data = await self.next()
            assert event == "line"
            assert data["cursor"] == self.last_id
            got.append(data["text"])
        return got


@asynccontextmanager
async def reading(here, last_id=None, **query):
    headers = [("accept", "text/event-stream"), *([] if last_id is None else [("last-event-id", last_id)])]
    async with web_events.reading(here, "/logs/web", headers, **query) as inner:
        assert inner.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield Reader(inner)


@asynccontextmanager
async def following(here, **query):
    async with web_events.reading(here, "/logs/web", follow="1", **query) as inner:
        assert inner.headers["content-type"] == "text/plain; charset=utf-8"
        yield Reader(inner)


# --- conditions -------------------------------------------------------------------------------------------------------


async def test_conditions_as_text(log):
    now = time.time()
    write(log, "one cat", "two dogs", at=now - 7200)
    write(log, "three Cats", "four", generation=2, at=now - 60)
    async with site([logged(log)]) as here:

        async def ask(**query):
            response = await here.client.get("/logs/web", params=query)
            assert response.status_code == 200, response.text
            return response.text.splitlines()

        assert await ask(match="cat") == ["one cat"]
        assert await ask(match="(?i)CAT", regex="true") == ["one cat", "three Cats"]
        assert await ask(match="(?i)CAT", regex="true", tail=1) == ["three Cats"]
        assert await ask(match="o", generation="last") == ["four"]
        assert await ask(generation=1) == ["one cat", "two dogs"]
        for since in ("1h", "90m", str(now - 3600), datetime.fromtimestamp(now - 3600, UTC).isoformat()):
            assert await ask(since=since) == ["three Cats", "four"]
            assert await ask(until=since) == ["one cat", "two dogs"]
        assert await ask(since="1d", until="1h", match="o", tail=1) == ["two dogs"]
        assert await ask(match="nothing") == []


async def test_json(log):
    write(log, "one", at=1_700_000_000.25)
    write(
        log,
        "two",
        "thr\x1bee \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        generation=2,
        at=1_700_000_009.5,
    )
    with log.open("ab") as file:
        file.write(b"unended")
    async with site([logged(log)]) as here:
        by_header = await here.client.get("/logs/web", headers={"accept": "application/json"}, params={"tail": 3})
        answer = await here.get("/logs/web", format="json", tail=3)
        assert by_header.json() == answer
        assert by_header.headers["content-type"] == "application/json"
        assert {**answer, "lines": 0, "cursor": 0, "older": 0} == {
            "service": "web", "lines": 0, "more": True, "reset": False, "older": 0, "cursor": 0,
        }  # fmt: skip
        shown = [(line["text"], line["time"], line["generation"], line["whole"]) for line in answer["lines"]]
        assert shown == [
            ("two", 1_700_000_009.5, 2, True),
            ("thr\x1bee 😀", 1_700_000_009.5, 2, True),
            ("unended", 1_700_000_009.5, 2, False),
        ]
        older = await here.get("/logs/web", format="json", tail=3, before=answer["older"])
        assert [line["text"] for line in older["lines"]] == ["one"]
        assert (older["more"], older["older"]) == (False, None)
        # What had no end yet comes again, with its rest.
        with log.open("ab") as file:
            file.write(b", and its end\n")
        rest = await here.get("/logs/web", format="json", after=answer["cursor"])
        assert [(line["text"], line["whole"]) for line in rest["lines"]] == [("unended, and its end", True)]
        nothing = await here.get("/logs/web", format="json", after=rest["cursor"])
        assert (nothing["lines"], nothing["more"], nothing["cursor"]) == ([], False, rest["cursor"])


async def test_a_cursor_whose_file_is_gone_gets_the_end_and_is_told(log):
    write(log, "one", "two")
    async with site([logged(log)]) as here:
        cursor = (await here.get("/logs/web", format="json"))["cursor"]
        rotate(log)
        write(log, "three", at=time.time() + 5)
        moved = await here.get("/logs/web", format="json", after=cursor)
        assert (moved["reset"], [line["text"] for line in moved["lines"]]) == (False, ["three"])
        Path(f"{log}.1").unlink()
        for direction in ("after", "before"):
            gone = await here.get("/logs/web", format="json", **{direction: cursor})
            assert (gone["reset"], [line["text"] for line in gone["lines"]]) == (True, ["three"])
        text = await here.client.get("/logs/web", params={"after": cursor})
        assert (text.headers["x-log-reset"], text.text) == ("true", "three\n")


async def test_what_a_limit_cuts_off_is_said(log, monkeypatch):
    lines = [f"{number:09}" for number in range(1000)]
    write(log, *lines)
    monkeypatch.setattr("dumb_web.logquery.TEXT_LIMIT", 2000)
    monkeypatch.setattr("dumb_web.logquery.RECORDS_LIMIT", 2000)
    async with site([logged(log)]) as here:
        for direction, query in [("cursor", {"since": "1h"}), ("older", {"tail": 1000})]:
            where, got = {}, []
            for _ in range(10):
                response = await here.client.get("/logs/web", params=query | where)
                part = response.text.splitlines()
                got = got + part if direction == "cursor" else part + got
                if "x-log-more" not in response.headers:
                    break
                assert 0 < len(part) < 300
                where = {"after" if direction == "cursor" else "before": response.headers[f"x-log-{direction}"]}
            assert got == lines
        answer = await here.get("/logs/web", format="json", since="1h")
        assert (answer["more"], len(answer["lines"])) == (True, 200)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"since": "soon"}, ["since"]),
        ({"since": "nan", "until": "2026-13-01"}, ["since", "until"]),
        ({"since": "9" * 30}, ["since"]),
        ({"generation": "-1"}, ["generation"]),
        ({"generation": "first"}, ["generation"]),
        ({"match": "(", "regex": "1"}, ["match"]),
        ({"match": "(?=a)", "regex": "1"}, ["match"]),
        ({"match": "x" * 5000}, ["match"]),
        ({"after": "12", "before": "x:y:z"}, ["after", "before"]),
        ({"tail": "-1"}, ["tail"]),
        ({"tail": "100001"}, ["tail"]),
        ({"format": "xml"}, ["format"]),
        ({"format": "json", "follow": "1"}, ["follow"]),
        ({"follow": "1", "until": "1h", "before": "1:2:3"}, ["until", "before"]),
        ({"format": "events", "until": "1h"}, ["until"]),
    ],
)
async def test_bad_values_are_named(log, query, fields):
    async with site([logged(log)]) as here:
        response = await here.client.get("/logs/web", params=query)
    assert response.status_code == 422
    detail = response.json()["detail"]
    assert [entry["loc"] for entry in detail] == [["query", field] for field in fields]
    for entry in detail:
        assert entry["msg"]
        assert str(entry["input"]) == {"1": "True"}.get(query.get(entry["loc"][1]), query.get(entry["loc"][1]))


def test_moments():
    assert parse_moment("90s", 1000) == 910
    assert parse_moment("1.5h", 10_000) == 4600
    assert parse_moment("10m", 1000) == 400
    assert parse_moment("1d", 100_000) == 13_600
    assert parse_moment("1w", 0) == -604_800
    assert parse_moment("1770981022.5", 0) == 1770981022.5
    assert parse_moment("2026-02-13T11:10:22Z", 0) == 1770981022
    assert parse_moment("2026-02-13T12:10:22 01:00".replace(" ", " +"), 0) == 1770981022
    assert parse_moment("2026-02-13T11:10:22", 0) == datetime(2026, 2, 13, 11, 10, 22).astimezone().timestamp()
    for text in ("", "x", "-1", "1y", "10 m", "inf", "1e9", "٣m", "12:99"):
        with pytest.raises(ValueError, match="ISO 8601"):
            parse_moment(text, 0)


# --- streams ----------------------------------------------------------------------------------------------------------


async def test_text_goes_on_with_conditions(log):
    write(log, "a cat", "a dog")
    async with site([logged(log)]) as here, following(here, match="cat") as reader:
        assert await reader.chunk() == "a cat\n"
        with log.open("ab") as file:
            file.write(b"dog\nanother c")
        await until(lambda: len(here.app.hub._scopes) == 1)
        with log.open("ab") as file:
            file.write(b"at\n")
        assert await reader.chunk() == "another cat\n"
        here.shutdown.set()
        assert await reader.chunk() is None


async def test_events_begin_with_the_last_lines_and_go_on(log):
    write(log, "zero", "one", "two")
    async with site([logged(log)]) as here, reading(here, tail=2) as reader:
        event, data = await reader.next()
        assert event == "line"
        assert list(data) == ["text", "time", "generation", "whole", "cursor"]
        assert (data["text"], data["generation"], data["whole"]) == ("one", 1, True)
        assert await reader.texts(1) == ["two"]
        write(log, "three", generation=2)
        _, data = await reader.next()
        assert (data["text"], data["generation"]) == ("three", 2)
        here.shutdown.set()
        assert await reader.next() is None


async def test_a_reader_that_comes_back_loses_and_doubles_nothing(log):
    """Also when the log was rotated meanwhile, and wherever it left."""
    write(log, *(f"line {number}" for number in range(5)))
    expected = [f"line {number}" for number in range(20)]
    async with site([logged(log)]) as here:
        async with reading(here) as reader:
            got = await reader.texts(3)
        write(log, *expected[5:10], at=time.time() + 2)
        rotate(log)
        async with reading(here, reader.last_id) as reader:
            got += await reader.texts(7)
        write(log, *expected[10:15], at=time.time() + 4)
        async with reading(here, reader.last_id) as reader:
            got += await reader.texts(4)
            write(log, *expected[15:20])
            got += await reader.texts(6)
    assert got == expected


async def test_a_rotation_under_way_is_followed(log):
    write(log, "one")
    async with site([logged(log)]) as here, reading(here) as reader:
        assert await reader.texts(1) == ["one"]
        write(log, "two")
        rotate(log)
        write(log, "three", at=time.time() + 5)
        assert await reader.texts(2) == ["two", "three"]


async def test_a_reader_whose_place_is_gone_is_told_and_gets_the_end(log):
    write(log, *map(str, range(9)))
    async with site([logged(log)]) as here:
        async with reading(here, tail=1) as reader:
            assert await reader.texts(1) == ["8"]
        log.unlink()
        Path(f"{log}.idx").unlink()
        write(log, *map(str, range(20, 29)), at=time.time() + 5)
        async with reading(here, reader.last_id, tail=2) as reader:
            event, data = await reader.next()
            assert (event, "rotated" in data["detail"]) == ("reset", True)
            assert await reader.texts(2) == ["27", "28"]
            write(log, "29", at=time.time() + 6)
            assert await reader.texts(1) == ["29"]


async def test_an_id_that_is_none_gets_the_last_lines(log):
    write(log, "one", "two")
    async with site([logged(log)]) as here:
        for last in ("", "x", "57", "1:2"):
            async with reading(here, last, tail=1) as reader:
                assert await reader.texts(1) == ["two"]


async def test_a_log_that_comes_later_is_told_from_its_beginning(log):
    async with site([logged(log)]) as here, reading(here, tail=1) as reader:
        await until(lambda: len(here.app.hub._scopes) == 1)
        write(log, "one", "two")
        assert await reader.texts(2) == ["one", "two"]


async def test_an_id_goes_on_also_where_nothing_is_wanted(log):
    write(log, "one")
    async with site([logged(log)]) as here, reading(here, match="never") as reader:
        for _ in range(2):
            cursor = (await here.get("/logs/web", format="json"))["cursor"]
            while reader.last_id != cursor:
                assert "data" not in await reader.block()
            write(log, "two")


async def test_silence_is_broken_by_a_comment(log, monkeypatch):
    monkeypatch.setattr(logstream, "HEARTBEAT_S", 0.0)
    write(log, "one")
    async with site([logged(log)]) as here, reading(here) as reader:
        await reader.texts(1)
        while not reader.comments:
            await reader.block()


# --- masking ----------------------------------------------------------------------------------------------------------


async def test_no_way_out_tells_a_secret(log):
    write(log, f"login {SECRET} ok", "a cat")
    masked = "login [secret] ok"
    async with site([logged(log)]) as here:
        here.supervisor.redactor = Redactor([SECRET])
        assert (await here.get("/logs", process_name="web"))["log"] == f"{masked}\na cat\n"
        assert (await here.client.get("/logs/web")).text == f"{masked}\na cat\n"
        answer = await here.get("/logs/web", format="json")
        assert answer["lines"][0]["text"] == masked
        # Cursors are those of the file.
        assert answer["lines"][0]["cursor"].split(":")[1] == str(len(f"login {SECRET} ok\n"))
        async with reading(here) as reader:
            assert await reader.texts(2) == [masked, "a cat"]
            write(log, f"again {SECRET}")
            assert await reader.texts(1) == ["again [secret]"]
        # Nor does asking for it find out whether it is there.
        for query in ({"match": SECRET}, {"match": SECRET[:3]}, {"match": "hunter.*2 ok", "regex": "1"}):
            assert (await here.client.get("/logs/web", params=query)).text == ""
        assert (await here.client.get("/logs/web", params={"match": "secret"})).text == f"{masked}\nagain [secret]\n"


async def test_a_stream_masks_what_comes_in_pieces(log):
    log.write_bytes(b"first\nlogin hunter2")
    async with site([logged(log)]) as here:
        here.supervisor.redactor = Redactor([SECRET])
        async with following(here) as reader:
            got = ""
            while got != "first\nlogin ":
                got += await reader.chunk()
            for piece, expected in [
                (b"hunt", ""),
                (b"er2 ok\nhun", "[secret] ok\n"),
                (b"t", ""),
                (b"\n", "hunt\n"),
                (b"hun", ""),
            ]:
                with log.open("ab") as file:
                    file.write(piece)
                if expected:
                    assert await reader.chunk() == expected
            # It is held back until nothing comes any more.
            [body] = [each for each in gc.get_objects() if isinstance(each, logstream.RawBody)]
            await until(lambda: body._masking.held == 3)
            here.shutdown.set()
            assert await reader.chunk() == "hun"
            assert await reader.chunk() is None


async def test_a_redactor_that_changes_counts_from_then_on(log):
    write(log, "one")
    async with site([logged(log)]) as here, following(here) as reader:
        assert await reader.chunk() == "one\n"
        here.supervisor.redactor = Redactor([SECRET])
        write(log, SECRET)
        assert await reader.chunk() == "[secret]\n"


@given(
    drawn=secrets_and_text("\n"),
    steps=st.lists(st.integers(0, 30), max_size=10),
    limit=st.sampled_from([32, 1000]),
)
@settings(max_examples=200)
def test_pieces_leave_no_secret_whatever_was_written_in_between(tmp_path_factory, drawn, steps, limit):
    secrets, text = drawn
    log = tmp_path_factory.mktemp("log") / "log"
    content = text.encode()
    redactor = Redactor(secrets)
    cursor, shown, written = 0, "", 0
    before, logfile.PIECE_LIMIT = logfile.PIECE_LIMIT, limit
    try:
        for step in [*steps, len(content)]:
            written = min(len(content), written + step)
            log.write_bytes(content[:written] + (b"\n" if written == len(content) else b""))
            for _ in range(20):
                piece = piece_at(str(log), cursor, 1024, redactor)
                assert not piece.reset
                assert cursor <= piece.cursor <= piece.size
                shown, cursor = shown + piece.text, piece.cursor
    finally:
        logfile.PIECE_LIMIT = before
    assert cursor == len(content) + 1
    assert not any(secret in shown for secret in secrets)
    covered = redactor.bytes(content).decode().replace("[secret]", "")
    assert shown.replace("[secret]", "") == f"{covered}\n"


@given(drawn=secrets_and_text("\n"), tail=st.integers(0, 80))
@settings(max_examples=200)
def test_the_last_piece_leaves_no_secret_that_its_beginning_cuts(tmp_path_factory, drawn, tail):
    secrets, text = drawn
    log = tmp_path_factory.mktemp("log") / "log"
    content = f"{text}\n".encode()
    log.write_bytes(content)
    redactor = Redactor(secrets)
    shown = piece_at(str(log), None, tail, redactor).text
    # Nothing of a secret is seen: not even its end.
    clear = "\0".join(redactor.text(text).split("[secret]")) + "\n"
    for part in shown.split("[secret]"):
        assert part in clear
