"""After each test no thread and no descriptor is left."""

from tests.leaks import no_leak

__all__ = ["no_leak"]
