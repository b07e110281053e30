"""
The journal of one run: events go in without waiting, one thread writes them down.

The queue between the two is what a disk that is slow, full or hung fills; beyond its bound events are lost, which is
counted and written into the journal as a gap when the disk is there again. What happens in one turn of the event loop
is handed over at its end, all at once: to wake the thread for each event would cost more than to write it.
"""

import logging
import queue
import secrets
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TypeAlias

import attrs
import trio

from dumb_actors.errors import UnusablePath
from dumb_actors.journal.codec import line_of
from dumb_actors.journal.reading import read_journal
from dumb_actors.journal.segments import JournalTooNew
from dumb_actors.journal.store import SKIPPED, Limits, Line, Store, System, resume_after
from dumb_actors.model.event import Event

__all__ = ["Journal", "open_journal"]

_log = logging.getLogger(__name__)
_BATCH = 256 * 1024
"""Bytes that are written at once, about."""
_LONGEST_RETRY = 32


@attrs.frozen
class _Gap:
    """So many events were lost, the last of them *seq*."""

    lost: int
    seq: int


@attrs.frozen
class _Flush:
    """Tell *done* whether everything before is written."""

    done: Callable[[bool], None]


@attrs.frozen
class _End:
    """Nothing comes after."""


_Item: TypeAlias = Event | _Gap | _Flush | _End


