"""Logs: pieces by cursor, and the stream."""

import gzip

import pytest
import trio
from web_support import site, spec, until

from dumb_actors import Redactor
from dumb_web.logfile import piece_at

NO_SECRETS = Redactor(())


def logged(tmp_path, name="web"):
    return spec(name, log_file=str(tmp_path / "web.log"))


@pytest.mark.parametrize("path", ["/logs", "/logs/", "/api/logs"])
async def test_pieces_follow_a_cursor_through_a_rotation(tmp_path, path):
    log = tmp_path / "web.log"
    log.write_bytes(b"one\ntwo\n")
    async with site([logged(tmp_path, "My Web")]) as here:
        first = await here.get(path, process_name="myweb")
        text = "one\ntwo\n"
        assert first == {
            "process_name": "myweb",
            "size": 8,
            "cursor": 8,
            "chunk": text,
            "reset": True,
            "log": text,
        }
        nothing = await here.get(path, process_name="myweb", cursor=8)
        assert (nothing["chunk"], nothing["reset"], nothing["log"], nothing["cursor"]) == ("", False, None, 8)
        with log.open("ab") as file:
            file.write(b"three\n")
        more = await here.get(path, process_name="myweb", cursor=8)
        assert (more["chunk"], more["reset"], more["log"], more["cursor"]) == ("three\n", False, None, 14)
        log.write_bytes(b"new\n")
        anew = await here.get(path, process_name="myweb", cursor=14)
        assert (anew["chunk"], anew["reset"], anew["log"], anew["size"]) == ("new\n", True, "new\n", 4)


@pytest.mark.parametrize("name", ["nobody", "", "DUMB", "DUMB API", "web"])
async def test_what_has_no_file_has_an_empty_log(tmp_path, name):
    async with site([logged(tmp_path)]) as here:
        answer = await here.get("/logs", process_name=name)
    assert answer == {"process_name": name, "size": 0, "cursor": 0, "chunk": "", "reset": True, "log": ""}


async def test_only_the_tail_without_a_cursor(tmp_path):
    (tmp_path / "web.log").write_bytes(b"x" * 3000 + b"end")
    async with site([logged(tmp_path)]) as here:
        answer = await here.get("/logs", process_name="web", tail_bytes=1024)
    assert (len(answer["chunk"]), answer["chunk"][-3:], answer["cursor"]) == (1024, "end", 3003)


def test_characters_are_not_torn(tmp_path):
    log = tmp_path / "log"
    whole = "a€" * 500
    log.write_bytes(whole.encode() + "€".encode()[:2])
    piece = piece_at(str(log), None, 1024, NO_SECRETS)
    assert piece.text == whole[-len(piece.text) :]
    assert (piece.cursor, piece.size) == (2000, 2002)
    log.write_bytes((whole + "€").encode())
    assert piece_at(str(log), piece.cursor, 1024, NO_SECRETS).text == "€"
    log.write_bytes(b"\xff\x80\x80\x80\x80ok\xf0")
    assert piece_at(str(log), 0, 1024, NO_SECRETS).text == "\ufffd" * 5 + "ok"


async def test_pieces_reach_into_rotated_files(tmp_path):
    log = tmp_path / "web.log"
    for name, content in [("web.log", b"young\n"), ("web.log.1", b"x" * 3000 + b"older\n")]:
        (tmp_path / name).write_bytes(content)
    async with site([logged(tmp_path)]) as here:
        first = await here.get("/logs", process_name="web", tail_bytes=1024)
        assert (len(first["chunk"]), first["chunk"][-12:]) == (1024, "older\nyoung\n")
        assert (first["cursor"], first["size"], first["reset"]) == (6, 6, True)
        with log.open("ab") as file:
            file.write(b"more\n")
        assert (await here.get("/logs", process_name="web", cursor=6))["chunk"] == "more\n"
        log.rename(tmp_path / "web.log.1")
        log.write_bytes(b"new\n")
        anew = await here.get("/logs", process_name="web", cursor=11, tail_bytes=1024)
        assert (anew["chunk"], anew["cursor"], anew["reset"]) == ("young\nmore\nnew\n", 4, True)


