"""Makes the probe for a spec, and owns what probes share."""

from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import TYPE_CHECKING, Self, assert_never

import trio

from dumb_actors.logs.reader import Position
from dumb_actors.logs.watch import Closing
from dumb_actors.model.child import Launch
from dumb_actors.model.probe import Directory, Exec, Log, Mount, Notify, ProbeSpec, Settle, Tcp, Url
from dumb_actors.probes.base import NeverProbe, Probe
from dumb_actors.probes.directory import DirectoryProbe
from dumb_actors.probes.exec import ExecProbe, Runner, what_exec
from dumb_actors.probes.logline import LogProbe, no_log
from dumb_actors.probes.mount import MountProbe
from dumb_actors.probes.notify import Notices, NotifyProbe
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

    Args:
        runner: Runs the programs of `Exec` probes; None: these never hold, and say so.
    """

    def __init__(self, runner: Runner | None = None) -> None:
        self._runner = runner
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

    def make(  # noqa: C901, PLR0911 - one short case for each kind
        self,
        spec: ProbeSpec,
        *,
        launch: Launch | None = None,
        log: tuple[str, Position] | None = None,
        notices: Notices | None = None,
    ) -> Probe:
        """
        Make the probe for *spec*.

        Args:
            spec: What to ask.

            launch: The child it is about; an `Exec` runs with its environment and directory.

            log: Path of the service's log and where in it the generation's output begins, for a `Log`.

            notices: What the child says of itself, for a `Notify`.

        Returns:
            A probe for one task at a time. Where what it needs is None it never holds, and says why.
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
            case Mount():
                return MountProbe(spec, self._limiter_for(spec.mount))
            case Log():
                return LogProbe(spec, *log, self._closing) if log is not None else no_log(spec)
            case Exec():
                if launch is None or self._runner is None:
                    return NeverProbe(what_exec(spec.exec), "there is no service to run it for")
                return ExecProbe(spec, launch, self._runner)
            case Notify():
                if notices is None:
                    return NeverProbe(NotifyProbe.what, "the service has no notification socket")
                return NotifyProbe(notices)
            case _:
                assert_never(spec)

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
