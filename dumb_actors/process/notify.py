"""
The notification socket of a service: it says by sd_notify that it is ready, what it does, and that it stops.

Source: sd_notify(3). A datagram has lines `NAME=value`; `READY`, `STATUS` and `STOPPING` are understood, all others are
ignored. Descriptors that come along are dropped by the kernel, which is also what answers `BARRIER=1`.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH101, PTH102, PTH106, PTH108, PTH120

import contextlib
import hashlib
import logging
import os
import socket
import stat
import struct
from collections.abc import Callable

import trio

from dumb_actors.errors import UnusablePath
from dumb_actors.process import procfs
from dumb_actors.process.lineage import Family
from dumb_actors.process.procfs import ProcStat

__all__ = ["SOCKET_NAME", "NotifySocket", "socket_path"]

SOCKET_NAME = "NOTIFY_SOCKET"
"""Name of the environment variable that carries the socket's path."""

LONGEST_PATH = 107
"""Bytes of a socket's path that the kernel takes (unix(7))."""

LONGEST_MESSAGE = 4096
LONGEST_STATUS = 200
BATCH = 256
DEEPEST = 64
ATTEMPTS = 10

_CREDENTIALS = struct.Struct("iii")
# Room for credentials and not for descriptors: the kernel closes what does not fit.
_ANCILLARY = socket.CMSG_SPACE(_CREDENTIALS.size)

_log = logging.getLogger(__name__)


def socket_path(run_dir: str, slug: str) -> str:
    """
    Give the path of a service's socket: in *run_dir*, or where that lies too deep, in a directory of ours in `/tmp`.

    It is the same for all generations: there is one at a time, and what a killed supervisor left is replaced.
    """
    name = _digest(slug)
    path = f"{run_dir}/n/{name}"
    if len(os.fsencode(path)) > LONGEST_PATH:
        path = f"/tmp/dumb-actors-{os.geteuid()}-{_digest(run_dir)}/{name}"  # noqa: S108 - its owner is checked
    return path


def _digest(text: str) -> str:
    return hashlib.blake2s(os.fsencode(text), digest_size=8).hexdigest()


