"""The schema takes every document that the loader takes, and refuses what it refuses by type."""

import json
import re
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from store_support import DEFAULTS, DOCUMENT
from test_config_properties import load, whole
from test_config_stack import STACK

from dumb_actors.cli.demo_programs import DemoPrograms
from dumb_actors.cli.demo_stack import write_stack
from dumb_actors.config import Config, Root, parse_config
from dumb_actors.config.block import Block
from dumb_actors.config.jsonschema import block_schema, document_schema
from dumb_actors.config.layers import with_defaults
from dumb_actors.errors import ConfigError
from dumb_actors.model.knowledge import NO_KNOWLEDGE

PROJECT = Path(__file__).parents[2]
DOCS = re.findall(r"```json\n(\{\n.*?)```", (PROJECT / "docs/config.md").read_text(), re.DOTALL)
WHOLE = Draft202012Validator(document_schema())
ONE = Draft202012Validator(block_schema())


def faults(validator: Draft202012Validator, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def test_they_are_schemas():
    for defaults in ({}, DEFAULTS):
        for schema in (document_schema(defaults), block_schema("db", defaults), block_schema("zurg", defaults)):
            Draft202012Validator.check_schema(schema)
            assert json.loads(json.dumps(schema)) == schema


def test_every_field_of_a_block_has_a_schema():
    properties = block_schema()["properties"]
    assert set(properties) == {field.name for field in attrs.fields(Block)}
    assert all(properties.values())


@pytest.mark.parametrize("document", [STACK, DOCUMENT, *map(json.loads, DOCS)])
def test_documents_of_docs_and_tests(document):
    assert faults(WHOLE, document) == []
    parse_config(document, Root("/r"))


@pytest.mark.parametrize("path", sorted(PROJECT.glob("examples/**/*.json")), ids=lambda path: path.parent.name)
def test_documents_of_examples(path):
    assert faults(WHOLE, json.loads(path.read_text())) == []


def test_the_document_of_the_demo(tmp_path):
    programs = DemoPrograms(wsgidav="/w", rclone="/r", caddy="/c", valkey="/v", postgres_bin="/p")
    stack = write_stack(Root(tmp_path), programs, ())
    assert faults(WHOLE, json.loads(Path(stack.config).read_text())) == []


@settings(max_examples=300, deadline=None)
@given(whole)
def test_what_the_loader_takes_the_schema_takes(document):
    if isinstance(load(lambda: parse_config(document, Root("/r"))), Config):
        assert faults(WHOLE, document) == []


@settings(max_examples=200, deadline=None)
@given(whole)
def test_what_the_loader_takes_with_defaults_the_schema_with_defaults_takes(document):
    if not isinstance(document, dict):
        return
    laid = with_defaults(document, DEFAULTS)
    if isinstance(load(lambda: parse_config(laid, Root("/r"))), Config):
        validator = Draft202012Validator(document_schema(DEFAULTS))
        assert faults(validator, document) == []
        assert faults(validator, laid) == []


WRONG: list[tuple[str, Any]] = [
    ("process_name", 3),
    ("process_name", " "),
    ("process_name", None),
    ("enabled", "true"),
    ("enabled", None),
    ("command", 7),
    ("command", ["a", 7]),
    ("env", []),
    ("env", {"A": 1}),
    ("env", {"A=B": "1"}),
    ("run_as", True),
    ("umask", 22),
    ("umask", "0888"),
    ("limits", {"nofile": "many"}),
    ("limits", {"nofile": 1}),
    ("limits", {"memory_mb": "unlimited"}),
    ("limits", {"files": 100}),
    ("clean_environment", 1),
    ("pass_environment", "HOME"),
    ("pass_environment", [1]),
    ("config_dir", 1),
    ("port", "80"),
    ("port", 0),
    ("port", 65536),
    ("port", True),
    ("port", 80.5),
    ("host", 1),
    ("log_level", "debug"),
    ("wait_for_dir", 1),
    ("wait_for_dir", {"no": "path"}),
    ("wait_for_mounts", "x"),
    ("wait_for_mounts", [1]),
    ("wait_for_url", ["http://x"]),
    ("wait_for_url", [{"auth": None}]),
    ("wait_for_url", [{"url": "http://x", "auth": {"user": "u"}}]),
    ("depends_on", "db"),
    ("depends_on", [1]),
    ("depends_on", {"db": {"until": "now"}}),
    ("depends_on", {"db": {"required": 1}}),
    ("readiness", "tcp"),
    ("readiness", {}),
    ("readiness", {"tcp": "x"}),
    ("readiness", {"tcp": 80, "url": "http://x"}),
    ("readiness", {"tcp": 80, "timeout": 0}),
    ("readiness", {"notify": False}),
    ("readiness", {"settle": "1"}),
    ("readiness", {"settle": -1}),
    ("liveness", {"log": "x"}),
    ("liveness", {"tcp": 80, "interval": 0}),
    ("liveness", {"tcp": 80, "threshold": 1.5}),
    ("liveness", {"tcp": 80, "threshold": 0}),
    ("restart", "sometimes"),
    ("restart", {"policy": "no"}),
    ("restart", {"delays": []}),
    ("restart", {"delays": [-1]}),
    ("restart", {"limit": 0}),
    ("restart", {"window": 0}),
    ("stop", {"signal": "SIGTERM"}),
    ("stop", [{"signal": "TERM"}]),
    ("stop", [{"signal": "SIGTERM", "wait": -1}]),
    ("stop", [{"command": 3}]),
    ("oneshot", "yes"),
    ("success_codes", []),
    ("success_codes", [256]),
    ("success_codes", 0),
    ("auto_update_start_time", "25:00"),
    ("auto_update_interval", "24"),
    ("platforms", "python"),
    ("core_service", 1),
    ("env_copy", "x"),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: json.dumps(value)[:30])
def test_what_the_loader_refuses_by_type_the_schema_refuses(field, value):
    base = {"process_name": "A", "command": "a", "oneshot": field == "success_codes"}
    block = {**base, field: value}
    with pytest.raises(ConfigError):
        parse_config({"a": block}, Root("/r"), knowledge=NO_KNOWLEDGE)
    assert faults(WHOLE, {"a": base}) == faults(ONE, base) == []
    assert faults(WHOLE, {"a": block}) != []
    assert faults(WHOLE, {"a": {"instances": {"x": block}}}) != []
    assert faults(ONE, block) != []
    assert faults(Draft202012Validator(document_schema({"a": {"process_name": "D"}})), {"a": block}) != []


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"puid": -1},
        {"puid": "1000"},
        {"tz": 3},
        {"dumb": []},
        {"dumb": {"log_level": "x"}},
        {"dumb": {"log_size": "big"}},
        {"dumb": {"log_size": 0}},
        {"dumb": {"log_count": 1001}},
        {"dumb": {"orphans": "keep"}},
        {"dumb": {"cgroups": True}},
        {"dumb": {"api_service": 1}},
        {"dumb": {"api_service": {"port": "x"}}},
        {"dumb": {"frontend": {"origins": "x"}}},
        {"dumb": {"auto_restart": []}},
        {"dumb": {"auto_restart": {"enabled": "yes"}}},
        {"dumb": {"auto_restart": {"max_restarts": -1}}},
        {"dumb": {"auto_restart": {"services": [{"enabled": True}]}}},
        {"dumb": {"auto_restart": {"services": ["x"]}}},
        {"zurg": {"instances": []}},
        {"zurg": {"instances": {"x": {"enabled": True}}}},
    ],
    ids=json.dumps,
)
def test_what_the_loader_refuses_of_the_rest(document):
    with pytest.raises(ConfigError):
        parse_config(document, Root("/r"), knowledge=NO_KNOWLEDGE)
    assert faults(WHOLE, document) != []


def test_defaults_and_descriptions_are_shown():
    schema = block_schema("zurg", DEFAULTS, {"host": "listening address"})
    host = {"type": ["string", "null"], "default": "0.0.0.0", "description": "listening address"}
    assert schema["properties"]["host"] == host
    named = document_schema(DEFAULTS)["properties"]["db"]
    assert named["else"]["properties"]["env"]["default"] == {"PGDATA": "x", "LANG": "C"}
    validator = Draft202012Validator(document_schema(DEFAULTS))
    assert faults(validator, {"db": {"enabled": True}, "other": {"anything": [1]}}) == []
    assert faults(validator, {"db": {"enabled": 1}}) != []
