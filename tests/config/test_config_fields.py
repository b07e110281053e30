"""The fields of a block: what each takes, becomes and refuses."""

from typing import Any

import pytest

from dumb_actors.config import parse_config
from dumb_actors.model.spec import (
    DEFAULT_STOP,
    BasicAuth,
    DependsOn,
    Directory,
    Log,
    ServiceSpec,
    Settle,
    StopStep,
    Tcp,
    Url,
)
from tests.config.one_block import ROOT, faults_of, spec_of, warnings_of


def test_the_defaults():
    assert spec_of() == ServiceSpec("A", "a", key="a")


def test_null_is_as_good_as_nothing():
    names = "env config_dir log_file log_level host port wait_for_url wait_for_dir wait_for_mounts depends_on readiness"
    names += (
        " stop mount_dir mount_name mount_path frontend_port restart liveness core_service exclude_dirs success_codes"
    )
    assert spec_of(**dict.fromkeys(names.split())) == spec_of()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"command": ["x", "a b"]}, {"command": ("x", "a b")}),
        ({"command": "x 'a b' \"c\""}, {"command": ("x", "a b", "c")}),
        ({"enabled": False}, {"enabled": False}),
        ({"env": {"A": "1", "B": ""}}, {"env": {"A": "1", "B": ""}}),
        ({"config_dir": "x"}, {"cwd": "/r/x"}),
        ({"config_dir": "/x"}, {"cwd": "/x"}),
        ({"config_dir": ""}, {"cwd": None}),
        ({"log_file": "x.log"}, {"log_file": "/r/x.log"}),
        ({"log_file": ""}, {"log_file": None}),
        ({"suppress_logging": True}, {"suppress_logging": True}),
        ({"log_level": "DEBUG"}, {}),
        ({"port": 80, "backend_port": 8080, "frontend_port": 80, "webdav_port": 1}, {"ports": (80, 8080, 1)}),
        ({"port": 80, "readiness": {"tcp": 81}}, {"ports": (80, 81), "readiness": Tcp(81)}),
        ({"wait_for_dir": "x"}, {"waits": (Directory("/r/x"),)}),
        ({"wait_for_dir": ""}, {}),
        ({"wait_for_dir": []}, {}),
        (
            {"wait_for_dir": ["x", {"path": "{mnt}/y", "core_service": "b"}, {"dir": "/z"}]},
            {"waits": (Directory("/r/x"), Directory("/r/mnt/debrid/y"), Directory("/z"))},
        ),
        ({"wait_for_dir": {"directory": "x"}}, {"waits": (Directory("/r/x"),)}),
        ({"wait_for_dir": {"value": "x"}}, {"waits": (Directory("/r/x"),)}),
        ({"wait_for_url": ""}, {}),
        ({"wait_for_url": []}, {}),
        ({"wait_for_mounts": []}, {}),
        ({"wait_for_mounts": ""}, {}),
        (
            {
                "wait_for_url": [
                    {"url": "http://localhost:1/", "auth": {"user": "u", "password": "p"}},
                    {"url": "https://h/", "core_service": "plex", "auth": None},
                ],
                "wait_for_dir": "/d",
            },
            {"waits": (Directory("/d"), Url("http://localhost:1/", BasicAuth("u", "p")), Url("https://h/"))},
        ),
        ({"readiness": {"url": "http://h/", "timeout": 5}}, {"readiness": Url("http://h/", timeout=5.0)}),
        ({"readiness": {"log": "^ready"}}, {"readiness": Log("^ready")}),
        ({"readiness": {"directory": "d"}}, {"readiness": Directory("/r/d")}),
        ({"readiness": {"settle": 0}}, {"readiness": Settle(0.0)}),
        ({"readiness": {"tcp": 5, "host": "::1"}}, {"readiness": Tcp(5, "::1"), "ports": (5,)}),
        ({"readiness": {"tcp": 5}, "host": "h"}, {"readiness": Tcp(5, "h"), "ports": (5,)}),
        ({"readiness": {"tcp": 5, "host": "0.0.0.0"}}, {"readiness": Tcp(5), "ports": (5,)}),
        ({"readiness": {"tcp": "{port}"}, "port": 7}, {"readiness": Tcp(7), "ports": (7,)}),
        (
            {"stop": [{"signal": "SIGINT", "wait": 60}, {"command": "x 'y z'"}, {"command": ["q"], "wait": 0}]},
            {
                "stop": (
                    StopStep(signal="SIGINT", wait=60.0),
                    StopStep(command=("x", "y z")),
                    StopStep(command=("q",), wait=0.0),
                )
            },
        ),
        ({"stop": []}, {"stop": ()}),
        ({"mount_dir": "/m", "mount_name": "n"}, {"provides": ("/m/n",)}),
        ({"mount_dir": "m"}, {}),
        ({"mount_path": "{mnt}/x"}, {"provides": ("/r/mnt/debrid/x",)}),
        ({"oneshot": False}, {}),
        ({"core_service": "a, b", "core_services": ["c"], "platforms": ["python"], "auto_update_interval": 24}, {}),
    ],
)
def test_what_a_field_becomes(fields: dict[str, Any], expected: dict[str, Any]):
    want = ServiceSpec(**{"name": "A", "command": "a", "key": "a", **expected})
    assert spec_of(**fields) == want
    assert dict(spec_of(**fields).env) == dict(want.env)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"enabled": "true"}, "enabled"),
        ({"enabled": None}, "enabled"),
        ({"enabled": 1}, "enabled"),
        ({"command": 3}, "command"),
        ({"command": {"x": 1}}, "command"),
        ({"command": ["a", 1]}, "command[1]"),
        ({"command": ["", "x"]}, "command[0]"),
        ({"command": "a 'b"}, "command"),
        ({"command": ["a\0"]}, "command[0]"),
        ({"env": []}, "env"),
        ({"env": {"A": 1}}, "env.A"),
        ({"env": {"A": True}}, "env.A"),
        ({"env": {"A": None}}, "env.A"),
        ({"env": {"A=B": "x"}}, "env['A=B']"),
        ({"env": {"": "x"}}, "env['']"),
        ({"env": {"A": "\0"}}, "env.A"),
        ({"config_dir": 1}, "config_dir"),
        ({"config_dir": "a\0b"}, "config_dir"),
        ({"log_file": []}, "log_file"),
        ({"suppress_logging": "no"}, "suppress_logging"),
        ({"log_level": "info"}, "log_level"),
        ({"log_level": 3}, "log_level"),
        ({"host": 3}, "host"),
        ({"port": "80"}, "port"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"port": True}, "port"),
        ({"port": 80.0}, "port"),
        ({"webdav_port": -1}, "webdav_port"),
        ({"wait_for_dir": ["x", 3]}, "wait_for_dir[1]"),
        ({"wait_for_dir": [""]}, "wait_for_dir[0]"),
        ({"wait_for_dir": {"core_service": "x"}}, "wait_for_dir"),
        ({"wait_for_dir": [{"path": 3}]}, "wait_for_dir[0].path"),
        ({"wait_for_url": "http://h"}, "wait_for_url"),
        ({"wait_for_url": ["http://h"]}, "wait_for_url"),
        ({"wait_for_url": {"url": "http://h"}}, "wait_for_url"),
        ({"wait_for_url": [3]}, "wait_for_url[0]"),
        ({"wait_for_url": [{}]}, "wait_for_url[0].url"),
        ({"wait_for_url": [{"url": "ftp://h"}]}, "wait_for_url[0].url"),
        ({"wait_for_url": [{"url": "http://h:99999"}]}, "wait_for_url[0].url"),
        ({"wait_for_url": [{"url": "http://h"}, {"url": "http://[::1"}]}, "wait_for_url[1].url"),
        ({"wait_for_url": [{"url": "http://a b/"}]}, "wait_for_url[0].url"),
        ({"wait_for_url": [{"url": " http://h/"}]}, "wait_for_url[0].url"),
        ({"wait_for_url": [{"url": "http://h", "auth": "u:p"}]}, "wait_for_url[0].auth"),
        ({"wait_for_url": [{"url": "http://h", "auth": {"user": "u"}}]}, "wait_for_url[0].auth.password"),
        ({"wait_for_url": [{"url": "http://h", "core_service": 1}]}, "wait_for_url[0].core_service"),
        ({"depends_on": "B"}, "depends_on"),
        ({"depends_on": [1]}, "depends_on[0]"),
        ({"depends_on": [""]}, "depends_on[0]"),
        ({"depends_on": {"": {}}}, "depends_on"),
        ({"depends_on": {"B": None}}, "depends_on.B"),
        ({"depends_on": {"B": {"until": "up"}}}, "depends_on.B.until"),
        ({"depends_on": {"B": {"until": None}}}, "depends_on.B.until"),
        ({"depends_on": {"B": {"on_loss": "ignore"}}}, "depends_on.B.on_loss"),
        ({"depends_on": {"B": {"on_loss": True}}}, "depends_on.B.on_loss"),
        ({"depends_on": {"B": {"required": "no"}}}, "depends_on.B.required"),
        ({"readiness": 5}, "readiness"),
        ({"readiness": {}}, "readiness"),
        ({"readiness": {"tcp": 1, "url": "http://h"}}, "readiness"),
        ({"readiness": {"tcp": "80"}}, "readiness.tcp"),
        ({"readiness": {"tcp": "{port}"}}, "readiness.tcp"),
        ({"readiness": {"tcp": 70000}}, "readiness.tcp"),
        ({"readiness": {"tcp": 7, "host": 1}}, "readiness.host"),
        ({"readiness": {"log": "("}}, "readiness.log"),
        ({"readiness": {"log": ""}}, "readiness.log"),
        ({"readiness": {"directory": ""}}, "readiness.directory"),
        ({"readiness": {"settle": -1}}, "readiness.settle"),
        ({"readiness": {"settle": True}}, "readiness.settle"),
        ({"readiness": {"settle": 1, "timeout": 0}}, "readiness.timeout"),
        ({"readiness": {"settle": 10**400}}, "readiness.settle"),
        ({"stop": "SIGINT"}, "stop"),
        ({"stop": [{"signal": "INT"}]}, "stop[0].signal"),
        ({"stop": [{"signal": 2}]}, "stop[0].signal"),
        ({"stop": [{"signal": "SIGINT", "wait": -1}]}, "stop[0].wait"),
        ({"stop": [{"signal": "SIGINT", "command": "x"}]}, "stop[0]"),
        ({"stop": [{}]}, "stop[0]"),
        ({"stop": [{"command": "x 'y"}]}, "stop[0].command"),
        ({"mount_dir": 3}, "mount_dir"),
        ({"auto_update_start_time": "25:00"}, "auto_update_start_time"),
        ({"auto_update": "yes"}, "auto_update"),
        ({"exclude_dirs": "x"}, "exclude_dirs"),
        ({"core_service": 3}, "core_service"),
        ({"env_copy": {"source": 3}}, "env_copy.source"),
    ],
)
def test_what_a_field_refuses(fields: dict[str, Any], path: str):
    faults = [fault for fault in faults_of(**fields) if fault.kind == "schema"]
    assert [fault.path for fault in faults] == [f"$.a.{path}"]
    assert faults[0].problem


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"env": {"PORT": 80}}, "put it in double quotes"),
        ({"env": {"ON": True}}, "put it in double quotes"),
        ({"port": "80"}, "without quotes"),
        ({"enabled": "true"}, "without quotes"),
        ({"log_level": "warn"}, "did you mean 'WARNING'?"),
        ({"stop": [{"signal": "INT"}]}, "did you mean 'SIGINT'?"),
        ({"readiness": {"tcpp": 80}}, "did you mean 'tcp'?"),
        ({"depends_on": {"A2": {"until": "readdy"}}}, "did you mean 'ready'?"),
        ({"depends_on": {"A2": {"on_loss": "restarts"}}}, "did you mean 'restart'?"),
        ({"command": "a 'b"}, "close the quote"),
        ({"wait_for_url": ["http://h"]}, '{"url"'),
    ],
)
def test_hints(fields: dict[str, Any], hint: str):
    assert hint in faults_of(**fields)[0].hint


