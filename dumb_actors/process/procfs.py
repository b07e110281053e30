"""
Readers of `/proc`: small, without state, and never surprised that a process is gone.

Whatever cannot be read (ended meanwhile, another user's, hidden by the mount) is answered like something that is not
there: a caller that must tell these apart has to ask the kernel in another way.
"""

import os
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "MARKER_NAME",
    "ProcStat",
    "all_pids",
    "boot_id",
    "children_are_listed",
    "children_of",
    "command_of",
    "has_marker",
    "holds_file",
    "is_executing",
    "main_thread_children",
    "marker_of",
    "open_files",
    "read_stat",
]

MARKER_NAME = "DUMB_ACTORS_MARKER"
"""Name of the environment variable that carries a generation's marker."""


class ProcStat(NamedTuple):
    """
    The fields of `/proc/PID/stat` that we use.

    Attributes:
        pid, ppid, pgid, session: As of now; all but the pid may change.

        start_ticks: Start of the process in clock ticks since boot. With the pid it names one process for ever.

        state: One letter; `Z` for a zombie, `D` for a sleep that no signal ends.

        comm: Name of the program, at most 15 bytes, undecodable bytes replaced.
    """

    pid: int
    ppid: int
    pgid: int
    session: int
    start_ticks: int
    state: str
    comm: str

    @property
    def identity(self) -> tuple[int, int]:
        """Pid and start ticks: a pid alone is not an identity, numbers come round again."""
        return self.pid, self.start_ticks

    @property
    def is_dead(self) -> bool:
        """Whether only the exit status is left of it."""
        return self.state in {"Z", "X", "x"}


def _read(path: str) -> bytes | None:
    # A process that ends between open() and read() gives ESRCH, a hidden one EACCES or ENOENT.
    try:
        return Path(path).read_bytes()
    except OSError:
        return None


def read_stat(pid: int) -> ProcStat | None:
    """
    Give the state of process *pid*, a zombie's included.

    Returns:
        None when there is no such process or we may not see it.

    Source: proc(5). The name stands in parentheses and may itself contain spaces and parentheses, which is why the
    *last* closing one ends it.
    """
    raw = _read(f"/proc/{pid}/stat")
    if raw is None:
        return None
    head, _, tail = raw.rpartition(b")")
    _, _, comm = head.partition(b"(")
    fields = tail.split()
    if len(fields) < 20:
        return None
    return ProcStat(
        pid=pid,
        ppid=int(fields[1]),
        pgid=int(fields[2]),
        session=int(fields[3]),
        start_ticks=int(fields[19]),
        state=fields[0].decode("ascii", "replace"),
        comm=comm.decode("utf-8", "replace"),
    )


def children_of(pid: int) -> list[int]:
    """
    List the direct children of *pid*, zombies included, whichever of its threads made them; empty when it is gone.

    Source: proc(5), `/proc/PID/task/TID/children`; the list may miss one while others come and go, so whoever must
    have all of them reads again.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208  # names are all we need, and often
    except OSError:
        return []
    found: list[int] = []
    for thread in threads:
        found.extend(int(word) for word in (_read(f"/proc/{pid}/task/{thread}/children") or b"").split())
    return found


def children_are_listed() -> bool:
    """Tell whether this kernel has the children files (CONFIG_PROC_CHILDREN; gVisor has not)."""
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def main_thread_children() -> list[int]:
    """
    List the children of this process that hang on its main thread, zombies included.

    The kernel hands orphans to the first living thread of the sub-reaper, and that is the main one; what a living
    `Spawner` thread forked hangs on that thread and is not listed.

    Source: `find_new_reaper` and `find_alive_thread` in the kernel's `kernel/exit.c`.
    """
    own = os.getpid()
    return [int(word) for word in (_read(f"/proc/self/task/{own}/children") or b"").split()]


def all_pids() -> list[int]:
    """List every process that can be seen. Some milliseconds for some hundred: not for the event loop."""
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208  # as above


def command_of(pid: int) -> str:
    """
    Give the command line of *pid* for display, arguments joined by spaces.

    Returns:
        `[comm]` for a zombie or a kernel thread, which have no command line; `?` when the process is gone.
    """
    words = (_read(f"/proc/{pid}/cmdline") or b"").rstrip(b"\0").split(b"\0")
    text = b" ".join(words).decode("utf-8", "replace").strip()
    if text:
        return text
    stat = read_stat(pid)
    return f"[{stat.comm}]" if stat is not None else "?"


def boot_id() -> str:
    """Give the id of this boot of the machine; empty where the kernel does not tell."""
    return (_read("/proc/sys/kernel/random/boot_id") or b"").decode("ascii", "replace").strip()


def is_executing(pid: int) -> bool:
    """
    Tell whether *pid* is in the middle of an exec, when it has no command line and no environment for an instant.

    Meant for living processes with a program: a zombie or a kernel thread answers True as well.
    """
    return not _read(f"/proc/{pid}/cmdline") and not _read(f"/proc/{pid}/environ")


def marker_of(pid: int) -> str | None:
    """Give the marker in the environment that *pid* was started with; None without one or when it is unreadable."""
    prefix = f"{MARKER_NAME}=".encode()
    for entry in (_read(f"/proc/{pid}/environ") or b"").split(b"\0"):
        if entry.startswith(prefix):
            return os.fsdecode(entry[len(prefix) :])
    return None


def has_marker(pid: int, marker: str) -> bool:
    """
    Tell whether *pid* carries *marker* in its environment.

    False also when the environment is unreadable or was wiped by the program (PostgreSQL and Valkey do), so False
    proves nothing.
    """
    return marker_of(pid) == marker


def open_files(pid: int) -> frozenset[str]:
    """Give the paths that *pid* holds open, as the kernel spells them; empty when they cannot be read."""
    directory = f"/proc/{pid}/fd"
    found: set[str] = set()
    try:
        names = os.listdir(directory)  # noqa: PTH208  # as above
    except OSError:
        return frozenset()
    for name in names:
        try:
            found.add(os.readlink(f"{directory}/{name}"))  # noqa: PTH115  # a Path would tidy the text up
        except OSError:  # closed meanwhile
            continue
    return frozenset(found)


def holds_file(pid: int, path: str) -> bool:
    """Tell whether *pid* has *path* (absolute, without symbolic links) open; False when that cannot be read."""
    return path in open_files(pid)
