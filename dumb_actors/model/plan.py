"""Plans: what a command would do, as values. They are made by `dumb_actors.graph.planning`."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from dumb_actors.model.spec import OnLoss, ServiceSpec

__all__ = [
    "Action",
    "Awaited",
    "Check",
    "CheckKind",
    "Command",
    "Consequence",
    "Difference",
    "Effect",
    "Need",
    "Plan",
    "Step",
    "find_difference",
]

Action: TypeAlias = Literal["start", "stop", "restart"]

Command: TypeAlias = Literal["start", "stop", "restart", "reconfigure", "boot", "shutdown"]

Consequence: TypeAlias = Literal["keeps", "restarts", "waits", "stops", "goes_on"]
"""
What happens to a service that a plan touches without being asked to: it keeps running, it is restarted, it is stopped
and waits for what it lost, it is stopped and no longer wished, or it waited and now goes on.
"""

CheckKind: TypeAlias = Literal["program", "directory", "user", "limits", "log", "port", "wait"]


# --- what is done -----------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Need:
    """
    Who needs a service, and by what.

    Attributes:
        source: The dependent.

        signals: Where the edges come from, sorted.
    """

    source: str
    signals: tuple[str, ...]


@attrs.frozen
class Step:
    """
    One thing to be done.

    Attributes:
        action: `start`, `stop`, or `restart`: a stop at once, and a start when what is in `after` is there.

        service: To whom.

        after: Of a start or restart, the services of this plan that must be there first, as far as the edge asks
            (ready, started or completed); of a stop, those that must be gone first. All other order is free.

        why: In words.

        gone: Of a start, the services of this plan that must be gone first, whatever they depend on.

        wave: Number, from 1: steps of one wave can be done at the same time.

        needs: Who needs it, where that is why it is started.

        expected_s: Seconds that it took lately; None: not known.
    """

    action: Action
    service: str
    after: tuple[str, ...]
    why: str
    gone: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    wave: int = attrs.field(default=1, kw_only=True)
    needs: tuple[Need, ...] = attrs.field(default=(), kw_only=True)
    expected_s: float | None = attrs.field(default=None, kw_only=True)


@attrs.frozen(kw_only=True)
class Effect:
    """
    What happens to a service that the plan does not start or stop itself.

    Attributes:
        service: To whom.

        effect: In words.

        kind: See `Consequence`.

        dependency: Through which of its dependencies.

        on_loss: What its edge to that says; None where nothing is lost.

        depth: How many edges away from a service of the plan.

        certain: False: it loses several dependencies whose edges say different things, and the first loss decides.
    """

    service: str
    effect: str
    kind: Consequence
    dependency: str
    on_loss: OnLoss | None
    depth: int
    certain: bool = True


@attrs.frozen(kw_only=True)
class Awaited:
    """
    What a start will wait for and the plan does not bring about.

    Attributes:
        service: Who waits.

        what: For what, in words: `'db' to be ready`, `http://127.0.0.1:80/ to answer`.

        why: Why that does not hold yet, or that it is not known.

        dependency: The service that is waited for; None: something outside.
    """

    service: str
    what: str
    why: str
    dependency: str | None = None

    def __str__(self) -> str:
        return f"{self.service!r} waits for {self.what}: {self.why}"


@attrs.frozen(kw_only=True)
class Check:
    """
    Whether one thing that a start needs is there right now.

    Attributes:
        service: Who needs it.

        kind: Sort of thing.

        subject: Which: a path, a user, a port.

        ok: It is as it should be.

        text: What was found, in words.

        fatal: Without it the start fails; else it is only worth to be known.

        hint: What would help; may be empty.
    """

    service: str
    kind: CheckKind
    subject: str
    ok: bool
    text: str
    fatal: bool = True
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.service!r}: {self.text}" + (f" ({self.hint})" if self.hint else "")


@attrs.frozen
class Plan:
    """
    What a command does, in an order in which it may be done, and who else is touched.

    Attributes:
        steps: What is done.

        effects: Who is touched besides: the blast radius.

        command, target: Of which command this is the plan, and its service; empty for one that concerns all.

        waits_for: What its starts wait for that is not part of it.

        expected_s: Seconds until all of it is done, by what the steps took lately; None: not known.

        unknown: The services whose steps have no history, for which reason the whole is not known.

        already: Why nothing is to be done for the target; empty where something is.

        checks: What was looked at by `check_plan`, None: nothing was yet.

        specs: The services that are started, as they will be.
    """

    steps: tuple[Step, ...]
    effects: tuple[Effect, ...] = ()
    command: Command = attrs.field(default="start", kw_only=True)
    target: str = attrs.field(default="", kw_only=True)
    waits_for: tuple[Awaited, ...] = attrs.field(default=(), kw_only=True)
    expected_s: float | None = attrs.field(default=None, kw_only=True)
    unknown: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    already: str = attrs.field(default="", kw_only=True)
    checks: tuple[Check, ...] | None = attrs.field(default=None, kw_only=True)
    specs: Mapping[str, ServiceSpec] = attrs.field(factory=dict, kw_only=True, repr=False, eq=False)

    @property
    def services(self) -> tuple[str, ...]:
        """The services of the steps, in order, each once."""
        return tuple(dict.fromkeys(step.service for step in self.steps))

    @property
    def failing(self) -> tuple[Check, ...]:
        """What would fail right now, as far as it was checked."""
        return tuple(check for check in self.checks or () if check.fatal and not check.ok)


# --- what a new configuration changes ---------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Difference:
    """
    What a new set of specs changes; all by name, in the order of the set they are in.

    Attributes:
        added, removed: Only in the new set, only in the old.

        changed: In both, and a running child would be another one.

        enabled, disabled: The same but for `enabled`.

        unchanged: Everything else: not touched.

        fields: Of the changed ones, which fields differ.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    enabled: tuple[str, ...]
    disabled: tuple[str, ...]
    unchanged: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.added or self.removed or self.changed or self.enabled or self.disabled)


def find_difference(old: Mapping[str, ServiceSpec], new: Mapping[str, ServiceSpec]) -> Difference:
    """Compare two sets of specs by what a child and its run depend on; the block they came from does not count."""
    both = [name for name in new if name in old]
    fields = {name: found for name in both if (found := _changed_fields(old[name], new[name]))}
    switched = [name for name in both if name not in fields and new[name].enabled != old[name].enabled]
    return Difference(
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(fields),
        enabled=tuple(name for name in switched if new[name].enabled),
        disabled=tuple(name for name in switched if not new[name].enabled),
        unchanged=tuple(name for name in both if name not in fields and name not in switched),
        fields=fields,
    )


def _changed_fields(old: ServiceSpec, new: ServiceSpec) -> tuple[str, ...]:
    if attrs.evolve(new, enabled=old.enabled) == old:
        return ()
    fields = [field.name for field in attrs.fields(ServiceSpec) if field.eq and field.name != "enabled"]
    return tuple(name for name in fields if getattr(old, name) != getattr(new, name))
