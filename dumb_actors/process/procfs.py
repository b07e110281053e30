"""
Readers of `/proc`: small, without state, and never surprised that a process is gone.

Whatever cannot be read (ended meanwhile, another user's, hidden by the mount) is answered like something that is not
there: a caller that must tell these apart has to ask the kernel in another way.

Only `os` is imported: a small process of its own uses this, and `typing` or `pathlib` would be a fifth of its memory.
"""

# A Path object for each file would cost more than the reading of it, and tidy up what the kernel says.
# ruff: noqa: PTH110, PTH115, PTH208

import os

__all__ = [
    "MARKER_NAME",
    "ProcStat",
    "all_pids",
    "boot_id",
    "children_are_listed",
    "children_of",
    "command_of",
    "environment_of",
    "has_marker",
    "holds_file",
    "is_executing",
    "main_thread_children",
    "marker_of",
    "open_files",
    "pids_in",
    "read_stat",
    "start_ticks_of",
    "written_files",
]

MARKER_NAME = "DUMB_ACTORS_MARKER"
"""Name of the environment variable that carries a generation's marker."""

_PIECE_BYTES = 64 * 1024


class ProcStat:
    """
    The fields of `/proc/PID/stat` that we use.

    Attributes:
        pid, ppid, pgid, session: As of now; all but the pid may change.

        start_ticks: Start of the process in clock ticks since boot. With the pid it names one process for ever.

        state: One letter; `Z` for a zombie, `D` for a sleep that no signal ends.

        comm: Name of the program, at most 15 bytes, undecodable bytes replaced.

        exit_status: Of a zombie, as wait(2) has it; 0 as well where we may not know it.
    """

    __slots__ = ("comm", "exit_status", "pgid", "pid", "ppid", "session", "start_ticks", "state")

    def __init__(
        self,
        *,
        pid: int,
        ppid: int,
        pgid: int,
        session: int,
        start_ticks: int,
        state: str,
        comm: str,
        exit_status: int = 0,
    ) -> None:
        self.pid = pid
        self.ppid = ppid
        self.pgid = pgid
        self.session = session
        self.start_ticks = start_ticks
        self.state = state
        self.comm = comm
        self.exit_status = exit_status

    def __repr__(self) -> str:
        return f"<{self.comm!r} pid {self.pid} of {self.ppid}, group {self.pgid}, session {self.session}, {self.state}>"

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
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        whole = piece = os.read(descriptor, _PIECE_BYTES)
        while piece:
            piece = os.read(descriptor, _PIECE_BYTES)
            whole += piece
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return whole


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
        exit_status=int(fields[49]) if len(fields) > 49 else 0,
    )


def start_ticks_of(pid: int) -> int:
    """Give when *pid* was started, in clock ticks since boot; 0 when it cannot be seen. Half the price of the rest."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        # The kernel gives all of it at once: some 300 bytes.
        raw = os.read(descriptor, 4096)
    except OSError:
        return 0
    finally:
        os.close(descriptor)
    fields = raw[raw.rfind(b")") + 1 :].split(None, 20)
    return int(fields[19]) if len(fields) > 19 else 0


def children_of(pid: int) -> list[int]:
    """
    List the direct children of *pid*, zombies included, whichever of its threads made them; empty when it is gone.

    Source: proc(5), `/proc/PID/task/TID/children`; the list may miss one while others come and go, so whoever must
    have all of them reads again.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    found: list[int] = []
    for thread in threads:
        found.extend(int(word) for word in (_read(f"/proc/{pid}/task/{thread}/children") or b"").split())
    return found


def children_are_listed() -> bool:
    """Tell whether this kernel has the children files (CONFIG_PROC_CHILDREN; gVisor has not)."""
    return os.path.exists(f"/proc/self/task/{os.getpid()}/children")


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
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def pids_in(cgroup: str) -> list[int]:
    """List the processes in the control group whose directory is *cgroup*; empty when it cannot be read."""
    return [int(word) for word in (_read(f"{cgroup}/cgroup.procs") or b"").split() if word != b"0"]


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


def environment_of(pid: int) -> dict[str, str]:
    """Give the environment that *pid* was started with; empty when it is unreadable or was wiped by the program."""
    pairs = (entry.partition(b"=") for entry in (_read(f"/proc/{pid}/environ") or b"").split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, equals, value in pairs if equals}


def marker_of(pid: int) -> str | None:
    """Give the marker in the environment that *pid* was started with; None without one or when it is unreadable."""
    prefix = f"{MARKER_NAME}=".encode()
    raw = _read(f"/proc/{pid}/environ") or b""
    start = 0 if raw.startswith(prefix) else raw.find(b"\0" + prefix) + 1
    if not raw.startswith(prefix, start):
        return None
    end = raw.find(b"\0", start)
    return os.fsdecode(raw[start + len(prefix) : end if end >= 0 else len(raw)])


def has_marker(pid: int, marker: str) -> bool:
    """
    Tell whether *pid* carries *marker* in its environment.

    False also when the environment is unreadable or was wiped by the program (PostgreSQL and Valkey do), so False
    proves nothing.
    """
    return marker_of(pid) == marker


def open_files(pid: int) -> frozenset[str]:
    """Give the paths that *pid* holds open, as the kernel spells them; empty when they cannot be read."""
    # By readlink, never by stat: that would ask the file system, which may hang.
    return frozenset(path for _, path in _links(pid))


def written_files(pid: int, under: str = "/") -> dict[str, bool]:
    """
    Give the paths from *under* on that *pid* has open for writing, and whether they were meant for it.

    Returns:
        For each path, True when a descriptor of it outlives an exec: somebody passed it on. False when all of them are
        closed at an exec: so it is with us, and with what was forked from us and has not reached its exec.
    """
    found: dict[str, bool] = {}
    for name, path in _links(pid):
        flags = _flags(f"/proc/{pid}/fdinfo/{name}") if path.startswith(under) else 0
        if flags & os.O_ACCMODE:
            found[path] = found.get(path, False) or not flags & os.O_CLOEXEC
    return found


def holds_file(pid: int, path: str) -> bool:
    """
    Tell whether *pid* has *path* (absolute, without symbolic links) open for writing, and was meant to.

    False when that cannot be read, and when the path was unlinked meanwhile, for it may name another file by now.
    """
    return written_files(pid, path).get(path, False)


def _links(pid: int) -> list[tuple[str, str]]:
    directory = f"/proc/{pid}/fd"
    found: list[tuple[str, str]] = []
    try:
        names = os.listdir(directory)
    except OSError:
        return found
    for name in names:
        try:
            found.append((name, os.readlink(f"{directory}/{name}")))
        except OSError:  # closed meanwhile
            continue
    return found


def _flags(path: str) -> int:
    """Read the flags of an open file, close-on-exec among them (proc(5)); 0 when it was closed meanwhile."""
    _, _, tail = (_read(path) or b"").partition(b"flags:")
    words = tail.split(maxsplit=1)
    return int(words[0], 8) if words else 0
