"""
The life of the keeper's process.

The pump has a thread of its own, so that the process can end although a thread hangs in a dead file system. Everything
in `Serving` runs in the thread that leads the pump.

Nothing but the standard library here, and nothing that imports later: see `__main__.py`.
"""

# The part of `signal` that is written in C: the other one adds names, and imports `enum`.
import _signal as signal  # type: ignore[import-not-found]
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dumb_actors.keeper.control import Control
from dumb_actors.keeper.identity import forget, ourselves, register
from dumb_actors.keeper.kept import Kept
from dumb_actors.keeper.killing import end_trees
from dumb_actors.logs.flow import Flow
from dumb_actors.logs.pump import Pump

__all__ = ["ALREADY_KEPT", "serve"]

ALREADY_KEPT = 3
"""Exit code: another keeper is registered."""

LOG_LINES = 1000

NO_NAME = ""
"""Of a FIFO that is to stay: nothing of this name can be removed."""


def serve(control: int, run_dir: str, orphans: str, version: str) -> None:
    """
    Be the keeper of *run_dir*; does not return.

    Args:
        control: Descriptor of the socket to the supervisor.

        run_dir: Absolute; where the keeper registers.

        orphans: `stop`: end the trees when the supervisor is gone; `adopt`: go on for them.

        version: For the registration.
    """
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    say = _Diary()
    identity = ourselves(version)
    try:
        register(run_dir, identity)
    except FileExistsError:
        say("another keeper is registered")
        os._exit(ALREADY_KEPT)
    pump = Pump()
    serving = Serving(pump, control, run_dir, stops_orphans=orphans == "stop", say=say)
    _hear_sigterm(pump, serving.terminate)
    serving.begin()
    # The thread may be left behind in a system call that never returns: then nobody could join it.
    threading.Thread(target=pump.run, daemon=True).start()
    while not pump.wait(threading.TIMEOUT_MAX):
        pass
    forget(run_dir, identity)
    pump.close()
    os._exit(0)


class _Diary:
    """Writes to the keeper's own log, but not without limit: nobody rotates it."""

    def __init__(self) -> None:
        self._left = LOG_LINES

    def __call__(self, text: str) -> None:
        self._left -= 1
        if self._left >= 0:
            with contextlib.suppress(OSError):
                os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"{text}\n".encode(errors="replace"))


def _hear_sigterm(pump: Pump, terminate: Callable[[], None]) -> None:
    # Through a pipe: a handler itself would have to wait until the main thread is awake.
    reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def hear() -> None:
        with contextlib.suppress(BlockingIOError):
            if os.read(reading, 512):
                terminate()

    pump.watch(reading, hear)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, _wake_up)


def _wake_up(number: int, frame: object) -> None:
    """Do nothing; without a handler there is no byte in the pipe."""


