"""The example in docs/config.md is a configuration without a fault."""

import json
import re
from pathlib import Path

from dumb_actors.config import Root, parse_config


def test_the_documented_example_loads(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "config.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    config = parse_config(json.loads(example), Root(tmp_path))
    names = ["PostgreSQL", "Zurg w/ RealDebrid", "rclone w/ RealDebrid", "Riven migrations", "Riven"]
    assert [spec.name for spec in config.specs] == names
    assert config.warnings == ()
