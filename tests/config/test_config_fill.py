"""Placeholders, and the readiness that follows from `{port}`."""

from typing import Any

import pytest

from dumb_actors.config import Config, Root, parse_config
from dumb_actors.model.spec import Directory, Log, ServiceSpec, Settle, StopStep, Tcp, Url

ROOT = Root("/r")


def config_of(**fields: Any) -> Config:
    return parse_config({"a": {"process_name": "A", "command": "a", **fields}}, ROOT)


def spec_of(**fields: Any) -> ServiceSpec:
    return config_of(**fields).specs[0]


def test_the_blocks_own_values_go_before_those_of_the_root():
    spec = spec_of(
        command=["x", "{port}", "{log}", "{data}/y", "{on}", "{ratio}"], port=5, log="mine", on=True, ratio=0.5
    )
    assert spec.command == ("x", "5", "mine", "/r/data/y", "true", "0.5")


def test_a_string_is_split_before_values_are_filled_in():
    assert spec_of(command="x {title} {none}", title="a 'b c").command == ("x", "a 'b c", "{none}")


def test_all_fields_with_placeholders():
    spec = spec_of(
        command=["x"],
        port=5,
        name="n",
        env={"A": "{root}/{name}", "B": "{port}$HOME"},
        config_dir="{data}/{name}",
        log_file="{log}/{name}.log",
        wait_for_dir="{mnt}/x",
        wait_for_url=[{"url": "http://localhost:{port}/"}],
        readiness={"log": r"{name}\d{3}"},
        mount_dir="{mnt}",
        mount_name="{name}",
        mount_path="{run}/m",
        stop=[{"command": "kill {port}"}, {"command": ["{config}"]}],
    )
    assert dict(spec.env) == {"A": "/r/n", "B": "{port}$HOME"}
    assert (spec.cwd, spec.log_file) == ("/r/data/n", "/r/log/n.log")
    assert spec.waits == (Directory("/r/mnt/debrid/x"), Url("http://localhost:5/"))
    assert spec.readiness == Log(r"n\d{3}")
    assert spec.provides == ("/r/run/m", "/r/mnt/debrid/n")
    assert spec.stop == (StopStep(command=("kill", "5")), StopStep(command=("/r/config",)))


@pytest.mark.parametrize("readiness", [{"url": "http://{host}:{port}/"}, {"url": "http://h:80/"}])
def test_readiness_urls(readiness: dict[str, Any]):
    assert spec_of(readiness=readiness, host="h", port=80).readiness == Url("http://h:80/")


def test_values_may_hold_the_roots_placeholders_themselves():
    spec = spec_of(command=["x", "{config_dir}", "{loop}"], config_dir="{data}/a", loop="{loop}{port}", port=1)
    assert spec.command == ("x", "/r/data/a", "{loop}{port}")


def test_secrets_are_filled_in_as_they_are():
    assert spec_of(command=["x", "{password}"], password="{data}").command == ("x", "{data}")


def test_unknown_names_stay_and_are_warned_of():
    config = config_of(command=["awk", "{print}", "${HOME}", "{print $1}", "{}"], env={"A": "{nope}"}, list=[1])
    assert config.specs[0].command == ("awk", "{print}", "${HOME}", "{print $1}", "{}")
    assert [w.split(":")[0] for w in config.warnings] == ["$.a.command[1]", "$.a.env.A"]


def test_what_is_no_scalar_is_no_name():
    config = config_of(command=["x", "{list}", "{nothing}"], list=[1], nothing=None)
    assert config.specs[0].command == ("x", "{list}", "{nothing}")
    assert len(config.warnings) == 2


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"command": "x {port}", "port": 8}, Tcp(8)),
        ({"command": "x", "env": {"P": "{port}"}, "port": 8}, Tcp(8)),
        ({"command": "x {port}", "port": 8, "host": "h"}, Tcp(8, "h")),
        ({"command": "x {port}", "port": 8, "host": "0.0.0.0"}, Tcp(8)),
        ({"command": "x {port}", "port": 8, "host": "::"}, Tcp(8)),
        ({"command": "x {port}", "port": 8, "host": ""}, Tcp(8)),
        ({"command": "x {port}", "port": 8, "readiness": {"settle": 2}}, Settle(2.0)),
        ({"command": "x 8", "port": 8}, Settle()),
        ({"command": "x", "env": {"P": "${port}"}, "port": 8}, Settle()),
        ({"command": "x", "log_file": "{port}.log", "port": 8}, Settle()),
        ({"command": "x {port}"}, Settle()),
    ],
)
def test_the_default_readiness(fields: dict[str, Any], expected: object):
    assert spec_of(**fields).readiness == expected
