"""
The guard of a thread that does things which may block in the kernel for ever, such as writing to a hung file system.

Nothing but the standard library here: the keeper uses it.
"""

import threading
from collections.abc import Callable

__all__ = ["Guard"]


class Guard:
    """
    Watches the pieces of work of one thread; when one takes too long the guard's own thread takes that thread's place.

    A piece costs two turns of a lock that nobody else wants. The thread of the guard begins with the first piece,
    looks once in *patience* while there is work, and sleeps without a timer while there is none.

    Args:
        patience: Seconds that one piece may take; it is noticed after at most twice that time. None: for ever.

        take_over: Called in the guard's thread; then that thread ends. A new guard is needed for it.
    """

    def __init__(self, patience: float | None, take_over: Callable[[], None]) -> None:
        self._patience = patience
        self._take_over = take_over
        self._changed = threading.Condition(threading.Lock())
        self._thread: threading.Thread | None = None
        self._serial = 0
        self._is_working = False
        self._is_asleep = False
        self._is_over = False

    def begin(self) -> None:
        """Say that a piece of work begins."""
        with self._changed:
            self._serial += 1
            self._is_working = True
            if self._is_asleep:
                self._is_asleep = False
                self._changed.notify()
        if self._thread is None and self._patience is not None:
            self._thread = threading.Thread(target=self._watch, name="dumb-actors log guard", daemon=True)
            self._thread.start()

    def end(self) -> bool:
        """Say that it is done; False: another thread has taken over meanwhile, and the caller must not go on."""
        with self._changed:
            self._is_working = False
            return not self._is_over

    def close(self) -> None:
        """End the guard's thread; called by the guarded one while it still has its place."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        if self._lasts_too_long():
            self._take_over()

    def _lasts_too_long(self) -> bool:
        """Return True when a piece of work took too long, False at the end."""
        with self._changed:
            seen = -1
            while not self._is_over:
                if self._serial != seen:
                    seen = self._serial
                    self._changed.wait(self._patience)
                elif self._is_working:
                    self._is_over = True
                    return True
                else:
                    self._is_asleep = True
                    while self._is_asleep and not self._is_over:
                        self._changed.wait()
        return False
