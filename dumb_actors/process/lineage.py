"""Who descends from whom: what was seen of the families of our leaders, and what that proves later."""

import os
from collections.abc import Iterator

import attrs

from dumb_actors.process import procfs
from dumb_actors.process.census import Census
from dumb_actors.process.procfs import ProcStat

__all__ = ["Family", "Lineage", "descendants_of", "reap"]


def descendants_of(pid: int) -> Iterator[ProcStat]:
    """
    Walk down the children files of `/proc` from *pid*, parents before their children.

    Neither *pid* itself nor what was orphaned before is among them. Some 50 µs for each process: fine in the event
    loop for the size of a service.
    """
    waiting = [pid]
    visited = {pid}
    while waiting:
        for child in procfs.children_of(waiting.pop()):
            stat = procfs.read_stat(child)
            if stat is not None and child not in visited:
                visited.add(child)
                waiting.append(child)
                yield stat


def reap(pid: int) -> bool:
    """Collect the child *pid* if it has ended, and only that one; tell whether that was so."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG) is not None
    except ChildProcessError:
        return False


@attrs.define(eq=False)
class Family:
    """
    One generation's processes, as far as they were seen.

    Attributes:
        leader: Pid of the leader. It began its session, so until it is reaped the number is nobody else's.

        is_pinned: It is we who reap the leader. Where somebody else does, the number may become a stranger's at any
            time, and being in a session proves nothing.

        marker: Of the generation.

        fifo: Absolute path of the generation's output FIFO; None without one.

        sessions: Sessions that only descendants of the leader can be in.

        seen: Pid and start ticks of each descendant that was seen.
    """

    leader: int
    marker: str
    fifo: str | None = None
    is_pinned: bool = True
    sessions: set[int] = attrs.field(init=False)
    seen: set[tuple[int, int]] = attrs.field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self.sessions = {self.leader} if self.is_pinned else set()

    def look(self) -> None:
        """Note who descends from the leader now; to be called while the leader lives, for then it holds them."""
        for stat in descendants_of(self.leader):
            self.note(stat)

    def note(self, stat: ProcStat) -> None:
        """Remember a process that is proved to descend from the leader."""
        self.seen.add(stat.identity)
        if self.is_pinned:
            self.sessions.add(stat.session)

    def claims(self, stat: ProcStat) -> bool:
        """Tell whether *stat*, alive or dead, is proved to be of this family by what was seen before."""
        # Who began a session may bear a reused number; who is in one without having begun it inherited it.
        inherited = stat.session in self.sessions and stat.pid != stat.session
        return stat.pid != self.leader and (inherited or stat.identity in self.seen)

    def recognises(self, stat: ProcStat) -> bool:
        """Tell whether the living process *stat* is of this family, by what was seen or by marker or FIFO."""
        if stat.pid == self.leader:
            return False
        return (
            self.claims(stat)
            or procfs.has_marker(stat.pid, self.marker)
            or (self.fifo is not None and procfs.holds_file(stat.pid, self.fifo))
        )


@attrs.define(eq=False)
class Lineage:
    """
    Everything of ours that runs in this process: one for a supervisor, shared by its children.

    Attributes:
        own: Processes that were started on purpose and that somebody else ends: leaders, and whatever the owner adds
            (a keeper of output, say, its own child or not). They are never swept and never reaped as foreigners.

        families: By the leader's pid.

        census: Finds carriers of a marker, with one walk for all who ask at the same time.
    """

    own: set[int] = attrs.field(init=False, factory=set)
    families: dict[int, Family] = attrs.field(init=False, factory=dict)
    census: Census = attrs.field(init=False, factory=Census)

    def add(self, family: Family) -> None:
        """Take in the family of a leader that was just started."""
        self.own.add(family.leader)
        self.families[family.leader] = family

    def remove(self, family: Family, *, empty: bool) -> None:
        """Let go of a leader that was reaped; its family stays known unless it is *empty*."""
        self.own.discard(family.leader)
        if empty and self.families.get(family.leader) is family:
            del self.families[family.leader]

    def claims(self, stat: ProcStat) -> bool:
        """Tell whether a process, alive or dead, is proved to be of one of the families."""
        return self._by_proof(stat) is not None

    def recognise(self, stat: ProcStat) -> None:
        """Look whether a living process is of one of the families, and remember it if it is."""
        family = self._by_proof(stat) or self._by_sign(stat)
        if family is not None:
            family.note(stat)

    def forget_process(self, stat: ProcStat) -> None:
        """Drop what was noted of a process that was reaped."""
        for family in self.families.values():
            family.seen.discard(stat.identity)

    def _by_proof(self, stat: ProcStat) -> Family | None:
        return next((family for family in self.families.values() if family.claims(stat)), None)

    def _by_sign(self, stat: ProcStat) -> Family | None:
        marker = procfs.marker_of(stat.pid)
        asked = any(family.fifo for family in self.families.values())
        files = procfs.written_files(stat.pid) if asked else {}
        for family in self.families.values():
            if family.marker == marker or (family.fifo is not None and files.get(family.fifo)):
                return family
        return None
