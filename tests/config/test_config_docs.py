"""docs/config.md says what the code does: its example loads, and its tables list what there is."""

import json
import re
from pathlib import Path

import attrs
import pytest

from dumb_actors.actors import launch
from dumb_actors.config import Root, parse_config, settings
from dumb_actors.config.block import Block, Unread
from dumb_actors.model.fields import LIMITS

TEXT = (Path(__file__).parents[2] / "docs" / "config.md").read_text()


def names(cls: type[attrs.AttrsInstance]) -> set[str]:
    return {field.name for field in attrs.fields(cls)}


def rows(heading: str) -> dict[str, list[str]]:
    """Give the other cells of each row of the tables below *heading*, by each name in the first one."""
    (section,) = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    cells = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {name: rest for first, *rest in cells for name in re.findall(r"`(\w+)`", first)}


def test_the_documented_example_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    config = parse_config(json.loads(example), Root(tmp_path))
    names = ["PostgreSQL", "Zurg w/ RealDebrid", "rclone w/ RealDebrid", "Riven migrations", "Riven"]
    assert [spec.name for spec in config.specs] == names
    assert config.warnings == ()


def test_every_field_of_a_service_is_documented_and_no_other() -> None:
    assert set(rows("Fields of a service")) == names(Block) - names(Unread)


def test_every_limit_is_documented_with_its_least() -> None:
    documented = {name: int(cells[-1]) for name, cells in rows("User, environment, limits").items() if name != "limits"}
    assert documented == dict(LIMITS)


def test_every_setting_is_documented() -> None:
    wanted = names(settings._Top) | names(settings._Dumb) | {"api_service", "frontend", "auto_restart"}
    assert set(rows("The supervisor itself")) == wanted


@pytest.mark.parametrize("field", ["orphans", "cgroups", "log_level"])
def test_every_word_of_a_setting_is_documented(field: str) -> None:
    alias = {"orphans": settings.Orphans, "cgroups": settings.Cgroups, "log_level": settings.LogLevel}[field]
    told, default = rows("The supervisor itself")[field]
    assert set(re.findall(r"`(\w+)`", told)) == {*alias.__args__} | ({"up"} if field == "orphans" else set())
    assert default.strip(" |") == f'`"{getattr(settings.Settings(), field)}"`'


def test_what_a_clean_environment_has_is_documented() -> None:
    (sentence,) = re.findall(r"it gets, of ours, only (.*?), then", TEXT, re.DOTALL)
    assert tuple(re.findall(r"`([\w*]+)`", sentence)) == launch._CLEAN
