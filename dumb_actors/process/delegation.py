"""
Where we may make control groups: only in a place that was given to us.

A control group has one writer. On most machines that is systemd, which breaks, or breaks us, when somebody else makes
groups in what it has not delegated. So whether we may is asked, and not tried.
"""

# One name for one system call, as in `procfs`: on this file system each of them is a command to the kernel.
# ruff: noqa: PTH103, PTH106, PTH110, PTH112, PTH116, PTH119, PTH120, PTH123

import contextlib
import errno
import hashlib
import os
import re
import threading
from collections.abc import Collection, Iterator

import attrs

from dumb_actors.errors import UnusablePath
from dumb_actors.process.cgroup import Cgroup, read, write

__all__ = ["Delegation", "adopt_cgroup"]

_LEAF = "supervisor"
_PREFIX = "dumb-actors-"
_MIB = 2**20


def _name_for(root_id: str) -> str:
    return f"{_PREFIX}{hashlib.sha256(os.fsencode(root_id)).hexdigest()[:12]}"


def adopt_cgroup(path: str, root_id: str) -> Cgroup | None:
    """
    Give the group at *path*, which a supervisor of the same root recorded since the machine was booted.

    It may lie elsewhere than where a group made now would. None when it is gone, or was never one of ours.
    """
    inside = os.path.basename(os.path.dirname(path)) == _name_for(root_id)
    return Cgroup(path) if inside and os.path.exists(f"{path}/cgroup.events") else None


@attrs.define
class Delegation:
    """
    A control group that is ours to divide; made by `find`.

    Attributes:
        base: Absolute path of the delegated group.

        path: Of the one group that we make in it; the services' groups are in that one.

        own: Of the group that this process is in.
    """

    base: str
    path: str
    own: str
    # Services are started in several threads, and this process moves as a whole.
    _moving: threading.Lock = attrs.field(init=False, factory=threading.Lock, eq=False, repr=False)

    @classmethod
    def find(
        cls, root_id: str, *, proc: str = "/proc/self", systemd: str = "/run/systemd/system"
    ) -> "Delegation | None":
        """
        Find out whether we may make control groups; nothing is changed. Reads a few files of the kernel's.

        We may, when the directories are writable and
        - our group says that it was delegated (systemd's `Delegate=yes` marks it by the attribute `user.delegate`,
          earlier versions by `trusted.delegate`), or the one above it does and nobody divides that yet
          (`DelegateSubgroup=`);
        - or our group belongs to us, an ordinary user, outside that user's own systemd, which owns all groups below it;
        - or our group is the topmost of a container in which no systemd runs.
        So neither in a login session, nor as a service without `Delegate=`, nor in the topmost group of a machine.

        Args:
            root_id: What tells this supervisor's root from another's, its absolute path, say.

            proc: Directory of our `cgroup` and `mountinfo`.

            systemd: Directory that exists where systemd runs; see sd_booted(3).

        Source: "Control Group APIs and Delegation" of systemd; cgroups(7).
        """
        name = _name_for(root_id)
        for mount, group in _places(proc):
            own = _join(mount, group)
            # Where an earlier supervisor of this root, or this process itself, has moved to; see `enable_memory`.
            group_above = group.removesuffix(f"/{name}/{_LEAF}") or "/"
            base = _delegated(mount, group_above, systemd)
            if base is not None and _is_usable(base):
                return cls(base, f"{base}/{name}", own)
        return None

    def create(self, slug: str, generation: int, *, memory_mb: int | None = None) -> Cgroup:
        """
        Make the group of a new generation.

        Args:
            memory_mb: Its limit of memory; `enable_memory` said that this works.

        Raises:
            UnusablePath: It cannot be made, or has somebody in it already; nothing is left.
        """
        cgroup = Cgroup(f"{self.path}/{slug}.{generation}")
        try:
            os.makedirs(cgroup.path, exist_ok=True)
            if not cgroup.is_empty():
                raise FileExistsError(errno.EEXIST, "somebody lives in it", cgroup.path)
        except OSError as error:
            raise UnusablePath(cgroup.path, "cannot make the control group", error) from error
        if memory_mb is not None:
            try:
                cgroup.set_memory_max(memory_mb * _MIB)
            except UnusablePath:
                cgroup.remove()
                raise
        return cgroup

    def enable_memory(self, along: Collection[int] = ()) -> str | None:
        """
        Make limits of memory possible for groups that are made from now on; harmless when repeated.

        A group that hands a controller on must not hold processes itself. So where the delegated group is our own, this
        process moves into one of its own beside the services', and `close` moves it back.

        Args:
            along: Pids of other processes of ours that are in the delegated group, and move as well.

        Returns:
            None when they are possible; else in words why not, and nothing was changed.
        """
        try:
            if "memory" not in read(f"{self.base}/cgroup.controllers").split():
                return f"the control group {self.base} was given no memory controller"
            with self._moving:
                os.makedirs(self.path, exist_ok=True)
                if not self._hands_on(self.base):
                    self._hand_on(along)
                if not self._hands_on(self.path):
                    write(f"{self.path}/cgroup.subtree_control", "+memory")
        except OSError as error:
            others = " (other processes are in it)" if error.errno == errno.EBUSY else ""
            return f"the memory controller of {self.base} cannot be used: {error.strerror}{others}"
        return None

    def _hands_on(self, path: str) -> bool:
        return "memory" in read(f"{path}/cgroup.subtree_control").split()

    def _hand_on(self, along: Collection[int]) -> None:
        moves = self.own == self.base
        if moves:
            self._move(f"{self.path}/{_LEAF}", along)
        try:
            write(f"{self.base}/cgroup.subtree_control", "+memory")
        except OSError:
            if moves:
                self._move(self.base, along)
                with contextlib.suppress(OSError):
                    os.rmdir(f"{self.path}/{_LEAF}")
            raise

    def _move(self, path: str, along: Collection[int] = ()) -> None:
        """Move this whole process, with all its threads, and *along*; its children stay where they are."""
        os.makedirs(path, exist_ok=True)
        write(f"{path}/cgroup.procs", "0")
        self.own = path
        for pid in along:
            with contextlib.suppress(ProcessLookupError):
                write(f"{path}/cgroup.procs", str(pid))

    def leftovers(self) -> list[Cgroup]:
        """List the groups that are there, of this supervisor and of earlier ones."""
        try:
            names = sorted(entry.name for entry in os.scandir(self.path) if entry.is_dir(follow_symlinks=False))
        except FileNotFoundError:
            return []
        return [Cgroup(f"{self.path}/{name}") for name in names if name != _LEAF]

    def tidy(self, keep: Collection[str] = ()) -> list[Cgroup]:
        """Remove the groups that nobody is in, but those whose paths are in *keep*; give those that have somebody."""
        return [cgroup for cgroup in self.leftovers() if cgroup.path not in keep and not cgroup.remove()]

    def close(self) -> None:
        """
        Leave the delegated group as it was found, unless services go on in it.

        A supervisor that is started anew in it must find no controllers handed on: a service manager could not put it
        there.
        """
        if self.tidy():
            return
        with contextlib.suppress(OSError):  # somebody is still in our own group beside us, a keeper: then it stays
            if self.own == f"{self.path}/{_LEAF}":
                for path in (self.path, self.base):
                    write(f"{path}/cgroup.subtree_control", "-memory")
                self._move(self.base)
                os.rmdir(f"{self.path}/{_LEAF}")
            os.rmdir(self.path)


