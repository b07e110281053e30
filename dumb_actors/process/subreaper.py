"""
The kernel's sub-reaper: orphans below us become our children instead of init's.

That is how a daemon that forked twice and made a session of its own can still be found and ended. It is a property of
the whole process, so an embedding program must ask for it; nothing here happens on import.

**Which zombies are reaped.** A child that the embedding program started itself (`subprocess.Popen`,
`trio.run_process`, `multiprocessing`) hangs on us just like an orphan, and its exit status belongs to the program.
Once dead the two look alike, except for two things a zombie still shows: its session and its start time. So
`reap_foreign` takes only what is *proved* to descend from one of our leaders:

- it is in a session that was begun by a leader of ours or by a descendant we saw (a session can only be inherited), and
  is not itself the one who began it (the number could be a reused one); or
- its pid and start ticks were seen while it lived, below a leader, or with a generation's marker or FIFO.

What is not proved stays a zombie until its owner, or the end of this process, collects it: a wasted table slot is
better than a stolen exit code. A program in which nothing but the `Spawner` forks (ours, as the first process of a
container, where orphans of strangers arrive too) says so with ``alone=True``, and then every orphan is collected.
"""

from dumb_actors.process import procfs
from dumb_actors.process.lineage import Lineage, reap

__all__ = ["disable", "enable", "is_enabled", "reap_foreign"]

# <linux/prctl.h>; Python has no constants for these.
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37


def enable() -> bool:
    """
    Make this process the sub-reaper of everything below it, now and later.

    Returns:
        Whether it is one now. False where the kernel refuses, or does not list children in `/proc`.
    """
    return _prctl(on=True) and is_enabled() and procfs.children_are_listed()


def disable() -> bool:
    """Stop being a sub-reaper; orphans that already came to us stay. Returns whether that was done."""
    return _prctl(on=False) and not is_enabled()


def is_enabled() -> bool:
    """Tell whether this process is a sub-reaper."""
    import ctypes

    answer = ctypes.c_int(0)
    libc = ctypes.CDLL(None)
    return libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0) == 0 and answer.value == 1


def _prctl(*, on: bool) -> bool:
    import ctypes

    libc = ctypes.CDLL(None)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(on), 0, 0, 0) == 0)


def reap_foreign(lineage: Lineage, *, alone: bool = False) -> list[int]:
    """
    Collect orphans that came to us and have ended; note the living ones, so that they can be collected later.

    Each is reaped by its pid; see the top of this module for which ones. Call it when a child of ours ended or when
    a SIGCHLD came; it costs some system calls for each orphan we have, and does not block.

    Args:
        lineage: Who is ours. Whatever is in `lineage.own` is never touched.

        alone: The caller vouches that in this process nothing forks but `Spawner` threads, and what else it started
            is in `lineage.own`. Then every zombie among the orphans is collected.

    Returns:
        The pids that were collected.
    """
    reaped: list[int] = []
    for pid in procfs.main_thread_children():
        stat = None if pid in lineage.own else procfs.read_stat(pid)
        if stat is None:
            continue
        if not stat.is_dead:
            lineage.recognise(stat)
        elif (alone or lineage.claims(stat)) and reap(pid):
            lineage.forget_process(stat)
            reaped.append(pid)
    return reaped