@pytest.mark.parametrize(
    ("fields", "path", "hint"),
    [
        ({"depend_on": ["B"]}, "$.a.depend_on", "did you mean 'depends_on'?"),
        ({"environment": {}}, "$.a.environment", "did you mean 'env'?"),
        ({"wait_for_urls": []}, "$.a.wait_for_urls", "did you mean 'wait_for_url'?"),
        ({"readiness": {"settle": 1, "time_out": 1}}, "$.a.readiness.time_out", "did you mean 'timeout'?"),
        ({"stop": [{"signal": "SIGINT", "waits": 1}]}, "$.a.stop[0].waits", "did you mean 'wait'?"),
        ({"on_port_conflict": "shift"}, "$.a.on_port_conflict", "does not act upon it"),
        ({"healthcheck": {}}, "$.a.healthcheck", "did you mean 'liveness'?"),
        ({"restart_policy": "always"}, "$.a.restart_policy", "did you mean 'restart'?"),
        ({"one_shot": True}, "$.a.one_shot", "did you mean 'oneshot'?"),
        ({"wait_for_mount": ["/m"]}, "$.a.wait_for_mount", "did you mean 'wait_for_mounts'?"),
        ({"wait_for_mounts": ["~/m"]}, "$.a.wait_for_mounts[0]", "not expanded"),
        ({"config_dir": "~/x"}, "$.a.config_dir", "not expanded"),
    ],
)
def test_warnings(fields: dict[str, Any], path: str, hint: str):
    (warning,) = warnings_of(**fields)
    assert warning.startswith(f"{path}: ")
    assert hint in warning


