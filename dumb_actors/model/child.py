"""What passes between an actor and the world of processes: the order for a child, and how a child ended."""

import shlex
from collections.abc import Mapping

import attrs

from dumb_actors.model.spec import StopStep

__all__ = ["Ending", "Exit", "Launch", "Swept"]


@attrs.frozen(kw_only=True)
class Launch:
    """
    The order for one child.

    Attributes:
        service, slug, generation: Whose child; the generation is new with each order.

        argv: Program and arguments.

        executable: Absolute path of the program, where it was looked up before; None: it is searched in `PATH`.

        cwd: Working directory, absolute.

        env: The whole environment of the child.

        marker: A text unique to this generation; stands in the environment as `DUMB_ACTORS_MARKER`.

        log_path: Absolute path of the file that gets the output; None: the output is dropped.

        stderr_path: The same for standard error alone; None: it goes where the output goes.

        log_size, log_count: Rotation: bytes in one file, and how many rotated ones are kept.

        run_as: `user` or `user:group`, as configured; None: as the supervisor.

        uid, gid, groups: What `run_as` means: user, group and supplementary groups; None before it was looked up, and
            without it.

        umask: None: as the supervisor's.

        limits: What it may use at most, by name.

        digest: Of the spec it was made from, for the record on disk.

        stop: The steps of its stop; SIGKILL follows the last.

        notify: It gets a notification socket (`NOTIFY_SOCKET`) to say by sd_notify that it is ready.
    """

    service: str
    slug: str
    generation: int
    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = attrs.field(repr=False)
    marker: str
    log_path: str | None
    log_size: int = 10_000_000
    log_count: int = 2
    digest: str = ""
    notify: bool = False
    stop: tuple[StopStep, ...] = ()
    executable: str | None = None
    stderr_path: str | None = None
    run_as: str | None = None
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] = ()
    umask: int | None = None
    limits: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Exit:
    """
    How a child's leader ended: an exit code, or the name of the signal that killed it; both None: not known.

    Attributes:
        core_dumped: The kernel wrote a core file.

        oom: The kernel killed a process of the service because its memory limit was reached.
    """

    code: int | None = None
    signal: str | None = None
    core_dumped: bool = False
    oom: bool = False

    def __str__(self) -> str:
        text = "ended, exit code unknown" if self.code is None else f"exited with code {self.code}"
        if self.signal is not None:
            text = f"killed by {self.signal}"
        notes = ["core dumped"] * self.core_dumped + ["out of memory"] * self.oom
        return f"{text} ({', '.join(notes)})" if notes else text


@attrs.frozen(kw_only=True)
class Swept:
    """A descendant that had left the process group and was killed by the sweep."""

    pid: int
    command: str


@attrs.frozen(kw_only=True)
class Ending:
    """
    What is known once nothing of a child is left.

    Attributes:
        exit: How the leader ended.

        tree_empty: No descendant that could be reached was left when this was made.

        tree_proof: By which means descendants could be reached: `cgroup`, `subreaper` or `best_effort`.

        swept: Who had left the group and was killed.

        left: Who could not be killed in time.

        last_lines: The last lines of the output of this generation, at most 20, undecodable bytes replaced.
    """

    exit: Exit
    tree_empty: bool = True
    tree_proof: str = "best_effort"
    swept: tuple[Swept, ...] = ()
    left: tuple[Swept, ...] = ()
    last_lines: tuple[str, ...] = ()


def describe_argv(argv: tuple[str, ...]) -> str:
    """Write *argv* as a person would type it, shortened to 200 characters."""
    text = shlex.join(argv)
    return text if len(text) <= 200 else text[:197] + "..."
