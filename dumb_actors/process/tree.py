"""
The sweep: find and kill what left a leader's process group, until a look finds nothing.

With the sub-reaper on, every orphan below us becomes our child, so a look is one read of our own children file, and the
kernel tells the end of each by its pidfd. Without it only what was seen while its parents lived, and (in a stop, never
after a crash) a walk of the process table for the marker and the output FIFO, can help: best effort, and reported as
such. The orphans of a leader that was taken over went to another process than ours, so for it that walk is made always.
"""

import os
import signal
from collections.abc import Iterator

import attrs
import trio

from dumb_actors.model.child import Swept
from dumb_actors.process import procfs
from dumb_actors.process.lineage import Family, Lineage, descendants_of, reap
from dumb_actors.process.procfs import ProcStat

__all__ = ["Sweep", "group_left"]

Identity = tuple[int, int]


@attrs.define(eq=False)
class Sweep:
    """
    One sweep of one family. The leader has ended or is beyond help, and is not reaped; its group had SIGKILL.

    Attributes:
        family: Whose.

        lineage: Its `own` processes are never touched.

        subreaper: Orphans come to us.

        scan: Walk the process table for the marker and the FIFO as well.

        swept: Who was killed outside the group.

        left: Who was found and did not end in time, or may not be killed by us.
    """

    family: Family
    lineage: Lineage
    subreaper: bool
    scan: bool = False
    swept: dict[Identity, Swept] = attrs.field(factory=dict, init=False)
    left: dict[Identity, Swept] = attrs.field(factory=dict, init=False)
    _unsettled: bool = attrs.field(default=False, init=False)
    _refused: set[Identity] = attrs.field(factory=set, init=False)

    async def run(self, *, timeout_s: float) -> None:
        """
        Sweep until nothing is found or *timeout_s* seconds of the run's clock are over.

        Afterwards `swept` and `left` tell what was done; errors do not come out of here.

        Cancellation: safe; what was killed is killed, zombies may be left for `reap_foreign`.
        """
        clean, patience = 0, 40
        # The children file may miss one while others come and go, so one clean look is not yet a proof; the walk of
        # the process table is too dear to be done twice and does not depend on the order of a list.
        enough = 2 if self.subreaper and not self.scan else 1
        with trio.move_on_after(timeout_s):
            while clean < enough:
                found = await self._pass()
                unsettled = self._unsettled and patience > 0
                if unsettled:
                    # An exec takes a fraction of a millisecond, and its end is no event.
                    patience -= 1
                    await trio.sleep(0.000_5)
                clean = 0 if found or unsettled else clean + 1
            return
        for stat in self._living():
            self.left[stat.identity] = self.swept.get(stat.identity) or _named(stat)
            self.swept.pop(stat.identity, None)

    async def _pass(self) -> bool:
        """Kill, await and reap all that can be seen now; tell whether there was anything."""
        members = [stat for stat in self._visible() if stat.identity not in self._refused]
        if self.scan:
            members += await self._scanned({stat.pid for stat in members})
        for stat in members:
            self._kill(stat)
        progress = False
        for stat in members:
            if stat.identity not in self._refused:
                await _await_end(stat)
                reap(stat.pid)
                progress = True
        await trio.lowlevel.checkpoint()
        return progress

    def _visible(self) -> Iterator[ProcStat]:
        """Give the members that live, and the dead ones that are ours to reap."""
        yielded: set[int] = set()
        own = os.getpid()
        for stat in self._roots():
            if stat.is_dead and stat.ppid != own:
                continue  # its parent is a member and about to die, or is not our concern
            self.family.note(stat)
            for member in (stat, *descendants_of(stat.pid)):
                if member.pid not in yielded and member.pid not in self.lineage.own:
                    yielded.add(member.pid)
                    self.family.note(member)
                    if not member.is_dead or member.ppid == own:
                        yield member

    def _roots(self) -> Iterator[ProcStat]:
        """Give what can be reached without a walk: who was seen before, and orphans that came to us."""
        self._unsettled = False
        for identity in tuple(self.family.seen):
            stat = procfs.read_stat(identity[0])
            if stat is not None and stat.identity == identity:
                yield stat
            else:
                self.family.seen.discard(identity)
        for pid in procfs.main_thread_children() if self.subreaper else ():
            orphan = None if pid in self.lineage.own else procfs.read_stat(pid)
            if orphan is None:
                continue
            if self.family.recognises(orphan):
                yield orphan
            elif not orphan.is_dead and procfs.is_executing(pid):
                self._unsettled = True

    def _living(self) -> list[ProcStat]:
        return [stat for stat in self._visible() if not stat.is_dead]

    async def _scanned(self, known: set[int]) -> list[ProcStat]:
        known |= self.lineage.own | {self.family.leader}
        try:
            carriers = await self.lineage.census.carriers(self.family.marker, self.family.fifo)
        except OSError as error:  # no descriptors left
            self.left[(0, 0)] = Swept(pid=0, command=f"not known: the process table cannot be read ({error.strerror})")
            return []
        found = [stat for stat in carriers if stat.pid not in known]
        for stat in found:
            self.family.note(stat)
        return [stat for stat in found if stat.identity not in self._refused]

    def _kill(self, stat: ProcStat) -> None:
        """Send SIGKILL to exactly this process, never to another one that got its number."""
        if stat.is_dead:
            return
        named = _named(stat)
        try:
            pidfd = os.pidfd_open(stat.pid)
        except OSError:  # gone, or no descriptors left: the next pass tries again
            return
        try:
            now = procfs.read_stat(stat.pid)
            if now is None or now.identity != stat.identity:
                return
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except ProcessLookupError:
            return
        except PermissionError:  # it runs as somebody else by a set-uid bit
            self._refused.add(stat.identity)
            self.left[stat.identity] = named
            return
        finally:
            os.close(pidfd)
        if stat.pgid != self.family.leader:
            self.swept[stat.identity] = named


