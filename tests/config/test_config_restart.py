"""`restart`, one-shots, and what a dependent does with them."""

from typing import Any

import pytest

from dumb_actors.config import check_specs, parse_config
from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.model.spec import DependsOn, Liveness, Log, RestartPolicy, ServiceSpec, Settle, Tcp
from tests.config.one_block import ROOT, faults_of, spec_of, warnings_of


@pytest.mark.parametrize(
    ("restart", "expected"),
    [
        ("on-failure", RestartPolicy()),
        ("always", RestartPolicy(policy="always")),
        ("never", RestartPolicy(policy="never")),
        ({}, RestartPolicy()),
        ({"policy": "never"}, RestartPolicy(policy="never")),
        ({"delays": [0, 0.5]}, RestartPolicy(delays=(0.0, 0.5))),
        ({"limit": None}, RestartPolicy()),
        (
            {"policy": "always", "delays": [1], "max_delay": 0, "limit": 1, "window": 0.5},
            RestartPolicy(policy="always", delays=(1.0,), max_delay=0.0, limit=1, window=0.5),
        ),
    ],
)
def test_restart(restart: Any, expected: RestartPolicy):
    assert spec_of(restart=restart).restart == expected


def test_the_default_is_to_restart_on_failure():
    assert spec_of().restart == RestartPolicy()
    assert spec_of(restart=None).restart.policy == "on-failure"


@pytest.mark.parametrize(
    ("restart", "paths"),
    [
        ("sometimes", [""]),
        ("", [""]),
        (True, [""]),
        (3, [""]),
        ([], [""]),
        ({"policy": "no"}, [".policy"]),
        ({"policy": None}, [".policy"]),
        ({"delays": 3}, [".delays"]),
        ({"delays": []}, [".delays"]),
        ({"delays": [0, -1, True, "2", 10**400]}, [".delays[1]", ".delays[2]", ".delays[3]", ".delays[4]"]),
        ({"max_delay": -1}, [".max_delay"]),
        ({"max_delay": float("nan")}, [".max_delay"]),
        ({"limit": 0}, [".limit"]),
        ({"limit": True}, [".limit"]),
        ({"limit": 2.0}, [".limit"]),
        ({"window": 0}, [".window"]),
        ({"policy": "x", "limit": -1, "window": "60"}, [".policy", ".limit", ".window"]),
    ],
)
def test_refused_restart(restart: Any, paths: list[str]):
    faults = faults_of(restart=restart)
    assert [fault.path for fault in faults] == [f"$.a.restart{path}" for path in paths]
    assert all(fault.expected for fault in faults)


def test_hints_for_restart():
    assert faults_of(restart="allways")[0].hint == "did you mean 'always'?"
    assert faults_of(restart={"window": "60"})[0].hint == "write it without quotes"
    assert faults_of(restart={"delays": 3})[0].hint == "put it in square brackets"
    assert warnings_of(restart={"delay": [1]}) == ("$.a.restart.delay: no field of ours; did you mean 'delays'?",)
    assert "did you mean 'limit'?" in warnings_of(restart={"max_restarts": 1})[0]


# --- one-shots --------------------------------------------------------------------------------------------------------


def test_a_one_shot():
    spec = spec_of(oneshot=True)
    assert (spec.oneshot, spec.success_codes) == (True, (0,))
    assert spec_of(oneshot=True, success_codes=[0, 3, 255, 3]).success_codes == (0, 3, 255)
    assert spec_of(oneshot=True, success_codes=None).success_codes == (0,)
    assert not spec_of().oneshot


