"""Who a service runs as and what it may use, as the document says it."""

from typing import Any

import attrs
import pytest

from dumb_actors.config import Config, Root, parse_config
from dumb_actors.errors import ConfigError, ConfigFault
from tests.config.one_block import faults_of, spec_of, warnings_of

ROOT = (0, 0)
USER = (1000, 1001)


def load(ids: tuple[int, int], document: dict[str, Any] | None = None, **fields: Any) -> Config:
    block = {"process_name": "A", "command": "a", **fields}
    return parse_config({"a": block, **(document or {})}, Root("/r"), ids=ids)


def faults(ids: tuple[int, int], **fields: Any) -> list[ConfigFault]:
    with pytest.raises(ConfigError) as caught:
        load(ids, **fields)
    return list(caught.value.faults)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"umask": "0022"}, {"umask": 0o022}),
        ({"umask": "7"}, {"umask": 0o007}),
        ({"umask": "777"}, {"umask": 0o777}),
        ({"umask": None}, {"umask": None}),
        ({"limits": {"nofile": 65536, "memory_mb": 2048}}, {"limits": {"nofile": 65536, "memory_mb": 2048}}),
        ({"limits": {"core": 0, "nproc": None, "stack_mb": "unlimited"}}, {"limits": {"core": 0, "stack_mb": -1}}),
        ({"limits": {}}, {"limits": {}}),
        ({"limits": None}, {"limits": {}}),
        ({"separate_stderr": True}, {"separate_stderr": True}),
        (
            {"clean_environment": True, "pass_environment": ["HTTP_PROXY", "FOO_*"]},
            {"clean_environment": True, "pass_environment": ("HTTP_PROXY", "FOO_*")},
        ),
    ],
)
def test_what_a_field_becomes(fields: dict[str, Any], expected: dict[str, Any]):
    spec = spec_of(**fields)
    assert spec == attrs.evolve(spec_of(), **expected)
    assert {name: getattr(spec, name) for name in expected} == expected


@pytest.mark.parametrize("text", ["media", "1000", "0:0", "media:video", "1000:video", "www-data", "name.with.dots"])
def test_who_runs_it_is_taken_as_written(text: str):
    assert load(ROOT, run_as=text).specs[0].run_as == text


def test_an_id_may_be_a_number():
    assert load(ROOT, run_as=1000).specs[0].run_as == "1000"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"run_as": ""}, "run_as"),
        ({"run_as": "a:"}, "run_as"),
        ({"run_as": ":b"}, "run_as"),
        ({"run_as": "a:b:c"}, "run_as"),
        ({"run_as": "a b"}, "run_as"),
        ({"run_as": "-x"}, "run_as"),
        ({"run_as": "a\0"}, "run_as"),
        ({"run_as": -1}, "run_as"),
        ({"run_as": True}, "run_as"),
        ({"run_as": 1.5}, "run_as"),
        ({"run_as": ["a"]}, "run_as"),
        ({"run_as": "4294967295"}, "run_as"),
        ({"umask": 22}, "umask"),
        ({"umask": "0o22"}, "umask"),
        ({"umask": "888"}, "umask"),
        ({"umask": "1777"}, "umask"),
        ({"umask": ""}, "umask"),
        ({"umask": True}, "umask"),
        ({"umask": "0022\n"}, "umask"),
        ({"limits": 5}, "limits"),
        ({"limits": ["nofile"]}, "limits"),
        ({"limits": {"files": 5}}, "limits.files"),
        ({"limits": {"files": None}}, "limits.files"),
        ({"limits": {"nofile": "5"}}, "limits.nofile"),
        ({"limits": {"nofile": 15}}, "limits.nofile"),
        ({"limits": {"nofile": True}}, "limits.nofile"),
        ({"limits": {"nofile": 64.0}}, "limits.nofile"),
        ({"limits": {"nofile": 2**41}}, "limits.nofile"),
        ({"limits": {"nofile": -1}}, "limits.nofile"),
        ({"limits": {"memory_mb": 0}}, "limits.memory_mb"),
        ({"limits": {"memory_mb": "unlimited"}}, "limits.memory_mb"),
        ({"clean_environment": "yes"}, "clean_environment"),
        ({"separate_stderr": None}, "separate_stderr"),
        ({"pass_environment": "X"}, "pass_environment"),
        ({"pass_environment": ["A=B"]}, "pass_environment[0]"),
        ({"pass_environment": ["A", ""]}, "pass_environment[1]"),
        ({"pass_environment": [1]}, "pass_environment[0]"),
    ],
)
def test_what_a_field_refuses(fields: dict[str, Any], path: str):
    (fault,) = faults_of(**fields)
    assert fault.path == f"$.a.{path}"
    assert fault.problem
    assert fault.expected or path.startswith("pass_environment")


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"umask": 22}, "double quotes"),
        ({"umask": "0o22"}, 'write it as "022"'),
        ({"limits": {"nofiles": 65536}}, "did you mean 'nofile'?"),
        ({"limits": {"memory": 1}}, "did you mean 'memory_mb'?"),
        ({"limits": {"nofile": "65536"}}, "without quotes"),
        ({"pass_environment": "X"}, "square brackets"),
    ],
)
def test_hints(fields: dict[str, Any], hint: str):
    assert hint in faults_of(**fields)[0].hint


