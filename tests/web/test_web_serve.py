"""The server: beginning, ending, clients that misbehave."""

import logging
from functools import partial

import pytest
import trio
import trio.testing
from web_support import NEVER, raw, site, spec, start_request, stuck_client, until

from dumb_actors import Tcp
from dumb_web.app import create_app
from dumb_web.serve import bind, serve


@pytest.mark.parametrize("kind", ["tcp", "unix"])
async def test_a_client_that_does_not_read_does_not_hold_the_shutdown(tmp_path, kind):
    # Hypercorn by itself hangs here for ever; this guards our use of its private classes.
    (tmp_path / "web.log").write_bytes(b"x" * 8_000_000)
    address = f"unix:{tmp_path}/s" if kind == "unix" else "127.0.0.1:0"
    async with site([spec("web", log_file=str(tmp_path / "web.log"))], grace=0.2, address=address) as here:
        with await stuck_client(f"{tmp_path}/s" if kind == "unix" else here.port):
            here.shutdown.set()
            with trio.fail_after(3):
                await here.stopped.wait()


async def test_cancelling_ends_a_client_that_does_not_read(tmp_path):
    (tmp_path / "web.log").write_bytes(b"x" * 8_000_000)
    async with site([spec("web", log_file=str(tmp_path / "web.log"))]) as here:
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                bound = bind(f"unix:{tmp_path}/s")
                await nursery.start(partial(serve, here.app, [bound], shutdown=trio.Event()))
                with await stuck_client(f"{tmp_path}/s"):
                    nursery.cancel_scope.cancel()
                    await trio.lowlevel.checkpoint_if_cancelled()
        assert not (tmp_path / "s").exists()


async def test_a_reader_may_pause(tmp_path):
    # As `logs -f | less` does: its connection is not given up meanwhile.
    (tmp_path / "web.log").write_bytes(b"x" * 8_000_000)
    async with site([spec("web", log_file=str(tmp_path / "web.log"))]) as here:
        with await stuck_client(here.port) as sock:
            assert sock.getsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_USER_TIMEOUT) == 0


async def test_a_request_under_way_may_finish_within_the_grace():
    async with site([spec("web", readiness=Tcp(1))], {"web": NEVER}) as here:
        async with trio.open_nursery() as nursery:
            answers = []

            async def start() -> None:
                answers.append(await here.post("/process/start-service", process_name="web"))

            nursery.start_soon(start)
            await until(lambda: here.supervisor.status("web").wished)
            here.shutdown.set()
            await here.supervisor.stop("web")
        assert [answer.status_code for answer in answers] == [409]
        await here.stopped.wait()


async def test_a_request_that_hangs_is_cut_after_the_grace(caplog):
    async with site([spec("web", readiness=Tcp(1))], {"web": NEVER}, grace=0.05) as here:
        stream = await trio.open_tcp_stream("127.0.0.1", here.port)
        async with stream:
            await stream.send_all(start_request("web"))
            await until(lambda: here.supervisor.status("web").wished)
            here.shutdown.set()
            with trio.fail_after(2):
                await here.stopped.wait()
        assert here.supervisor.status("web").wished
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_idle_connection_does_not_hold_the_shutdown():
    async with site() as here:
        await here.get("/health")
        silent = await trio.open_tcp_stream("127.0.0.1", here.port)
        async with silent:
            await trio.testing.wait_all_tasks_blocked(0.02)
            here.shutdown.set()
            with trio.fail_after(1):
                await here.stopped.wait()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        b"\x16\x03\x01" * 50,
        b"A" * 100_000,
    ],
)
async def test_garbage_ends_its_own_connection_only(garbage, caplog):
    async with site() as here:
        with trio.fail_after(10):
            answer = await raw(here.port, garbage)
        assert b"200" not in answer.split(b"\r\n")[0]
        assert await here.get("/health") == {"status": "healthy"}
    assert "connection.failed" not in caplog.text


async def test_a_client_that_goes_in_the_middle_cancels_its_wait_only():
    async with site([spec("web", readiness=Tcp(1))], {"web": NEVER}) as here:
        async with await trio.open_tcp_stream("127.0.0.1", here.port) as stream:
            await stream.send_all(start_request("web"))
            await until(lambda: here.supervisor.status("web").wished)
        assert await here.get("/status")
        assert here.supervisor.status("web").wished


async def test_several_sockets_and_their_urls(tmp_path):
    async with site() as here:
        sockets = [bind("127.0.0.1:0"), bind("[::1]:0"), bind(f"unix:{tmp_path}/s")]
        shutdown = trio.Event()
        async with trio.open_nursery() as nursery:
            urls = await nursery.start(partial(serve, here.app, sockets, shutdown=shutdown))
            assert urls == [bound.url for bound in sockets]
            for url in urls[:2]:
                assert (await here.client.get(f"{url}/health")).status_code == 200
            shutdown.set()
        assert [bound.socket.fileno() for bound in sockets] == [-1, -1, -1]
        assert not (tmp_path / "s").exists()


async def test_cancelled_before_it_served_it_closes_its_sockets():
    async with site() as here:
        bound = bind("127.0.0.1:0")
        with trio.CancelScope() as scope:
            scope.cancel()
            await serve(create_app(here.supervisor), [bound], shutdown=trio.Event())
        assert bound.socket.fileno() == -1


async def test_nothing_is_logged_of_a_normal_life(caplog):
    caplog.set_level(logging.INFO)
    async with site([spec("web")]) as here:
        await here.post("/process/start-service", process_name="web")
        await here.client.get("/nothing")
    assert [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")] == []


async def test_an_answered_connection_is_closed_at_once_by_a_shutdown():
    async with site() as here:
        stream = await trio.open_tcp_stream("127.0.0.1", here.port)
        async with stream:
            for _ in range(3):
                await stream.send_all(b"GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n")
                answer = bytearray()
                while not answer.endswith(b"}"):
                    answer += await stream.receive_some()
                assert answer.startswith(b"HTTP/1.1 404")
            await trio.testing.wait_all_tasks_blocked(0.02)
            here.shutdown.set()
            with trio.fail_after(1):
                await here.stopped.wait()


@pytest.mark.parametrize(
    ("head", "status"),
    [(b"POST /process/start-service HTTP/1.1\r\nhost: localhost", b"413"), (b"POST / HTTP/1.1\r\nhost: evil", b"403")],
)
async def test_an_early_answer_to_a_large_body_arrives(head, status):
    async with site() as here:
        stream = await trio.open_tcp_stream("127.0.0.1", here.port)
        body = b"x" * 4_000_000
        async with stream:
            with trio.fail_after(5):
                await stream.send_all(
                    head + b"\r\ncontent-type: application/json\r\ncontent-length: 4000000\r\n\r\n" + body
                )
                answer = await stream.receive_some()
        assert answer.split()[1] == status
