"""`dumb.auto_restart`: whom it governs, and what follows for them."""

from typing import Any

import attrs
import pytest

from dumb_actors.config import AutoRestart, Config, Root, parse_config
from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.model.spec import Liveness, RestartPolicy, ServiceSpec, Tcp, Url

ROOT = Root("/r")
LISTED_POLICY = RestartPolicy(delays=(5.0, 15.0, 45.0, 120.0), max_delay=120.0, limit=3, window=300.0)


def config_of(auto_restart: Any, **fields: Any) -> Config:
    block = {"process_name": "My App", "command": "x", **fields}
    return parse_config({"dumb": {"auto_restart": auto_restart}, "a": block}, ROOT)


def listed(entry: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    return {"enabled": True, "services": [{"process_name": "My App", **(entry or {})}], **values}


def spec_of(auto_restart: Any, **fields: Any) -> ServiceSpec:
    config = config_of(auto_restart, **fields)
    assert config.warnings == ()
    return config.specs[0]


def faults_of(auto_restart: Any) -> list[ConfigFault]:
    with pytest.raises(ConfigError) as caught:
        config_of(auto_restart)
    return list(caught.value.faults)


# --- the values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [None, {}, {"services": None, "max_restarts": None}])
def test_the_defaults_are_those_of_the_specification(raw: Any):
    found = config_of(raw).settings.auto_restart
    assert found == AutoRestart() == parse_config({}, ROOT).settings.auto_restart
    assert attrs.asdict(found) == {
        "enabled": False,
        "restart_on_unhealthy": True,
        "healthcheck_interval": 30.0,
        "unhealthy_threshold": 3,
        "max_restarts": 3,
        "window_seconds": 300.0,
        "backoff_seconds": (5.0, 15.0, 45.0, 120.0),
        "grace_period_seconds": 30.0,
        "services": (),
    }


def test_an_entry_goes_before_the_values_for_all():
    raw = listed(
        {"unhealthy_threshold": 7, "backoff_seconds": [1], "max_restarts": None}, max_restarts=9, window_seconds=8
    )
    settings = config_of(raw).settings
    (entry,) = settings.auto_restart.services
    assert (entry.process_name, entry.enabled) == ("My App", True)
    assert (entry.unhealthy_threshold, entry.backoff_seconds) == (7, (1.0,))
    assert (entry.max_restarts, entry.window_seconds) == (9, 8.0)
    assert settings.auto_restart.of("my app") is entry
    assert settings.auto_restart.of("other") is None


@pytest.mark.parametrize(("everywhere", "here", "both"), [(True, True, 1), (True, False, 0), (False, True, 0)])
def test_enabled_counts_where_both_say_so(everywhere: bool, here: bool, both: int):
    raw = listed({"enabled": here}, enabled=everywhere)
    assert bool(config_of(raw).settings.auto_restart.of("My App")) == both
    assert spec_of(raw).restart == (LISTED_POLICY if both else RestartPolicy())


@pytest.mark.parametrize(
    ("raw", "paths"),
    [
        ([], [""]),
        (True, [""]),
        ({"enabled": "true"}, [".enabled"]),
        ({"enabled": None}, [".enabled"]),
        ({"restart_on_unhealthy": 1}, [".restart_on_unhealthy"]),
        ({"healthcheck_interval": "30"}, [".healthcheck_interval"]),
        ({"unhealthy_threshold": 0}, [".unhealthy_threshold"]),
        ({"unhealthy_threshold": 1.5}, [".unhealthy_threshold"]),
        ({"max_restarts": -1}, [".max_restarts"]),
        ({"max_restarts": True}, [".max_restarts"]),
        ({"window_seconds": 0}, [".window_seconds"]),
        ({"backoff_seconds": []}, [".backoff_seconds"]),
        ({"backoff_seconds": 5}, [".backoff_seconds"]),
        ({"backoff_seconds": [5, -1, "x"]}, [".backoff_seconds[1]", ".backoff_seconds[2]"]),
        ({"grace_period_seconds": -1}, [".grace_period_seconds"]),
        ({"services": {"process_name": "x"}}, [".services"]),
        ({"services": ["x", {}]}, [".services[0]", ".services[1].process_name"]),
        ({"services": [{"process_name": " "}]}, [".services[0].process_name"]),
        (
            {"services": [{"process_name": 3, "enabled": "no", "window_seconds": -1, "backoff_seconds": [None]}]},
            [
                ".services[0].process_name",
                ".services[0].enabled",
                ".services[0].window_seconds",
                ".services[0].backoff_seconds[0]",
            ],
        ),
        (
            {"max_restarts": -1, "services": [{"process_name": "x", "max_restarts": -1}]},
            [".max_restarts", ".services[0].max_restarts"],
        ),
    ],
)
def test_what_is_refused(raw: Any, paths: list[str]):
    faults = faults_of(raw)
    assert [fault.path for fault in faults] == [f"$.dumb.auto_restart{path}" for path in paths]
    assert all(fault.expected for fault in faults)


def test_a_name_instead_of_an_entry_gets_a_hint():
    assert faults_of({"services": ["Plex"]})[0].hint == 'write {"process_name": "…"}'


@pytest.mark.parametrize(
    ("raw", "path", "words"),
    [
        ({"enabled": True}, ".services", "lists no service"),
        ({"enabled": True, "services": []}, ".services", "lists no service"),
        ({"unhealthy_treshold": 3}, ".unhealthy_treshold", "did you mean 'unhealthy_threshold'?"),
        (listed({"max_restart": 3}), ".services[0].max_restart", "did you mean 'max_restarts'?"),
        (listed({"process_name": "My Ap"}), ".services[0].process_name", "did you mean 'My App'?"),
        (listed({"process_name": "MyApp"}), ".services[0].process_name", "no service is called 'MyApp'"),
        (listed({"process_name": "DUMB API"}), ".services[0].process_name", "no service is called 'DUMB API'"),
        (listed({"grace_period_seconds": 3}), ".services[0].grace_period_seconds", "does not count"),
        (
            {"services": [{"process_name": "My App"}, {"process_name": " my app"}]},
            ".services[1].process_name",
            "'My App' is listed twice",
        ),
    ],
)
def test_warnings(raw: Any, path: str, words: str):
    (warning,) = config_of(raw).warnings
    assert warning.startswith(f"$.dumb.auto_restart{path}: ")
    assert words in warning


# --- what follows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["My App", " my app ", "MY APP"])
def test_a_listed_service_has_its_limits_and_its_health_watched(name: str):
    spec = spec_of(listed({"process_name": name}), port=80)
    assert spec.restart == LISTED_POLICY
    assert spec.liveness == Liveness(Tcp(80), interval=30.0, timeout=1.5, threshold=3, grace=30.0)


def test_the_values_of_the_entry_count():
    entry = {
        "healthcheck_interval": 2,
        "unhealthy_threshold": 4,
        "max_restarts": 5,
        "window_seconds": 6,
        "backoff_seconds": [3, 1],
    }
    spec = spec_of(listed(entry, grace_period_seconds=7), port=80)
    assert spec.liveness == Liveness(Tcp(80), interval=2.0, timeout=1.5, threshold=4, grace=7.0)
    assert spec.restart == RestartPolicy(delays=(3.0, 1.0), max_delay=3.0, limit=5, window=6.0)


def test_the_grace_period_is_always_that_of_all():
    config = config_of(listed({"grace_period_seconds": 1}, grace_period_seconds=7), port=80)
    assert config.specs[0].liveness is not None
    assert config.specs[0].liveness.grace == 7.0
    assert config.settings.auto_restart.services[0].grace_period_seconds == 7.0


@pytest.mark.parametrize(
    ("fields", "checks"),
    [
        (
            {"port": 1, "frontend_port": 2, "backend_port": 3, "webdav_port": 4},
            [Tcp(1), Tcp(2), Tcp(3), Tcp(4)],
        ),
        (
            {"env": {"PORT": "1", "FRONTEND_PORT": "2", "BACKEND_PORT": "3", "WEBDAV_PORT": "4", "OTHER_PORT": "5"}},
            [Tcp(1), Tcp(2), Tcp(3), Tcp(4)],
        ),
        ({"port": 1, "env": {"PORT": "{port}", "BACKEND_PORT": "9"}, "readiness": {"settle": 1}}, [Tcp(1), Tcp(9)]),
        (
            {"port": 1, "env": {"PORT": "0", "WEBDAV_PORT": "70000", "BACKEND_PORT": "x", "FRONTEND_PORT": "-1"}},
            [Tcp(1)],
        ),
        ({"port": 1, "host": "h"}, [Tcp(1, "h")]),
        ({"port": 1, "host": ""}, [Tcp(1)]),
        ({"port": 1, "host": "0.0.0.0"}, [Tcp(1)]),
        ({"port": 1, "host": "::"}, [Tcp(1)]),
    ],
)
def test_health_is_that_every_configured_port_answers(fields: dict[str, Any], checks: list[Tcp]):
    liveness = spec_of(listed(), **fields).liveness
    assert liveness is not None
    assert liveness.checks == tuple(checks)


@pytest.mark.parametrize(
    ("raw", "fields"),
    [
        (listed(), {}),
        (listed(), {"env": {"PORT": "$PORT"}}),
        # The port of a question is none that the specification counts.
        (listed(), {"readiness": {"tcp": 5}}),
        (listed(), {"port": 80, "oneshot": True}),
        (listed(restart_on_unhealthy=False), {"port": 80}),
        (listed({"restart_on_unhealthy": False}), {"port": 80}),
        (listed(healthcheck_interval=0), {"port": 80}),
        (listed({"healthcheck_interval": -1}), {"port": 80}),
    ],
)
def test_when_health_is_not_watched_the_limits_still_count(raw: Any, fields: dict[str, Any]):
    spec = spec_of(raw, **fields)
    assert spec.liveness is None
    assert spec.restart == LISTED_POLICY


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        {"enabled": False, "services": [{"process_name": "My App"}]},
        listed({"enabled": False}),
        {"services": [{"process_name": "My App", "enabled": True}]},
    ],
)
@pytest.mark.parametrize(
    ("fields", "liveness", "restart"),
    [
        ({"port": 80}, None, RestartPolicy()),
        (
            {"liveness": {"url": "http://h"}, "restart": "never"},
            Liveness(Url("http://h")),
            RestartPolicy(policy="never"),
        ),
    ],
)
def test_where_it_does_not_count_the_block_alone_does(raw: Any, fields: dict[str, Any], liveness: Any, restart: Any):
    spec = spec_of(raw, **fields)
    assert (spec.liveness, spec.restart) == (liveness, restart)


