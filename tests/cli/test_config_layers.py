"""The program and the layers of its configuration: overrides at a start, broken files and outside edits at a reload."""

import json
import signal

from tests.cli.program import service


def told(shell):
    """Give what the events say of the configuration's file, oldest first."""
    found = shell.run("events", "--since", "1h", "--no-follow", "--json").out.splitlines()
    whats = [json.loads(line).get("detail", {}).get("what", "") for line in found]
    return [what for what in whats if what.startswith("config_")]


def test_up_runs_on_what_the_environment_and_env_file_say_and_writes_none_of_it(shell):
    path = shell.write_config({"a": service("a", port=1111), "b": service("b", enabled=True)})
    before = path.read_bytes()
    path.with_name(".env").write_text("A_PORT=2222\nB_ENABLED=false\n")
    shell.env["A_PORT"] = "3333"
    up = shell.up()
    up.read_until("a +ready")
    rows = json.loads(shell.run("status", "--json").out)["services"]
    assert {row["process_name"]: row["phase"] for row in rows} == {"a": "ready", "b": "stopped"}
    assert path.read_bytes() == before
    ended = shell.run("check", str(path))
    assert "$.a.port: from the environment variable A_PORT" in ended.out
    assert "$.b.enabled: from the .env file, variable B_ENABLED in" in ended.out
    assert list(shell.run("check", "--json", str(path)).json["overridden"]) == ["$.a.port", "$.b.enabled"]


def test_a_fault_names_the_variable_that_it_comes_from(shell):
    path = shell.write_config({"a": service("a", port=1111)})
    shell.env["A_PORT"] = "eighty"
    for words in (("check", str(path)), ("up",)):
        ended = shell.run(*words)
        assert ended.code == 2
        assert "$.a.port" in ended.out + ended.err
        assert "from      the environment variable A_PORT" in ended.out + ended.err
    shell.env["A_PORT"] = "99999"
    (fault,) = shell.run("check", "--json", str(path)).json["faults"]
    assert (fault["path"], fault["origin"]) == ("$.a.port", "the environment variable A_PORT")


def test_a_broken_file_is_told_everywhere_until_it_is_good_again(shell):
    up = shell.up({"a": service("a")})
    up.read_until("a +ready")
    assert shell.run("status").err == ""
    shell.write_config('{"a": ')
    up.send(signal.SIGHUP)
    up.read_until("the configuration has faults; everything goes on as it was, at revision 1")
    up.read_until("config.broken")
    ended = shell.run("status")
    assert ended.code == 0
    assert "dumb_config.json has been broken for" in ended.err
    assert "line 1, column 7: not JSON" in ended.err
    assert "run as in revision 1" in ended.err
    shell.write_config({"a": service("a"), "b": service("b")})
    up.send(signal.SIGHUP)
    up.read_until(r"the configuration was reloaded: 1 new \(b\)")
    up.read_until("config.mended")
    assert told(shell) == ["config_broken", "config_mended"]
    assert shell.run("status").err == ""
    up.send(signal.SIGTERM)
    assert up.wait().code == 0


def test_revisions_go_on_over_restarts(shell):
    up = shell.up({"a": service("a")})
    up.send(signal.SIGTERM)
    up.wait()
    shell.write_config({"a": service("a"), "b": service("b")})
    up = shell.up()
    kept = sorted(each.name for each in (shell.root / "config/revisions").iterdir())
    assert kept == ["00000001.json", "00000002.json"]
    up.send(signal.SIGTERM)
    up.wait()