def test_a_one_shot_is_ready_when_it_is_completed_unless_it_says_otherwise():
    # The port is that of the server it talks to: `migrate --port {port}`.
    assert spec_of(oneshot=True, command="migrate {port}", port=5).readiness == Settle()
    assert spec_of(oneshot=True, readiness={"log": "done"}).readiness == Log("done")


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({"oneshot": 1}, ["oneshot"]),
        ({"oneshot": "true"}, ["oneshot"]),
        ({"oneshot": None}, ["oneshot"]),
        ({"success_codes": 0}, ["success_codes"]),
        ({"success_codes": []}, ["success_codes"]),
        ({"success_codes": [0, 256, -1, "1", True, 1.0]}, [f"success_codes[{index}]" for index in range(1, 6)]),
    ],
)
def test_refused_one_shots(fields: dict[str, Any], paths: list[str]):
    faults = faults_of(**{"oneshot": True, **fields})
    assert [fault.path for fault in faults] == [f"$.a.{path}" for path in paths]
    assert all(fault.expected for fault in faults)


def test_a_one_shot_has_no_health():
    (fault,) = faults_of(oneshot=True, liveness={"tcp": 5})
    assert fault.path == "$.a.liveness"
    assert "one-shot" in fault.problem
    assert fault.hint
    assert spec_of(oneshot=True, liveness=None).liveness is None


@pytest.mark.parametrize("fields", [{}, {"oneshot": False}])
def test_success_codes_of_a_daemon_are_warned_of(fields: dict[str, Any]):
    (warning,) = warnings_of(success_codes=[0], **fields)
    assert warning.startswith("$.a.success_codes: ")
    assert "one-shot" in warning


# --- depends_on -------------------------------------------------------------------------------------------------------


def two(options: Any, **fields: Any) -> dict[str, Any]:
    return {
        "a": {"process_name": "A", "command": "a", "depends_on": {"b": options}},
        "b": {"process_name": "B", "command": "b", **fields},
    }


@pytest.mark.parametrize("until", ["started", "ready", "completed"])
@pytest.mark.parametrize("on_loss", ["keep", "restart", "stop"])
def test_until_and_on_loss(until: Any, on_loss: Any):
    config = parse_config(two({"until": until, "on_loss": on_loss}, oneshot=True), ROOT)
    assert config.specs[0].depends_on == (DependsOn("B", until=until, on_loss=on_loss),)
    assert config.warnings == ()


def test_until_and_on_loss_have_defaults():
    assert parse_config(two({}), ROOT).specs[0].depends_on == (DependsOn("B", until="ready", on_loss="keep"),)


def faults_between(document: dict[str, Any]) -> list[ConfigFault]:
    with pytest.raises(ConfigError) as caught:
        parse_config(document, ROOT)
    return list(caught.value.faults)


def test_only_a_one_shot_can_be_completed():
    (fault,) = faults_between(two({"until": "completed"}))
    assert (fault.path, fault.kind) == ("$.a.depends_on.b.until", "reference")
    assert fault.problem == "'A' waits until 'B' is completed, and that is no one-shot: it is never completed"
    assert (fault.got, fault.expected) == ('"completed"', '"started" or "ready"')
    assert '"oneshot": true' in fault.hint
    # Whether it must be there or not, it would never be completed.
    assert len(faults_between(two({"until": "completed", "required": False}, enabled=False))) == 1


def test_a_wrong_oneshot_makes_no_second_fault():
    assert [fault.path for fault in faults_between(two({"until": "completed"}, oneshot="yes"))] == ["$.b.oneshot"]


def test_specs_by_hand():
    check_specs(
        [ServiceSpec("a", "x", depends_on=[DependsOn("b", until="completed")]), ServiceSpec("b", "x", oneshot=True)]
    )
    with pytest.raises(ConfigError) as caught:
        check_specs(
            [
                ServiceSpec("a", "x", depends_on=[DependsOn("b", until="completed")]),
                ServiceSpec("b", "x"),
                ServiceSpec("c", "x", oneshot=True, liveness=Liveness(Tcp(5))),
            ]
        )
    assert [fault.path for fault in caught.value.faults] == ["$['c'].liveness", "$['a'].depends_on[0].until"]
