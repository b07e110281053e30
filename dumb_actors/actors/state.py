"""The state of one service, owned by its actor: every change of phase goes through `ServiceState.become`."""

from collections.abc import Mapping
from typing import Any

import attrs
import trio

from dumb_actors.actors.bus import EventBus
from dumb_actors.actors.causes import Opened
from dumb_actors.actors.commands import MAILBOX_SIZE, Command
from dumb_actors.actors.levels import Changed, Level, Outlet
from dumb_actors.actors.ports import Adopted, Answer
from dumb_actors.model.child import Ending, Exit
from dumb_actors.model.event import Cause, Event, EventKind, Health, Restarts, ServiceSnapshot, Waiting
from dumb_actors.model.phase import Phase, check_transition
from dumb_actors.model.spec import ServiceSpec

__all__ = ["ServiceState"]


class ServiceState:
    """
    What is true of one service, and the one place that tells others: events to the bus, levels to the dependents.

    Attributes:
        wished: What the last accepted command asks for.

        changed: Fired at each change that a snapshot shows, but for the answers of probes.

        opened: Which gate of the present wait, or the last one, opened last.

        unhealthy_seq: The number of the event that it became unhealthy.
    """

    def __init__(self, spec: ServiceSpec, bus: EventBus, outlets: tuple[Outlet, ...]) -> None:
        self.spec = spec
        self.changed = Changed()
        self.wished = False
        self.phase = Phase.STOPPED
        self.generation = 0
        self.pid: int | None = None
        self.reason = ""
        self.hint = ""
        self.restarts = 0
        self.last_exit: Exit | None = None
        self.last_exit_at: float | None = None
        self.last_exit_reason = ""
        self.last_lines: tuple[str, ...] = ()
        self.health = self._unknown_health
        self.healing = Restarts()
        self.says = ""
        self.needs_restart = False
        self.opened = Opened()
        self.unhealthy_seq: int | None = None
        self._bus = bus
        self._outlets = outlets
        self._phase_seq = 0
        self._commands: dict[int, int] = {}  # ids by number of the event, of those that may still lead to a transition
        self._since_at = bus.wall()
        self._started_at: float | None = None
        self._ready_at: float | None = None
        self._waiting: dict[str, Waiting] = {}

    # --- changes ------------------------------------------------------------------------------------------------------

    def become(self, phase: Phase, cause: Cause, *, hint: str = "", detail: Mapping[str, Any] | None = None) -> Event:
        """
        Go to *phase* because of *cause*, tell everybody, and give the event.

        Raises:
            IllegalTransition: The table has no such arrow; nothing was changed and nobody was told.
        """
        check_transition(self.spec.name, self.phase, phase)
        before, self.phase = self.phase, phase
        self.reason = self._bus.masked_text(cause.text)
        self.hint = self._bus.masked_text(hint)
        self._waiting = {}
        if cause.seq in self._commands:
            detail = {**(detail or {}), "command": self._commands[cause.seq]}
            self._commands = {seq: number for seq, number in self._commands.items() if seq > cause.seq}
        event = self.note("phase", cause, before=before, detail=detail)
        self._phase_seq = event.seq
        self._since_at = event.at
        if phase is Phase.READY:
            self._ready_at = self._since_at
        self.tell()
        return event

    def wish(self, *, wished: bool) -> None:
        """Change what is wished; the dependents are told at once."""
        self.wished = wished
        self.tell()

    def note_spawned(self, generation: int, pid: int, cause: Cause, detail: Mapping[str, Any]) -> None:
        """Record a new child and go to `starting`."""
        self.generation = generation
        self.pid = pid
        self.last_lines = ()
        self.says = ""
        self._started_at = self.note("spawned", cause, detail={"pid": pid, **detail}).at
        self.become(Phase.STARTING, cause)

    def note_adopted(self, adopted: Adopted, *, needs_restart: bool) -> None:
        """Take over what an earlier supervisor left: a living child in its phase, or work that was done."""
        self.generation = adopted.launch.generation
        self.wished = True
        if adopted.child is None:
            self.become(Phase.COMPLETED, Cause(kind="supervisor", text="it had done its work before"))
            return
        self.pid = adopted.child.pid
        self.needs_restart = needs_restart
        text = f"pid {self.pid} lives since before this supervisor" + (
            ", as its configuration was then: it needs a restart" if needs_restart else ""
        )
        cause = Cause(kind="supervisor", text=text)
        self.note("adopted", cause, detail={"pid": self.pid, "was_ready": adopted.was_ready})
        self.become(Phase.STARTING, cause)
        if adopted.was_ready:
            self.become(Phase.READY, Cause(kind="supervisor", text=f"{text}; it was ready"))
            self._ready_at = adopted.ready_at
        self._started_at = adopted.started_at

    def note_exited(self, ending: Ending, cause: Cause) -> Event:
        """Record that nothing of the child is left, and give the event."""
        self.last_exit = ending.exit
        self.last_exit_reason = self.health.reason if cause.kind == "liveness" else str(ending.exit)
        self.last_lines = tuple(map(self._bus.masked_text, ending.last_lines))
        detail = {
            "pid": self.pid,
            "exit": str(ending.exit),
            "code": ending.exit.code,
            "signal": ending.exit.signal,
            "tree_empty": ending.tree_empty,
            "tree_proof": ending.tree_proof,
            "swept": [{"pid": s.pid, "command": s.command} for s in ending.swept],
            "left": [{"pid": s.pid, "command": s.command} for s in ending.left],
        }
        event = self.note("exited", cause, detail=detail)
        self.last_exit_at = event.at
        self.pid = None
        self.needs_restart = False
        self._started_at = None
        self._ready_at = None
        self.health = self._unknown_health
        return event

    def note_health(self, answer: Answer, threshold: int) -> bool:
        """Take the result of one round of checks; tell whether the service is unhealthy. Changes are events."""
        count = 0 if answer.held else self.health.count + 1
        healthy = count < threshold
        changed = healthy != (self.health.healthy is not False)
        self.health = Health(
            healthy=healthy,
            reason="" if answer.held else self._bus.masked_text(answer.text),
            count=count,
            threshold=threshold,
        )
        if changed:
            word = "healthy again" if healthy else f"unhealthy, {count} times in a row: {answer.text}"
            detail = {"healthy": healthy, "count": count, "threshold": threshold}
            self.unhealthy_seq = self.note("health", Cause(kind="liveness", text=word), detail=detail).seq
        return not healthy

    def note(
        self, kind: EventKind, cause: Cause, *, before: Phase | None = None, detail: Mapping[str, Any] | None = None
    ) -> Event:
        """Publish an event about this service, and give it."""
        phases = (self.phase if before is None else before, self.phase)
        event = self._bus.publish(
            kind, cause, service=self.spec.name, generation=self.generation, phases=phases, detail=detail
        )
        self.changed.fire()
        return event

    def note_command(self, command: Command) -> None:
        """Publish that *command* was accepted."""
        cause = Cause(kind="command", text=f"{command.action} asked for by {command.by}", by=command.by)
        detail: dict[str, Any] = {
            "id": command.id,
            "command": command.action,
            "dependencies": command.dependencies,
        }
        if command.also:
            detail["also"] = list(command.also)
        command.seq = self.note("command", cause, detail=detail).seq
        if len(self._commands) > MAILBOX_SIZE:  # most of them led to nothing
            del self._commands[min(self._commands)]
        self._commands[command.seq] = command.id

    # --- what others see ----------------------------------------------------------------------------------------------

    def set_waiting(self, what: str, answer: str | None) -> None:
        """Show that *what* is waited for; *answer* is the last that was heard. Not an event: it may change often."""
        present = self._waiting.get(what)
        since_at = present.since_at if present else self._bus.wall()
        since_mono = present.since_mono if present else trio.current_time()
        answer = answer and self._bus.masked_text(answer)
        self._waiting[what] = Waiting(what=what, since_at=since_at, since_mono=since_mono, last_answer=answer)

    def clear_waiting(self, what: str | None = None) -> None:
        """Show no longer that *what* is waited for; None: anything."""
        if what is None:
            self._waiting.clear()
        self._waiting.pop(what or "", None)

    @property
    def _unknown_health(self) -> Health:
        liveness = self.spec.liveness
        return Health() if liveness is None else Health(threshold=liveness.threshold)

    @property
    def level(self) -> Level:
        """What the dependents are told."""
        is_ready = self.phase in {Phase.READY, Phase.COMPLETED}
        published = {"ports": self.spec.ports, "paths": self.spec.provides} if is_ready else {}
        return Level(
            wished=self.wished,
            phase=self.phase,
            generation=self.generation,
            reason=self.reason if self.phase in {Phase.FAILED, Phase.BACKOFF} else "",
            published=published,
            seq=self._phase_seq,
        )

    def rewire(self, spec: ServiceSpec, outlets: tuple[Outlet, ...]) -> None:
        """Take over the dependents of a new set of specs; *spec* says the same as before to a child."""
        self.spec = spec
        self._outlets = outlets
        self.tell()

    def inherit(self, former: "ServiceState") -> None:
        """Take over the history of the same service from before a reconfiguration."""
        self.generation = former.generation
        self.restarts = former.restarts
        self.last_exit, self.last_exit_at = former.last_exit, former.last_exit_at
        self.last_exit_reason = former.last_exit_reason
        self.last_lines = former.last_lines
        self.reason = "its configuration changed"

    def tell(self) -> None:
        """Put the present level into each dependent's channel."""
        level = self.level
        for outlet in self._outlets:
            outlet.put(level)
        self.changed.fire()

    def _masked(self, healing: Restarts) -> Restarts:
        if not healing.last_failure and not healing.last_reasons:
            return healing
        return attrs.evolve(
            healing,
            last_failure=self._bus.masked_text(healing.last_failure),
            last_reasons=tuple(map(self._bus.masked_text, healing.last_reasons)),
        )

    def snapshot(self, dependencies: Mapping[str, str]) -> ServiceSnapshot:
        """Freeze the present state; *dependencies* are the phases of its dependencies as it was last told."""
        return ServiceSnapshot(
            name=self.spec.name,
            key=self.spec.key,
            enabled=self.spec.enabled,
            phase=self.phase,
            wished=self.wished,
            generation=self.generation,
            pid=self.pid,
            since_at=self._since_at,
            started_at=self._started_at,
            ready_at=self._ready_at,
            reason=self.reason,
            hint=self.hint,
            waiting=tuple(self._waiting.values()),
            dependencies=dependencies,
            last_exit=self.last_exit,
            last_exit_at=self.last_exit_at,
            last_lines=self.last_lines,
            restarts=self.restarts,
            health=self.health,
            healing=self._masked(self.healing),
            says=self._bus.masked_text(self.says),
            needs_restart=self.needs_restart,
            last_exit_reason=self.last_exit_reason,
        )
