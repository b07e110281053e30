"""Load a document with one service, `A`, and give what became of it."""

from typing import Any

import pytest

from dumb_actors.config import Root, parse_config
from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.model.spec import ServiceSpec

ROOT = Root("/r")


def spec_of(**fields: Any) -> ServiceSpec:
    config = parse_config({"a": {"process_name": "A", "command": "a", **fields}}, ROOT)
    # In a document of one service, a label can only name what is not there.
    assert [warning for warning in config.warnings if "no service is called" not in warning] == []
    return config.specs[0]


def faults_of(**fields: Any) -> list[ConfigFault]:
    with pytest.raises(ConfigError) as caught:
        parse_config({"a": {"process_name": "A", "command": "a", **fields}}, ROOT)
    return list(caught.value.faults)


def warnings_of(**fields: Any) -> tuple[str, ...]:
    return parse_config({"a": {"process_name": "A", "command": "a", **fields}}, ROOT).warnings
