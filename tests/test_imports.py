"""Imports point one way; importing the library changes nothing and stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dumb_actors

ROOT = Path(__file__).parent.parent

# What each room may import of ours, besides itself and `errors`.
LOWER = {"model"}
GRAPH = {"graph"}
ROOMS = {
    "model": set(),
    "graph": LOWER,
    "process": LOWER,
    "logs": LOWER,
    "probes": LOWER | {"logs"},  # a log probe follows the log file; a directory probe uses the same watch
    "config": LOWER | GRAPH | {"catalogue"},  # its data, as the default of a value that is passed in
    "catalogue": LOWER,
    "journal": LOWER | GRAPH,
    "keeper": LOWER | {"process", "logs"},
    "actors": {"model", "graph", "process", "probes", "logs", "config", "journal", "keeper"},
    "testing": {"model", "graph", "actors", "probes", "logs"},
    "cli": {"model", "graph", "process", "config", "actors", "catalogue", "logs", "testing", "journal"},
}
# `cli/up` imports the web package lazily, after the first services were spawned: the one exception.
WEB_EXCEPTION = "dumb_actors/cli/up.py"


def _imports(path: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_lies_below(room: str) -> None:
    for path in (ROOT / "dumb_actors" / room).rglob("*.py"):
        for name in _imports(path):
            if name.startswith("dumb_web"):
                assert str(path.relative_to(ROOT)).startswith(WEB_EXCEPTION), f"{path} imports {name}"
            parts = name.split(".")
            if parts[0] == "dumb_actors" and len(parts) > 1 and parts[1] not in {room, "errors"}:
                assert parts[1] in ROOMS[room], f"{path.relative_to(ROOT)} imports {name}"


def test_every_room_is_listed() -> None:
    rooms = {path.parent.name for path in (ROOT / "dumb_actors").glob("*/__init__.py")}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize("room", ["model", "graph"])
def test_pure_rooms_know_no_trio_and_no_files(room: str) -> None:
    for path in (ROOT / "dumb_actors" / room).glob("*.py"):
        assert not {"trio", "os", "time", "subprocess"} & set(_imports(path)), path


def test_the_web_package_uses_only_the_public_names() -> None:
    for path in (ROOT / "web" / "dumb_web").rglob("*.py"):
        deep = [name for name in _imports(path) if name.startswith("dumb_actors.") and name != "dumb_actors.errors"]
        assert deep == [], path


def test_the_lazy_names_are_those_that_type_checkers_see() -> None:
    tree = ast.parse((ROOT / "dumb_actors" / "__init__.py").read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == dumb_actors._HOMES
    assert {*seen, "__version__"} == set(dumb_actors.__all__)
    assert all(getattr(dumb_actors, name) is not None for name in dumb_actors.__all__)


def test_importing_the_library_is_light_and_starts_nothing() -> None:
    code = (
        "import sys, threading, dumb_actors; "
        "heavy = {'trio', 'httpx', 'quart', 'hypercorn', 'pytest', 'click', 'dumb_web'} & set(sys.modules); "
        "assert not heavy, heavy; dumb_actors.open_supervisor; "
        "heavy = {'httpx', 'quart', 'hypercorn', 'pytest', 'click', 'dumb_web'} & set(sys.modules); "
        "assert not heavy, heavy; assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
