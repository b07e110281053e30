"""A real server on a free port over simulated services, and a client for it."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
import httpx
import trio
import trio.testing
from web_schema import check_response

from dumb_actors import Config, Root, ServiceSpec, Settle, Supervisor, parse_config
from dumb_actors.model.knowledge import NO_KNOWLEDGE
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation
from dumb_web.app import WebApp, create_app
from dumb_web.serve import bind, serve

FAST = Settle(0.0)
NEVER = Behaviour(ready_after=float("inf"))


def spec(name: str, command: str | Sequence[str] = "program", **fields: Any) -> ServiceSpec:
    """A service that is ready at once unless it says otherwise."""
    return ServiceSpec(name, command, **{"readiness": FAST, **fields})


@attrs.define(eq=False, kw_only=True)
class Site:
    supervisor: Supervisor
    app: WebApp
    host: SimulatedHost
    client: httpx.AsyncClient
    url: str
    shutdown: trio.Event
    stopped: trio.Event

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def get(self, path: str, **query: Any) -> Any:
        response = await self.client.get(path, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(path, json=body)


def config_of(document: Mapping[str, Any]) -> Config:
    return parse_config(document, Root("/simulated"))


@asynccontextmanager
async def site(
    specs: Sequence[ServiceSpec] | Config = (),
    behaviours: Mapping[str, Any] | None = None,
    *,
    address: str = "127.0.0.1:0",
    grace: float = 3.0,
    **options: Any,
) -> AsyncIterator[Site]:
    """Serve *specs* for the length of a block, and leave nothing; every answer is held against the description."""
    host = SimulatedHost(behaviours or {})
    config = specs if isinstance(specs, Config) else None
    services = specs.specs if isinstance(specs, Config) else specs
    shutdown, stopped = trio.Event(), trio.Event()
    knowledge = config.knowledge if config is not None else NO_KNOWLEDGE
    async with open_simulation(services, host, knowledge=knowledge) as supervisor:
        supervisor.config = config
        options.setdefault("on_shutdown", shutdown.set)
        app = create_app(supervisor, **options)

        async def run(task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED) -> None:
            await serve(app, [bound], shutdown=shutdown, grace=grace, task_status=task_status)
            stopped.set()

        async with trio.open_nursery() as nursery:
            with trio.fail_after(30):
                bound = bind(address)
                [url] = await nursery.start(run)
                uds = url.removeprefix("unix:") if url.startswith("unix:") else None
                transport = httpx.AsyncHTTPTransport(uds=uds)
                base = "http://localhost" if uds else url
                hooks = {"response": [check_response]}
                async with httpx.AsyncClient(
                    transport=transport, base_url=base, timeout=10, trust_env=False, event_hooks=hooks
                ) as client:
                    yield Site(
                        supervisor=supervisor,
                        app=app,
                        host=host,
                        client=client,
                        url=url,
                        shutdown=shutdown,
                        stopped=stopped,
                    )
                shutdown.set()
        await _given_up_reads(app.file_threads)


async def _given_up_reads(threads: trio.CapacityLimiter) -> None:
    """Return when no thread reads a file any more, also for a request that nobody waits for."""
    for place in [object() for _ in range(int(threads.total_tokens))]:
        await threads.acquire_on_behalf_of(place)


async def raw(port: int, request: str | bytes) -> bytes:
    """Send bytes as they are, and read until the server closes."""
    data = request.encode() if isinstance(request, str) else request
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(data)
        answer = bytearray()
        async for piece in stream:
            answer += piece
    return bytes(answer)


async def until(holds: Any) -> None:
    """Wait for something that has no event to wait for, at most as long as the test."""
    with trio.fail_after(10):
        while not holds():
            await trio.lowlevel.checkpoint()


async def stuck_client(address: str | int) -> trio.socket.SocketType:
    """A client that asks for much, sees the beginning of the answer, and reads no more."""
    family = trio.socket.AF_UNIX if isinstance(address, str) else trio.socket.AF_INET
    sock = trio.socket.socket(family, trio.socket.SOCK_STREAM)
    sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
    await sock.connect(address if isinstance(address, str) else ("127.0.0.1", address))
    await sock.send(b"GET /logs?process_name=web&tail_bytes=8000000 HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert await sock.recv(10)
    await trio.testing.wait_all_tasks_blocked(0.02)
    return sock


def start_request(name: str) -> bytes:
    """The bytes of a start, for clients that go away."""
    body = json.dumps({"process_name": name})
    head = "POST /process/start-service HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()


__all__ = ["FAST", "NEVER", "Site", "config_of", "raw", "site", "spec", "start_request", "stuck_client", "until"]
