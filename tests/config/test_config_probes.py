"""What can be asked: readiness by mount, exec and notify, waits for mounts, liveness."""

from typing import Any

import pytest

from dumb_actors.config import parse_config
from dumb_actors.errors import ConfigError
from dumb_actors.model.spec import BasicAuth, Directory, Exec, Liveness, Mount, Notify, Settle, Tcp, Url
from tests.config.one_block import ROOT, faults_of, spec_of, warnings_of


@pytest.mark.parametrize(
    ("readiness", "expected"),
    [
        ({"mount": "/m"}, Mount("/m")),
        ({"mount": "m", "timeout": 5}, Mount("/r/m", timeout=5.0)),
        ({"mount": "{mnt}/{name}"}, Mount("/r/mnt/debrid/n")),
        ({"exec": ["pg_isready"]}, Exec(["pg_isready"])),
        ({"exec": ["a b", ""]}, Exec(["a b", ""])),
        ({"exec": "pg_isready -h 'a b'", "timeout": 2}, Exec(["pg_isready", "-h", "a b"], timeout=2.0)),
        ({"exec": ["x", "{name}", "{root}"]}, Exec(["x", "n", "/r"])),
        ({"exec": "x {title}"}, Exec(["x", "two words"])),
        ({"notify": True}, Notify()),
        ({"notify": True, "timeout": 1}, Notify(timeout=1.0)),
    ],
)
def test_readiness(readiness: dict[str, Any], expected: object):
    assert spec_of(readiness=readiness, name="n", title="two words").readiness == expected


def test_a_port_in_an_exec_says_nothing_of_where_the_service_listens():
    assert spec_of(readiness={"exec": "x {port}"}, port=5).readiness == Exec(["x", "5"])


@pytest.mark.parametrize(
    ("readiness", "path"),
    [
        ({"mount": ""}, "mount"),
        ({"mount": 3}, "mount"),
        ({"mount": "/m\0"}, "mount"),
        ({"mount": ["/m"]}, "mount"),
        ({"directory": "/m\0"}, "directory"),
        ({"exec": []}, "exec"),
        ({"exec": ""}, "exec"),
        ({"exec": ["", "x"]}, "exec[0]"),
        ({"exec": ["x", 1]}, "exec[1]"),
        ({"exec": ["x\0"]}, "exec[0]"),
        ({"exec": "a 'b"}, "exec"),
        ({"exec": {"x": 1}}, "exec"),
        ({"exec": None}, "exec"),
        ({"notify": False}, "notify"),
        ({"notify": 1}, "notify"),
        ({"notify": "true"}, "notify"),
        ({"notify": True, "timeout": 0}, "timeout"),
        ({"exec": ["x"], "timeout": "5"}, "timeout"),
        ({"mount": "/m", "timeout": -1}, "timeout"),
        ({"mount": "/m", "timeout": float("nan")}, "timeout"),
        ({"mount": "/m", "timeout": float("inf")}, "timeout"),
        ({"url": "http://h", "auth": {"user": "u", "password": "\0"}}, "auth.password"),
    ],
)
def test_refused_readiness(readiness: dict[str, Any], path: str):
    assert [fault.path for fault in faults_of(readiness=readiness)] == [f"$.a.readiness.{path}"]


def test_two_kinds_at_once():
    (fault,) = faults_of(readiness={"mount": "/m", "notify": True})
    assert fault.path == "$.a.readiness"
    assert fault.problem == "says more than one thing to ask: mount, notify"


@pytest.mark.parametrize(
    ("fields", "path", "got", "expected"),
    [
        ({"readiness": {"log": "("}}, "readiness.log", '"("', "a regular expression"),
        ({"readiness": {"url": "nope"}}, "readiness.url", '"nope"', "an http:// or https:// URL"),
        ({"liveness": {"url": "ftp://h"}}, "liveness.url", '"ftp://h"', "an http:// or https:// URL"),
        ({"wait_for_url": [{"url": "x"}]}, "wait_for_url[0].url", '"x"', "an http:// or https:// URL"),
        ({"readiness": {"tcp": 5, "timeout": -1}}, "readiness.timeout", "-1", "a number of seconds above 0"),
        ({"liveness": {"tcp": 5, "timeout": -1.5}}, "liveness.timeout", "-1.5", "a number of seconds above 0"),
        ({"stop": [{"signal": "SIGX"}]}, "stop[0].signal", '"SIGX"', "the name of a signal such as SIGTERM"),
    ],
)
def test_faults_tell_path_value_and_what_was_expected(fields: dict[str, Any], path: str, got: str, expected: str):
    (fault,) = faults_of(**fields)
    assert (fault.path, fault.got, fault.expected) == (f"$.a.{path}", got, expected)


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "(?P<1>x)", "a{99999999999999}", "(" * 5000 + ")" * 5000])
def test_a_pattern_that_is_no_regular_expression(pattern: str):
    (fault,) = faults_of(readiness={"log": pattern})
    assert fault.path == "$.a.readiness.log"
    assert fault.problem


# --- wait_for_mounts --------------------------------------------------------------------------------------------------


def test_waits_come_in_the_order_of_the_specification():
    spec = spec_of(
        wait_for_url=[{"url": "http://h/"}], wait_for_mounts=["{mnt}/a", "b", "/c", "/r/b"], wait_for_dir="/d"
    )
    assert spec.waits == (Directory("/d"), Mount("/r/mnt/debrid/a"), Mount("/r/b"), Mount("/c"), Url("http://h/"))


