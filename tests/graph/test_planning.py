"""Plans, as pure values: what is done, in which order, why, and who is touched."""

from typing import Any

import attrs
import pytest

from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.graph.planning import (
    plan_boot,
    plan_reconfigure,
    plan_restart,
    plan_shutdown,
    plan_start,
    plan_stop,
)
from dumb_actors.graph.scene import Scene, Situation
from dumb_actors.model.phase import Phase
from dumb_actors.model.plan import find_difference
from dumb_actors.model.spec import DependsOn, ServiceSpec, Url

READY = Situation(wished=True, phase=Phase.READY)
WAITS = Situation(wished=True, phase=Phase.WAITING)
FAILED = Situation(wished=True, phase=Phase.FAILED, reason="exited with code 3")
DONE = Situation(wished=True, phase=Phase.COMPLETED)


def spec(name: str, **fields: Any) -> ServiceSpec:
    return ServiceSpec(name, fields.pop("command", "x"), **fields)


def scene(specs: list[ServiceSpec], situations: dict[str, Situation] | None = None, **how: Any) -> Scene:
    by_name = {one.name: one for one in specs}
    known = situations or {}
    return Scene(graph=DependencyGraph(specs), specs=by_name, situation=lambda one: known.get(one, Situation()), **how)


def on_loss(name: str, word: Any, **fields: Any) -> DependsOn:
    return DependsOn(name, on_loss=word, **fields)


CHAIN = [spec("web", depends_on=["app"]), spec("app", depends_on=["db"]), spec("db"), spec("other")]


# --- start ------------------------------------------------------------------------------------------------------------


def test_a_start_takes_what_is_required_or_enabled() -> None:
    specs = [
        spec("top", depends_on=["must", DependsOn("may", required=False)], waits=[Url("http://localhost:1/")]),
        spec("must", enabled=False),
        spec("may", enabled=False),
        spec("url", ports=[1], enabled=False),
    ]
    assert set(plan_start(scene(specs), "top", startable=()).services) == {"top", "must"}
    plan = plan_start(scene(specs, {"must": READY}), "top", startable=("url", "may"))
    assert set(plan.services) == {"top", "url", "may"}
    assert plan.steps[-1].service == "top"
    assert set(plan.steps[-1].after) == {"url", "may"}
    (url,) = [step for step in plan.steps if step.service == "url"]
    assert (url.why, url.needs[0].source, url.needs[0].signals) == (
        "'top' needs it (wait_for_url)",
        "top",
        ("wait_for_url",),
    )


def test_what_can_be_done_at_the_same_time_is_one_wave() -> None:
    specs = [spec("top", depends_on=["a", "b"]), spec("a", depends_on=["db"]), spec("b", depends_on=["db"]), spec("db")]
    plan = plan_start(scene(specs), "top", startable=())
    assert {step.service: step.wave for step in plan.steps} == {"db": 1, "a": 2, "b": 2, "top": 3}


def test_the_expected_time_is_that_of_the_longest_chain() -> None:
    specs = [spec("top", depends_on=["a", "b"]), spec("a"), spec("b")]
    times: dict[str, float | None] = {"top": 1.0, "a": 2.0, "b": 5.0}
    plan = plan_start(scene(specs, start_s=times.get), "top", startable=())
    assert (plan.expected_s, plan.unknown) == (6.0, ())
    times["a"] = None
    plan = plan_start(scene(specs, start_s=times.get), "top", startable=())
    assert (plan.expected_s, plan.unknown) == (None, ("a",))


@pytest.mark.parametrize(
    ("phase", "words"),
    [(Phase.READY, "'db' is ready"), (Phase.WAITING, "on its way"), (Phase.STARTING, "on its way")],
)
def test_what_is_there_or_on_its_way_is_not_started_again(phase: Phase, words: str) -> None:
    plan = plan_start(scene(CHAIN, {"db": Situation(wished=True, phase=phase)}), "db", startable=())
    assert plan.steps == ()
    assert words in plan.already