def test_all_that_is_wrong_is_told_at_once():
    found = faults_of(umask=1, run_as="", limits={"nofile": 1, "cores": 3, "nproc": "x"}, pass_environment=[1, ""])
    assert {fault.path for fault in found} == {
        "$.a.umask",
        "$.a.run_as",
        "$.a.limits.nofile",
        "$.a.limits.cores",
        "$.a.limits.nproc",
        "$.a.pass_environment[0]",
        "$.a.pass_environment[1]",
    }


@pytest.mark.parametrize(
    ("fields", "path", "text"),
    [
        ({"pass_environment": ["A"]}, "pass_environment", '"clean_environment": true'),
        ({"separate_stderr": True, "suppress_logging": True}, "separate_stderr", "dropped"),
        ({"ulimits": {}}, "ulimits", "did you mean 'limits'?"),
        ({"runas": "x"}, "runas", "did you mean 'run_as'?"),
    ],
)
def test_warnings(fields: dict[str, Any], path: str, text: str):
    (warning,) = warnings_of(**fields)
    assert warning.startswith(f"$.a.{path}: ")
    assert text in warning


# --- puid and pgid ----------------------------------------------------------------------------------------------------

IDS = {"puid": 1000, "pgid": 1002}


def test_for_root_the_document_says_who_runs_the_services():
    assert load(ROOT, IDS).specs[0].run_as == "1000:1002"
    assert load(ROOT, {"puid": 1000}).specs[0].run_as == "1000"
    assert load(ROOT, IDS, run_as="media").specs[0].run_as == "media"
    assert load(ROOT).specs[0].run_as is None


def test_what_mounts_stays_root():
    rclone = {"rclone": {"instances": {"x": {"process_name": "R", "command": "r", "enabled": True}}}}
    specs = {spec.name: spec.run_as for spec in load(ROOT, {**IDS, **rclone}).specs}
    assert specs == {"A": "1000:1002", "R": None}
    rclone["rclone"]["instances"]["x"]["run_as"] = "media"
    assert load(ROOT, {**IDS, **rclone}).specs[1].run_as == "media"


def test_for_others_it_counts_for_nothing():
    assert load(USER, IDS).specs[0].run_as is None


def test_a_group_without_a_user_is_warned_of():
    config = load(ROOT, {"pgid": 1002})
    assert config.specs[0].run_as is None
    (warning,) = config.warnings
    assert warning.startswith("$.pgid: ")
    assert "`puid`" in warning


def test_the_process_itself_is_asked_who_it_is(monkeypatch: pytest.MonkeyPatch):
    document = {"a": {"process_name": "A", "command": "a"}, **IDS}
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert parse_config(document, Root("/r")).specs[0].run_as == "1000:1002"
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert parse_config(document, Root("/r")).specs[0].run_as is None


@pytest.mark.parametrize("run_as", ["1000", "1000:1001", "media", "media:video", "1000:video"])
def test_who_is_not_root_may_be_itself_and_names_are_looked_up_later(run_as: str):
    assert load(USER, run_as=run_as).specs[0].run_as == run_as


@pytest.mark.parametrize("run_as", ["0", "1001", "1000:1000", "1001:video", "media:0"])
def test_who_is_not_root_cannot_be_somebody_else(run_as: str):
    (fault,) = faults(USER, run_as=run_as)
    assert fault.path == "$.a.run_as"
    assert "only root" in fault.problem
    assert "this is user 1000, group 1001" in fault.problem
    assert fault.got == f'"{run_as}"'
    assert fault.hint
