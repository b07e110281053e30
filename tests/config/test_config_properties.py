"""Whatever the document, loading gives a configuration or says why not."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dumb_actors.config import Config, Root, load_config, parse_config
from dumb_actors.config.autorestart import ListedService
from dumb_actors.config.hints import _FIELDS
from dumb_actors.errors import ConfigError
from dumb_actors.model.spec import Mount

ROOT = Root("/r")

texts = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "A",
            "a",
            "B",
            "http://h:1/",
            "{port}",
            "{data}/x",
            "{password}",
            "'",
            "SIGINT",
            "ready",
            "never",
            "completed",
            "stop",
        ]
    ),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70_000),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
nested = "url auth user password tcp log host timeout signal command wait until required mount exec notify directory"
nested += " nofile memory_mb core interval threshold grace policy delays max_delay limit window on_loss"
nested_keys = st.one_of(texts, st.sampled_from(nested.split()))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(nested_keys, inner, max_size=3), max_leaves=6
)
blocks = st.dictionaries(st.sampled_from(sorted(_FIELDS | {"instances", "origins"})) | texts, values, max_size=6)
services = st.builds(lambda block, name: {**block, "process_name": name}, blocks, texts)
runnable = st.builds(lambda block: {**block, "command": ["x"]}, services)
documents = st.dictionaries(
    st.sampled_from(["a", "b", "rclone", "odd key", "puid", "tz"]) | texts,
    st.one_of(
        values, services, runnable, st.builds(lambda m: {"instances": m}, st.dictionaries(texts, services, max_size=2))
    ),
    max_size=4,
)
auto_keys = [field.name for field in attrs.fields(ListedService)]
auto_values = st.one_of(values, st.booleans(), st.integers(-1, 9), st.lists(st.integers(-1, 9), max_size=2))
entries = st.dictionaries(st.sampled_from(auto_keys), auto_values, max_size=4)
auto_restart = st.builds(
    lambda common, listed: {**common, "enabled": True, "services": listed},
    entries,
    st.lists(st.builds(lambda entry, name: {**entry, "process_name": name}, entries, texts) | values, max_size=2),
)
dumb_blocks = st.dictionaries(st.sampled_from(["api_service", "frontend", "log_size"]), blocks | values)
dumb = st.one_of(
    values, dumb_blocks, st.builds(lambda block, auto: {**block, "auto_restart": auto}, dumb_blocks, auto_restart)
)
whole = st.one_of(documents, values, st.builds(lambda d, x: {**d, "dumb": x}, documents, dumb))


@settings(max_examples=400, deadline=None)
@given(whole)
def test_any_document_gives_a_config_or_a_config_error(document: Any):
    before = copy.deepcopy(document)
    check(load(lambda: parse_config(document, ROOT)))
    assert document == before
    assert json.dumps(document) == json.dumps(before)


def load(action: Callable[[], Config]) -> Config | ConfigError:
    try:
        return action()
    except ConfigError as error:
        return error


def check(config: Config | ConfigError) -> None:
    if isinstance(config, ConfigError):
        assert config.faults
        assert all(fault.path.startswith("$") and str(fault) for fault in config.faults)
        return
    names = {spec.name for spec in config.specs}
    assert len(names) == len(config.specs)
    for spec in config.specs:
        assert spec.command or not spec.enabled
        assert all(dependency.name in names for dependency in spec.depends_on)
        assert all(path is None or path.startswith("/") for path in (spec.cwd, spec.log_file))
        assert all(path.startswith("/") for path in spec.provides)
        assert all(wait.mount.startswith("/") for wait in spec.waits if isinstance(wait, Mount))
        assert spec.success_codes
        assert not (spec.oneshot and spec.liveness)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(whole.map(lambda d: json.dumps(d).encode()) | st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_file_gives_a_config_or_a_config_error(tmp_path: Path, content: bytes):
    path = tmp_path / "c.json"
    path.write_bytes(content)
    result = load(lambda: load_config(path, ROOT))
    check(result)
    if isinstance(result, Config):
        assert result.document == json.loads(content)
    assert path.read_bytes() == content


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=6, max_size=30).filter(lambda t: not t.isascii() or t.isalnum()), whole)
def test_secrets_are_never_shown(secret: str, rest: Any):
    secret = f"s3cr3t-{secret}"
    block = {
        "process_name": "A",
        "command": ["x", 3, f"--p={secret}"],
        "env": {"API_KEY": secret, "B": {"x": secret}},
        "password": secret,
        "wait_for_url": [{"url": "x://{password}", "auth": {"user": 3, "password": secret}}],
        "readiness": {"exec": ["ask", secret, 3]},
        "liveness": {"exec": f"ask '{secret}"},
        "rest": rest,
    }
    with pytest.raises(ConfigError) as caught:
        parse_config({"a": block}, ROOT)
    assert secret not in str(caught.value)
    assert secret not in json.dumps(caught.value.detail["faults"], ensure_ascii=False)
