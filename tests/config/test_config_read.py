"""Reading the file: what is no JSON, and what other readers swallow."""

import json
from pathlib import Path
from typing import Any

import pytest

from dumb_actors.config import Root, load_config
from dumb_actors.errors import ConfigError, ConfigFault


def faults_of(content: bytes | str, tmp_path: Path) -> tuple[ConfigFault, ...]:
    path = tmp_path / "dumb_config.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ConfigError) as caught:
        load_config(path, Root(tmp_path))
    assert caught.value.source == str(path)
    return caught.value.faults


@pytest.mark.parametrize(
    ("text", "line", "column", "hint"),
    [
        ('{\n  "a": 1,\n}', 3, 1, "comma in front"),
        ('{\n  "a": 1\n  "b": 2\n}', 3, 3, "comma missing"),
        ("{'a': 1}", 1, 2, "double quotes"),
        ('{\n// no\n"a": 1}', 2, 1, "no comments"),
        ('{"a": True}', 1, 7, "true, false"),
        ('{"a": {"b": 1}', 1, 15, "ends too early"),
        ("", 1, 1, "empty"),
        (" \n", 2, 1, "empty"),
        ('{"a": "x}', 1, 7, "quote missing"),
    ],
)
def test_broken_json_says_where_and_what_to_do(text: str, line: int, column: int, hint: str, tmp_path: Path):
    (fault,) = faults_of(text, tmp_path)
    assert fault.kind == "syntax"
    # Newer Pythons point at the comma instead of at what follows it.
    if "comma in front" not in hint:
        assert (fault.line, fault.column) == (line, column)
        assert hint in fault.hint
    else:
        assert fault.line in {line, line - 1}
        assert "comma" in fault.hint
    assert f"line {fault.line}, column {fault.column}: " in str(fault)


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "none.json", Root(tmp_path))
    (fault,) = caught.value.faults
    assert (fault.kind, fault.path) == ("syntax", "$")
    assert "does not exist" in fault.problem
    assert fault.hint


@pytest.mark.parametrize("path", ["", "with\0nul"])
def test_an_unreadable_file(path: str, tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / path, Root(tmp_path))
    (fault,) = caught.value.faults
    assert (fault.kind, fault.path) == ("syntax", "$")
    assert "cannot be read" in fault.problem


def test_a_file_that_is_not_utf_8(tmp_path: Path):
    (fault,) = faults_of(b'{\n "a": "\xff"}', tmp_path)
    assert (fault.kind, fault.path, fault.line, fault.column) == ("syntax", "$", 2, 8)
    assert "UTF-8" in fault.problem


def test_a_byte_order_mark_does_no_harm(tmp_path: Path):
    path = tmp_path / "c.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert load_config(path, Root(tmp_path)).document == {}


@pytest.mark.parametrize("text", ["[]", "null", "3", '"x"'])
def test_not_an_object(text: str, tmp_path: Path):
    (fault,) = faults_of(text, tmp_path)
    assert fault.path == "$"
    assert "no object" in fault.problem


def test_keys_that_stand_twice_are_all_named(tmp_path: Path):
    text = '{"a": {"b": 1, "b": 2}, "c": [{"odd key": 1, "odd key": 1}], "a": 3}'
    faults = faults_of(text, tmp_path)
    assert [f.path for f in faults] == ["$.a.b", "$.c[0]['odd key']", "$.a"]
    assert {f.kind for f in faults} == {"syntax"}


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_know(text: str, tmp_path: Path):
    (fault,) = faults_of(f'{{"a": [0, {text}]}}', tmp_path)
    assert fault.path == "$.a[1]"
    assert text in fault.problem


def test_a_number_of_very_many_digits(tmp_path: Path):
    (fault,) = faults_of('{"a": ' + "9" * 5000 + "}", tmp_path)
    assert fault.kind == "syntax"


@pytest.mark.parametrize("depth", [200, 100_000])
def test_a_document_nested_too_deeply(depth: int, tmp_path: Path):
    (fault,) = faults_of('{"a": ' + "[" * depth + "]" * depth + "}", tmp_path)
    assert "nested deeper" in fault.problem


def test_half_a_surrogate_pair(tmp_path: Path):
    faults = faults_of(r'{"a": "\ud800", "\udc00": 1}', tmp_path)
    assert [f.path for f in faults] == ["$.a", "$"]


def test_the_document_is_kept_as_written(tmp_path: Path):
    document: dict[str, Any] = {
        "z": 1,
        "dumb": {"x": None},
        "a": {"process_name": "A", "command": ["x"], "more": [1.5]},
    }
    path = tmp_path / "c.json"
    path.write_text(json.dumps(document))
    config = load_config(str(path), Root(tmp_path))
    assert config.document == document
    assert list(config.document) == ["z", "dumb", "a"]
    assert config.source == str(path)
    assert path.read_text() == json.dumps(document)
