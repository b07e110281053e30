"""One go of a spawner's thread: open the output, record the intent, start the leader, record who it is."""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

import attrs

from dumb_actors.actors.outputs import Ways
from dumb_actors.errors import SpawnFailed, UnusablePath
from dumb_actors.model.child import Launch
from dumb_actors.model.fields import MEMORY
from dumb_actors.process import procfs
from dumb_actors.process.cgroup import Cgroup
from dumb_actors.process.child import start_child
from dumb_actors.process.delegation import Delegation
from dumb_actors.process.leader import Leader
from dumb_actors.process.lookup import LookAgain
from dumb_actors.process.notify import SOCKET_NAME, NotifySocket, socket_path
from dumb_actors.process.privileges import Tools, wrap
from dumb_actors.process.records import Records
from dumb_actors.process.trails import Trail

__all__ = ["Started", "Starter"]

NOFILE = "nofile"

log = logging.getLogger("dumb_actors.host")


@attrs.frozen(kw_only=True)
class Started:
    """What one go of a spawner's thread made."""

    ways: Ways
    leader: Leader
    notices: NotifySocket | None
    cgroup: Cgroup | None


@attrs.define(eq=False, kw_only=True)
class Starter:
    """
    Starts children for a host.

    Attributes:
        run_dir: Of records, FIFOs and notification sockets.

        records: On disk.

        delegation: Where control groups may be made; None: nowhere.

        nofile: Limits (soft, hard) of open files that children get; None: as ours.

        keeper_pids: Gives who has to move along when this process makes room for a memory controller.
    """

    run_dir: str
    records: Records
    delegation: Delegation | None
    nofile: tuple[int, int] | None
    keeper_pids: Callable[[], Sequence[int]]
    tools: Tools = attrs.field(factory=Tools)
    boot_id: str = attrs.field(factory=procfs.boot_id)

    def start(
        self, launch: Launch, opening: Callable[[], Ways], facts: dict[str, Any], trail: Trail | None = None
    ) -> Started:
        """
        Start a child; blocks, so it is for a thread of the spawner.

        Args:
            launch: As it was prepared.

            opening: Makes its FIFOs.

            facts: Gets what is worth to be told of how it was started.

            trail: How its program was found, if that was only remembered.

        Raises:
            LookAgain: It has to be looked up anew; nothing was done.

            SpawnFailed, UnusablePath: It was not started; nothing is left but the record that says so.
        """
        if trail is not None and not trail.holds():
            raise LookAgain
        ways = opening()
        with ExitStack() as undo:
            undo.callback(ways.finish)
            notices = self.open_notices(launch)
            if notices is not None:
                undo.callback(notices.discard)
                # The socket is the leader's and its descendants', not that of commands which are run for the service.
                launch = attrs.evolve(launch, env={**launch.env, SOCKET_NAME: notices.path})
            cgroup = self._make_cgroup(launch, facts)
            if cgroup is not None:
                undo.callback(cgroup.remove)
            self.records.write_intent(
                launch,
                ways.out.fifo,
                fifo_err=None if ways.err is None else ways.err.fifo,
                log_start=(ways.start.inode, ways.start.offset),
                cgroup=None if cgroup is None else cgroup.path,
            )
            try:
                leader = self._start(launch, ways, cgroup)
            except SpawnFailed:
                self.records.write_ended(launch, None)
                raise
            undo.pop_all()
        try:
            self.records.write_pid(launch, leader.pid, leader.start_ticks, self.boot_id)
        except UnusablePath:
            # The intent stands and leads to the child by its marker and FIFO; the child itself is fine.
            log.exception("record.not_written service=%r pid=%d", launch.service, leader.pid)
        return Started(ways=ways, leader=leader, notices=notices, cgroup=cgroup)

    def open_notices(self, launch: Launch) -> NotifySocket | None:
        if not launch.notify:
            return None
        return NotifySocket(socket_path(self.run_dir, launch.slug), service=launch.service)

    def _make_cgroup(self, launch: Launch, facts: dict[str, Any]) -> Cgroup | None:
        """Make its control group; without one it runs all the same, and says what it lacks."""
        limit = launch.limits.get(MEMORY)
        if self.delegation is None:
            if limit is not None:
                _note_unlimited(launch, facts, "no control group is delegated to this program")
            return None
        if limit is not None and (problem := self.delegation.enable_memory(along=self.keeper_pids())):
            _note_unlimited(launch, facts, problem)
            limit = None
        try:
            return self.delegation.create(launch.slug, launch.generation, memory_mb=limit)
        except UnusablePath as error:
            log.warning("cgroup.not_made service=%r reason=%r", launch.service, str(error))
            return None

    def _start(self, launch: Launch, ways: Ways, cgroup: Cgroup | None) -> Leader:
        wrapped = wrap(
            launch.argv,
            env=launch.env,
            uid=launch.uid,
            gid=launch.gid,
            groups=launch.groups,
            umask=launch.umask,
            limits=launch.limits,
            cgroup_procs=None if cgroup is None else cgroup.procs_path,
            tools=self.tools,
        )
        if wrapped.is_wrapped:
            launch = attrs.evolve(launch, argv=wrapped.argv, env=wrapped.env, executable=None)
        return start_child(
            launch,
            ways.out.child_fd,
            # A limit of its own is set by the wrapper.
            None if NOFILE in launch.limits else self.nofile,
            error_fd=None if ways.err is None else ways.err.child_fd,
            umask=wrapped.umask,
        )


def _note_unlimited(launch: Launch, facts: dict[str, Any], problem: str) -> None:
    facts["not_limited"] = f"{MEMORY}: {problem}"
    log.warning("limit.not_set service=%r limit=%s reason=%r", launch.service, MEMORY, problem)
