"""Makes children: starts the leader of a new generation, or takes over one of an earlier supervisor."""

from dumb_actors.model.child import Launch
from dumb_actors.process.adopted import AdoptedLeader
from dumb_actors.process.leader import AnyLeader, Leader, Order, start_leader
from dumb_actors.process.lineage import Family, Lineage
from dumb_actors.process.process_child import CgroupLike, Output, ProcessChild, environment
from dumb_actors.process.spawner import Spawner

__all__ = [
    "CgroupLike",
    "Output",
    "OwnChild",
    "ProcessChild",
    "adopted_child",
    "own_child",
    "spawn_child",
    "start_child",
]


async def spawn_child(
    spawner: Spawner,
    launch: Launch,
    *,
    output_fd: int | None,
    output: Output,
    subreaper: bool,
    nofile: tuple[int, int] | None = None,
    fifo: str | None = None,
    lineage: Lineage | None = None,
    executable: str | None = None,
    cgroup: CgroupLike | None = None,
) -> ProcessChild:
    """
    Start the leader of a new generation, in a session and group of its own.

    Args:
        spawner: Whose threads fork.

        launch: The order; `launch.marker` is put into the environment.

        output_fd: Becomes the child's standard output and error; None: dropped. It stays the caller's, who may close
            it afterwards.

        output: Finished with the child. When the spawn fails it is left to the caller.

        subreaper: This process is a sub-reaper (`subreaper.enable`), so that what left the group can be found.

        nofile: Limits (soft, hard) of open files for the child; None: as ours.

        fifo: Absolute path, without symbolic links, of the generation's output FIFO: an orphan that has it open
            belongs to this generation.

        lineage: Shared by all children of a supervisor; None: one for this child alone.

        executable: Absolute path of the program, as a lookup found it; None: as `launch.executable` says.

        cgroup: Which the program joins by itself (its `launch.argv` sees to that); None: none of its own.

    Raises:
        SpawnFailed: The program could not be started; nothing of it is left.

    Cancellation: takes effect before the spawn or after it, never in between; a child is not lost.
    """
    leader = await spawner.run(start_child, launch, output_fd, nofile, executable)
    return own_child(
        leader,
        launch,
        spawner=spawner,
        output=output,
        subreaper=subreaper,
        fifo=fifo,
        lineage=lineage or Lineage(),
        cgroup=cgroup,
    )


def start_child(
    launch: Launch,
    output_fd: int | None,
    nofile: tuple[int, int] | None,
    executable: str | None = None,
    error_fd: int | None = None,
    umask: int = -1,
) -> Leader:
    """
    Start the leader; the blocking half of `spawn_child`, for a spawner thread that has more to do.

    Args:
        executable: Absolute path of the program; None: as `launch.executable` says.

        error_fd: Becomes its standard error; None: as the output.

        umask: What its new files are not allowed; -1: as ours.

    Raises:
        SpawnFailed: The program could not be started; nothing of it is left.
    """
    order = Order(
        argv=launch.argv,
        cwd=launch.cwd,
        env=environment(launch),
        output_fd=output_fd,
        error_fd=error_fd,
        umask=umask,
        nofile=nofile,
        executable=executable or launch.executable,
    )
    return start_leader(order)


def own_child(
    leader: Leader,
    launch: Launch,
    *,
    spawner: Spawner,
    output: Output,
    subreaper: bool,
    fifo: str | None,
    lineage: Lineage,
    cgroup: CgroupLike | None = None,
) -> ProcessChild:
    """Make a started leader a child; the other half of `spawn_child`, without a checkpoint."""
    family = Family(leader.pid, launch.marker, fifo)
    return _child(leader, launch, family, lineage, spawner, output, subreaper=subreaper, cgroup=cgroup)


def adopted_child(
    leader: AdoptedLeader,
    launch: Launch,
    *,
    spawner: Spawner,
    output: Output,
    subreaper: bool,
    fifo: str | None,
    lineage: Lineage,
    cgroup: CgroupLike | None = None,
) -> ProcessChild:
    """
    Make a leader that was taken over a child; it looks for its descendants at once, without a checkpoint.

    Args:
        launch: As it was recorded. Its `env` is what commands of a stop get.

        output, fifo, spawner, subreaper, lineage, cgroup: As for `spawn_child`. Whoever else holds the FIFO open for
            writing and is not of the service has to be in `lineage.own`.
    """
    family = Family(leader.pid, launch.marker, fifo, is_pinned=False)
    if leader.poll() is None:
        family.look()
    return _child(leader, launch, family, lineage, spawner, output, subreaper=subreaper, cgroup=cgroup)


def _child(
    leader: AnyLeader,
    launch: Launch,
    family: Family,
    lineage: Lineage,
    spawner: Spawner,
    output: Output,
    *,
    subreaper: bool,
    cgroup: CgroupLike | None,
) -> ProcessChild:
    lineage.add(family)
    return ProcessChild(
        leader,
        launch=launch,
        family=family,
        lineage=lineage,
        spawner=spawner,
        output=output,
        subreaper=subreaper,
        cgroup=cgroup,
    )


OwnChild = ProcessChild
"""The former name."""
