"""`check`: every fault, or what would be started."""

import json

from tests.cli.program import service


def test_fine(shell):
    path = shell.write_config(
        {"web": service("web", depends_on=["db"]), "db": service("db"), "x": service("x", enabled=False)}
    )
    ended = shell.run("check", str(path))
    assert (ended.code, ended.err) == (0, "")
    assert "fine, 3 services, 2 enabled" in ended.out
    assert "  db   at once\n  web  after db\n" in ended.out
    assert "disabled: x" in ended.out
    answer = shell.run("check", "--json", str(path)).json
    assert answer["ok"]
    assert [each["process_name"] for each in answer["start"]][:1] == ["db"]


def test_every_fault_with_its_place(shell):
    path = shell.write_config(
        {
            "a": service("a", port="80"),
            "b": service("b", depends_on=["A", "bb"]),
            "c": {"process_name": "c", "command": 7},
        }
    )
    ended = shell.run("check", str(path))
    assert ended.code == 2
    for text in ("3 faults", "$.a.port", "$.b.depends_on[1]", "$.c.command", 'got       "80"', "expected", "hint"):
        assert text in ended.out
    answer = shell.run("check", "--json", str(path))
    assert answer.code == 2
    assert len(answer.json["faults"]) == 3


def test_cycle_is_named(shell):
    path = shell.write_config({"a": service("a", depends_on=["b"]), "b": service("b", depends_on=["a"])})
    ended = shell.run("check", str(path))
    assert ended.code == 2
    assert "'a'" in ended.out
    assert "'b'" in ended.out


def test_broken_json_and_missing_file(shell):
    path = shell.write_config('{"a": }')
    assert "line 1, column 7" in shell.run("check", str(path)).out
    missing = shell.run("check", "/no/such/file.json")
    assert missing.code == 2
    assert "/no/such/file.json" in missing.out


def test_warnings_are_shown_beside_faults_for_they_may_explain_them(shell):
    path = shell.write_config({"a": {"process_name": "A", "comand": "x"}})
    ended = shell.run("check", str(path))
    assert ended.code == 2
    assert "has no command" in ended.out
    assert "$.a.comand" in ended.out
    assert json.loads(shell.run("check", str(path), "--json").out)["warnings"]


def test_warnings(shell):
    path = shell.write_config({"a": service("a", wait_for_urls=[])})
    ended = shell.run("check", str(path))
    assert ended.code == 0
    assert "1 warning:" in ended.out
    assert "$.a.wait_for_urls" in ended.out