class Journal:
    """
    The journal of one run; made by `open_journal`.

    Attributes:
        first_seq: The run's numbers are to go on behind this one.

        history: The last events of earlier runs, oldest first; none where the last one came to its end.

        run_id: Of this run, in the first line of each of its segments.

        lost: Events that did not and will not come to the disk.

        trouble: Why nothing can be written right now; empty: it can.
    """

    def __init__(self, directory: str, *, limits: Limits, history: int, system: System) -> None:
        self.run_id = secrets.token_hex(8)
        self.first_seq = 0
        self.history: tuple[Event, ...] = ()
        self.trouble = ""
        self._directory = directory
        self._limits = limits
        self._wanted_history = history
        self._system = system
        self._store = Store(directory, run_id=self.run_id, limits=limits, system=system)
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._fresh: list[_Item] = []
        self._dropped = self._lost_before = self._lost_after = 0
        self._highest = 0
        self._is_open = True
        self._has_given_up = False
        self._closing = threading.Event()
        self._refusal: JournalTooNew | None = None
        self._token = trio.lowlevel.current_trio_token()
        self._begun = trio.Event()
        self._ended = trio.Event()

    @property
    def lost(self) -> int:
        """See the class."""
        return self._lost_before + self._lost_after

    def note(self, event: Event) -> None:
        """
        Take *event*, to be written soon; never waits and never fails.

        To be called with every event of the run, in order, from one thread: as a listener of the event bus.
        """
        if not self._is_open or self._queue.qsize() + len(self._fresh) >= self._limits.backlog:
            self._dropped += 1
            self._lost_before += 1
        else:
            self._put_gap()
            self._put(event)
        self._highest = event.seq

    def _put(self, item: _Item) -> None:
        if not self._fresh:
            with suppress(trio.RunFinishedError):  # then `end` was called, or nobody waits for what is written
                self._token.run_sync_soon(self._hand_over)
        self._fresh.append(item)

    def _hand_over(self) -> None:
        """Give the thread what came in this turn of the loop."""
        fresh, self._fresh = self._fresh, []
        for item in fresh:
            self._queue.put(item)

    def _put_gap(self) -> None:
        """Say in the right place what was dropped; the last of it has the highest number so far."""
        if self._dropped:
            self._put(_Gap(self._dropped, self._highest))
            self._dropped = 0

    async def flush(self) -> bool:
        """
        Wait until what was noted before is written, so that SIGKILL does not cost it.

        Returns:
            False when it is not, after the limits' patience, or some of it was given up. Events that the queue had no
            room for are not waited for; `lost` counts them.

        Cancellation: safe.
        """
        outcome, done = [False], trio.Event()

        def settle(written: bool) -> None:  # noqa: FBT001  (called by position)
            outcome[0] = written
            done.set()

        self._hand_over()
        self._queue.put(_Flush(lambda written: self._tell_loop(settle, written)))
        with trio.move_on_after(self._limits.patience):
            await done.wait()
        return outcome[0]

    # --- the run, in the Trio thread ----------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Start the thread, and wait until it is known where numbers go on; called once, by `open_journal`."""
        threading.Thread(target=self._write_all, name="dumb-actors journal", daemon=True).start()
        with trio.move_on_after(self._limits.patience):
            await self._begun.wait()
        if self._refusal is not None:
            raise self._refusal
        if not self._begun.is_set():
            _log.warning("journal.slow", extra={"path": self._directory})
            self.first_seq = self._far_number(0)
        self._highest = self.first_seq

    async def end(self) -> None:
        """Write what is left, and wait for that with patience; called once, by `open_journal`."""
        self._is_open = False
        self._put_gap()
        self._hand_over()
        self._queue.put(_End())
        self._closing.set()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + self._limits.patience):
            await self._ended.wait()
        if not self._ended.is_set():
            # The thread is a daemon: it holds up nobody.
            _log.error("journal.stuck", extra={"path": self._directory, "queued": self._queue.qsize()})

    def _far_number(self, seq: int) -> int:
        """Give a number that no run can have given out, without any help of the disk."""
        return max(seq + SKIPPED, int(self._system.wall() * 1000))

    # --- the thread ---------------------------------------------------------------------------------------------------

    def _tell_loop(self, call: Callable[..., object], *values: object) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(call, *values)

    def _write_all(self) -> None:
        try:
            first_seq, history = self._prepare()
            self._tell_loop(self._note_begun, first_seq, history)
            while self._write_some():
                pass
        except JournalTooNew as error:
            self._tell_loop(self._note_refused, error)
        finally:
            self._tell_loop(self._ended.set)

    def _note_begun(self, first_seq: int, history: tuple[Event, ...]) -> None:
        if not self._highest:  # else this comes late, and numbers were given out already
            self.first_seq, self.history = first_seq, history
        self._begun.set()

    def _note_refused(self, error: JournalTooNew) -> None:
        self._refusal, self._is_open = error, False
        self.trouble = str(error)
        if self._highest:
            _log.error("journal.refused", extra={"path": self._directory, "reason": str(error)})
        self._begun.set()

    def _prepare(self) -> tuple[int, tuple[Event, ...]]:
        """Find out where numbers go on, read the last events, and begin the segment of this run."""
        seq = 0
        try:
            seq, had_end = resume_after(self._directory)
            # At an orderly end every reader is told to begin anew; the boot need not wait for what nobody asks for.
            limit = 0 if had_end else self._wanted_history
            history = tuple(read_journal(self._directory, limit=limit, newest_first=True))[::-1]
        except (OSError, UnusablePath) as error:
            self._fail(error)
            return self._far_number(seq), ()
        try:
            return self._store.begin(seq), history
        except (OSError, UnusablePath) as error:
            self._fail(error)
            return self._far_number(seq), history

    def _write_some(self) -> bool:
        """Write the next batch; False: that was all."""
        lines: list[Line] = []
        last = self._collect(lines)
        written = self._append(lines)
        match last:
            case _Flush():
                last.done(written)
            case _End():
                end, close = partial(self._store.end, self._highest), self._store.close
                self._try(end if written else close)
                return False
            case _:
                pass
        return True

    def _collect(self, lines: list[Line]) -> _Flush | _End | None:
        """Take from the queue what is there, at least one item; a flush or the end is the last."""
        size = 0
        item: _Item = self._queue.get()
        while not isinstance(item, _Flush | _End):
            lines.append(self._line(item))
            size += len(lines[-1].content)
            if size >= _BATCH:
                return None
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return None
        return item

    def _line(self, item: Event | _Gap) -> Line:
        if isinstance(item, _Gap):
            return _gap_line(item)
        try:
            return Line(item.seq, line_of(item))
        except (TypeError, ValueError, RecursionError) as error:
            # A defect of who published it; the others must not suffer.
            _log.exception("journal.unwritable", extra={"seq": item.seq, "kind": item.kind, "reason": str(error)})
            self._lost_after += 1
            return _gap_line(_Gap(1, item.seq))

    def _append(self, lines: list[Line]) -> bool:
        """Write *lines*, however often that must be tried; False: given up, because the end has come."""
        pause = self._limits.retry
        while lines and not self._has_given_up and not self._try(partial(self._store.append, lines)):
            if self._closing.is_set():
                self._has_given_up = True
                break
            self._closing.wait(pause)
            pause = min(2 * pause, _LONGEST_RETRY * self._limits.retry)
        if self._has_given_up:
            # What comes after it is not written either: a journal has no hole that it does not tell of.
            self._lost_after += len(lines)
        return not self._has_given_up

    def _try(self, write: Callable[[], object]) -> bool:
        try:
            write()
        except (OSError, UnusablePath) as error:
            self._fail(error)
            return False
        if self.trouble:
            self.trouble = ""
            _log.warning("journal.recovered", extra={"path": self._directory, "lost": self.lost})
        return True

    def _fail(self, error: Exception) -> None:
        if not self.trouble:
            _log.error("journal.failed", extra={"path": self._directory, "reason": str(error)})
        self.trouble = str(error)


def _gap_line(gap: _Gap) -> Line:
    return Line(gap.seq, b'{"kind":"gap","lost":%d,"seq":%d}\n' % (gap.lost, gap.seq))


@asynccontextmanager
async def open_journal(
    directory: str, *, limits: Limits | None = None, history: int = 4096, system: System | None = None
) -> AsyncIterator[Journal]:
    """
    Keep the journal of one run in *directory* for the length of a block.

    The bus is to count on from `journal.first_seq`, and `journal.note` to be its listener. Where the disk does not work
    there is a journal nevertheless: numbers go on from a time stamp, and events are written when it does.

    Args:
        directory: Made when missing, mode 0700. One run at a time may write to it.

        limits: How much is kept, and how long the disk is waited for.

        history: How many of the last events to read, if the last run was killed: its readers will come back.

        system: For tests.

    Raises:
        JournalTooNew: It was written by a newer version; nothing was changed.

    Cancellation: what was noted is still written, as far as the limits' patience goes.
    """
    journal = Journal(directory, limits=limits or Limits(), history=history, system=system or System())
    await journal.begin()
    try:
        yield journal
    finally:
        await journal.end()