@pytest.mark.parametrize("situation", [FAILED, DONE, Situation(wished=True, phase=Phase.BACKOFF), Situation()])
def test_a_start_of_one_at_rest_or_in_backoff_is_an_attempt(situation: Situation) -> None:
    assert plan_start(scene(CHAIN, {"db": situation}), "db", startable=()).services == ("db",)


def test_a_waiting_one_goes_when_its_dependencies_are_ignored() -> None:
    here = scene(CHAIN, {"app": WAITS, "db": FAILED})
    assert plan_start(here, "app", startable=(), dependencies="wait").steps == ()
    plan = plan_start(here, "app", startable=(), dependencies="ignore")
    assert (plan.services, plan.waits_for) == (("app",), ())


def test_a_failed_dependency_is_tried_again_or_waited_for() -> None:
    here = scene(CHAIN, {"db": FAILED})
    assert plan_start(here, "app", startable=()).services == ("db", "app")
    plan = plan_start(here, "app", startable=(), dependencies="wait")
    (awaited,) = plan.waits_for
    assert (awaited.service, awaited.dependency, awaited.what) == ("app", "db", "'db' to be ready")
    assert "exited with code 3" in awaited.why


def test_a_url_of_nobody_is_waited_for() -> None:
    plan = plan_start(scene([spec("a", waits=[Url("http://nas.example/")])]), "a", startable=())
    assert [str(one) for one in plan.waits_for] == [
        "'a' waits for http://nas.example/ to answer: no service here provides it; whether it holds is not known"
    ]


def test_who_waited_for_what_is_started_goes_on() -> None:
    here = scene(CHAIN, {"web": WAITS, "app": WAITS})
    plan = plan_start(here, "db", startable=())
    assert [(one.service, one.kind, one.dependency, one.depth) for one in plan.effects] == [
        ("app", "goes_on", "db", 1),
        ("web", "goes_on", "app", 2),
    ]


def test_a_one_shot_that_runs_again_is_a_loss_to_those_who_wait_for_its_work() -> None:
    specs = [spec("app", depends_on=[on_loss("job", "restart", until="completed")]), spec("job", oneshot=True)]
    plan = plan_start(scene(specs, {"app": READY, "job": DONE}), "job", startable=())
    assert [(one.service, one.kind) for one in plan.effects] == [("app", "restarts")]


# --- stop and restart -------------------------------------------------------------------------------------------------


def test_a_stop_touches_dependents_as_their_edges_say_and_theirs() -> None:
    specs = [
        spec("db"),
        spec("kept", depends_on=["db"]),
        spec("again", depends_on=[on_loss("db", "restart")]),
        spec("free", depends_on=[on_loss("db", "restart", required=False)]),
        spec("ended", depends_on=[on_loss("db", "stop")]),
        spec("second", depends_on=[on_loss("ended", "restart"), on_loss("again", "keep")]),
        spec("third", depends_on=["second"]),
        spec("asks", waits=[Url("http://localhost:1/")]),
        spec("off", depends_on=[on_loss("db", "stop")]),
    ]
    specs[0] = attrs.evolve(specs[0], ports=[1])
    up = {one.name: READY for one in specs if one.name != "off"}
    plan = plan_stop(scene(specs, up), "db")
    assert plan.services == ("db",)
    found = {one.service: (one.kind, one.dependency, one.on_loss, one.depth) for one in plan.effects}
    assert found == {
        "kept": ("keeps", "db", "keep", 1),
        "again": ("waits", "db", "restart", 1),
        "free": ("restarts", "db", "restart", 1),
        "ended": ("stops", "db", "stop", 1),
        "second": ("waits", "ended", "restart", 2),
        "third": ("keeps", "second", "keep", 3),
        "asks": ("keeps", "db", "keep", 1),
    }
    words = {one.service: one.effect for one in plan.effects}
    assert words["kept"] == "keeps running and is told that 'db' is lost"
    assert words["asks"] == "keeps running; it asks for 'db' only before its start"
    assert words["ended"] == "is stopped, because 'db' is lost, and not started again by itself"
    plan = plan_restart(scene(specs, up), "db", startable=())
    assert [(step.action, step.service) for step in plan.steps] == [("restart", "db")]
    found = {one.service: (one.kind, one.dependency, one.on_loss, one.depth) for one in plan.effects}
    assert found["again"] == ("restarts", "db", "restart", 1)
    assert found["second"] == ("waits", "ended", "restart", 2)


