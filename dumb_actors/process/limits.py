"""Limits of this process that its children must not inherit."""

import resource

__all__ = ["raise_nofile"]


def raise_nofile() -> tuple[int, int]:
    """
    Raise our soft limit of open files to the hard one.

    A supervisor needs several descriptors for each child. Children get the original pair back (`spawn_child`), since
    programs that use select() break on descriptors above 1023, and some close every possible descriptor one by one.

    Returns:
        The pair (soft, hard) from before. A limit that cannot be raised is left as it is.
    """
    original = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, hard = original
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        # Possible where the hard limit is above `fs.nr_open`: everything still works, with fewer children.
        resource.setrlimit(resource.RLIMIT_NOFILE, original)
    return original
