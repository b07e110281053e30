"""What docs/config.md shows of layers, overrides and revisions is what happens."""

import re
from pathlib import Path

import pytest
from store_support import home

from dumb_actors.cli.check import fault_lines
from dumb_actors.cli.paint import Paint
from dumb_actors.config import Root
from dumb_actors.config.layers import Edit
from dumb_actors.config.overrides import variable_of
from dumb_actors.config.revisions import KEPT
from dumb_actors.config.sources import load_layers
from dumb_actors.config.store import open_store
from dumb_actors.errors import ConfigError

__all__ = ["home"]

TEXT = (Path(__file__).parents[2] / "docs" / "config.md").read_text()


def test_the_names_of_variables():
    rows = re.findall(r"^\| `\$\.([\w.]+)` \| `([A-Z_]+)` \|$", TEXT, re.MULTILINE)
    assert len(rows) == 3
    for path, name in rows:
        assert variable_of(tuple(path.split("."))) == name


def test_the_fault_that_is_shown(home):
    home.environ["DB_PORT"] = "x"
    with pytest.raises(ConfigError) as caught:
        load_layers(home.path, home.root, sources=home.sources())
    lines = "\n".join(fault_lines(caught.value, Paint(is_on=False))).replace(f"{home.path.parent}/", "")
    shown = re.search(r"^    (dumb_config\.json: 1 fault.*?)\n\nNo override", TEXT, re.MULTILINE | re.DOTALL)[1]
    assert lines == re.sub(r"^    ", "", shown, flags=re.MULTILINE)


async def test_the_program_that_is_shown(home, monkeypatch):
    (code,) = re.findall(r"```python\n(store = .*?)```", TEXT, re.DOTALL)
    monkeypatch.chdir(home.root.path)
    before = home.path.read_bytes()
    names = {"open_store": open_store, "Root": Root, "Edit": Edit}
    exec(f"async def main():\n    {code.strip().replace(chr(10), chr(10) + '    ')}\n    return store\n", names)  # noqa: S102
    store = await names["main"]()
    assert home.path.read_bytes() == before
    assert [one.by for one in await store.revisions()] == ["the first start", "me", "me"]


def test_how_many_revisions_are_kept():
    assert f"The last {KEPT} are in" in TEXT
