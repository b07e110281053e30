"""Find the supervisor and talk to its REST API: the one place that knows HTTP on the client's side."""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import attrs

from dumb_actors.cli.paint import FAILED, MISUSED
from dumb_actors.cli.rootfiles import ApiFile, read_api
from dumb_actors.config.root import Root
from dumb_actors.errors import ApiUnreachable, RequestError

if TYPE_CHECKING:
    import httpx

__all__ = ["Answered", "Api", "LogReply", "find_api", "find_service", "services_in"]

Service = Mapping[str, Any]
"""The state of one service as `GET /status` gives it."""

_QUICK_S = 10.0


class Answered(RequestError):
    """
    The supervisor answered with an error.

    Attributes:
        status: Of HTTP.

        body: The answer, an object; empty when it was none.
    """

    code = "answered"

    def __init__(self, status: int, text: str, body: Mapping[str, Any]) -> None:
        self.status = status
        self.body = body
        super().__init__(text, status=status)

    @property
    def exit_code(self) -> int:
        """What a shell is told: bad use for what was asked wrongly, else failed."""
        is_misuse = self.status in {400, 403, 404, 405, 421, 422} or self.body.get("code") == "refused"
        return MISUSED if is_misuse else FAILED


@attrs.frozen
class Api:
    """
    A supervisor's API.

    Attributes:
        url: `http(s)://HOST:PORT`, maybe with a path, or `unix:PATH`.

        file: What `api.json` says of it; None when the URL was given otherwise.
    """

    url: str
    file: ApiFile | None = None

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, timeout: float = _QUICK_S) -> Any:
        """
        Ask for *path*, waiting *timeout* seconds for each step of the answer.

        Returns:
            The JSON of the answer.

        Raises:
            ApiUnreachable: Nobody answers.

            Answered: With an error.
        """
        return self._request("GET", path, params=params, timeout=timeout)

    def post(self, path: str, body: Mapping[str, Any], *, timeout: float | None = _QUICK_S) -> Any:
        """Send *body* to *path*, waiting *timeout* seconds for the answer (None: for ever); else as `get`."""
        return self._request("POST", path, json=body, timeout=timeout)

    def _request(self, method: str, path: str, *, timeout: float | None, **how: Any) -> Any:
        import httpx

        limits = httpx.Timeout(timeout, connect=_QUICK_S if timeout is None else min(timeout, _QUICK_S))
        with self._reach(), self._open(limits) as http:
            answer = http.request(method, path, **how)
        return _judge(answer)

    def services(self, *, timeout: float = _QUICK_S) -> list[Service]:
        """Ask for the state of every service, in the order of the configuration; raises as `get` does."""
        return services_in(self.overview(timeout=timeout))

    def overview(self, *, timeout: float = _QUICK_S) -> dict[str, Any]:
        """Ask for everything that `GET /status` tells; raises as `get` does."""
        answer = self.get("/status", timeout=timeout)
        if not isinstance(answer, dict) or "services" not in answer:
            raise ApiUnreachable(f"what answers at {self.url} is no dumb-actors supervisor")
        return answer

    def get_log(self, name: str, params: Mapping[str, Any]) -> Any:
        """Ask for lines of a service's log as JSON; raises as `get` does."""
        return self.get(_log_of(name), params)

    @contextmanager
    def stream_log(self, name: str, params: Mapping[str, Any]) -> Iterator["LogReply"]:
        """Open the output of a service for the length of a block; raises as `get` does."""
        import httpx

        limits = httpx.Timeout(_QUICK_S, read=None)
        with (
            self._reach(),
            self._open(limits) as http,
            http.stream("GET", _log_of(name), params=dict(params)) as answer,
        ):
            if answer.status_code >= 400:
                answer.read()
                _judge(answer)
            yield LogReply(answer)

    @contextmanager
    def stream_events(self, after: int | None) -> Iterator[Iterator[str]]:
        """
        Open the stream of events for the length of a block; raises as `get` does.

        Args:
            after: Go on after the event with this number; None: begin with the present state.

        Returns:
            The lines of the event stream.
        """
        import httpx

        headers = {"Accept": "text/event-stream", **({} if after is None else {"Last-Event-ID": str(after)})}
        limits = httpx.Timeout(_QUICK_S, read=None)
        with self._reach(), self._open(limits) as http, http.stream("GET", "/events", headers=headers) as answer:
            if answer.status_code >= 400:
                answer.read()
                _judge(answer)
            yield answer.iter_lines()

    def _open(self, timeout: "httpx.Timeout") -> "httpx.Client":
        import httpx

        # No proxies: the API is on this machine. Loading certificates takes 50 ms: only for https.
        common: dict[str, Any] = {"timeout": timeout, "trust_env": False}
        if self.url.startswith("unix:"):
            transport = httpx.HTTPTransport(uds=self.url.removeprefix("unix:"))
            return httpx.Client(base_url="http://localhost", transport=transport, **common)
        return httpx.Client(base_url=self.url, verify=self.url.startswith("https:"), **common)

    @contextmanager
    def _reach(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.ReadTimeout:
            raise ApiUnreachable(f"the supervisor at {self.url} does not answer in time") from None
        except httpx.TransportError as error:
            # Nobody listens: that is another thing than a connection that broke.
            is_refused = isinstance(error, httpx.ConnectError)
            raise ApiUnreachable(self._explain(error), refused=is_refused) from None

    def _explain(self, error: Exception) -> str:
        text = f"no supervisor answers at {self.url}: {error}"
        pid = self.file.visible_pid if self.file is not None else None
        if pid is not None and not os.path.exists(f"/proc/{pid}"):  # noqa: PTH110  (no path of a user)
            return f"{text}\nits process {pid} has ended; start one with `dumb-actors up`"
        return text


class LogReply:
    """
    A log as it comes.

    Attributes:
        headers: Of the answer, by lower-case name.

        socket: That it comes from.
    """

    def __init__(self, answer: "httpx.Response") -> None:
        self._answer = answer
        self.headers: Mapping[str, str] = answer.headers
        stream = answer.extensions.get("network_stream")
        self.socket = stream.get_extra_info("socket") if stream is not None else None

    @property
    def pieces(self) -> Iterator[bytes]:
        """What it is made of, byte for byte."""
        return self._answer.iter_raw()

    def lines(self) -> Iterator[str]:
        """Give the lines of an event stream."""
        return self._answer.iter_lines()


def _log_of(name: str) -> str:
    return f"/logs/{quote(name, safe='')}"


def _judge(answer: "httpx.Response") -> Any:
    try:
        body = answer.json() if answer.content else {}
    except ValueError:
        body = {}
    if answer.status_code < 400:
        return body
    body = body if isinstance(body, dict) else {}
    raise Answered(answer.status_code, _words(body.get("detail"), answer), body)


def _words(detail: Any, answer: "httpx.Response") -> str:
    if isinstance(detail, str):
        return detail
    if isinstance(detail, list):  # a list of faults, each with a place and a message
        faults = [entry for entry in detail if isinstance(entry, dict)]
        return "\n".join(f"{'.'.join(map(str, fault.get('loc', ())))}: {fault.get('msg', '')}" for fault in faults)
    return f"the supervisor answered {answer.status_code} {answer.reason_phrase}"


def find_api(url: str | None, root: Root) -> Api:
    """
    Find the supervisor: by *url* when given, else by what the one on *root* left in its `api.json`.

    Raises:
        ApiUnreachable: There is no such file: no supervisor runs on this root.

        RequestError: The URL is none that we can use.
    """
    if url:
        return Api(_check_url(url))
    found = read_api(root)
    if found is None:
        raise ApiUnreachable(
            f"no supervisor runs on {root.path}\n"
            "start one with `dumb-actors up`, or say which with --root, --url or DUMB_ACTORS_URL"
        )
    return Api(found.url, found)


def _check_url(url: str) -> str:
    if url.startswith("unix:"):
        path = url.removeprefix("unix:")
        if not os.path.exists(path) or not stat.S_ISSOCK(os.stat(path).st_mode):  # noqa: PTH110, PTH116  (text, not Path)
            raise ApiUnreachable(f"no supervisor answers at {url}: there is no socket")
        return url
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise RequestError(f"the URL must be http://HOST:PORT or unix:PATH, not {url!r}", url=url)
    return url.rstrip("/")


def services_in(overview: Mapping[str, Any]) -> list[Service]:
    """Give the services in what `GET /status` told."""
    found = overview["services"]
    return list(found.values()) if isinstance(found, dict) else list(found)


def find_service(name: str, services: list[Service]) -> Service | None:
    """Find the service that *name* means: exactly, else without regard to case and spaces."""
    from dumb_actors.model.names import find_name

    found = find_name(name, [str(service["process_name"]) for service in services])
    return next((service for service in services if service["process_name"] == found), None)
