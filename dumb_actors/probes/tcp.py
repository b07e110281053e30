"""Readiness of a port: it accepts a connection."""

import socket
import struct

import trio

from dumb_actors.model.spec import Tcp
from dumb_actors.probes.base import Answer, Stateless
from dumb_actors.probes.faults import describe_os
from dumb_actors.probes.loop import growing_interval

__all__ = ["TcpProbe", "make_socket"]

# Close at once with RST, so that no TIME_WAIT holds the port.
NO_LINGER = struct.pack("ii", 1, 0)


def make_socket(family: int, kind: int, protocol: int) -> trio.socket.SocketType:
    """Make the socket of one attempt; a seam for the test of the self-connect."""
    return trio.socket.socket(family, kind, protocol)


class TcpProbe(Stateless):
    """Connects and closes. No event tells of a new listener, so this one asks in growing intervals."""

    def __init__(self, spec: Tcp) -> None:
        self._host = spec.host
        self._port = spec.tcp

    @property
    def what(self) -> str:
        """See `Probe`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port} to accept connections"

    async def ask(self) -> Answer:
        """See `Probe`. Every address of the host is tried in turn."""
        try:
            found = await trio.socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            return Answer(False, describe_os(error))
        except UnicodeError:
            return Answer(False, f"{self._host!r} is no host name")
        answer = Answer(False, "the name has no address")
        for family, kind, protocol, _, address in found:
            answer = await self._connect(family, kind, protocol, address)
            if answer.held:
                break
        return answer

    async def _connect(self, family: int, kind: int, protocol: int, address: object) -> Answer:
        try:
            with make_socket(family, kind, protocol) as sock:
                await sock.connect(address)
                # A connect to a port of the ephemeral range may get that very port as its own and meet itself
                # (TCP simultaneous open): nobody listens, and we would keep the service from binding.
                if sock.getsockname() == sock.getpeername():
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
                    return Answer(False, "nobody listens (the probe had connected to itself)")
        except OSError as error:
            return Answer(False, describe_os(error))
        return Answer(True, "accepts connections")

    async def pause(self, waited_s: float) -> None:
        """Sleep for the growing interval."""
        await trio.sleep(growing_interval(waited_s))