class Serving:
    """What the keeper knows, and what it does on each message and event."""

    def __init__(
        self, pump: Pump, control: int, run_dir: str, *, stops_orphans: bool, say: Callable[[str], None]
    ) -> None:
        self._pump = pump
        self._run_dir = run_dir
        self._stops_orphans = stops_orphans
        self._say = say
        self._kept: dict[int, Kept] = {}
        self._by_flow: dict[Flow, Kept] = {}
        self._is_alone = False
        self._is_leaving = False
        self._is_terminated = False
        pump.on_gap = self._gap
        pump.on_hangup = self._hung_up
        self._control = Control(control, pump, hear=self._hear, closed=self._orphaned, say=say)

    def begin(self) -> None:
        """Tell the supervisor that we are at work."""
        self._control.send({"op": "ready"})

    def terminate(self) -> None:
        """Move what is there, and leave: another keeper goes on with the FIFOs."""
        self._is_terminated = True
        for kept in self._kept.values():
            if kept.flow is not None and not kept.is_finishing:
                kept.flow.fifo = NO_NAME
        self._pump.stop()

    # --- what the supervisor says -------------------------------------------------------------------------------------

    def _hear(self, message: dict[str, Any]) -> None:
        op = message["op"]
        try:
            if op == "add":
                self._add(message)
            elif op == "child":
                self._kept[message["id"]].note_child(message)
            elif op == "finish":
                self._finish(self._kept[message["id"]])
            elif op == "stay":
                self._stops_orphans = False
                self._control.send({"op": "staying"})
            elif op == "leave":
                self._leave()
            else:
                self._say(f"unknown op {op[:80]!r}")
        except (LookupError, TypeError, ValueError) as error:
            self._say(f"not understood: {op} {message.get('id')!r:.20}: {error!r:.200}")

    def _add(self, message: dict[str, Any]) -> None:
        held = self._control.received.popleft() if message.get("held") is True else -1
        try:
            kept = Kept.from_message(message, held)
            if kept.number in self._kept:
                raise ValueError("there is such a flow")
        except (LookupError, TypeError, ValueError):
            if held >= 0:
                os.close(held)
            raise
        self._kept[kept.number] = kept
        # The log may lie on a file system that hangs.
        self._pump.call(partial(kept.open, self._pump), partial(self._opened, kept))

    def _opened(self, kept: Kept) -> None:
        kept.is_opened = True
        if kept.flow is None:
            self._say(f"cannot open {kept.order.fifo!r}: {kept.fault}")
            self._control.send({"op": "failed", "id": kept.number, "reason": kept.fault})
        else:
            self._by_flow[kept.flow] = kept
            if self._is_terminated:
                kept.flow.fifo = NO_NAME
            self._pump.add(kept.flow)
        if kept.is_finishing:
            self._carry_out_finish(kept)
        elif self._is_alone:
            self._go_on_alone(kept)

    def _finish(self, kept: Kept) -> None:
        if not kept.is_finishing:
            kept.is_finishing = True
            if kept.is_opened:
                self._carry_out_finish(kept)

    def _carry_out_finish(self, kept: Kept) -> None:
        if kept.flow is not None:
            self._pump.finish(kept.flow, partial(self._finished, kept))
        else:
            self._pump.call(kept.read_lines, partial(self._finished, kept))

    def _finished(self, kept: Kept) -> None:
        del self._kept[kept.number]
        if kept.flow is not None:
            self._by_flow.pop(kept.flow, None)
        self._control.send({"op": "finished", "id": kept.number, **kept.result()})
        self._end_if_done()

    def _leave(self) -> None:
        self._is_leaving = True
        for kept in [*self._kept.values()]:
            self._finish(kept)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._kept:
            return
        if self._is_leaving:
            self._control.send({"op": "left"})
            self._control.after_flush(self._pump.stop)
        elif self._is_alone:
            self._pump.stop()

    # --- what happens -------------------------------------------------------------------------------------------------

    def _gap(self, flow: Flow, lost_bytes: int, reason: str, recovered: bool) -> None:  # noqa: FBT001 - the pump calls it so
        if (kept := self._by_flow.get(flow)) is not None:
            gap: Mapping[str, object] = {"lost": lost_bytes, "reason": reason, "recovered": recovered}
            self._control.send({"op": "gap", "id": kept.number, **gap}, droppable=True)

    def _hung_up(self, flow: Flow) -> None:
        # The supervisor holds every FIFO: before its end this means nothing, and is asked again then.
        if self._is_alone and (kept := self._by_flow.get(flow)) is not None:
            self._finish(kept)

    def _orphaned(self) -> None:
        if self._is_leaving:
            return
        self._is_alone = True
        if self._stops_orphans:
            end_trees([kept.tree() for kept in self._kept.values()], self._run_dir, self._say)
            for kept in [*self._kept.values()]:
                self._finish(kept)
            # Not after the last one: one may hang, and nobody waits for it.
            self._pump.stop()
            return
        for kept in [*self._kept.values()]:
            if kept.is_opened:
                self._go_on_alone(kept)
        self._end_if_done()

    def _go_on_alone(self, kept: Kept) -> None:
        """Move the output until its last writer leaves; be told once more when it has left already."""
        if kept.flow is None:
            self._finish(kept)
        elif not kept.is_finishing:
            self._pump.add(kept.flow)
