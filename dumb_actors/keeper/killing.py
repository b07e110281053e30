"""
Ends the trees of services whose supervisor was killed: SIGKILL to all at once, then looks until nobody is found.

A process is of a tree when it is proved to be: it is the leader by pid and start ticks, is in the leader's session, was
seen to descend from one that is, carries the generation's marker, or holds its FIFO. Nobody else is signalled.

Nothing but the standard library here: this runs in the keeper.
"""

# One name for one system call: pathlib would hide which.
# ruff: noqa: PTH123

# The part of `signal` that is written in C: the other one adds names, and imports `enum`.
import _signal as signal  # type: ignore[import-not-found]
import contextlib
import os
import select
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from dumb_actors.keeper.plainjson import loads
from dumb_actors.process import procfs
from dumb_actors.process.procfs import ProcStat

__all__ = ["Tree", "end_trees"]

TIMEOUT_S = 3.0
WAIT_S = 0.1
BATCH = 200
CLEAN_LOOKS = 2


class Tree(NamedTuple):
    """
    One generation's processes.

    Attributes:
        fifo: Absolute path of its output, without symbolic links.

        pid, start_ticks: Of the leader, which began its session; 0: not known.

        marker: Stands in the environment; empty: not known.

        cgroup: Directory of its control group; None: it has none.
    """

    fifo: str
    pid: int = 0
    start_ticks: int = 0
    marker: str = ""
    cgroup: str | None = None


def end_trees(
    trees: Iterable[Tree], run_dir: str, say: Callable[[str], None], *, timeout_s: float = TIMEOUT_S
) -> list[int]:
    """
    End every process of *trees*. Blocks until that is done, at most about *timeout_s* seconds.

    Args:
        run_dir: Where a supervisor of the same root says who it is: it opens the FIFOs, and is not meant.

        say: Called with a line for each process that cannot be ended.

    Returns:
        The pids of those that are left.
    """
    ending = _Ending(tuple(trees), run_dir)
    deadline = time.monotonic() + timeout_s
    ending.strike()
    clean = 0
    while clean < CLEAN_LOOKS and time.monotonic() < deadline:
        clean = 0 if ending.look(deadline) else clean + 1
    for stat in ending.left():
        say(f"left: pid {stat.pid} ({stat.comm}), state {stat.state}")
    return [stat.pid for stat in ending.left()]