class NotifySocket:
    """
    The socket of one generation, and what was said on it; open from the construction on.

    Messages count only from processes of the service. That is looked up when a message is read, so one from a process
    that has ended by then and is not the leader cannot be proved and is ignored; `systemd-notify` waits for that
    reason until it was read.

    Attributes:
        path: Goes into the child's environment as `NOTIFY_SOCKET`.

        is_ready, is_stopping: `READY=1` and `STOPPING=1` came.

        status: The last `STATUS=`, shortened to 200 characters; empty before.

        strangers: How many messages were ignored for their senders.

        news: Set when any of these changes next.
    """

    def __init__(self, path: str, *, service: str) -> None:
        """
        Open the socket; blocks as a file system may.

        Raises:
            UnusablePath: It cannot be made; nothing is left of it.
        """
        self.path = path
        self.is_ready = self.is_stopping = False
        self.status = ""
        self.strangers = 0
        self.news = trio.Event()
        self._service = service
        self._socket = _bind(path)
        self._turn = trio.Lock()
        self._refused: tuple[int, int] | None = None
        self._is_open = True

    async def attend(self, family: Family, tell: Callable[[str], None]) -> None:
        """
        Read until cancelled, so that a service that says much is never held up.

        Args:
            family: Whose messages count.

            tell: Called with each new status, or `stopping`; of many that wait already only with the last.

        Cancellation: what is there is read and told first, without waiting: the last words of a service that has
        ended count too. Others that call this wait for their turn.
        """
        try:
            self._turn.acquire_nowait()  # without a checkpoint: also when it is cancelled already, it reads
        except trio.WouldBlock:
            await self._turn.acquire()
        try:
            while True:
                await trio.lowlevel.wait_readable(self._socket)
                self._read(family, tell)
        except trio.Cancelled:
            self._read(family, tell)
            raise
        finally:
            self._turn.release()

    def close(self) -> None:
        """Close and unlink the socket. Idempotent; to be called within Trio."""
        if not self._is_open:
            return
        self._is_open = False
        trio.lowlevel.notify_closing(self._socket)
        self.discard()

    def discard(self) -> None:
        """Close and unlink a socket that was never attended to; works in any thread."""
        self._is_open = False
        self._socket.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)
            os.rmdir(os.path.dirname(self.path))  # the last one out

    def _read(self, family: Family, tell: Callable[[str], None]) -> None:
        """Take what waits, within limits: other tasks are to have their turn."""
        strangers, known = self.strangers, {family.leader: True}
        said: str | None = None
        was_ready = self.is_ready
        for _ in range(BATCH):
            try:
                raw, ancillary, flags, _ = self._socket.recvmsg(LONGEST_MESSAGE, _ANCILLARY)
            except BlockingIOError:
                break
            pid = _sender(ancillary)
            if pid not in known:
                known[pid] = self._belongs(pid, family)
            if not known[pid]:
                self.strangers += 1
            elif not flags & socket.MSG_TRUNC:
                new = self._take(raw)
                said = said if new is None else new
        if said is not None:
            tell(said)
        if said is not None or self.is_ready != was_ready or self.strangers != strangers:
            self.news.set()
            self.news = trio.Event()

    def _take(self, raw: bytes) -> str | None:
        """Note what one message says; return what is to be told of it."""
        said: str | None = None
        for line in raw.decode(errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name == "READY" and value == "1":
                self.is_ready = True
            elif name == "STOPPING" and value == "1":
                self.is_stopping = True
                said = said or "stopping"
            elif name == "STATUS":
                said = self.status = _shown(value)
        return said

    def _belongs(self, pid: int, family: Family) -> bool:
        sender = procfs.read_stat(pid) if pid > 0 else None
        # The latest stranger is remembered: one that floods the socket is not to cost a long look for each message.
        if sender is not None and sender.identity != self._refused and is_of(sender, family):
            return True
        if self.strangers == 0:
            reason = "it is no process of the service" if sender is not None else "it had ended before it was looked up"
            facts = {"service": self._service, "pid": pid, "command": procfs.command_of(pid), "reason": reason}
            _log.warning("notify.stranger_ignored", extra=facts)
        self._refused = sender.identity if sender is not None else self._refused
        return False


def is_of(sender: ProcStat, family: Family) -> bool:
    """Tell whether a process other than the leader is of its family: of its group or session, below it, or marked."""
    if sender.pgid == family.leader or family.recognises(sender):
        return True
    above: ProcStat | None = sender
    for _ in range(DEEPEST):
        if above is None:
            return False
        if above.ppid == family.leader or family.claims(above):
            # From now on it is known, whatever becomes of those between.
            family.note(sender)
            return True
        above = procfs.read_stat(above.ppid) if above.ppid > 1 else None
    return False


def _sender(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS and len(value) >= _CREDENTIALS.size:
            return int(_CREDENTIALS.unpack_from(value)[0])
    return 0


def _shown(value: str) -> str:
    text = "".join(char if char.isprintable() else " " for char in value).strip()
    return text if len(text) <= LONGEST_STATUS else text[: LONGEST_STATUS - 1] + "…"


def _bind(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        # Before the name is there, so that no message comes without its sender.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        _bind_to(made, path)
        # A service may run as another user; who sent a message is checked for each.
        os.chmod(path, 0o666)  # noqa: S103
    except OSError as error:
        made.close()
        raise UnusablePath(path, "cannot make the notification socket", error) from error
    return made


def _bind_to(made: socket.socket, path: str) -> None:
    for attempt in range(ATTEMPTS):
        _make_directory(os.path.dirname(path))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        try:
            made.bind(path)
        except FileNotFoundError:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return


def _make_directory(path: str) -> None:
    """Make the directory; it may be passed through by others, not listed. In `/tmp` it could be somebody else's."""
    # Not found: the last socket in it was just closed, and took the directory away. The bind will tell.
    with contextlib.suppress(FileExistsError, FileNotFoundError):
        os.mkdir(path, 0o711)
        os.chmod(path, 0o711)  # noqa: S103 - whatever the umask is
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(13, "it is not a directory of ours", path)
