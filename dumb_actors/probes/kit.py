"""Makes the probe for a spec, and owns what probes share."""

from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import TYPE_CHECKING, Self

import trio

from dumb_actors.logs.reader import Position
from dumb_actors.logs.watch import Closing
from dumb_actors.model.spec import Directory, Log, ProbeSpec, Settle, Tcp, Url
from dumb_actors.probes.base import Probe
from dumb_actors.probes.directory import DirectoryProbe
from dumb_actors.probes.logline import LogProbe, NoLogProbe
from dumb_actors.probes.settle import SettleProbe
from dumb_actors.probes.tcp import TcpProbe
from dumb_actors.probes.url import UrlProbe

if TYPE_CHECKING:
    import httpx

__all__ = ["ProbeKit"]

CLOSE_TIMEOUT_S = 1.0


class ProbeKit:
    """
    Owns what probes share: HTTP clients, limits on threads, the closing of watches. An asynchronous context manager.

    Leave it after the last probe. Nothing is imported, opened or started before a probe needs it.
    """

    def __init__(self) -> None:
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._making = trio.Lock()
        self._limiters: dict[str, trio.CapacityLimiter] = {}
        self._closing = Closing()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._closed = True
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLOSE_TIMEOUT_S):
            for client in self._clients.values():
                await client.aclose()
            await self._closing.wait()

    def make(self, spec: ProbeSpec, *, log: tuple[str, Position] | None = None) -> Probe:
        """
        Make the probe for *spec*.

        Args:
            spec: What to ask.

            log: Path of the service's log and where in it the generation's output begins, for a `Log`; None: there is
                no log, and the probe says so.

        Returns:
            A probe to be entered once, by one task.
        """
        match spec:
            case Settle():
                return SettleProbe(spec)
            case Tcp():
                return TcpProbe(spec)
            case Url():
                return UrlProbe(spec, self._client_for)
            case Directory():
                return DirectoryProbe(spec, self._limiter_for(spec.directory), self._closing)
            case Log():
                return LogProbe(spec, *log, self._closing) if log is not None else NoLogProbe(spec)

    def _limiter_for(self, path: str) -> trio.CapacityLimiter:
        # One thread for one path, whatever hangs: a dead mount neither eats threads nor delays another path.
        return self._limiters.setdefault(path, trio.CapacityLimiter(1))

    async def _client_for(self, scheme: str) -> "httpx.AsyncClient":
        async with self._making:
            if self._closed:
                raise trio.ClosedResourceError("the probe kit is closed")
            if scheme not in self._clients:
                # The import takes half a second, loading the certificates 50 ms: neither in the event loop.
                self._clients[scheme] = await trio.to_thread.run_sync(_make_client, scheme == "https")
            return self._clients[scheme]


def _make_client(certificates: bool) -> "httpx.AsyncClient":  # noqa: FBT001 - called through a thread
    import httpx

    return httpx.AsyncClient(
        verify=certificates,
        # Proxies and certificates of our environment are not the services' business.
        trust_env=False,
        timeout=None,  # noqa: S113 - the caller cuts
        # No connection is kept: it would hold up a service that stops, and a body that is not read ends it anyway.
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        # One probe's cookies must not reach another.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"User-Agent": "dumb-actors"},
    )
