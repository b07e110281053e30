"""After each test of this room: no descriptor and no thread is left. And what the machine must permit for some."""

from tests.leaks import no_leak
from tests.mounting import can_mount, can_mount_fuse

__all__ = ["can_mount", "can_mount_fuse", "no_leak"]
