"""The real world behind the actors: children of the operating system, their output, their records, and probes."""

import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import attrs
import trio

from dumb_actors.actors.ports import Adopted
from dumb_actors.errors import SpawnFailed, UnusablePath
from dumb_actors.logs.mover import Mover, Stream
from dumb_actors.logs.pump import Flow
from dumb_actors.model.child import Ending, Exit, Launch
from dumb_actors.model.spec import ProbeSpec, StopStep
from dumb_actors.probes.base import Probe
from dumb_actors.probes.kit import ProbeKit
from dumb_actors.process import procfs, subreaper
from dumb_actors.process.child import OwnChild, own_child, start_child
from dumb_actors.process.leader import Leader
from dumb_actors.process.lineage import Family, Lineage
from dumb_actors.process.lookup import Lookup
from dumb_actors.process.notify import SOCKET_NAME, NotifySocket, socket_path
from dumb_actors.process.program import Programs
from dumb_actors.process.records import Records
from dumb_actors.process.spawner import Spawner

__all__ = ["OsHost"]

log = logging.getLogger("dumb_actors.host")


@attrs.define(eq=False)
class HostedChild:
    """A child of ours together with its record on disk, its output and its notification socket."""

    launch: Launch
    own: OwnChild
    host: "OsHost"
    family: Family
    notices: NotifySocket | None

    @property
    def pid(self) -> int:
        """Of the leader."""
        return self.own.pid

    async def wait(self) -> Exit:
        """Return when the leader has ended; see `Child`."""
        return await self.own.wait()

    async def attend(self, tell: Callable[[str], None]) -> None:
        """Read the notification socket; see `Child`."""
        if self.notices is not None:
            await self.notices.attend(self.family, tell)

    async def note_ready(self) -> None:
        """Record it; see `Child`."""
        await trio.lowlevel.checkpoint()

    async def leave(self) -> None:
        """See `Child`."""
        raise NotImplementedError

    async def terminate(self, steps: tuple[StopStep, ...]) -> None:
        """Carry out the stop steps; see `Child`."""
        async with trio.open_nursery() as nursery:
            # Also now, when nobody listens any more: a service that stops may have much to say and is not held up.
            nursery.start_soon(self.attend, _nobody)
            await self.own.terminate(steps)
            nursery.cancel_scope.cancel()

    async def finish(self) -> Ending:
        """Leave nothing, drain the output, record the end, and remove the socket; see `Child`."""
        try:
            ending = await self.own.finish()
            await self.host.note_ended(self.launch, ending)
        finally:
            self.host.close_notices(self.launch, self.notices)
        return ending


def _nobody(says: str) -> None:
    """Hear nothing."""


