"""
Who may ask: the rules for `Host`, `Origin` and `Sec-Fetch-Site`, as pure functions of a request's headers.

This API starts programs, and a browser on the same machine can reach it from any page. So the `Host` must be a name
that only this machine answers to (else a page of evil.example could rebind its own name to 127.0.0.1 and be same-origin
with us), and a page must come from an origin we know.

Unix sockets are under the same rules: no browser speaks to one, but a tunnel or proxy in front may carry one's
requests. Clients send `Host: localhost` there, as curl does.

Source: Fetch standard, `Origin` header and CORS protocol; Fetch Metadata, `Sec-Fetch-Site`.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

import attrs

__all__ = ["Policy", "Refusal", "RequestHeaders"]

RequestHeaders = Mapping[str, Sequence[str]]
"""Values by lower-case name, in the order received."""

READING = frozenset({"GET", "HEAD", "OPTIONS"})


@attrs.frozen
class Refusal:
    """Why a request is not answered: a slug and a sentence."""

    code: str
    detail: str


def _normal_hosts(hosts: Iterable[str]) -> frozenset[str]:
    return frozenset(host.strip().casefold() for host in hosts)


def _normal_origins(origins: Iterable[str]) -> frozenset[str]:
    return frozenset(normal for origin in origins if (normal := normal_origin(origin)) is not None)


@attrs.frozen(kw_only=True)
class Policy:
    """
    The rules, with what the configuration adds to loopback.

    Attributes:
        allowed_hosts: Further names for `Host`, any port unless the name has one.

        origins: Further origins, `https://dumb.example`. A `*` allows nothing.
    """

    allowed_hosts: frozenset[str] = attrs.field(default=frozenset(), converter=_normal_hosts)
    origins: frozenset[str] = attrs.field(default=frozenset(), converter=_normal_origins)

    def check(self, method: str, headers: RequestHeaders) -> Refusal | None:
        """Give the reason to refuse a request, None when it may pass."""
        hosts = [*headers.get("host", ()), *headers.get(":authority", ())]
        if not hosts or not all(self.allows_host(host) for host in hosts):
            named = f"the Host {hosts[0][:100]!r}" if hosts else "a request without a Host"
            text = f"{named} is not allowed here: use http://localhost or http://127.0.0.1 with our port"
            return Refusal("forbidden-host", text)
        return self._check_origin(method, headers, hosts[0])

    def _check_origin(self, method: str, headers: RequestHeaders, host: str) -> Refusal | None:
        origins = headers.get("origin", ())
        changes = method not in READING
        for origin in origins:
            if self.allows_origin(origin, host) or (origin == "null" and not changes):
                continue
            hint = "add it to dumb.frontend.origins in the configuration if it is yours"
            return Refusal("forbidden-origin", f"pages of {origin[:100]!r} may not use this API; {hint}")
        if changes and not origins and "cross-site" in headers.get("sec-fetch-site", ()):
            return Refusal("forbidden-origin", "pages of other sites may not change anything here")
        return None

    def allows_host(self, host: str) -> bool:
        """Say whether *host*, a `Host` header's value, is loopback or allowed."""
        host = host.strip().casefold()
        name = _host_name(host)
        return name is not None and (_is_loopback(name) or host in self.allowed_hosts or name in self.allowed_hosts)

    def allows_origin(self, origin: str, host: str) -> bool:
        """Say whether *origin* is on loopback, configured, or our own, which is *host*'s."""
        normal = normal_origin(origin)
        if normal is None:
            return False
        own = {normal_origin(f"http://{host}"), normal_origin(f"https://{host}")}
        return _is_loopback(urlsplit(normal).hostname or "") or normal in self.origins or normal in own


def normal_origin(origin: str) -> str | None:
    """Write *origin* in its one normal form, `scheme://host[:port]` without a default port; None when it is none."""
    try:
        parts = urlsplit(origin.strip())
        port = parts.port
    except ValueError:
        return None
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.path not in {"", "/"}
        or "@" in parts.netloc
    ):
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None and port != default else "")


def _host_name(host: str) -> str | None:
    """Give the name in a `Host` value, without port and brackets; None when it is malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and "@" not in host else None


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # An IPv4 address in IPv6 clothes is nobody's Host header; only newer Pythons call it loopback.
    return address.is_loopback and getattr(address, "ipv4_mapped", None) is None