def _places(proc: str) -> Iterator[tuple[str, str]]:
    """Yield where version 2 is mounted, each with our group below that mount. Source: cgroups(7)."""
    try:
        group = next(line[3:] for line in read(f"{proc}/cgroup").splitlines() if line.startswith("0::"))
        table = _lines(f"{proc}/mountinfo")
    except (OSError, StopIteration):
        return
    for line in table:
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if not after.startswith("cgroup2 ") or len(fields) < 5:
            continue
        top, mount = _plain(fields[3]).rstrip("/"), _plain(fields[4])
        # `..`: outside our name space. Another top: only a part of the tree is mounted here, and maybe not ours.
        if ".." not in f"{top}{group}".split("/") and (group == top or group.startswith(f"{top}/")):
            yield mount, group.removeprefix(top) or "/"


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().splitlines()


def _plain(text: str) -> str:
    """Undo the octal escapes of space, tab, newline and backslash; see proc_pid_mountinfo(5)."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), text)


def _join(mount: str, group: str) -> str:
    return mount if group == "/" else f"{mount}{group}"


def _delegated(mount: str, group: str, systemd: str) -> str | None:
    """Give the path of the group that was delegated to us: the one at *group*, or the one above it."""
    here = _join(mount, group)
    above = _join(mount, os.path.dirname(group))
    if not os.path.exists(f"{here}/cgroup.type"):
        return None  # the topmost group of a machine has none, nor has one that was removed
    if _is_marked(here):
        return here
    if group != "/" and _is_marked(above) and not _divided_by_others(above, here):
        return above
    uid = os.geteuid()
    by_owner = uid != 0 and os.stat(here).st_uid == uid and "/user@" not in group
    in_container = group == "/" and not os.path.isdir(systemd)
    return here if by_owner or in_container else None


def _divided_by_others(path: str, here: str) -> bool:
    """Tell whether there are groups in *path* besides *here* and such as ours: another one's writer made them."""
    with os.scandir(path) as entries:
        names = {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
    return any(name != os.path.basename(here) and not name.startswith(_PREFIX) for name in names)


def _is_marked(path: str) -> bool:
    for name in ("user.delegate", "trusted.delegate"):
        with contextlib.suppress(OSError):  # it has none, or we may not see it
            if os.getxattr(path, name) == b"1":
                return True
    return False


def _is_usable(path: str) -> bool:
    # The file that kills is asked for as a sign of a kernel that has it (5.14): in the groups that we make it is ours.
    with contextlib.suppress(OSError):
        is_domain = read(f"{path}/cgroup.type").strip() == "domain"
        writable = all(os.access(each, os.W_OK) for each in (path, f"{path}/cgroup.procs"))
        return is_domain and writable and os.path.exists(f"{path}/cgroup.kill")
    return False
