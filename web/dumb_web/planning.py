"""`GET /plan/…`: what a command would do, with what was looked at for it. Nothing is changed."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import attrs

from dumb_actors import (
    Builtin,
    ConfigError,
    Plan,
    Refused,
    RequestError,
    UnknownService,
    load_config,
)
from dumb_web.builtins import plan_builtin
from dumb_web.context import Web
from dumb_web.errors import ApiError
from dumb_web.finding import find_listed
from dumb_web.routes import Route
from dumb_web.wire import alike

__all__ = ["ROUTES", "PlanAnswer", "PlanView", "plan_one"]


@attrs.frozen
class PlanOne:
    """
    The query of a plan for one service.

    Attributes:
        process_name: Which service.

        dependencies: As in the body of `POST /process/start-service`.
    """

    process_name: str
    dependencies: Literal["start", "wait", "ignore"] = "start"


@attrs.frozen
class PlanStop:
    """
    The query of the plan of a stop.

    Attributes:
        process_name: Which service.
    """

    process_name: str


@attrs.frozen(kw_only=True)
class NeedView:
    """
    Who needs a service, and by what.

    Attributes:
        process_name: The dependent.

        signals: Where the need comes from: `depends_on`, `wait_for_url`, …
    """

    process_name: str
    signals: Sequence[str]


@attrs.frozen(kw_only=True)
class StepView:
    """
    One thing to be done.

    Attributes:
        action: `start`, `stop`, or `restart`: a stop at once, and a start when what is in `after` is there.

        process_name: To whom.

        after: Services of this plan that must be there first (start, restart) or gone first (stop).

        gone: Services of this plan that must be gone before this start.

        wave: Number, from 1: steps of one wave can be done at the same time.

        why: The reason, in words.

        needs: Who needs it, where that is the reason.

        expected_s: Seconds that it took lately; null: not known.
    """

    action: Literal["start", "stop", "restart"]
    process_name: str
    after: Sequence[str]
    gone: Sequence[str]
    wave: int
    why: str
    needs: Sequence[NeedView]
    expected_s: float | None


@attrs.frozen(kw_only=True)
class EffectView:
    """
    What happens to a service that the plan does not start or stop itself.

    Attributes:
        process_name: To whom.

        effect: In words.

        kind: It keeps running, is restarted, is stopped and waits for what it lost, is stopped and no longer wished, or
            waited and now goes on.

        dependency: Through which of its dependencies.

        on_loss: What its edge to that says; null where nothing is lost.

        depth: How many edges away from a service of the plan.

        certain: False: it loses several dependencies whose edges say different things, and the first loss decides.
    """

    process_name: str
    effect: str
    kind: Literal["keeps", "restarts", "waits", "stops", "goes_on"]
    dependency: str
    on_loss: Literal["keep", "restart", "stop"] | None
    depth: int
    certain: bool


@attrs.frozen(kw_only=True)
class AwaitedView:
    """
    What a start will wait for and the plan does not bring about.

    Attributes:
        process_name: Who waits.

        what: For what, in words.

        why: Why that does not hold yet, or that it is not known.

        dependency: The service that is waited for; null: something outside.
    """

    process_name: str
    what: str
    why: str
    dependency: str | None


@attrs.frozen(kw_only=True)
class CheckView:
    """
    Whether one thing that a start needs is there right now.

    Attributes:
        process_name: Who needs it.

        kind: Sort of thing.

        subject: Which: a path, a user, a port.

        ok: It is as it should be.

        text: What was found.

        fatal: Without it the start fails; else it is only worth to be known.

        hint: What would help; may be empty.
    """

    process_name: str
    kind: Literal["program", "directory", "user", "limits", "log", "port", "wait"]
    subject: str
    ok: bool
    text: str
    fatal: bool
    hint: str


@attrs.frozen(kw_only=True)
class PlanView:
    """
    What a command would do.

    Attributes:
        command: Which command.

        process_name: Its service; null for one that concerns all.

        already: Why nothing is to be done for that; empty where something is.

        steps: What is done, in an order in which it may be done.

        effects: Who is touched besides, the nearest first.

        waits_for: What its starts wait for that is not part of it.

        expected_s: Seconds until all of it is done, by what the steps took lately; null: not known.

        unknown: The services without a history, for which reason the whole is not known.

        checks: What was looked at.

        would_fail: What would fail right now: sentences.
    """

    command: Literal["start", "stop", "restart", "reconfigure", "boot", "shutdown"]
    process_name: str | None
    already: str
    steps: Sequence[StepView]
    effects: Sequence[EffectView]
    waits_for: Sequence[AwaitedView]
    expected_s: float | None
    unknown: Sequence[str]
    checks: Sequence[CheckView]
    would_fail: Sequence[str]


@attrs.frozen(kw_only=True)
class PlanAnswer:
    """
    What a command would do if it were given without `dry_run`. Nothing was changed.

    Attributes:
        dry_run: True.

        plan: What would be done.
    """

    dry_run: bool = True
    plan: PlanView


# --- the routes -------------------------------------------------------------------------------------------------------


async def plan_start(web: Web, query: PlanOne) -> PlanView:
    """Say what a start of a service would do, and what would fail."""
    return await plan_one(web, "start", _named(query.process_name), dependencies=query.dependencies)


async def plan_restart(web: Web, query: PlanOne) -> PlanView:
    """Say what a restart of a service would do, to whom, and what would fail."""
    return await plan_one(web, "restart", _named(query.process_name), dependencies=query.dependencies)


async def plan_stop(web: Web, query: PlanStop) -> PlanView:
    """Say what a stop of a service would do, and to whom: its dependents, theirs, and so on."""
    return await plan_one(web, "stop", _named(query.process_name))


def _named(name: str) -> str:
    if not name.strip():
        raise ApiError(400, "process_name is required")
    return name


async def plan_boot(web: Web) -> PlanView:
    """Say what would be started if the supervisor began now, beyond what runs already."""
    return await _plan(web, web.supervisor.plan_boot)


async def plan_shutdown(web: Web) -> PlanView:
    """Say in which order everything would be stopped."""
    return await _plan(web, web.supervisor.plan_shutdown)


async def plan_reconfigure(web: Web) -> PlanView:
    """
    Say what would change if the supervisor read its configuration file again now, as it does at SIGHUP.

    A file with faults is answered with all of them.
    """
    config = web.supervisor.config
    if config is None:
        raise Refused("the services of this supervisor do not come from a configuration file")
    new = await web.in_file_thread(partial(load_config, config.source, config.root))
    return await _plan(web, partial(web.supervisor.plan_reconfigure, new))


async def plan_one(
    web: Web,
    command: Literal["start", "stop", "restart"],
    name: str,
    *,
    dependencies: Literal["start", "wait", "ignore"] = "start",
) -> PlanView:
    """
    Plan a command to one service, and check the plan.

    Raises:
        ApiError: 404: there is no such service.

        Refused: It is a built-in, which takes no such command.
    """
    found = find_listed(web, name)
    if isinstance(found, Builtin):
        return _view(plan_builtin(found, command))
    match command:
        case "start":
            make = partial(web.supervisor.plan_start, found.name, dependencies=dependencies)
        case "restart":
            make = partial(web.supervisor.plan_restart, found.name, dependencies=dependencies)
        case "stop":
            make = partial(web.supervisor.plan_stop, found.name)
    return await _plan(web, make)


async def _plan(web: Web, make: Callable[[], Plan]) -> PlanView:
    await web.supervisor.recall_durations()
    return _view(await web.supervisor.check_plan(make()))


def _view(plan: Plan) -> PlanView:
    return PlanView(
        command=plan.command,
        process_name=plan.target or None,
        already=plan.already,
        steps=[
            alike(
                StepView,
                step,
                process_name=step.service,
                needs=[NeedView(process_name=need.source, signals=need.signals) for need in step.needs],
            )
            for step in plan.steps
        ],
        effects=[alike(EffectView, effect, process_name=effect.service) for effect in plan.effects],
        waits_for=[alike(AwaitedView, awaited, process_name=awaited.service) for awaited in plan.waits_for],
        expected_s=plan.expected_s,
        unknown=plan.unknown,
        checks=[alike(CheckView, check, process_name=check.service) for check in plan.checks or ()],
        would_fail=[str(check) for check in plan.failing],
    )


ONE = (RequestError, UnknownService, Refused)

ROUTES = (
    Route("GET", "/plan/start", plan_start, errors=ONE),
    Route("GET", "/plan/stop", plan_stop, errors=ONE),
    Route("GET", "/plan/restart", plan_restart, errors=ONE),
    Route("GET", "/plan/reconfigure", plan_reconfigure, errors=(ConfigError, Refused)),
    Route("GET", "/plan/boot", plan_boot),
    Route("GET", "/plan/shutdown", plan_shutdown),
)