class _Ending:
    def __init__(self, trees: tuple[Tree, ...], run_dir: str) -> None:
        self._trees = trees
        self._run_dir = run_dir
        self._fifos = {tree.fifo for tree in trees}
        self._markers = {tree.marker for tree in trees if tree.marker}
        self._prefixes = tuple(f"{marker}." for marker in self._markers)
        self._sessions: set[int] = set()
        self._known: set[tuple[int, int]] = set()
        self._refused: set[tuple[int, int]] = set()

    def strike(self) -> None:
        """SIGKILL to every group and control group, after a look at who descends from the leaders: it cuts the ties."""
        table = _table()
        proved = [tree for tree in self._trees if _is_proved(tree, table)]
        self._sessions = {tree.pid for tree in proved}
        leaders = {tree.pid: table[tree.pid] for tree in proved}
        self._known = {stat.identity for stat in _with_descendants(leaders, table).values()}
        for tree in proved:
            # Looked at again, for the walk took some milliseconds. A zombie holds its group's number as well.
            stat = procfs.read_stat(tree.pid)
            if stat is not None and stat.start_ticks == tree.start_ticks and stat.pgid == tree.pid:
                with contextlib.suppress(OSError):
                    os.killpg(tree.pid, signal.SIGKILL)
        for tree in self._trees:
            if tree.cgroup is not None:
                with contextlib.suppress(OSError), open(f"{tree.cgroup}/cgroup.kill", "wb", buffering=0) as file:
                    file.write(b"1")

    def look(self, deadline: float) -> bool:
        """Kill whoever can be seen now, and wait for the ends; tell whether there was anybody."""
        found = [stat for stat in self._living() if stat.identity not in self._refused]
        for start in range(0, len(found), BATCH):
            self._end(found[start : start + BATCH], deadline)
        return bool(found)

    def left(self) -> list[ProcStat]:
        """Give who lives all the same."""
        return [stat for pid, ticks in self._known if (stat := _living(pid, ticks)) is not None]

    def _living(self) -> list[ProcStat]:
        table = _table()
        spared = self._spared(table)
        claimed = {pid: stat for pid, stat in table.items() if pid not in spared and self._claims(stat)}
        members = _with_descendants(claimed, table)
        found = [stat for pid, stat in members.items() if pid not in spared and not stat.is_dead]
        self._known.update(stat.identity for stat in found)
        return found

    def _claims(self, stat: ProcStat) -> bool:
        # Who began a session may bear a reused number; who is in one without having begun it inherited it.
        if stat.identity in self._known or (stat.session in self._sessions and stat.pid != stat.session):
            return True
        if stat.is_dead:
            return False
        marker = procfs.marker_of(stat.pid)
        if marker is not None and (marker in self._markers or marker.startswith(self._prefixes)):
            return True
        return not self._fifos.isdisjoint(procfs.open_files(stat.pid))

    def _spared(self, table: dict[int, ProcStat]) -> set[int]:
        """Give ourselves, and the supervisor that has followed, with what it is about to start: it holds the FIFOs."""
        spared = {os.getpid()}
        follower = _supervisor(self._run_dir, table)
        if follower:
            spared |= {follower, *(pid for pid, stat in table.items() if stat.ppid == follower)}
        return spared

    def _end(self, stats: list[ProcStat], deadline: float) -> None:
        """SIGKILL to exactly these processes, never to another one that got a number of theirs; wait a little."""
        ends = select.poll()
        pidfds: set[int] = set()
        try:
            for stat in stats:
                pidfd = self._kill(stat)
                if pidfd >= 0:
                    pidfds.add(pidfd)
                    ends.register(pidfd, select.POLLIN)
            waiting, until = set(pidfds), min(deadline, time.monotonic() + WAIT_S)
            # One that hangs in the kernel must not keep us from those that it has just forked elsewhere.
            while waiting and (rest := until - time.monotonic()) > 0:
                for pidfd, _ in ends.poll(rest * 1000):
                    ends.unregister(pidfd)
                    waiting.discard(pidfd)
        finally:
            for pidfd in pidfds:
                os.close(pidfd)

    def _kill(self, stat: ProcStat) -> int:
        """Return its pidfd, -1 when it is gone or not ours to kill."""
        try:
            pidfd = os.pidfd_open(stat.pid)
        except OSError:  # gone, or no descriptors left: the next look tries again
            return -1
        try:
            if _living(*stat.identity) is not None:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                return pidfd
        except ProcessLookupError:
            pass
        except PermissionError:  # it runs as somebody else by a set-uid bit
            self._refused.add(stat.identity)
        os.close(pidfd)
        return -1


def _table() -> dict[int, ProcStat]:
    return {stat.pid: stat for pid in procfs.all_pids() if (stat := procfs.read_stat(pid)) is not None}


def _living(pid: int, start_ticks: int) -> ProcStat | None:
    stat = procfs.read_stat(pid)
    return stat if stat is not None and stat.start_ticks == start_ticks and not stat.is_dead else None


def _is_proved(tree: Tree, table: dict[int, ProcStat]) -> bool:
    stat = table.get(tree.pid)
    return stat is not None and stat.start_ticks == tree.start_ticks


def _with_descendants(roots: dict[int, ProcStat], table: dict[int, ProcStat]) -> dict[int, ProcStat]:
    children: dict[int, list[ProcStat]] = {}
    for stat in table.values():
        children.setdefault(stat.ppid, []).append(stat)
    members, waiting = dict(roots), list(roots)
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child.pid not in members:
                members[child.pid] = child
                waiting.append(child.pid)
    return members


def _supervisor(run_dir: str, table: dict[int, ProcStat]) -> int:
    """Give the pid of the supervisor that holds this root now; 0 without one. It says so before it opens a FIFO."""
    try:
        with open(f"{run_dir}/supervisor.json", "rb") as file:
            found = loads(file.read(4096))
        stat = table.get(found["pid"])
        is_meant = (
            found["boot_id"] == procfs.boot_id() and stat is not None and stat.start_ticks == found["start_ticks"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return stat.pid if is_meant and stat is not None and not stat.is_dead else 0
