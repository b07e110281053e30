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

        cwd: Working directory, absolute.

        env: The whole environment of the child.

        marker: A text unique to this generation; stands in the environment as `DUMB_ACTORS_MARKER`.

        log_path: Absolute path of the file that gets the output; None: the output is dropped.

        log_size, log_count: Rotation: bytes in one file, and how many rotated ones are kept.

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


@attrs.frozen(kw_only=True)
class Exit:
    """
    How a child's leader ended: an exit code, or the name of the signal that killed it; both None: not known.

    Attributes:
        core_dumped: The kernel wrote a core file.
    """

    code: int | None = None
    signal: str | None = None
    core_dumped: bool = False

    def __str__(self) -> str:
        if self.signal is not None:
            return f"killed by {self.signal}" + (" (core dumped)" if self.core_dumped else "")
        return "ended, exit code unknown" if self.code is None else f"exited with code {self.code}"


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
