"""URLs: a real server, as small as can be."""

import base64
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from dumb_actors.model.spec import BasicAuth, Url
from dumb_actors.probes.base import Answer
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.probes.loop import wait_until_held

LIMIT = 30
Respond = Callable[[str, dict[str, str]], bytes]


def reply(status: str, *headers: str, body: bytes = b"") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers])
    return head.encode() + b"\r\n\r\n" + body


class Server:
    """Answers each connection once, and remembers what was asked."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.base = ""
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.asked = trio.Event()

    async def serve(self, stream: trio.SocketStream) -> None:
        raw = b""
        while b"\r\n\r\n" not in raw:
            piece = await stream.receive_some()
            if not piece:
                return
            raw += piece
        first, *lines = raw.decode().split("\r\n\r\n")[0].split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        path = first.split(" ")[1]
        self.requests.append((path, headers))
        self.asked.set()
        async with stream:
            await stream.send_all(self.respond(path, headers))


@asynccontextmanager
async def serving(respond: Respond) -> AsyncIterator[Server]:
    server = Server(respond)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        server.base = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.start_soon(trio.serve_listeners, server.serve, listeners)
        yield server
        nursery.cancel_scope.cancel()


async def ask(url: str, auth: BasicAuth | None = None) -> Answer:
    async with ProbeKit() as kit:
        with trio.fail_after(LIMIT), kit.make(Url(url, auth)) as probe:
            return await probe.ask()


@pytest.mark.parametrize(
    ("status", "held"), [("200 OK", True), ("204 No Content", True), ("404 Not Found", False), ("500 Oh", False)]
)
async def test_the_status_decides(status: str, held: bool) -> None:
    async with serving(lambda path, headers: reply(status)) as server:
        assert await ask(server.base + "/ping") == Answer(held, f"HTTP {status[:3]}")
        assert [path for path, _ in server.requests] == ["/ping"]


async def test_503_becomes_200() -> None:
    answers = iter(["503 Wait", "503 Wait", "200 OK"])
    reports: list[Answer] = []
    with trio.fail_after(LIMIT):
        async with serving(lambda path, headers: reply(next(answers))) as server, ProbeKit() as kit:
            await wait_until_held(kit.make(Url(server.base)), reports.append)
    assert [answer.text for answer in reports] == ["HTTP 503", "HTTP 503", "HTTP 200"]


async def test_redirects_are_followed_and_a_circle_ends() -> None:
    def respond(path: str, headers: dict[str, str]) -> bytes:
        if path == "/circle":
            return reply("302 Found", "Location: /circle", "Set-Cookie: a=b")
        return reply("200 OK") if path == "/there" else reply("301 Moved", "Location: /there")

    async with serving(respond) as server:
        assert await ask(server.base + "/here") == Answer(True, "HTTP 200")
        assert await ask(server.base + "/circle") == Answer(False, "more than 10 redirects")
        assert all("cookie" not in headers for _, headers in server.requests)


async def test_credentials_follow_to_the_same_origin_only() -> None:
    async with serving(lambda path, headers: reply("200 OK")) as other:

        def respond(path: str, headers: dict[str, str]) -> bytes:
            target = {"/start": "/same", "/same": other.base + "/other"}[path]
            return reply("302 Found", f"Location: {target}")

        async with serving(respond) as server:
            assert (await ask(server.base + "/start", BasicAuth("me", "pw"))).held
        assert ["authorization" in headers for _, headers in server.requests] == [True, True]
        assert ["authorization" in headers for _, headers in other.requests] == [False]


def guarded(path: str, headers: dict[str, str]) -> bytes:
    right = "Basic " + base64.b64encode(b"me:s3cret/pw").decode()
    return reply("200 OK" if headers.get("authorization") == right else "401 Unauthorized")


@pytest.mark.parametrize(
    ("auth", "text"),
    [(BasicAuth("me", "s3cret/pw"), "HTTP 200"), (BasicAuth("me", "no"), "HTTP 401"), (None, "HTTP 401")],
)
async def test_basic_auth(auth: BasicAuth | None, text: str) -> None:
    async with serving(guarded) as server:
        assert (await ask(server.base, auth)).text == text


async def test_a_password_shows_in_no_text_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving(guarded) as server, ProbeKit() as kit:
        with_user = server.base.replace("//", "//me:s3cret%2Fpw@") + "/?token=t0ken"
        refused = "http://me:s3cret%2Fpw@127.0.0.1:1/"
        texts: list[str] = []
        for spec in (Url(with_user), Url(server.base, BasicAuth("me", "s3cret/pw")), Url(refused)):
            with trio.fail_after(LIMIT), kit.make(spec) as probe:
                answer = await probe.ask()
                texts += [probe.what, answer.text, repr(probe), repr(answer)]
    assert [text for text in texts if text.startswith("HTTP")] == ["HTTP 200", "HTTP 200"]
    assert "connection refused" in texts
    assert not any("s3cret" in text or "t0ken" in text for text in texts)
    assert "s3cret" not in caplog.text


async def test_a_huge_body_is_not_read() -> None:
    ended = trio.Event()
    sent = 0

    async def endless(stream: trio.SocketStream) -> None:
        nonlocal sent
        await stream.receive_some()
        async with stream:
            try:
                await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
                while True:
                    await stream.send_all(bytes(65536))
                    sent += 65536
            except trio.BrokenResourceError:
                ended.set()

    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, endless, listeners)
            answer = await ask(f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}")
            await ended.wait()
            nursery.cancel_scope.cancel()
    assert answer == Answer(True, "HTTP 200")
    assert sent < 50_000_000


async def test_a_server_that_does_not_answer_is_cut() -> None:
    async def silent(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await trio.sleep_forever()

    answers: list[Answer] = []
    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery, ProbeKit() as kit:
            await kit._client_for("http")
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            nursery.start_soon(trio.serve_listeners, silent, listeners)
            probe = kit.make(Url(f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"))
            with trio.CancelScope() as scope:

                def report(answer: Answer) -> None:
                    answers.append(answer)
                    scope.cancel()

                await wait_until_held(probe, report, attempt_timeout=0.05)
            nursery.cancel_scope.cancel()
    assert answers == [Answer(False, "no answer within 0.05 s")]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "the answer is not HTTP, or was cut off"),
        (b"", "the answer is not HTTP, or was cut off"),
        (reply("302 Found", "Location: ftp://elsewhere/"), "redirected to a URL of scheme 'ftp'"),
    ],
)
async def test_what_is_no_usable_answer_is_said(raw: bytes, text: str) -> None:
    async with serving(lambda path, headers: raw) as server:
        assert await ask(server.base) == Answer(False, text)


async def test_https_to_a_plain_server_fails_in_words() -> None:
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, _plain, listeners)
        answer = await ask(f"https://127.0.0.1:{listeners[0].socket.getsockname()[1]}")
        nursery.cancel_scope.cancel()
    assert not answer.held
    assert answer.text.startswith("TLS failed")


async def _plain(stream: trio.SocketStream) -> None:
    async with stream:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def test_the_plain_client_has_no_certificates_and_clients_are_shared() -> None:
    async with ProbeKit() as kit:
        with trio.fail_after(LIMIT):
            plain = await kit._client_for("http")
            assert await kit._client_for("http") is plain
            secure = await kit._client_for("https")
        contexts = [client._transport._pool._ssl_context for client in (plain, secure)]
        assert [bool(context.get_ca_certs()) for context in contexts] == [False, True]


async def test_a_closed_kit_gives_no_client() -> None:
    async with ProbeKit() as kit:
        probe = kit.make(Url("http://127.0.0.1:1/"))
    with pytest.raises(trio.ClosedResourceError):
        await probe.ask()
