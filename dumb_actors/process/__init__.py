"""Children of the operating system: spawn, stop, sweep, reap, and the records of them on disk."""