def test_unknown_keys_are_nobodys_business():
    assert warnings_of(api_keys={"x": 1}, user="u", cache_dir="/c", zurg_config_file="x", webdav_password="p") == ()


def test_a_misspelt_key_beside_the_right_one_is_left_alone():
    assert warnings_of(port=5, ports=[5, 6]) == ()


def test_no_secret_is_shown():
    secret = "hunter2-" * 3
    faults = faults_of(
        env={"DB_PASSWORD": 12345678, "X": f"{secret}\0"},
        wait_for_url=[
            {"url": f"ftp://user:{secret}@host/path?apikey={secret}"},
            {"url": "http://h", "auth": {"user": "u", "password": [secret]}},
            {"url": "{api_key}"},
        ],
        api_key=secret,
        command=f"run --token '{secret}",
        stop={"password": secret},
    )
    assert len(faults) == 7
    text = "\n".join(map(str, faults))
    assert secret not in text
    assert "12345678" not in text


def test_values_are_shortened():
    (fault,) = faults_of(log_level="x" * 1000)
    assert fault.got is not None
    assert len(fault.got) < 70


def test_terminal_escapes_do_not_get_through():
    (fault,) = faults_of(log_level="\x1b[31m")
    assert "\x1b" not in str(fault)


def test_stop_by_default():
    assert spec_of().stop == DEFAULT_STOP