@pytest.mark.parametrize(
    ("mounts", "path"),
    [
        ("/m", ""),
        ({"/m": 1}, ""),
        ([3], "[0]"),
        ([""], "[0]"),
        (["/m", None], "[1]"),
        (["\0"], "[0]"),
        ([["/m"]], "[0]"),
    ],
)
def test_refused_mounts(mounts: Any, path: str):
    assert [fault.path for fault in faults_of(wait_for_mounts=mounts)] == [f"$.a.wait_for_mounts{path}"]


def test_all_mounts_are_looked_at_and_a_text_gets_a_hint():
    assert [f.path for f in faults_of(wait_for_mounts=[1, "/m", 2])] == [
        "$.a.wait_for_mounts[0]",
        "$.a.wait_for_mounts[2]",
    ]
    assert "square brackets" in faults_of(wait_for_mounts="/m")[0].hint


def test_an_unknown_placeholder_in_a_mount_is_warned_of():
    assert warnings_of(wait_for_mounts=["{nope}/x"]) == (
        "$.a.wait_for_mounts[0]: {nope} names nothing here and is left as it is",
    )


# --- liveness ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("liveness", "expected"),
    [
        ({"tcp": 5}, Liveness(Tcp(5, "h"))),
        ({"tcp": "{port}"}, Liveness(Tcp(7, "h"))),
        ({"tcp": 5, "host": "0.0.0.0"}, Liveness(Tcp(5))),
        ({"url": "http://{host}:{port}/x"}, Liveness(Url("http://h:7/x"))),
        (
            {"url": "http://h", "auth": {"user": "u", "password": "p"}},
            Liveness(Url("http://h", BasicAuth("u", "p"))),
        ),
        ({"directory": "d"}, Liveness(Directory("/r/d"))),
        ({"mount": "{mnt}/d"}, Liveness(Mount("/r/mnt/debrid/d"))),
        ({"exec": "ask {port}"}, Liveness(Exec(["ask", "7"]))),
        (
            {"exec": ["x"], "interval": 1, "timeout": 2, "threshold": 4, "grace": 5.5},
            Liveness(Exec(["x"]), interval=1.0, timeout=2.0, threshold=4, grace=5.5),
        ),
    ],
)
def test_liveness(liveness: dict[str, Any], expected: Liveness):
    spec = spec_of(liveness=liveness, host="h", port=7)
    assert spec.liveness == expected
    assert spec.readiness == Settle()


def test_the_defaults_of_liveness():
    liveness = spec_of(liveness={"tcp": 5}).liveness
    assert liveness is not None
    assert (liveness.interval, liveness.timeout, liveness.threshold, liveness.grace) == (30.0, 5.0, 3, 0.0)
    assert liveness.restart
    # The question's own time-out is for a start; one answer has that of `liveness`.
    assert liveness.checks == (Tcp(5),)
    assert spec_of().liveness is None


@pytest.mark.parametrize(
    ("liveness", "paths"),
    [
        (False, [""]),
        ("http://h", [""]),
        ([{"tcp": 5}], [""]),
        ({}, [""]),
        ({"interval": 5}, [""]),
        ({"tcp": 5, "url": "http://h"}, [""]),
        ({"log": "x"}, [".log"]),
        ({"settle": 1}, [".settle"]),
        ({"notify": True}, [".notify"]),
        ({"tcp": 0}, [".tcp"]),
        ({"tcp": "5"}, [".tcp"]),
        ({"url": "x"}, [".url"]),
        ({"directory": ""}, [".directory"]),
        ({"mount": 3}, [".mount"]),
        ({"exec": ["x", 3]}, [".exec[1]"]),
        ({"tcp": 5, "interval": 0}, [".interval"]),
        ({"tcp": 5, "interval": True}, [".interval"]),
        ({"tcp": 5, "timeout": "5"}, [".timeout"]),
        ({"tcp": 5, "timeout": None}, [".timeout"]),
        ({"tcp": 5, "threshold": 0}, [".threshold"]),
        ({"tcp": 5, "threshold": 1.5}, [".threshold"]),
        ({"tcp": 5, "grace": -1}, [".grace"]),
        ({"tcp": 0, "interval": -1, "grace": -1}, [".tcp", ".interval", ".grace"]),
    ],
)
def test_refused_liveness(liveness: Any, paths: list[str]):
    faults = faults_of(liveness=liveness)
    assert [fault.path for fault in faults] == [f"$.a.liveness{path}" for path in paths]
    assert all(fault.expected for fault in faults)


def test_hints_for_liveness():
    assert faults_of(liveness={"mont": "/m"})[0].hint == "did you mean 'mount'?"
    assert "exactly one of tcp, url, directory, mount, exec" in faults_of(liveness={"log": "x"})[0].expected
    assert warnings_of(liveness={"tcp": 5, "intervall": 5}) == (
        "$.a.liveness.intervall: no field of ours; did you mean 'interval'?",
    )
    assert "did you mean 'threshold'?" in warnings_of(liveness={"tcp": 5, "retries": 5})[0]


def test_what_an_exec_holds_is_not_shown():
    secret = "hunter2-" * 3
    faults = faults_of(
        readiness={"exec": f"ask --as '{secret}"}, liveness={"exec": ["ask", f"{secret}\0"]}, wait_for_dir=3
    )
    assert len(faults) == 3
    assert secret not in "\n".join(map(str, faults))


def test_a_built_in_is_checked_as_well():
    with pytest.raises(ConfigError) as caught:
        parse_config({"dumb": {"api_service": {"liveness": {"tcp": 0}, "restart": 3}}}, ROOT)
    assert [fault.path for fault in caught.value.faults] == [
        "$.dumb.api_service.liveness.tcp",
        "$.dumb.api_service.restart",
    ]