def test_others_are_not_governed():
    document = {
        "dumb": {"auto_restart": listed()},
        "a": {"process_name": "My App", "command": "x", "port": 1},
        "b": {"process_name": "Other", "command": "x", "port": 2},
    }
    _, other = parse_config(document, ROOT).specs
    assert (other.liveness, other.restart) == (None, RestartPolicy())


def test_each_field_of_the_block_goes_before_the_entry():
    spec = spec_of(listed(), port=80, liveness={"url": "http://h"})
    assert (spec.liveness, spec.restart) == (Liveness(Url("http://h")), LISTED_POLICY)
    spec = spec_of(listed(), port=80, restart="always")
    assert spec.restart == RestartPolicy(policy="always")
    assert spec.liveness == Liveness(Tcp(80), interval=30.0, timeout=1.5, threshold=3, grace=30.0)


def test_no_restarts_at_all():
    spec = spec_of(listed(max_restarts=0), port=80)
    assert spec.restart.policy == "never"
    # What may not be restarted is not ended for its bad health; it is only told.
    assert spec.liveness is not None
    assert not spec.liveness.restart
    spec = spec_of(listed(), port=80, restart="never")
    assert spec.liveness is not None
    assert not spec.liveness.restart


def test_no_delay_at_all():
    assert spec_of(listed(backoff_seconds=[0])).restart == RestartPolicy(
        delays=(0.0,), max_delay=0.0, limit=3, window=300.0
    )