@pytest.mark.parametrize(
    ("content", "count", "expected"),
    [
        (b"", 5, b""),
        (b"a\nb\nc\n", 2, b"b\nc\n"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\nb\nc\n", 3, b"a\nb\nc\n"),
        (b"a\nb\nc\n", 9, b"a\nb\nc\n"),
        (b"a\nb\nc\n", 0, b""),
        (b"\n\n\n", 2, b"\n\n"),
        (b"a\r\nb\r\x0c\xff\r\n", 1, b"b\r\x0c\xff\r\n"),
        (b"x" * 100_000 + b"\n" + b"y" * 100_000 + b"\n", 1, b"y" * 100_000 + b"\n"),
    ],
)
async def test_the_last_lines_as_they_are(tmp_path, content, count, expected):
    (tmp_path / "web.log").write_bytes(content)
    async with site([logged(tmp_path)]) as here:
        assert (await here.client.get(f"/logs/web?tail={count}")).content == expected


async def test_last_lines_reach_into_rotated_files(tmp_path):
    for name, content in [("web.log", "e\nf"), ("web.log.1", "c\nd\n"), ("web.log.2", "a\nb\n")]:
        (tmp_path / name).write_text(content)
    (tmp_path / "web.log.3.gz").write_bytes(gzip.compress(b"y\nz\n"))
    async with site([logged(tmp_path)]) as here:
        for tail, expected in [
            (5, b"b\nc\nd\ne\nf"),
            (2, b"e\nf"),
            (7, b"z\na\nb\nc\nd\ne\nf"),
            (99, b"y\nz\na\nb\nc\nd\ne\nf"),
        ]:
            assert (await here.client.get(f"/logs/web?tail={tail}")).content == expected


async def test_a_log_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    async with site([spec("web", log_file=str(tmp_path / "loop"))]) as here:
        for path in ("/logs?process_name=web", "/logs/web"):
            response = await here.client.get(path)
            assert (response.status_code, response.json()["code"]) == (500, "unusable-path")
            assert str(tmp_path / "loop") in response.json()["detail"]


@pytest.mark.parametrize("path", ["/logs/rclone w%2F Riven", "/logs/rclone%20w/%20Riven/", "/api/logs/RCLONEw%2FRiven"])
async def test_the_stream_gives_the_last_lines(tmp_path, path):
    (tmp_path / "web.log").write_bytes(b"one\ntwo\nthree \xff\n")
    async with site([logged(tmp_path, "rclone w/ Riven")]) as here:
        response = await here.client.get(path, params={"tail": 2})
    assert response.status_code == 200
    assert response.content == b"two\nthree \xff\n"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_stream_of_nobody_is_404(tmp_path):
    async with site([logged(tmp_path)]) as here:
        for name in ("nobody", "DUMB API"):
            response = await here.client.get(f"/logs/{name}")
            assert (response.status_code, name in response.json()["detail"]) == (404, True)
        assert (await here.client.get("/logs/web")).content == b""


async def test_follow_goes_on_where_the_tail_ended_and_ends_at_shutdown(tmp_path):
    log = tmp_path / "web.log"
    log.write_bytes(b"one\ntwo\n")
    async with (
        site([logged(tmp_path)]) as here,
        here.client.stream("GET", "/logs/web", params={"tail": 1, "follow": "true"}) as response,
    ):
        assert response.status_code == 200
        got = []
        # A proper end of the body: an incomplete one would raise.
        async for piece in response.aiter_bytes():
            got.append(piece)
            if piece == b"two\n":
                with log.open("ab") as file:
                    file.write(b"three\n")
            else:
                here.shutdown.set()
        assert got == [b"two\n", b"three\n"]
        with trio.fail_after(1):
            await here.stopped.wait()


async def test_follow_waits_for_a_file_and_ends_with_its_client(tmp_path):
    async with site([logged(tmp_path)]) as here:
        async with await trio.open_tcp_stream("127.0.0.1", here.port) as stream:
            await stream.send_all(b"GET /logs/web?follow=1 HTTP/1.1\r\nhost: localhost\r\n\r\n")
            # The head is here before the first byte of output.
            assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
            await until(lambda: len(here.app.hub._scopes) == 1)
            (tmp_path / "web.log").write_bytes(b"first\n")
            assert b"first\n" in await stream.receive_some()
        await until(lambda: not here.app.hub._scopes)


async def test_fifty_followers_end_at_once(tmp_path):
    (tmp_path / "web.log").write_bytes(b"x\n")
    ended = []

    async with site([logged(tmp_path)]) as here:

        async def follow(task_status) -> None:
            async with here.client.stream("GET", "/logs/web?follow=1") as response:
                got = []
                async for piece in response.aiter_bytes():
                    got.append(piece)
                    task_status.started()
                ended.append(got)

        async with trio.open_nursery() as nursery:
            for _ in range(50):
                await nursery.start(follow)
            began = trio.current_time()
            here.shutdown.set()
        assert ended == [[b"x\n"]] * 50
        assert trio.current_time() - began < 2