async def group_left(pgid: int, *, timeout_s: float) -> list[Swept]:
    """
    Wait for the end of the members of a group that had SIGKILL and whose leader is reaped; nothing is signalled here.

    Only needed when the group is not empty then: without the sub-reaper the members of a crashed leader's group are
    nobody we know by pid, or init is slow to collect its orphans. The only way to them is the process table.

    Returns:
        Who lives after *timeout_s* seconds.

    Cancellation: safe and at once.
    """
    members: list[ProcStat] = []
    with trio.move_on_after(timeout_s):
        try:
            members = await trio.to_thread.run_sync(_members, pgid, abandon_on_cancel=True)
        except OSError as error:  # no descriptors left
            return [Swept(pid=pgid, command=f"not known: the process table cannot be read ({error.strerror})")]
        # None can join any more: a fork of somebody with a pending SIGKILL fails.
        for stat in members:
            await _await_end(stat)
        return []
    return [_named(stat) for stat in members if _is_living(stat)]


def _members(pgid: int) -> list[ProcStat]:
    stats = (procfs.read_stat(pid) for pid in procfs.all_pids())
    return [stat for stat in stats if stat is not None and stat.pgid == pgid and not stat.is_dead]


def _named(stat: ProcStat) -> Swept:
    return Swept(pid=stat.pid, command=procfs.command_of(stat.pid))


def _is_living(stat: ProcStat) -> bool:
    now = procfs.read_stat(stat.pid)
    return now is not None and now.identity == stat.identity and not now.is_dead


async def _await_end(stat: ProcStat) -> None:
    """Return when the process has ended."""
    try:
        pidfd = os.pidfd_open(stat.pid)
    except OSError:
        return
    try:
        if _is_living(stat):
            await trio.lowlevel.wait_readable(pidfd)
    finally:
        os.close(pidfd)
