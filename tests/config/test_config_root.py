from pathlib import Path

import pytest

from dumb_actors.config import Root, default_root


def test_on_slash_the_directories_are_those_of_the_api_document():
    root = Root("/")
    assert (root.path, root.config, root.data, root.log, root.mnt) == ("/", "/config", "/data", "/log", "/mnt/debrid")
    assert root.run == "/run/dumb_actors"


def test_everything_lies_below_the_root(tmp_path: Path):
    root = Root(tmp_path)
    assert root.path == str(tmp_path)
    assert root.placeholders() == {
        "root": str(tmp_path),
        "config": f"{tmp_path}/config",
        "data": f"{tmp_path}/data",
        "log": f"{tmp_path}/log",
        "mnt": f"{tmp_path}/mnt/debrid",
        "run": f"{tmp_path}/run",
    }


def test_a_relative_root_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert Root("x/../y") == Root(f"{tmp_path}/y")


@pytest.mark.parametrize(
    ("text", "base", "result"),
    [
        ("a/b", None, "/r/a/b"),
        ("./a/", None, "/r/a"),
        (".", None, "/r"),
        ("~/a", None, "/r/~/a"),
        ("../a", None, "/r/../a"),
        ("/a//b/", None, "/a//b/"),
        ("a", "/base", "/base/a"),
    ],
)
def test_resolve(text: str, base: str | None, result: str):
    assert Root("/r").resolve(text, base) == result


def test_default_root_comes_from_the_environment_that_is_passed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUMB_ACTORS_ROOT", "/elsewhere")
    assert default_root({}) == Root(tmp_path / "dumb-root")
    assert default_root({"DUMB_ACTORS_ROOT": ""}) == Root(tmp_path / "dumb-root")
    assert default_root({"DUMB_ACTORS_ROOT": "/r"}) == Root("/r")
