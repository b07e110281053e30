"""The real world behind the actors: children of the operating system, their output, their records, and probes."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs
import trio

from dumb_actors.actors.adopting import (
    Inheritance,
    end_all_remains,
    find_inheritance,
    hold_outputs,
    note_left,
    remove_stale_fifos,
)
from dumb_actors.actors.hosted import Belongings, HostedChild, JointOutput
from dumb_actors.actors.inspecting import Inspector
from dumb_actors.actors.latewrites import LateWrites
from dumb_actors.actors.leftovers import end_leftover
from dumb_actors.actors.outputs import Outputs, Ways
from dumb_actors.actors.ports import Adopted, Listener
from dumb_actors.actors.starting import Starter
from dumb_actors.config.settings import Orphans
from dumb_actors.errors import SpawnFailed, UnusablePath
from dumb_actors.keeper.client import Keeper
from dumb_actors.logs.mover import GapNews, Mover
from dumb_actors.model.child import Launch
from dumb_actors.model.plan import Check
from dumb_actors.model.probe import ProbeSpec, WaitSpec
from dumb_actors.probes.base import Probe
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.process import procfs, subreaper
from dumb_actors.process.cgroup import Cgroup
from dumb_actors.process.child import adopted_child, own_child
from dumb_actors.process.delegation import Delegation, adopt_cgroup
from dumb_actors.process.identity import Identities
from dumb_actors.process.lineage import Lineage
from dumb_actors.process.lookup import LookAgain, Lookup
from dumb_actors.process.process_child import ProcessChild
from dumb_actors.process.program import Programs
from dumb_actors.process.records import Records
from dumb_actors.process.spawner import Spawner
from dumb_actors.process.survivors import Survivor
from dumb_actors.process.trails import Trail

__all__ = ["HostSettings", "OsHost"]

log = logging.getLogger("dumb_actors.host")

OnGap: TypeAlias = Callable[[str, GapNews], None]


@attrs.frozen(kw_only=True)
class HostSettings:
    """
    How a host is opened.

    Attributes:
        run_dir: Where records and FIFOs are kept; it exists.

        run_id: Of this run of the supervisor.

        subreaper: Make this process a sub-reaper meanwhile.

        nofile: Limits (soft, hard) of open files that children get; None: as ours.

        keeper: What a keeper does when this process is killed; None: no keeper, a thread of ours moves the output.

        version: Of this program, for the keeper's registration.

        environ: What commands of a stop of an adopted child get when its own environment cannot be read.

        cgroups: Give each child a control group of its own where one is delegated to us.
    """

    run_dir: str
    run_id: str = ""
    subreaper: bool = False
    nofile: tuple[int, int] | None = None
    keeper: Orphans | None = None
    version: str = ""
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    cgroups: bool = True


class OsHost:
    """
    Makes real children; made by `OsHost.open`.

    Attributes:
        is_subreaper: Daemons that left their process group come back to us and are found.

        can_leave: There is a keeper, so children can go on without us.
    """

    def __init__(
        self,
        settings: HostSettings,
        *,
        spawner: Spawner,
        outputs: Outputs,
        probes: ProbeKit,
        is_subreaper: bool,
        lineage: Lineage,
        lookup: Lookup,
        records: Records,
        inheritance: Inheritance,
        delegation: Delegation | None,
    ) -> None:
        self.is_subreaper = is_subreaper
        self.can_leave = isinstance(outputs.mover, Keeper)
        self._run_dir = settings.run_dir
        self._spawner = spawner
        self._outputs = outputs
        self._probes = probes
        self._records = records
        self._late = LateWrites(spawner)
        self._lineage = lineage
        self._lookup = lookup
        self._identities = Identities()
        self._inspector = Inspector(identities=self._identities, lookup=lookup)
        self._environ = settings.environ
        self._live: dict[str, HostedChild] = {}
        self._inheritance = inheritance
        self._survivors: dict[str, Adopted] = {}
        self._delegation = delegation
        self._starter = Starter(
            run_dir=self._run_dir,
            records=records,
            delegation=delegation,
            nofile=settings.nofile,
            keeper_pids=self._keeper_pids,
        )
        self._is_leaving = False
        self._on_gap: OnGap | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: HostSettings) -> AsyncIterator["OsHost"]:
        """
        Open a host for the length of a block; its threads end with it, and its keeper unless `leave` was called.

        What an earlier supervisor left is found by then, and its output goes on being moved.

        Raises:
            RecordTooNew, UnusablePath: The records of an earlier supervisor cannot be read.
        """
        run_dir = await trio.to_thread.run_sync(os.path.realpath, settings.run_dir)
        settings = attrs.evolve(settings, run_dir=run_dir)
        turned_on = settings.subreaper and not subreaper.is_enabled() and subreaper.enable()
        try:
            is_subreaper = settings.subreaper and subreaper.is_enabled()
            lineage, lookup = Lineage(), Lookup(remembers=True)
            records = Records(f"{run_dir}/services", run_id=settings.run_id)
            inheritance = await find_inheritance(await trio.to_thread.run_sync(records.load), run_dir)
            async with AsyncExitStack() as opened:
                opened.callback(lookup.close)
                spawner = opened.enter_context(Spawner())
                programs = Programs(spawner, lineage, lookup, subreaper=is_subreaper, nofile=settings.nofile)
                gaps = _Gaps()
                mover = await opened.enter_async_context(_mover(settings, spawner, lineage, gaps))
                probes = await opened.enter_async_context(ProbeKit(programs))
                host = cls(
                    settings,
                    spawner=spawner,
                    outputs=Outputs(mover, f"{run_dir}/out"),
                    probes=probes,
                    is_subreaper=is_subreaper,
                    lineage=lineage,
                    lookup=lookup,
                    records=records,
                    inheritance=inheritance,
                    delegation=Delegation.find(run_dir) if settings.cgroups else None,
                )
                gaps.tell = host._tell_gap
                await host._take_over()
                try:
                    yield host
                finally:
                    with trio.CancelScope(shield=True):
                        await host._part()
        finally:
            if turned_on:
                subreaper.disable()

    async def _take_over(self) -> None:
        """Make children of what lives, and leave nothing of what does not."""
        found = self._inheritance
        held = await hold_outputs(found.survivors, self._outputs)
        kept = [
            fifo for survivor in found.survivors for fifo in (survivor.record.fifo, survivor.record.fifo_err) if fifo
        ]
        if isinstance(self._outputs.mover, Keeper):
            self._outputs.mover.begin()
        for survivor in found.survivors:
            self._survivors[survivor.record.service] = await self._adopt(survivor, held.get(survivor.record.marker))
        for record in found.completed:
            self._survivors[record.service] = Adopted(launch=record.to_launch({}), child=None)
        if self._delegation is not None:
            self._delegation.tidy(keep=[s.record.cgroup for s in found.survivors if s.record.cgroup])
        await end_all_remains(found.remains, self._lineage, subreaper=self.is_subreaper)
        await trio.to_thread.run_sync(remove_stale_fifos, self._outputs.directory, kept)

    async def _adopt(self, survivor: Survivor, ways: Ways | None) -> Adopted:
        record = survivor.record
        # Not recorded, for it has secrets; a program may have wiped it.
        launch = record.to_launch(procfs.environment_of(survivor.pid) or self._environ)
        try:
            await self._spawner.run(self._records.adopt, record)
        except UnusablePath:
            log.exception("record.not_written service=%r", record.service)
        output = JointOutput() if ways is None else self._outputs.add(ways, launch)
        cgroup = adopt_cgroup(record.cgroup, self._run_dir) if record.cgroup else None
        self._tell_keeper(output, launch, survivor.pid, survivor.start_ticks, cgroup)
        processes = adopted_child(
            survivor.take(),
            launch,
            spawner=self._spawner,
            output=output,
            subreaper=self.is_subreaper,
            fifo=record.fifo,
            lineage=self._lineage,
            cgroup=cgroup,
        )
        notices = await self._spawner.run(self._starter.open_notices, launch)
        belongings = Belongings(output=output, notices=notices, cgroup=cgroup)
        return Adopted(
            launch=launch,
            child=self._hosted(launch, processes, belongings),
            was_ready=record.ready,
            started_at=record.started_at,
            ready_at=record.ready_at,
        )

    async def _part(self) -> None:
        """Leave the keeper to the children that were left; called when nothing else is to come."""
        await self._late.flush()
        if self._is_leaving and isinstance(self._outputs.mover, Keeper):
            await self._outputs.mover.stay()
            await trio.to_thread.run_sync(note_left, self._run_dir)
        elif self._delegation is not None:
            self._delegation.close()

    # --- what was left ------------------------------------------------------------------------------------------------

    def survivors(self) -> Mapping[str, Adopted]:
        """Give what an earlier supervisor left; see `Host`."""
        return self._survivors

    def known_slugs(self) -> Mapping[str, str]:
        """Give the slugs of all services that were ever recorded; see `Host`."""
        return self._inheritance.slugs

    def reports(self) -> Sequence[str]:
        """Say what was found that a person should know; see `Host`."""
        return self._inheritance.reports

    async def end_orphans(self) -> None:
        """
        Stop everything that an earlier supervisor did not leave on purpose, by the recorded steps, and forget it.

        Cancellation: without effect; it is bounded by the steps.
        """
        if self._inheritance.was_left:
            return
        async with trio.open_nursery() as nursery:
            for adopted in self._survivors.values():
                nursery.start_soon(end_leftover, adopted)
        self._survivors = {}

    # --- new children -------------------------------------------------------------------------------------------------

    def next_generation(self, slug: str) -> int:
        """Give the number of the service's next child; see `Host`."""
        return self._records.next_generation(slug)

    async def prepare(self, launch: Launch) -> Launch:
        """Look up its user, program and directory in threads with deadlines; see `Host`."""
        launch = await self._identities.identify(launch)
        trail = self._trail_of(launch) if launch.argv else None
        if trail is None:
            return await self._look_up(launch)
        return attrs.evolve(launch, executable=trail.program)

    async def _look_up(self, launch: Launch) -> Launch:
        path = launch.env.get("PATH")
        program = await self._lookup.check_launch(launch.argv, launch.cwd, path, service=launch.service)
        return attrs.evolve(launch, executable=program)

    async def inspect(self, launch: Launch, waits: Sequence[WaitSpec]) -> Sequence[Check]:
        """Say what a start of *launch* would find; see `Host`."""
        return await self._inspector.inspect(launch, waits)

    async def listeners(self, ports: Sequence[int]) -> Sequence[Listener]:
        """Find who listens on *ports*; see `Host`."""
        return await self._inspector.listeners(ports)

    def _trail_of(self, launch: Launch) -> Trail | None:
        return self._lookup.remembered(launch.argv[0], launch.cwd, launch.env.get("PATH"))

    async def spawn(self, launch: Launch) -> HostedChild:
        """Open the output, record the intent, spawn, record the pid, all in one go of one thread; see `Host`."""
        await self._late.supersede(launch.slug)
        opening = self._outputs.opening(launch)
        facts: dict[str, Any] = {}
        try:
            try:
                started = await self._spawner.run(self._starter.start, launch, opening, facts, self._trail_of(launch))
            except LookAgain:
                launch = await self._look_up(launch)
                started = await self._spawner.run(self._starter.start, launch, opening, facts)
        except UnusablePath as error:
            raise SpawnFailed(
                str(error), errno=error.errno, argv=launch.argv, cwd=launch.cwd, path=error.path
            ) from error
        output = self._outputs.add(started.ways, launch)
        leader = started.leader
        self._tell_keeper(output, launch, leader.pid, leader.start_ticks, started.cgroup)
        processes = own_child(
            leader,
            launch,
            spawner=self._spawner,
            output=output,
            subreaper=self.is_subreaper,
            fifo=self._outputs.fifo_of(launch),
            lineage=self._lineage,
            cgroup=started.cgroup,
        )
        belongings = Belongings(output=output, notices=started.notices, cgroup=started.cgroup)
        return self._hosted(launch, processes, belongings, facts)

    def _tell_keeper(
        self, output: JointOutput, launch: Launch, pid: int, start_ticks: int, cgroup: Cgroup | None
    ) -> None:
        path = None if cgroup is None else cgroup.path
        self._outputs.tell_child(output, pid=pid, start_ticks=start_ticks, marker=launch.marker, cgroup=path)

    def _hosted(
        self,
        launch: Launch,
        processes: ProcessChild,
        belongings: Belongings,
        facts: Mapping[str, Any] = MappingProxyType({}),
    ) -> HostedChild:
        child = HostedChild(
            launch=launch,
            processes=processes,
            belongings=belongings,
            facts=facts,
            records=self._records,
            late=self._late,
            spawner=self._spawner,
            on_gone=self._forget,
        )
        self._live[launch.slug] = child
        return child

    def _forget(self, child: HostedChild) -> None:
        if self._live.get(child.launch.slug) is child:
            del self._live[child.launch.slug]
        if self.is_subreaper:
            self.reap_orphans()

    def _keeper_pids(self) -> Sequence[int]:
        mover = self._outputs.mover
        return (mover.pid,) if isinstance(mover, Keeper) and mover.pid is not None else ()

    # --- the rest -----------------------------------------------------------------------------------------------------

    async def note_completed(self, launch: Launch, *, completed: bool) -> None:
        """Record that a one-shot has done its work, or that this counts no more; see `Host`."""
        write_ended = await self._late.supersede(launch.slug)

        def write() -> None:
            if write_ended is not None:
                write_ended(launch)
            self._records.write_completed(launch, completed=completed)

        try:
            await self._spawner.run(write)
        except (UnusablePath, ValueError) as error:  # a later generation is recorded already: it counts no more
            log.warning("record.not_written service=%r reason=%r", launch.service, str(error))

    def leave(self) -> None:
        """Let the output of the children that were left go on being moved; see `Host`."""
        self._is_leaving = True

    def on_gap(self, tell: OnGap) -> None:
        """Have *tell* called with a service's name when its log does not take what it writes, and when it does."""
        self._on_gap = tell

    def _tell_gap(self, fifo: str, news: GapNews) -> None:
        if self._on_gap is None:
            return
        for child in self._live.values():
            if any(stream.fifo == fifo for stream in child.belongings.output.streams):
                self._on_gap(child.launch.service, news)

    def reap_orphans(self, *, alone: bool = False) -> list[int]:
        """Collect daemons' remains that came to us; see `process.subreaper.reap_foreign`."""
        return subreaper.reap_foreign(self._lineage, alone=alone)

    def probe(self, spec: ProbeSpec, launch: Launch | None) -> Probe:
        """Make a probe; see `Host`."""
        child = self._live.get(launch.slug) if launch is not None else None
        if child is None:
            return self._probes.make(spec, launch=launch)
        streams = child.belongings.output.streams
        log_of = (streams[0].log_path, streams[0].start) if streams and streams[0].log_path is not None else None
        return self._probes.make(spec, launch=launch, log=log_of, notices=child.belongings.notices)


@attrs.define
class _Gaps:
    """Passes on what a mover tells to a host that is made later."""

    tell: Callable[[str, GapNews], None] | None = None

    def __call__(self, fifo: str, news: GapNews) -> None:
        if self.tell is not None:
            self.tell(fifo, news)


def _mover(
    settings: HostSettings, spawner: Spawner, lineage: Lineage, gaps: _Gaps
) -> "AbstractAsyncContextManager[Mover | Keeper]":
    if settings.keeper is None:
        return Mover(on_gap=gaps)
    return Keeper(
        settings.run_dir,
        spawner=spawner,
        own=lineage.own,
        orphans=settings.keeper,
        version=settings.version,
        on_gap=gaps,
    )
