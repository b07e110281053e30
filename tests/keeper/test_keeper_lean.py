"""What keeps the keeper small says the same as what it stands in for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dumb_actors.keeper
from dumb_actors.keeper.plainjson import dumps, loads

HERE = Path(dumb_actors.keeper.__file__).parent
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=9,
)


@given(VALUES)
def test_a_value_is_written_and_read_as_by_the_whole_of_json(value: object) -> None:
    assert dumps(value) == json.dumps(value, separators=(",", ":"))
    assert loads(dumps(value).encode()) == value
    assert loads(json.dumps(value, indent=1).encode() + b" \n") == value


@pytest.mark.parametrize("content", [b"", b"{", b'"', b"[1,]", b"{} {}", b"nul", b'{"a" 1}', b"\xff", b'"\x01"', b"-"])
def test_what_is_no_json_is_a_value_error_for_both(content: bytes) -> None:
    for read in (loads, json.loads):
        with pytest.raises(ValueError):
            read(content)


def test_what_cannot_be_written_is_told() -> None:
    with pytest.raises(TypeError, match="set"):
        dumps({"a": set()})


def _in_a_process_like_the_keepers(code: str) -> str:
    lines = [
        "import sys",
        f"sys.path.append({str(HERE)!r})",
        "from lean import stand_in",
        "stand_in()",
        f"sys.path[-1] = {str(HERE.parent.parent)!r}",
        code,
    ]
    command = [sys.executable, "-I", "-S", "-c", "\n".join(lines)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there the real one is used")
def test_named_tuples_are_the_same_with_what_stands_in_for_typing() -> None:
    code = """
from dumb_actors.keeper.identity import Identity
from dumb_actors.keeper.killing import Tree
from dumb_actors.logs.index import Entry
from dumb_actors.logs.order import FlowOrder
from dumb_actors.logs.parts import Position
from dumb_actors.logs.sink import GapNews
for one in (Identity, Tree, Entry, FlowOrder, Position, GapNews):
    print(one.__name__, one.__module__, one._fields, one._field_defaults, one.__doc__, one.__mro__[1:])
print(Position(1, 2), Position(1, 2)._replace(offset=3), FlowOrder.from_json({"fifo": "/f", "log_path": None,
    "log_size": 1, "log_count": 2}))
"""
    lean = _in_a_process_like_the_keepers(code)
    real = _in_a_process_like_the_keepers("del sys.modules['typing']\n" + code)
    assert lean == real != ""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="there the real one is used")
def test_the_keeper_comes_without_the_large_modules_and_finds_the_real_one_when_asked() -> None:
    code = """
import dumb_actors.keeper.serving
print(sorted({"re", "enum", "json", "signal", "socket", "importlib"} & sys.modules.keys()))
from typing import Optional, get_type_hints
print(Optional[int], sys.modules["typing"].__file__.endswith("/typing.py"))
"""
    assert _in_a_process_like_the_keepers(code) == "[]\ntyping.Optional[int] True\n"