class OsHost:
    """
    Makes real children; made by `OsHost.open`.

    Attributes:
        is_subreaper: Daemons that left their process group come back to us and are found.
    """

    def __init__(
        self,
        run_dir: str,
        *,
        spawner: Spawner,
        mover: Mover,
        probes: ProbeKit,
        is_subreaper: bool,
        lineage: Lineage,
        lookup: Lookup,
        nofile: tuple[int, int] | None,
    ) -> None:
        self.is_subreaper = is_subreaper
        self._run_dir = os.path.realpath(run_dir)
        self._spawner = spawner
        self._mover = mover
        self._probes = probes
        self._nofile = nofile
        self._records = Records(f"{self._run_dir}/services")
        self._lineage = lineage
        self._lookup = lookup
        self._boot_id = procfs.boot_id()
        self._streams: dict[str, Stream] = {}
        self._notices: dict[str, NotifySocket] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, run_dir: str, *, subreaper_on: bool = False, nofile: tuple[int, int] | None = None
    ) -> AsyncIterator["OsHost"]:
        """
        Open a host for the length of a block; its threads end with it.

        Args:
            run_dir: Where records and FIFOs are kept; it exists.

            subreaper_on: Make this process a sub-reaper meanwhile.

            nofile: Limits (soft, hard) of open files that children get; None: as ours.

        Raises:
            RecordTooNew, UnusablePath: The records of an earlier supervisor cannot be read.
        """
        turned_on = subreaper_on and not subreaper.is_enabled() and subreaper.enable()
        try:
            is_subreaper = subreaper_on and subreaper.is_enabled()
            lineage, lookup = Lineage(), Lookup()
            with Spawner() as spawner:
                programs = Programs(spawner, lineage, lookup, subreaper=is_subreaper, nofile=nofile)
                async with Mover() as mover, ProbeKit(programs) as probes:
                    host = cls(
                        run_dir,
                        spawner=spawner,
                        mover=mover,
                        probes=probes,
                        is_subreaper=is_subreaper,
                        lineage=lineage,
                        lookup=lookup,
                        nofile=nofile,
                    )
                    await trio.to_thread.run_sync(host._records.load)
                    yield host
        finally:
            if turned_on:
                subreaper.disable()

    can_leave = False

    def survivors(self) -> Mapping[str, Adopted]:
        """See `Host`."""
        return {}

    def known_slugs(self) -> Mapping[str, str]:
        """See `Host`."""
        return {}

    def leave(self) -> None:
        """See `Host`."""

    async def note_completed(self, launch: Launch, *, completed: bool) -> None:
        """See `Host`."""
        await trio.lowlevel.checkpoint()

    def next_generation(self, slug: str) -> int:
        """Give the number of the service's next child; see `Host`."""
        return self._records.next_generation(slug)

    async def prepare(self, launch: Launch) -> None:
        """Check program and directory in a thread with a deadline; see `Host`."""
        await self._lookup.check_launch(launch.argv, launch.cwd, launch.env.get("PATH"), service=launch.service)

    async def spawn(self, launch: Launch) -> HostedChild:
        """Open the output, record the intent, spawn, record the pid, all in one go of one thread; see `Host`."""
        fifo = f"{self._run_dir}/out/{launch.slug}.{launch.generation}"
        open_flow = self._mover.opening(fifo, launch.log_path, log_size=launch.log_size, log_count=launch.log_count)
        try:
            flow, leader, notices = await self._spawner.run(self._spawn_here, launch, open_flow)
        except UnusablePath as error:
            raise SpawnFailed(
                str(error), errno=error.errno, argv=launch.argv, cwd=launch.cwd, path=error.path
            ) from error
        stream = self._mover.add(flow, launch.log_path)
        self._streams[launch.slug] = stream
        own = own_child(
            leader,
            launch,
            spawner=self._spawner,
            output=stream,
            subreaper=self.is_subreaper,
            fifo=fifo,
            lineage=self._lineage,
        )
        if notices is not None:
            self._notices[launch.slug] = notices
        return HostedChild(launch, own, self, self._lineage.families[leader.pid], notices)

    def _spawn_here(self, launch: Launch, open_flow: Callable[[], Flow]) -> tuple[Flow, Leader, NotifySocket | None]:
        """Blocking, in a thread of the spawner. An error leaves nothing but the record that nothing was started."""
        flow = open_flow()
        notices: NotifySocket | None = None
        try:
            if launch.notify:
                notices = NotifySocket(socket_path(self._run_dir, launch.slug), service=launch.service)
                # The socket is the leader's and its descendants', not that of commands which are run for the service.
                launch = attrs.evolve(launch, env={**launch.env, SOCKET_NAME: notices.path})
            self._records.write_intent(launch, flow.fifo)
            try:
                leader = start_child(launch, flow.child_fd, self._nofile)
            except SpawnFailed:
                self._records.write_ended(launch, None)
                raise
        except BaseException:
            flow.finish()
            if notices is not None:
                notices.discard()
            raise
        flow.close_child_fd()
        try:
            self._records.write_pid(launch, leader.pid, leader.start_ticks, self._boot_id)
        except UnusablePath:
            # The intent stands and leads to the child by its marker and FIFO; the child itself is fine.
            log.exception("record.not_written service=%r pid=%d", launch.service, leader.pid)
        return flow, leader, notices

    async def note_ended(self, launch: Launch, ending: Ending | None) -> None:
        """Record that nothing of the child is left."""
        try:
            await self._spawner.run(self._records.write_ended, launch, ending)
        except UnusablePath:
            log.exception("record.not_written service=%r", launch.service)
        if self.is_subreaper:
            self.reap_orphans()

    def close_notices(self, launch: Launch, notices: NotifySocket | None) -> None:
        """Remove the notification socket of a child that has ended."""
        if notices is not None:
            notices.close()
            if self._notices.get(launch.slug) is notices:
                del self._notices[launch.slug]

    def reap_orphans(self, *, alone: bool = False) -> list[int]:
        """Collect daemons' remains that came to us; see `process.subreaper.reap_foreign`."""
        return subreaper.reap_foreign(self._lineage, alone=alone)

    def probe(self, spec: ProbeSpec, launch: Launch | None) -> Probe:
        """Make a probe; see `Host`."""
        stream = self._streams.get(launch.slug) if launch is not None else None
        log_of = (stream.log_path, stream.start) if stream is not None and stream.log_path is not None else None
        notices = self._notices.get(launch.slug) if launch is not None else None
        return self._probes.make(spec, launch=launch, log=log_of, notices=notices)
