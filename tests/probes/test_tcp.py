"""Ports: real sockets."""

import socket
from collections.abc import Callable

import pytest
import trio
import trio.testing

from dumb_actors.model.spec import Tcp
from dumb_actors.probes import tcp
from dumb_actors.probes.base import Answer
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.probes.loop import wait_until_held

LIMIT = 20


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def ask(port: int, host: str = "127.0.0.1") -> Answer:
    async with ProbeKit() as kit:
        with trio.fail_after(LIMIT), kit.make(Tcp(port, host)) as probe:
            return await probe.ask()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_yes_and_no(host: str) -> None:
    port = free_port()
    assert await ask(port, host) == Answer(False, "connection refused")
    with socket.create_server(("127.0.0.1", port)):
        assert await ask(port, host) == Answer(True, "accepts connections")


async def test_a_listener_that_comes_later_is_found() -> None:
    port = free_port()
    reports: list[Answer] = []
    asked = trio.Event()

    def report(answer: Answer) -> None:
        reports.append(answer)
        asked.set()

    with trio.fail_after(LIMIT):
        async with ProbeKit() as kit, trio.open_nursery() as nursery:
            nursery.start_soon(wait_until_held, kit.make(Tcp(port)), report)
            await asked.wait()
            with socket.create_server(("127.0.0.1", port)):
                while not reports[-1].held:
                    asked = trio.Event()
                    await asked.wait()
    assert reports[0] == Answer(False, "connection refused")


async def test_a_name_that_does_not_resolve_is_an_answer() -> None:
    answer = await ask(1, "no-such-host.invalid")
    assert not answer.held
    assert "resolved" in answer.text


async def test_a_hang_is_cut() -> None:
    # A queue that is full: the kernel answers no more connects.
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        answers: list[Answer] = []
        with trio.fail_after(LIMIT):
            async with ProbeKit() as kit:
                probe = kit.make(Tcp(port))
                with trio.CancelScope() as scope:

                    def report(answer: Answer) -> None:
                        answers.append(answer)
                        scope.cancel()

                    await wait_until_held(probe, report, attempt_timeout=0.05)
    assert answers == [Answer(False, "no answer within 0.05 s")]


async def test_meeting_oneself_is_no_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connect from a port to that same port succeeds without any listener; the kernel may choose it by chance."""
    port = free_port()
    make: Callable[[int, int, int], trio.socket.SocketType] = tcp.make_socket
    made: list[trio.socket.SocketType] = []

    def bound_to_the_target(family: int, kind: int, protocol: int) -> trio.socket.SocketType:
        sock = make(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock._sock.bind(("127.0.0.1", port))
        made.append(sock)
        return sock

    monkeypatch.setattr(tcp, "make_socket", bound_to_the_target)
    answer = await ask(port)
    assert made
    assert not answer.held
    assert "itself" in answer.text
    # And nothing of it stays on the port: a service without SO_REUSEADDR can bind it.
    with socket.socket() as service:
        service.bind(("127.0.0.1", port))