def test_a_stop_of_one_at_rest_does_nothing_and_says_so() -> None:
    plan = plan_stop(scene(CHAIN, {"app": READY}), "db")
    assert (plan.steps, plan.effects, plan.already) == ((), (), "'db' is stopped")


def test_a_stop_frees_who_waits_without_requiring_it() -> None:
    specs = [spec("db"), spec("app", depends_on=[DependsOn("db", required=False)])]
    backoff = Situation(wished=True, phase=Phase.BACKOFF)
    (effect,) = plan_stop(scene(specs, {"db": backoff, "app": WAITS}), "db").effects
    assert (effect.service, effect.kind, effect.effect) == ("app", "goes_on", "waits, and goes on without 'db'")


def test_losses_that_say_different_things_are_not_certain() -> None:
    specs = [
        spec("db"),
        spec("a", depends_on=[on_loss("db", "restart")]),
        spec("b", depends_on=[on_loss("db", "restart")]),
        spec("top", depends_on=[on_loss("a", "restart"), on_loss("b", "stop")]),
    ]
    plan = plan_stop(scene(specs, dict.fromkeys(["db", "a", "b", "top"], READY)), "db")
    assert {one.service: one.certain for one in plan.effects} == {"a": True, "b": True, "top": False}
    assert "the first loss decides" in next(one for one in plan.effects if one.service == "top").effect


def test_a_restart_of_one_at_rest_is_a_start() -> None:
    plan = plan_restart(scene(CHAIN), "app", startable=())
    assert [(step.action, step.service) for step in plan.steps] == [("start", "db"), ("start", "app")]


# --- all of them ------------------------------------------------------------------------------------------------------


def test_a_shutdown_stops_dependents_first_and_only_who_is_up() -> None:
    plan = plan_shutdown(scene(CHAIN, {"web": READY, "app": READY, "db": READY}))
    assert {step.service: (step.after, step.wave) for step in plan.steps} == {
        "web": ((), 1),
        "app": (("web",), 2),
        "db": (("app",), 3),
    }
    assert plan_shutdown(scene(CHAIN)).already == "nothing runs"


def test_a_boot_starts_who_is_wished_and_stops_what_was_left() -> None:
    here = scene(CHAIN, {"db": READY, "other": READY})
    plan = plan_boot(here, wished=["web", "app", "db"], unwished=["other"])
    assert [(step.action, step.service, step.after) for step in plan.steps] == [
        ("start", "app", ()),
        ("start", "web", ("app",)),
        ("stop", "other", ()),
    ]
    assert plan.steps[0].why == "it is enabled"
    assert "all of them are there" in plan_boot(here, wished=["db"], unwished=[]).already


def test_a_new_set_is_stopped_where_it_differs_before_anything_is_started() -> None:
    new = [
        spec("web", depends_on=["app"]),
        spec("app", command="y", depends_on=["db", "cache"], env={"A": "b"}),
        spec("db"),
        spec("cache"),
    ]
    here = scene(CHAIN, dict.fromkeys(["web", "app", "db", "other"], READY))
    specs = {one.name: one for one in new}
    plan = plan_reconfigure(here, find_difference(here.specs, specs), DependencyGraph(new), specs)
    assert {(step.action, step.service) for step in plan.steps} == {
        ("stop", "app"),
        ("stop", "other"),
        ("start", "cache"),
        ("start", "app"),
    }
    start = next(step for step in plan.steps if (step.action, step.service) == ("start", "app"))
    assert start.why == "its configuration changed: command, depends_on, env"
    assert (start.after, set(start.gone), start.wave) == (("cache",), {"app", "other"}, 3)
    assert [(one.service, one.kind) for one in plan.effects] == [("web", "keeps")]
    assert plan.effects[0].effect.endswith("and when it is back")
    same = find_difference(here.specs, here.specs)
    assert plan_reconfigure(here, same, here.graph, here.specs).already == "nothing differs"