def test_depends_on_in_both_forms():
    document = {
        "a": {"process_name": "A", "command": "a", "depends_on": ["b", "C c"]},
        "b": {"process_name": "B", "command": "b", "depends_on": {"cC": {"until": "started", "required": False}}},
        "c": {"process_name": "C C", "command": "c"},
    }
    config = parse_config(document, ROOT)
    assert config.specs[0].depends_on == (DependsOn("B"), DependsOn("C C"))
    assert config.specs[1].depends_on == (DependsOn("C C", until="started", required=False),)


def test_several_faults_of_one_step_are_told_at_once():
    faults = faults_of(stop=[{"signal": "SIGFOO", "wait": -1}, {"signal": "SIGINT", "command": ["", 3]}])
    assert {fault.path for fault in faults} == {
        "$.a.stop[0].signal",
        "$.a.stop[0].wait",
        "$.a.stop[1].command[0]",
        "$.a.stop[1].command[1]",
    }


def test_a_fault_tells_path_value_what_was_expected_and_what_to_do():
    (fault,) = faults_of(stop=[{"signal": "SIGTREM"}])
    assert (fault.path, fault.got) == ("$.a.stop[0].signal", '"SIGTREM"')
    assert fault.expected == "the name of a signal such as SIGTERM"
    assert fault.hint == "did you mean 'SIGTERM'?"
