"""Readiness of a web service: a GET answers with a 2xx status."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

import trio

from dumb_actors.model.spec import BasicAuth, Url
from dumb_actors.probes.base import Answer, Stateless
from dumb_actors.probes.faults import describe
from dumb_actors.probes.loop import growing_interval

if TYPE_CHECKING:
    import httpx

__all__ = ["ClientFor", "UrlProbe"]

REDIRECTS = 10

ClientFor = Callable[[str], Awaitable["httpx.AsyncClient"]]
"""Gives the shared client for a scheme, `http` or `https`."""


class UrlProbe(Stateless):
    """
    Asks for the status only: the body is not read.

    Redirects are followed here and not by the client, because each hop takes the client of its scheme: the one for
    http has no certificates. User and password written in the URL are used like `auth`, and like the query they show
    in no text and no log.
    """

    def __init__(self, spec: Url, client_for: ClientFor) -> None:
        self._client_for = client_for
        parts = urlsplit(spec.url)
        host = parts.netloc.rpartition("@")[2]
        self._url = urlunsplit(parts._replace(netloc=host, fragment=""))
        self._shown = urlunsplit(parts._replace(netloc=host, query="", fragment=""))
        self._scheme = parts.scheme
        self._auth = spec.auth
        if spec.auth is None and parts.username:
            self._auth = BasicAuth(unquote(parts.username), unquote(parts.password or ""))

    @property
    def what(self) -> str:
        """See `Probe`."""
        return f"{self._shown} to answer with 2xx"

    async def ask(self) -> Answer:
        """See `Probe`."""
        client = await self._client_for(self._scheme)
        import httpx

        auth = None if self._auth is None else httpx.BasicAuth(self._auth.user, self._auth.password)
        try:
            return await self._get(client, client.build_request("GET", self._url), auth)
        # ValueError: a header or name that the protocol cannot carry.
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Answer(False, describe(error) or _name(error))

    async def _get(
        self, client: "httpx.AsyncClient", request: "httpx.Request", auth: "httpx.BasicAuth | None"
    ) -> Answer:
        for _ in range(REDIRECTS + 1):
            response = await client.send(request, auth=auth, stream=True, follow_redirects=False)
            await response.aclose()
            following = response.next_request
            if following is None:
                return Answer(response.is_success, f"HTTP {response.status_code}")
            if following.url.scheme not in {"http", "https"}:
                return Answer(False, f"redirected to a URL of scheme {following.url.scheme!r}")
            # The next request carries the credentials in its header if, and only if, it goes to the same origin.
            request, auth = following, None
            client = await self._client_for(request.url.scheme)
        return Answer(False, f"more than {REDIRECTS} redirects")

    async def pause(self, waited_s: float) -> None:
        """Sleep for the growing interval."""
        await trio.sleep(growing_interval(waited_s))


def _name(error: Exception) -> str:
    """Name a fault of the conversation by its class; its text may quote the URL."""
    words = {
        "RemoteProtocolError": "the answer is not HTTP, or was cut off",
        "ReadError": "the connection broke",
        "WriteError": "the connection broke",
        "ConnectError": "cannot connect",
    }
    return words.get(type(error).__name__, f"no usable answer ({type(error).__name__})")
