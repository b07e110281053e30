"""`dumb-actors logs` with questions: what it prints, and that it ends when nobody reads any more."""

import json
import os
import select
import signal
import subprocess
import sys

from tests.cli.program import DEADLINE_S, service

SECRET = "hunter2hunter2"  # noqa: S105


def talker(shell, *lines, **more):
    """A service that has said *lines*, and then says what is written into a FIFO."""
    door = shell.root / "door"
    said = "; ".join(f"echo '{line}'" for line in (*lines, "up"))
    return service("a", f"mkfifo {door}; {said}; while cat {door}; do :; done", **more), door


def test_conditions(shell):
    block, _ = talker(shell, "one cat", "two dogs", "three cats")
    shell.up({"a": block}).read_until("a +ready")
    assert shell.run("logs", "a", "--grep", "cat").out == "one cat\nthree cats\n"
    assert shell.run("logs", "a", "--grep", "cat", "-n", "1").out == "three cats\n"
    assert shell.run("logs", "a", "--grep", "dog|one", "--regex").out == "one cat\ntwo dogs\n"
    assert shell.run("logs", "a", "--since", "1h", "--until", "1s").code == 0
    assert shell.run("logs", "a", "--since", "1h").out == "one cat\ntwo dogs\nthree cats\nup\n"
    assert shell.run("logs", "a", "--until", "2020-01-01").out == ""


def test_generations(shell):
    shell.up({"a": service("a", "echo pid $$; echo up; exec sleep 1000")}).read_until("a +ready")
    first = shell.run("logs", "a").out.splitlines()[0]
    assert shell.run("restart", "a").code == 0
    second = shell.run("logs", "a").out.splitlines()[-2]
    assert first != second
    assert shell.run("logs", "a", "--generation", "1").out == f"{first}\nup\n"
    assert shell.run("logs", "a", "--generation", "last").out == f"{second}\nup\n"
    assert shell.run("logs", "a", "--generation", "7").out == ""
    lines = [json.loads(line) for line in shell.run("logs", "a", "--json").out.splitlines()]
    assert [(line["text"], line["generation"]) for line in lines] == [(first, 1), ("up", 1), (second, 2), ("up", 2)]
    assert all(line["cursor"] and line["whole"] for line in lines)


def test_bad_questions(shell):
    block, _ = talker(shell)
    shell.up({"a": block}).read_until("a +ready")
    for arguments, word in [
        (["--since", "soon"], "--since"),
        (["--generation", "x"], "generation"),
        (["--grep", "(", "--regex"], "match"),
        (["--grep", "(?=a)", "--regex"], "match"),
        (["-f", "--until", "1h"], "until"),
        (["-n", "-1"], "-n"),
    ]:
        ended = shell.run("logs", "a", *arguments)
        assert (ended.code, word in ended.err, "Traceback" in ended.err) == (2, True, False), (arguments, ended)


def test_what_does_not_fit_into_one_answer_is_asked_for_again(shell):
    count = 30_000
    shell.up(
        {"a": service("a", f"seq -f 'line %09.0f which is rather long' {count}; echo up; exec sleep 1000")}
    ).read_until("a +ready")
    expected = [f"line {number:09} which is rather long" for number in range(1, count + 1)] + ["up"]
    for arguments, lines in [(["--since", "1h"], expected), (["-n", "29000"], expected[-29000:])]:
        found = shell.run("logs", "a", "--json", *arguments).out.splitlines()
        assert [json.loads(line)["text"] for line in found] == lines
        assert shell.run("logs", "a", *arguments).out.splitlines() == lines


def test_secrets_are_masked(shell):
    block, door = talker(shell, f"login with {SECRET}", env={"API_TOKEN": SECRET})
    shell.up({"a": block}).read_until("a +ready")
    for arguments in ([], ["--json"], ["--grep", "login"]):
        ended = shell.run("logs", "a", *arguments)
        assert (SECRET in ended.out, "login with [secret]" in ended.out) == (False, True)
    assert shell.run("logs", "a", "--grep", SECRET).out == ""
    logs = shell.begin("logs", "a", "-f")
    logs.read_until("^up$")
    with door.open("w") as file:
        file.write(f"again {SECRET}!\n")
    logs.read_until(r"^again \[secret\]!$")
    logs.send(signal.SIGINT)
    assert SECRET not in logs.wait().out


def test_follow_with_a_condition(shell):
    block, door = talker(shell, "a cat")
    shell.up({"a": block}).read_until("a +ready")
    plain = shell.begin("logs", "a", "-f", "--grep", "cat")
    objects = shell.begin("logs", "a", "-f", "--grep", "cat", "--json")
    plain.read_until("^a cat$")
    objects.read_until('"text": "a cat"')
    with door.open("w") as file:
        file.write("a dog\nanother cat\n")
    plain.read_until("^another cat$")
    assert json.loads(objects.read_until('.*"another cat".*')[0])["generation"] == 1
    for program in (plain, objects):
        program.send(signal.SIGINT)
        ended = program.wait()
        assert (ended.code, ended.err, "dog" in ended.out) == (0, "", False)


def test_it_ends_as_soon_as_nobody_reads(shell):
    block, _ = talker(shell)
    shell.up({"a": block}).read_until("a +ready")
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "dumb_actors", "logs", "a", "-f"]
    env, where = dict(shell.env), shell.root
    with subprocess.Popen(command, env=env, cwd=where, stdout=writer, stderr=subprocess.PIPE) as program:
        os.close(writer)
        with os.fdopen(reader, "rb") as output:
            assert output.readline() == b"up\n"
        # Not a byte more is written by the service.
        fd = os.pidfd_open(program.pid)
        try:
            assert select.select([fd], [], [], DEADLINE_S)[0], "it goes on although nobody reads"
        finally:
            os.close(fd)
            if program.poll() is None:
                program.kill()
        assert program.wait() == 1
        assert program.stderr.read() == b""
