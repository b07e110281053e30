"""
The sockets that the API listens on, bound before anything of the web stack is imported.

A port that is taken is thus known before the first service starts. Imports nothing but the standard library and our
errors.
"""

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dumb_actors import HostError, PortTaken, Refused, UnusablePath

__all__ = ["BoundSocket", "bind"]

BACKLOG = 512
UNIX_PATH_LIMIT = 107
NOT_OURS = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM})
WORDS = {errno.EADDRINUSE: "it is in use by another program", errno.EADDRNOTAVAIL: "this machine has no such address"}


class BoundSocket:
    """
    A listening socket; a context manager that closes it. Connections queue from the moment it exists.

    Attributes:
        address: As given.

        url: Where clients find it: `http://127.0.0.1:8000`, with the real port, or `unix:/absolute/path`.

        socket: The listening socket, not blocking, not inherited by children.

        path: The file of a unix socket, absolute; None for TCP.
    """

    def __init__(self, address: str, url: str, sock: socket.socket, path: Path | None = None) -> None:
        self.address = address
        self.url = url
        self.socket = sock
        self.path = path
        self._inode = path.stat().st_ino if path is not None else None

    def close(self) -> None:
        """Close the socket, and remove the file of a unix socket unless somebody put another one there."""
        self.socket.close()
        path, self.path = self.path, None
        if path is not None:
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == self._inode:
                    path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


def bind(address: str) -> BoundSocket:
    """
    Listen on *address*. Blocking, for a moment.

    Args:
        address: `HOST:PORT`, an IPv6 address in brackets, port 0 for a free one; or `unix:PATH`. The file of a unix
            socket gets mode 0600; one that was left behind, with nobody answering, is replaced.

    Raises:
        Refused: *address* is none, or its host is not on loopback.

        PortTaken: It is in use, or not ours to use; `.detail` has `address` and `errno`.

        UnusablePath: The directory of the unix socket cannot be used.

        HostError: Any other failure of the machine.
    """
    if address.startswith("unix:"):
        return _bind_unix(address, Path(address.removeprefix("unix:")))
    host, port = _split(address)
    family, where = _resolve(address, host, port)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _listen(sock, address, where)
    except BaseException:
        sock.close()
        raise
    name, port = sock.getsockname()[:2]
    return BoundSocket(address, f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}", sock)


# --- TCP --------------------------------------------------------------------------------------------------------------


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise Refused(f"{address!r}: an IPv6 address goes in brackets, [::1]:8000", address=address)
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise Refused(f"{address!r} is no address to listen on; give HOST:PORT or unix:PATH", address=address)
    return host, int(port)


def _resolve(address: str, host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """Give family and socket address; all that *host* stands for must be on loopback."""
    if host in {"", "*"}:
        raise _beyond_loopback(address)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostError(f"cannot listen on {address}: {host!r} is not known here ({error})", address=address) from error
    if not all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_loopback for entry in found):
        raise _beyond_loopback(address)
    # IPv4 first: what `localhost` means to most clients.
    family, _, _, _, where = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, where


def _beyond_loopback(address: str) -> Refused:
    return Refused(
        f"{address} can be reached from other machines; that needs sign-in, which this version does not have. Listen on"
        " 127.0.0.1 and put a reverse proxy with sign-in on this machine before it, or use an ssh tunnel"
        " (ssh -L 8000:127.0.0.1:8000 HOST)",
        address=address,
    )


def _listen(sock: socket.socket, address: str, where: Any) -> None:
    try:
        sock.bind(where)
        sock.listen(BACKLOG)
    except OSError as error:
        why = WORDS.get(error.errno or 0, error.strerror or str(error))
        kind = PortTaken if error.errno in NOT_OURS else HostError
        raise kind(f"cannot listen on {address}: {why}", address=address, errno=error.errno) from error
    sock.setblocking(False)


# --- unix -------------------------------------------------------------------------------------------------------------


def _bind_unix(address: str, path: Path) -> BoundSocket:
    path = path.absolute()
    if address == "unix:" or "\0" in address:
        raise Refused(f"{address!r} names no file; give unix:PATH", address=address)
    if len(os.fsencode(path)) > UNIX_PATH_LIMIT:
        text = f"cannot listen on {address}: the path is longer than {UNIX_PATH_LIMIT} bytes"
        raise HostError(text, address=address, errno=errno.ENAMETOOLONG)
    if not path.parent.is_dir():
        error = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        raise UnusablePath(str(path.parent), "cannot listen in the directory", error)
    _remove_stale(address, path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the file the mode of the socket: 0600 from its first moment, without touching the process's umask.
        os.fchmod(sock.fileno(), 0o600)
        _listen(sock, address, str(path))
        return BoundSocket(address, f"unix:{path}", sock, path)
    except BaseException:
        sock.close()
        raise


def _remove_stale(address: str, path: Path) -> None:
    """Remove a socket file that nobody listens on any more."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        text = f"cannot listen on {address}: there is a file of that name which is no socket"
        raise PortTaken(text, address=address, errno=errno.EEXIST)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(1.0)
        try:
            caller.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except FileNotFoundError:
            return
        except OSError:
            pass  # a full queue or no permission: somebody is there
    raise PortTaken(
        f"cannot listen on {address}: it is in use by another program", address=address, errno=errno.EADDRINUSE
    )
