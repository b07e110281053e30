"""After each test of this room: no descriptor and no thread is left."""

from tests.leaks import no_leak

__all__ = ["no_leak"]
