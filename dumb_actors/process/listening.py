"""Who listens on which TCP port, by one read of the kernel's tables; and which process that is, when it matters."""

import os
from collections.abc import Collection, Iterator

import attrs

from dumb_actors.process import procfs

__all__ = ["Listener", "find_listeners"]

_TABLES = ("/proc/self/net/tcp", "/proc/self/net/tcp6")
# Source: proc_pid_net(5), and TCP_LISTEN in the kernel's include/net/tcp_states.h.
_LISTEN = "0A"
_ANCESTORS = 64


@attrs.frozen(kw_only=True)
class Listener:
    """
    A socket that listens.

    Attributes:
        port: On which port.

        uid: Of the user that it belongs to.

        pid: Of a process that has it; None: not found, as for other users' processes.

        program: Name of its program; empty where the process is not known.

        kin: The numbers of all processes that have it, of their groups and sessions, and of their ancestors.
    """

    port: int
    uid: int
    pid: int | None = None
    program: str = ""
    kin: frozenset[int] = frozenset()


def find_listeners(ports: Collection[int]) -> list[Listener]:
    """
    Find who listens on *ports*, on whatever address.

    Blocks for milliseconds: the open files of every process are looked through, but only where one of *ports* is taken.
    """
    found = [row for table in _TABLES for row in _rows(table) if row[0] in ports]
    if not found:
        return []
    holders = _holders({inode for _, _, inode in found})
    return [_listener(port, uid, holders.get(inode, [])) for port, uid, inode in found]


def _rows(table: str) -> Iterator[tuple[int, int, str]]:
    """Give port, user and inode of every socket in *table* that listens."""
    try:
        with open(table, encoding="ascii", errors="replace") as lines:  # noqa: PTH123 - as in procfs
            for line in lines:
                fields = line.split()
                if len(fields) > 9 and fields[3] == _LISTEN:
                    yield int(fields[1].rpartition(":")[2], 16), int(fields[7]), fields[9]
    except OSError:  # no IPv6, or no /proc
        return


def _holders(inodes: Collection[str]) -> dict[str, list[int]]:
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: dict[str, list[int]] = {}
    for pid in procfs.all_pids():
        for path in procfs.open_files(pid) & wanted.keys():
            found.setdefault(wanted[path], []).append(pid)
    return found


def _listener(port: int, uid: int, pids: list[int]) -> Listener:
    if not pids:
        return Listener(port=port, uid=uid)
    first = procfs.read_stat(pids[0])
    kin = frozenset(number for pid in pids for number in _kin(pid))
    return Listener(port=port, uid=uid, pid=pids[0], program=first.comm if first is not None else "", kin=kin)


def _kin(pid: int) -> Iterator[int]:
    for _ in range(_ANCESTORS):
        stat = procfs.read_stat(pid)
        if stat is None or pid in {0, 1, os.getpid()}:
            return
        yield from (pid, stat.pgid, stat.session)
        pid = stat.ppid
