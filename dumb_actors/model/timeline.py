"""Timelines: what each service did when, as it is told to others."""

from typing import Literal, TypeAlias

import attrs

from dumb_actors.model.phase import Phase

__all__ = ["Boot", "Change", "ChangeKind", "Hook", "PathStep", "Span", "SpanKind", "Timeline", "TimelineRow"]

SpanKind: TypeAlias = Literal["waiting", "preparing", "spawning", "probing", "running", "stopping", "backoff"]

ChangeKind: TypeAlias = Literal["quicker", "probe", "independent", "steady", "nothing"]
"""`quicker`: a service takes no time of its own. `probe`: a settling time is replaced by a readiness probe.
`independent`: a service does not wait for one of its dependencies. `steady`: a service needs one attempt only.
`nothing`: no single change would help."""


@attrs.frozen(kw_only=True)
class Hook:
    """
    One part of the preparation of a service.

    Attributes:
        hook: What it is called.

        seconds: How long it took.
    """

    hook: str
    seconds: float


@attrs.frozen(kw_only=True)
class Span:
    """
    What one service did for a while.

    Attributes:
        service: Who.

        generation: Of the child that this is about; while there is none yet, of the one that came of it, if one did.

        attempt: Counted from 1 within what was looked at, a restart is the next one; 0: of a child from before that.

        kind: `waiting`: wished, for what it needs; `preparing`: for its hooks; `spawning`; `probing`: its child lives
            and is not ready; `running`: ready; `stopping`; `backoff`: until the next attempt.

        begin_at, end_at: Unix seconds. No end: it goes on, or it is not known when it ended.

        begin_mono, end_mono: Monotonic seconds of the supervisor's run.

        outcome: The phase that followed; empty while it goes on; `unknown` where the journal does not have it.

        waits_for: Of `waiting`: what for, in words.

        ended_by: Of `waiting`: the dependency whose change ended it; empty where nothing was waited for, or something
            that no service of ours provides.

        condition, signal: Of `waiting`: what came to hold last, in words, and where the configuration asks for it.

        led_by: Of `waiting`: the number of the event of the dependency that led to that.

        hooks: Of `preparing`: the parts.

        probe: Of `probing`: what readiness is found out by: `tcp`, `url`, `settle` (it outlives a settling time),
            `work` (a one-shot has done its work), …

        adopted: An earlier supervisor left the child that this is about.
    """

    service: str
    generation: int
    attempt: int
    kind: SpanKind
    begin_at: float
    end_at: float | None
    begin_mono: float
    end_mono: float | None
    outcome: str = ""
    waits_for: tuple[str, ...] = ()
    ended_by: str = ""
    condition: str = ""
    signal: str = ""
    led_by: int | None = None
    hooks: tuple[Hook, ...] = ()
    probe: str = ""
    adopted: bool = False

    @property
    def lasted_s(self) -> float:
        """How long it was; 0 while it goes on."""
        return 0.0 if self.end_mono is None else self.end_mono - self.begin_mono


@attrs.frozen(kw_only=True)
class TimelineRow:
    """
    One service in a timeline.

    Attributes:
        service: Who.

        phase: Where it was at the end of the timeline.

        ready_s: When it was ready for the first time, seconds from the begin; none: it was not.

        adopted: It ran before, and was taken over.

        on_critical_path: It is part of what the whole took so long for.

        reason: Why it is not ready: what it failed of, or waits for; empty when it is.

        spans: What it did, oldest first.
    """

    service: str
    phase: Phase
    ready_s: float | None
    adopted: bool
    on_critical_path: bool
    reason: str
    spans: tuple[Span, ...]


@attrs.frozen(kw_only=True)
class PathStep:
    """
    One service on the critical path; the next step begins where this one ends.

    Attributes:
        service: Who.

        begin_s, end_s: Seconds from the begin of the timeline.

        waiting_s, preparing_s, spawning_s, probing_s, other_s: What of it that was; `other_s`: the time until the next
            attempt, and stopping before a restart.

        after: Which dependency ended its wait; empty for the first of the path.

        condition: What came to hold then, in words.
    """

    service: str
    begin_s: float
    end_s: float
    waiting_s: float
    preparing_s: float
    spawning_s: float
    probing_s: float
    other_s: float
    after: str
    condition: str


@attrs.frozen(kw_only=True)
class Change:
    """
    One thing that could be otherwise, and what it would be worth.

    Attributes:
        kind: What would be otherwise.

        service: With whom; empty where nothing helps.

        dependency: Of `independent`: what it would no longer wait for.

        saves_s: How much sooner everything would be ready, seconds.

        makespan_s: How long it would take then.

        text: The same as a sentence.
    """

    kind: ChangeKind
    service: str
    dependency: str
    saves_s: float
    makespan_s: float
    text: str


@attrs.frozen(kw_only=True)
class Timeline:
    """
    A boot, or a start or restart with what it brought along.

    Attributes:
        what: `boot`, `start` or `restart`.

        seq: The number of its event; for a boot that is what it is called by.

        by: Who asked for it.

        begin_at, begin_mono: When the first service was wished: Unix seconds, and monotonic seconds of that run.

        end_s: Where the timeline ends, seconds from its begin: everybody is ready or has failed, or now.

        is_complete: Everybody who was wished is ready, has failed, or was stopped.

        makespan_s: From the begin until the last service was ready; none: no service was. Services that are not ready
            do not count.

        ideal_s: The same if no service had waited for anything but what it needs: the longest chain of what services
            take for themselves.

        critical_path: The chain that took as long as the whole: services, each of which ended the wait of the next.

        change: What would help most.

        changes: All that would help, the best first.

        not_ready: Who is not ready.

        partial: What the journal does not have of it, in a sentence; empty: it has everything.

        services: In the order in which they began.
    """

    what: Literal["boot", "start", "restart"]
    seq: int
    by: str
    begin_at: float
    begin_mono: float
    end_s: float
    is_complete: bool
    makespan_s: float | None
    ideal_s: float | None
    critical_path: tuple[PathStep, ...]
    change: Change
    changes: tuple[Change, ...]
    not_ready: tuple[str, ...]
    partial: str
    services: tuple[TimelineRow, ...]


@attrs.frozen(kw_only=True)
class Boot:
    """
    A boot that the journal knows.

    Attributes:
        seq: The number of its event: what it is called by.

        at: When it was (Unix seconds).

        by: Who asked for it.

        services: How many services were wished; none: an earlier version did not write that down.

        makespan_s: Until the last of them was ready; none: not all are ready or have failed, or that is not known.

        not_ready: Who was not ready then; empty where that is not known.
    """

    seq: int
    at: float
    by: str
    services: int | None
    makespan_s: float | None
    not_ready: tuple[str, ...]
