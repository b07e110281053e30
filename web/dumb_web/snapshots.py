"""Snapshots as JSON, for whoever shows one: times in Unix seconds, phases and statuses as their words."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import attrs

from dumb_actors import Exit, Health, Phase, Restarts, ServiceSnapshot, Waiting
from dumb_web.wire import alike

__all__ = [
    "ExitFacts",
    "ServiceState",
    "Status",
    "WaitingFor",
    "service_state",
    "waiting_for",
]

Status: TypeAlias = Literal["running", "stopped", "idle"]


# --- parts ------------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class WaitingFor:
    """
    One thing that a service waits for.

    Attributes:
        what: In words: `'PostgreSQL' to be ready`.

        since: Since when (Unix seconds).

        last_answer: The last thing that the probe or the dependency said; null before the first.
    """

    what: str
    since: float
    last_answer: str | None


@attrs.frozen(kw_only=True)
class ExitFacts:
    """
    How a child ended.

    Attributes:
        code: Exit code; null when a signal ended it.

        signal: Name of the signal; null when it ended by itself.

        core_dumped: Whether it left a core file.

        text: The same in words.
    """

    code: int | None
    signal: str | None
    core_dumped: bool
    text: str


# --- a service --------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class ServiceState:
    """
    Everything that is known about a service; times are Unix seconds.

    Attributes:
        process_name: Its unique name.

        config_key: Service key of the configuration; empty for one made by hand.

        enabled: Whether it is started at boot.

        status: Its phase in the three words of the Process Management API.

        phase: Where it is in its life.

        wished: Whether it is wished to run.

        generation: Of its latest child; 0 before the first.

        pid: Of the leader of the live child; null when there is none.

        since: Since when it is in this phase.

        started_at, ready_at: When the present child was spawned, and proved ready.

        reason: Why it is where it is.

        hint: What would help; may be empty.

        waiting: What it waits for right now.

        dependencies: What each dependency last said of itself, by name.

        last_exit, last_exit_at: How and when the previous child ended.

        last_lines: The last lines of output of a child that failed.

        restarts: How often a command restarted it.

        health: What its checks say.

        healing: Restarts that nobody asked for.

        says: What it last said of itself by sd_notify; empty when it did not.

        needs_restart: Its configuration changed in a way that its running child does not know.

        log_path: Where its output goes.
    """

    process_name: str
    config_key: str
    enabled: bool
    status: Status
    phase: Phase
    wished: bool
    generation: int
    pid: int | None
    since: float
    started_at: float | None
    ready_at: float | None
    reason: str
    hint: str
    waiting: Sequence[WaitingFor]
    dependencies: Mapping[str, str]
    last_exit: ExitFacts | None
    last_exit_at: float | None
    last_lines: Sequence[str]
    restarts: int
    health: Health
    healing: Restarts
    says: str
    needs_restart: bool
    log_path: str


def service_state(snapshot: ServiceSnapshot, log_path: str) -> ServiceState:
    """Give everything that is known about a service, and where its output goes."""
    return alike(
        ServiceState,
        snapshot,
        process_name=snapshot.name,
        config_key=snapshot.key,
        since=snapshot.since_at,
        waiting=waiting_for(snapshot.waiting),
        last_exit=_exit_facts(snapshot.last_exit),
        log_path=log_path,
    )


def waiting_for(waiting: Sequence[Waiting]) -> list[WaitingFor]:
    """Give what a service waits for."""
    return [WaitingFor(what=w.what, since=w.since_at, last_answer=w.last_answer) for w in waiting]


def _exit_facts(ended: Exit | None) -> ExitFacts | None:
    return None if ended is None else alike(ExitFacts, ended, text=str(ended))
