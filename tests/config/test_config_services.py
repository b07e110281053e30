"""Which blocks are services, and which are built-ins."""

from typing import Any

import pytest

from dumb_actors.config import Builtin, Config, Root, parse_config
from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.model.knowledge import Knowledge

ROOT = Root("/r")


def parse(document: dict[str, Any], **more: Any) -> Config:
    return parse_config(document, ROOT, **more)


def faults_of(document: Any) -> dict[str, ConfigFault]:
    with pytest.raises(ConfigError) as caught:
        parse_config(document, ROOT)
    faults = {fault.path: fault for fault in caught.value.faults}
    assert len(faults) == len(caught.value.faults)
    return faults


def test_an_empty_document_has_the_built_ins():
    config = parse({})
    assert config.specs == ()
    assert [(b.name, b.key) for b in config.builtins] == [
        ("DUMB API", "dumb_api_service"),
        ("DUMB Frontend", "dumb_frontend"),
    ]
    assert config.builtins[0].block == {
        "enabled": True,
        "process_name": "DUMB API",
        "log_level": "INFO",
        "host": "127.0.0.1",
        "port": 8000,
    }
    assert config.builtins[1].block["enabled"] is False


def test_services_come_in_the_order_of_the_document():
    config = parse(
        {
            "z": {"process_name": "Z", "command": "z"},
            "many": {
                "instances": {
                    "2": {"process_name": "two", "command": "m"},
                    "1": {"process_name": "one", "command": "m"},
                }
            },
            "seerr_sync": {"enabled": True, "options": {}},
            "tz": "Europe/Paris",
            "a": {"process_name": "A", "command": "a"},
        }
    )
    assert [(spec.name, spec.key) for spec in config.specs] == [
        ("Z", "z"),
        ("two", "many"),
        ("one", "many"),
        ("A", "a"),
    ]
    assert not config.warnings


def test_the_config_of_a_spec_is_its_block_as_written():
    block = {"process_name": "A", "command": "a {port}", "port": 5, "api_key": "hidden", "unknown": {"x": [1]}}
    (spec,) = parse({"a": block}).specs
    assert dict(spec.config) == block


def test_blocks_inside_a_service_are_not_visited():
    config = parse({"a": {"process_name": "A", "command": "a", "instances": {"x": {"process_name": "X"}}}})
    assert [spec.name for spec in config.specs] == ["A"]


def test_built_ins_with_a_command_are_services():
    config = parse(
        {
            "dumb": {
                "frontend": {"process_name": "UI", "command": ["node"], "enabled": True, "port": 3005},
                "api_service": {"command": "api"},
            }
        }
    )
    assert [(s.name, s.key, s.enabled) for s in config.specs] == [
        ("UI", "dumb_frontend", True),
        ("DUMB API", "dumb_api_service", False),
    ]
    assert config.builtins == ()


def test_built_ins_keep_their_blocks():
    block = {"process_name": "The API", "enabled": True, "port": 9000, "command": []}
    config = parse({"dumb": {"api_service": block}})
    assert config.builtins[0] == Builtin(name="The API", key="dumb_api_service", block=block)
    assert config.settings.api_port == 9000


def test_built_ins_are_checked_too():
    assert set(faults_of({"dumb": {"api_service": {"port": "80"}, "frontend": {"env": 3}}})) == {
        "$.dumb.api_service.port",
        "$.dumb.frontend.env",
    }
    assert set(faults_of({"dumb": {"api_service": 3}})) == {"$.dumb.api_service"}


@pytest.mark.parametrize(
    ("instances", "path"),
    [
        ([], "$.x.instances"),
        (None, "$.x.instances"),
        ({"a b": 1}, "$.x.instances['a b']"),
        ({"it's": {}}, "$.x.instances['it\\'s'].process_name"),
        ({"a": {"process_name": ""}}, "$.x.instances.a.process_name"),
        ({"a": {"process_name": 7}}, "$.x.instances.a.process_name"),
        ({"a": {"process_name": "x\n"}}, "$.x.instances.a.process_name"),
    ],
)
def test_instances_that_are_none(instances: Any, path: str):
    assert list(faults_of({"x": {"instances": instances}})) == [path]


def test_a_command_without_a_name_is_warned_of():
    (warning,) = parse({"x": {"command": "a"}}).warnings
    assert "$.x" in warning
    assert "process_name" in warning


def test_names_are_unique_loosely_and_both_places_are_named():
    fault = faults_of(
        {
            "a": {"instances": {"x y": {"process_name": "My App", "command": "a"}}},
            "b": {"process_name": "myapp", "command": "b"},
        }
    )["$.b.process_name"]
    assert "$.a.instances['x y'].process_name" in fault.problem
    assert fault.names == ("My App", "myapp")


def test_a_name_twice():
    block = {"process_name": "A", "command": "a"}
    assert "same as 'A' at $.a.process_name" in faults_of({"a": block, "b": block})["$.b.process_name"].problem


def test_the_names_of_absent_built_ins_are_taken():
    fault = faults_of({"a": {"process_name": "dumb api", "command": "a"}})["$.a.process_name"]
    assert "built-in" in fault.problem


def test_enabled_when_nothing_is_said():
    document = {"rclone": {"process_name": "R"}, "mine": {"process_name": "M", "command": "m"}}
    assert [s.enabled for s in parse(document).specs] == [False, True]
    assert [s.enabled for s in parse(document, knowledge=Knowledge(known=frozenset({"mine", "rclone"}))).specs] == [
        False,
        False,
    ]
    assert "rclone" in parse(document).knowledge.known


@pytest.mark.parametrize("command", [None, "", [], "  "])
def test_no_command(command: Any):
    disabled = {"process_name": "P", "enabled": False, "command": command}
    (spec,) = parse({"plex": disabled}).specs
    assert spec.command == ()
    fault = faults_of({"plex": {**disabled, "enabled": True}})["$.plex.command"]
    assert "no command" in fault.problem
    assert "does not know how to set up 'P'" in fault.hint


def test_no_command_at_all():
    assert faults_of({"mine": {"process_name": "M"}})["$.mine.command"].got is None
