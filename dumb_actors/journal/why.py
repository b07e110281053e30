"""
Why a service is where it is: from its phase back through what happened, down to the root.

Pure but for the `Past`, which may read the journal.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from dumb_actors.journal import sentences
from dumb_actors.journal.explanation import Branch, CausalLink, Explanation
from dumb_actors.journal.past import Past
from dumb_actors.journal.sentences import Said
from dumb_actors.journal.trace import BEGINS, Trace, is_declared, is_phase, named_in, pid_in, to
from dumb_actors.model.event import Event, ServiceSnapshot
from dumb_actors.model.phase import Phase

__all__ = ["LONGEST", "Present", "explain"]

LONGEST = 60
"""So many links are in one explanation."""

_LAST_LINES = 10
_THERE = frozenset({Phase.READY, Phase.COMPLETED})


@attrs.frozen(kw_only=True)
class Present:
    """
    What is, at the instant that is explained.

    Attributes:
        at: The instant, Unix seconds.

        services: The state of every service by name; None: it is an instant of the past, of which events alone tell.

        began: Events above this number are of the supervisor that knows the services.
    """

    at: float
    services: Mapping[str, ServiceSnapshot] | None = None
    began: int = 0

    def snapshot(self, name: str) -> ServiceSnapshot | None:
        """Give the state of a service as far as it is known."""
        return (self.services or {}).get(name)


@attrs.frozen(kw_only=True)
class _State:
    """Where a service is: its phase, the event that tells so (None: there is none), and what is known beyond."""

    phase: Phase | None
    event: Event | None
    former: Event | None = None  # the last of an earlier run
    snapshot: ServiceSnapshot | None = None

    @property
    def is_there(self) -> bool:
        return self.phase in _THERE


@attrs.frozen(kw_only=True)
class _Wait:
    what: str
    dependency: str | None
    answer: str | None = None


def explain(name: str, past: Past, present: Present) -> Explanation:
    """
    Explain the phase of a service; blocking where *past* is.

    Args:
        name: Its exact name; also one that has left the configuration.

        past: What has happened by then.

        present: What is then.

    Raises:
        JournalTooNew, UnusablePath: As *past*.
    """
    teller = _Teller(past, present)
    links: list[CausalLink] = []
    branches = teller.tell_state(name, links)
    return Explanation(
        service=name,
        phase=teller.state_of(name).phase,
        at=present.at,
        summary=links[0].text,
        chain=tuple(links),
        branches=branches,
        hint=_hint(links, branches),
        complete=not (teller.is_cut or past.is_short),
    )


def _hint(links: list[CausalLink], branches: tuple[Branch, ...]) -> str:
    """Take the hint that lies nearest to the root, of the first branch that has one; what failed must be started."""
    for branch in branches:
        if hint := _hint(list(branch.chain), branch.branches):
            return hint
    found = next((link for link in reversed(links) if link.hint), None)
    if found is None:
        return ""
    gave_up = next((link for link in links if link.facts.get("phase") == Phase.FAILED), None)
    return found.hint if gave_up is None or gave_up is found else f"{found.hint}; {gave_up.hint}"


class _Teller:
    """Makes the links; every service's state is told once, and every end, so that it comes to an end."""

    def __init__(self, past: Past, present: Present) -> None:
        self.is_cut = False
        self._past = past
        self._trace = Trace(past)
        self._present = present
        self._told: set[str] = set()
        self._ends: set[int] = set()
        self._count = 0
        self._states: dict[str, _State] = {}

    # --- links --------------------------------------------------------------------------------------------------------

    def _add(
        self,
        links: list[CausalLink],
        said: Said,
        service: str,
        event: Event | None = None,
        *,
        at: float | None = None,
        by: str = "",
        **facts: Any,
    ) -> None:
        if self._count >= LONGEST:
            self.is_cut = True
            return
        self._count += 1
        links.append(
            CausalLink(
                kind=said.kind,
                text=said.text,
                hint=said.hint,
                service=service,
                generation=event.generation if event is not None else 0,
                seq=event.seq if event is not None else None,
                at=at if event is None else event.at,
                cause=event.cause.kind if event is not None else None,
                by=by,
                facts={key: value for key, value in facts.items() if value is not None},
            )
        )

    def _add_state(self, links: list[CausalLink], said: Said, name: str, state: _State, **facts: Any) -> None:
        since = state.snapshot.since_at if state.snapshot is not None else None
        phase = None if state.phase is None else str(state.phase)
        self._add(links, said, name, state.event, at=since, phase=phase, **facts)

    def _add_unknown(self, links: list[CausalLink], service: str) -> None:
        self._past.is_short = True
        self._add(links, Said("unknown", "what came before is not in the journal any more"), service)

    # --- where a service is -------------------------------------------------------------------------------------------

    def state_of(self, name: str) -> _State:
        """Find out where a service is at the instant."""
        if name not in self._states:
            self._states[name] = self._look(name)
        return self._states[name]

    def _look(self, name: str) -> _State:
        snapshot, event = self._present.snapshot(name), self._trace.newest(name)
        if snapshot is not None:
            is_of_now = event is not None and event.seq > self._present.began and event.to_phase is snapshot.phase
            now, former = (event, None) if is_of_now else (None, event)
            return _State(phase=snapshot.phase, event=now, former=former, snapshot=snapshot)
        newest = next(self._past.of(""), None)
        if event is None:
            return _State(phase=None if newest is None else Phase.STOPPED, event=None)
        if newest is not None and newest.seq > event.seq and self._trace.is_other_run(event, newest):
            return _State(phase=Phase.STOPPED, event=None, former=event)
        return _State(phase=event.to_phase, event=event)

    def tell_state(self, name: str, links: list[CausalLink]) -> tuple[Branch, ...]:
        """Tell where a service is and why, into *links*; what it gives goes on behind the last of them."""
        self._told.add(name)
        if self.is_cut:
            return ()
        state = self.state_of(name)
        match state.phase:
            case None:
                self._add_state(links, Said("state", f"where {name!r} was then is not known"), name, state)
                self._add_unknown(links, name)
            case Phase.WAITING:
                return self._tell_waiting(name, state, links)
            case Phase.PREPARING:
                self._add_state(links, Said("state", f"{name!r} is being prepared for its start"), name, state)
                self._tell_condition(name, links, state.event)
                self._tell_begin(name, links, state.event)
            case Phase.STARTING | Phase.READY:
                self._tell_running(name, state, links)
            case Phase.STOPPED:
                self._tell_stopped(name, state, links)
            case _:
                self._tell_ended(name, state, links)
        return ()

    def _tell_running(self, name: str, state: _State, links: list[CausalLink]) -> None:
        event, snapshot = state.event, state.snapshot
        answer = None
        if state.phase is Phase.STARTING:
            asked = snapshot.waiting[0] if snapshot is not None and snapshot.waiting else None
            answer = asked.last_answer if asked else None
            said = sentences.starting(name, asked.what if asked else "", answer)
        else:
            proof = "" if event is None or event.cause.kind != "probe" else event.cause.text
            said = sentences.ready(name, proof, snapshot)
        pid = snapshot.pid if snapshot is not None else None
        self._add_state(links, said, name, state, pid=pid, answer=answer)
        self._tell_child(name, links, event)

    def _tell_ended(self, name: str, state: _State, links: list[CausalLink]) -> None:
        event = state.event
        facts: dict[str, Any] = {}
        match state.phase:
            case Phase.BACKOFF:
                said, facts = self._backoff(name, state)
            case Phase.FAILED:
                said = sentences.failed(name, event)
            case Phase.COMPLETED:
                said = Said("state", f"{name!r} has done its work")
            case _:
                said = Said("state", f"{name!r} is being stopped")
        self._add_state(links, said, name, state, **facts)
        if event is None:
            self._add_unknown(links, name)
        else:
            self._tell_end(name, links, event)

    def _backoff(self, name: str, state: _State) -> tuple[Said, dict[str, Any]]:
        detail = state.event.detail if state.event is not None else {}
        next_at, attempt = None, detail.get("recent")
        if state.event is not None and "delay_s" in detail:
            next_at = state.event.at + detail["delay_s"]
        if state.snapshot is not None and state.snapshot.healing.next_at is not None:
            next_at = state.snapshot.healing.next_at
        loop = state.snapshot is not None and state.snapshot.healing.crash_loop
        left = 0.0 if next_at is None else next_at - self._present.at
        said = sentences.backoff(name, left, attempt, crash_loop=loop)
        return said, {"next_at": next_at, "attempt": attempt, "crash_loop": loop}

    def _tell_stopped(self, name: str, state: _State, links: list[CausalLink]) -> None:
        self._add_state(links, Said("state", f"{name!r} is stopped"), name, state)
        if state.event is not None:
            self._tell_end(name, links, state.event)
            return
        former, snapshot = state.former, state.snapshot
        was_stopped = former is not None and former.to_phase is Phase.STOPPED and former.cause.text.startswith("stop ")
        self._add(links, sentences.not_wished(name, snapshot, stopped_before=was_stopped), name)
        if was_stopped and former is not None and snapshot is not None and snapshot.enabled:
            self._tell_end(name, links, former)

    # --- waiting ------------------------------------------------------------------------------------------------------

    def _tell_waiting(self, name: str, state: _State, links: list[CausalLink]) -> tuple[Branch, ...]:
        waits = sorted(self._waits(name, state), key=lambda wait: self._rank(wait.dependency))
        begin = self._trace.begin(name, state.event)
        why = begin.cause.text if begin is not None and begin.cause.kind not in {"command", "supervisor"} else ""
        said = sentences.waiting(name, [wait.what for wait in waits], why)
        facts = [{"what": w.what, "dependency": w.dependency, "answer": w.answer} for w in waits]
        begun = None if begin is None else {"text": begin.cause.text, "by": begin.cause.by, "seq": begin.seq}
        self._add_state(links, said, name, state, waits_for=facts, begun=begun)
        if len(waits) > 1:
            # Where there is no room left a branch comes out empty.
            return tuple(branch for branch in map(self._branch, waits) if branch.chain)
        if waits and waits[0].dependency is not None:
            return self._tell_wait(waits[0], links)
        for wait in waits:
            self._tell_wait(wait, links)
        self._tell_begin(name, links, state.event)
        return ()

    def _rank(self, dependency: str | None) -> int:
        """Sort services that are not there before what is no service, and what is there last."""
        if dependency is None:
            return 1
        snapshot = self._present.snapshot(dependency)
        phase = self.state_of(dependency).phase if snapshot is None else snapshot.phase
        return 2 if phase in _THERE else 0

    def _branch(self, wait: _Wait) -> Branch:
        links: list[CausalLink] = []
        branches = self._tell_wait(wait, links)
        return Branch(what=wait.what, chain=tuple(links), branches=branches)

    def _tell_wait(self, wait: _Wait, links: list[CausalLink]) -> tuple[Branch, ...]:
        """Tell why what is waited for does not hold."""
        target = wait.dependency
        if target is None:
            said = sentences.missing(wait.what, wait.answer, provider=None)
            self._add(links, said, "", at=self._present.at, what=wait.what, answer=wait.answer)
            return ()
        if target in self._told:
            self._add(links, Said("seen", f"{target!r} is told of above"), target)
            return ()
        state = self.state_of(target)
        if is_declared(wait.what) or not (state.is_there or state.phase is Phase.STARTING):
            return self.tell_state(target, links)
        # It is there, what it offers is not.
        self._told.add(target)
        runs = sentences.ready(target) if state.is_there else sentences.started(target)
        self._add_state(links, runs, target, state)
        said = sentences.missing(wait.what, wait.answer, provider=target)
        self._add(links, said, target, at=self._present.at, what=wait.what, answer=wait.answer)
        return ()

    def _waits(self, name: str, state: _State) -> list[_Wait]:
        """List what is waited for: what the snapshot says, else what was told at the beginning and since."""
        told = list(state.event.detail.get("waits_for") or ()) if state.event is not None else []
        targets = {str(one["what"]): one.get("dependency") for one in told}
        held: dict[str, bool] = {}
        for news in self._trace.since(name, state.event):
            if news.kind == "condition":
                what = str(news.detail.get("condition"))
                held[what] = bool(news.detail.get("held"))
                targets.setdefault(what, news.detail.get("dependency") or news.detail.get("target"))
        if state.snapshot is not None:
            asked = [(waiting.what, waiting.last_answer) for waiting in state.snapshot.waiting]
        else:
            asked = [(what, None) for what in targets if not held.get(what)]
        return [
            _Wait(what=what, answer=answer, dependency=targets.get(what) or named_in(what, answer))
            for what, answer in asked
        ]

    # --- how it came to run -------------------------------------------------------------------------------------------

    def _tell_child(self, name: str, links: list[CausalLink], event: Event | None) -> None:
        """Tell how the child came to be that lives at *event*."""
        start = self._trace.start(name, event)
        if start is None:
            self._add_unknown(links, name)
        elif start.from_phase is Phase.STOPPED:
            self._tell_adoption(name, links, start)
        else:
            prepared = self._past.last(name, to(Phase.PREPARING), before=start.seq)
            ignored = prepared is not None and prepared.cause.text.startswith("dependencies are ignored")
            pid = pid_in(start)
            self._add(links, sentences.spawned(start.generation, pid, ignored=ignored), name, start, pid=pid)
            if not ignored:
                self._tell_condition(name, links, prepared)
            self._tell_begin(name, links, start)

    def _tell_condition(self, name: str, links: list[CausalLink], prepared: Event | None) -> None:
        """Tell which of the things that it waited for was the last, where it waited at all."""
        found = None if prepared is None else self._trace.held(name, prepared)
        if found is not None:
            held, waited_s = found
            what = str(held.detail.get("condition"))
            target = held.detail.get("dependency") or held.detail.get("target")
            self._add(links, sentences.condition(what, waited_s), name, held, what=what, dependency=target)

    def _tell_begin(
        self, name: str, links: list[CausalLink], event: Event | None, *, is_after_end: bool = False
    ) -> None:
        """Tell why the run that *event* belongs to was begun; *is_after_end*: how it ended was told."""
        begin = self._trace.begin(name, event)
        if is_after_end:
            # One end was told in full; those before it are summed up.
            begin, ends = self._trace.attempts(name, begin)
            if ends:
                reasons = [sentences.reason_in(end.cause.text) for end in ends[:5]]
                self._add(links, sentences.attempts(len(ends)), name, ends[-1], count=len(ends), ends=reasons)
        if begin is None:
            self._add_unknown(links, name)
        elif begin.to_phase is not Phase.WAITING:
            self._tell_adoption(name, links, begin)
        elif begin.cause.kind == "command":
            self._tell_start(name, links, begin)
        elif begin.cause.kind in {"restart", "dependency"}:
            self._add(links, sentences.again(), name, begin)
            before = self._past.last(name, is_phase, before=begin.seq)
            if before is None:
                self._add_unknown(links, name)
            else:
                self._tell_end(name, links, before)
        else:
            self._add(links, Said("supervisor", begin.cause.text), name, begin)

    def _tell_start(self, name: str, links: list[CausalLink], begin: Event) -> None:
        command, by = self._trace.command(name, begin, BEGINS), begin.cause.by
        action = begin.cause.text.split()[0] if command is None else str(command.detail.get("command"))
        kind = self._trace.asker(command or begin)
        also_for = ""
        if command is not None and kind == "command":
            also_for = self._trace.also_for(command, is_told=begin.cause.seq is not None)
        said = sentences.asked(action, by, also_for=also_for, kind=kind, snapshot=self._present.snapshot(name))
        self._add(links, said, name, command or begin, by=by, command=action, also_for=also_for or None)

    def _tell_adoption(self, name: str, links: list[CausalLink], event: Event) -> None:
        """Tell of a child, or of work that was done, that an earlier supervisor left."""
        before, times = self._trace.before_adoption(name, event)
        is_done = event.to_phase is Phase.COMPLETED
        pid = pid_in(event)
        self._add(links, sentences.adopted(pid, times, is_done=is_done), name, event, pid=pid, count=times)
        former = self._past.last("", lambda _: True, before=event.seq)
        if former is None:
            self._add_unknown(links, name)
            return
        what = str(former.detail.get("what"))
        told = former if what in {"left", "ended"} else None
        self._add(links, sentences.supervisor_ended(what), "", told, by=former.cause.by if told else "")
        # How it came to run then; where that is not known, how it was left is the root.
        if before is not None and is_done:
            self._tell_end(name, links, before)
        elif before is not None:
            self._tell_child(name, links, before)

    # --- how it ended -------------------------------------------------------------------------------------------------

    def _tell_end(self, name: str, links: list[CausalLink], event: Event) -> None:
        """Tell why a run ended, given the transition that tells of it."""
        if self.is_cut:
            return
        if event.seq in self._ends:
            self._add(links, Said("seen", f"the end of {name!r} is told of above"), name, event)
            return
        self._ends.add(event.seq)
        if event.from_phase is Phase.STOPPED and event.to_phase is Phase.COMPLETED:
            self._tell_adoption(name, links, event)
            return
        match event.cause.kind:
            case "exit" | "timeout" | "liveness" | "spawn" | "error":
                self._tell_failure(name, links, event)
            case "dependency":
                self._tell_loss(name, links, event)
            case "command":
                self._tell_stop(name, links, event)
            case "supervisor":
                self._add(links, Said("shutdown", f"everything was stopped: {event.cause.text}"), name, event)
            case _:
                self._add(links, Said("unknown", event.cause.text), name, event)

    def _tell_failure(self, name: str, links: list[CausalLink], event: Event) -> None:
        found = self._trace.failure(name, event)
        detail = found.exited.detail if found.exited is not None else {}
        facts: dict[str, Any] = {key: detail.get(key) for key in ("exit", "code", "signal")}
        facts["last_lines"] = list(event.detail.get("last_lines") or ())[-_LAST_LINES:] or None
        said = sentences.ended(name, event, found.exited, found.ran_s)
        self._add(links, said, name, found.told, ran_s=found.ran_s, **facts)
        self._tell_begin(name, links, found.told, is_after_end=True)

    def _tell_loss(self, name: str, links: list[CausalLink], event: Event) -> None:
        """Tell that it went because of a dependency, and why that went."""
        lost = self._trace.lost(name, event)
        if lost is None:
            self._add(links, Said("loss", event.cause.text), name, event)
            self._add_unknown(links, name)
            return
        target = str(lost.detail.get("dependency"))
        on_loss = str(lost.detail.get("on_loss") or "")
        self._add(links, sentences.loss(target, on_loss), name, lost, dependency=target, on_loss=on_loss)
        went, begin = self._trace.went(target, lost), self._trace.begin(name, lost)
        is_taken_over = begin is not None and begin.to_phase is not Phase.WAITING
        if is_taken_over and begin is not None and (went is None or went.seq < begin.seq):
            # It went while nobody was there to see it.
            self._add(links, sentences.not_found(target), target)
            self._tell_adoption(name, links, begin)
        elif went is None:
            self._add_unknown(links, target)
        else:
            self._tell_end(target, links, went)

    def _tell_stop(self, name: str, links: list[CausalLink], event: Event) -> None:
        action, by = event.cause.text.split()[0], event.cause.by
        command = self._trace.command(name, event, frozenset({action}))
        kind = self._trace.stopper(event, command)
        said = sentences.stopped_by(name, action, by, kind=kind, snapshot=self._present.snapshot(name))
        self._add(links, said, name, command or event, by=by, command=action)
