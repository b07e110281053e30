"""The commands that talk to a running supervisor: what they print, and their exit codes."""

import http.server
import signal
import threading

from tests.cli.program import service


def test_round_trip(shell):
    shell.up({"db": service("db"), "web": service("web", depends_on=["db"], enabled=False)}).read_until("db +ready")

    table = shell.run("status")
    assert table.code == 0
    head, db, web = table.out.splitlines()
    assert head.split() == ["NAME", "PHASE", "SINCE", "PID", "WHY"]
    assert db.split()[:2] == ["db", "ready"]
    assert web.split()[:2] == ["web", "stopped"]
    assert db.index("ready") == web.index("stopped") == head.index("PHASE")

    started = shell.run("start", "WEB")
    assert (started.code, started.err) == (0, "")
    assert started.out.startswith("web  ready  (pid ")

    long = shell.run("status", "web").out
    assert "needs         db (ready)" in long

    restarted = shell.run("restart", "--json", "web").json["services"][0]
    assert restarted["ok"]
    assert restarted["service"]["generation"] == 2

    stopped = shell.run("stop", "web", "db")
    assert stopped.code == 0
    assert stopped.out == "web  stopped\ndb  stopped\n"
    assert [each["phase"] for each in shell.run("status", "--json").json["services"]] == ["stopped", "stopped"]


def test_start_names_what_it_also_started(shell):
    shell.up({"db": service("db"), "web": service("web", depends_on=["db"])}).read_until("web +ready")
    shell.run("stop", "web", "db")
    started = shell.run("start", "web")
    assert started.code == 0
    assert "also started: db" in started.out


def test_down_waits_for_the_end(shell):
    up = shell.up({"a": service("a")})
    ended = shell.run("down")
    assert ended.code == 0
    assert up.process.wait(1) == 0
    assert shell.run("down").code == 3


def test_down_json(shell):
    up = shell.up({"a": service("a")})
    assert shell.run("down", "--json").json == {"ok": True, "pid": up.pid, "kept": False}


def test_down_tells_who_is_not_stopped_yet(shell):
    up = shell.up({"a": service("a", "trap '' TERM; echo up; sleep 1000", stop=[{"signal": "SIGTERM", "wait": 600}])})
    up.read_until("a +ready")
    down = shell.begin("down")
    down.read_until(r"not stopped yet: a \(stopping\)")
    up.send(signal.SIGTERM)
    assert down.wait().code == 0


def test_missing_program(shell):
    up = shell.up({"bad": {"process_name": "bad", "command": ["/no/such/program"]}})
    up.read_until("bad +failed")
    state = shell.run("status", "bad")
    assert state.code == 1
    assert "/no/such/program" in state.out
    assert "No such file or directory" in state.out
    started = shell.run("start", "bad")
    assert started.code == 1
    assert started.out == ""
    assert "/no/such/program" in started.err
    assert "No such file or directory" in started.err
    assert "hint: check " in started.err
    assert "Traceback" not in started.err


def test_failure_shows_the_last_lines(shell):
    up = shell.up({"a": service("a", "echo cannot open the door; exit 3", enabled=False)})
    started = shell.run("start", "a")
    assert started.code == 1
    assert "exited with code 3 before it was ready" in started.err
    assert "| cannot open the door" in started.err
    assert not shell.run("start", "--json", "a").json["services"][0]["ok"]
    up.read_until("cannot open the door")


def test_start_that_takes_long_shows_what_it_waits_for(shell):
    gate = shell.root / "gate"
    shell.up({"a": service("a", wait_for_dir=str(gate), enabled=False)})
    start = shell.begin("start", "a")
    start.read_until(f"a: is waiting, waits for {gate} to exist")
    gate.mkdir()
    ended = start.wait()
    assert ended.code == 0
    assert ended.out.startswith("a  ready")


def test_start_without_dependencies(shell):
    shell.up({"a": service("a", wait_for_dir=str(shell.root / "never"), enabled=False)})
    assert shell.run("start", "a", "--no-deps").code == 0


def test_start_times_out_with_what_it_waited_for(shell):
    shell.up({"a": service("a", wait_for_dir=str(shell.root / "never"), enabled=False)})
    ended = shell.run("start", "a", "--timeout", "0.2")
    assert ended.code == 1
    assert f"waits for {shell.root / 'never'} to exist" in ended.err


def test_interrupted_start_goes_on(shell):
    gate = shell.root / "gate"
    up = shell.up({"a": service("a", wait_for_dir=str(gate), enabled=False)})
    start = shell.begin("start", "a")
    start.read_until("a: is waiting")
    start.send(signal.SIGINT)
    ended = start.wait()
    assert ended.code == 130
    assert "the start goes on" in ended.err
    gate.mkdir()
    up.read_until("a +ready")


def test_logs(shell):
    shell.up({"a": service("a", "echo one; echo two; echo up; exec sleep 1000")}).read_until("a +ready")
    assert shell.run("logs", "a").out == "one\ntwo\nup\n"
    assert shell.run("logs", "a", "-n", "2").out == "two\nup\n"
    assert shell.run("logs", "nobody").code == 2


def test_logs_follow(shell):
    fifo = shell.root / "door"
    script = f"mkfifo {fifo}; echo up; while read line < {fifo}; do echo $line; done"
    shell.up({"a": service("a", script)}).read_until("a +ready")
    logs = shell.begin("logs", "a", "-f")
    logs.read_until("^up$")
    with fifo.open("w") as door:
        door.write("who is there\n")
    logs.read_until("^who is there$")
    logs.send(signal.SIGINT)
    ended = logs.wait()
    assert (ended.code, ended.err) == (0, "")


def test_no_supervisor(shell):
    for command in (["status"], ["start", "a"], ["stop", "a"], ["restart", "a"], ["logs", "a"], ["down"]):
        ended = shell.run(*command)
        assert ended.code == 3, command
        assert str(shell.root) in ended.err
        assert "Traceback" not in ended.err
    assert shell.run("status", "--url", "http://127.0.0.1:1").code == 3
    assert shell.run("status", "--url", "unix:/no/such/socket").code == 3
    assert shell.run("status", "--url", "gopher://x").code == 2


def test_another_web_server_is_no_supervisor(shell):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>hello</h1>")

        def log_message(self, *facts) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        ended = shell.run("status", "--url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()
    assert (ended.code, "is no dumb-actors supervisor" in ended.err) == (3, True)


def test_nonsense_seconds_are_bad_use(shell):
    for seconds in ("nan", "-1", "90000", "soon"):
        ended = shell.run("start", "a", "--timeout", seconds)
        assert (ended.code, "Traceback" in ended.err, "--timeout" in ended.err) == (2, False, True)


def test_left_api_file_of_a_dead_supervisor(shell):
    up = shell.up({})
    up.process.kill()
    up.wait()
    ended = shell.run("status")
    assert ended.code == 3
    assert f"its process {up.pid} has ended" in ended.err


def test_unknown_service(shell):
    shell.up({"a": service("Alpha"), "b": service("Beta")})
    for command in (["status"], ["start"], ["stop"], ["restart"], ["logs"]):
        ended = shell.run(*command, "Gamma")
        assert ended.code == 2, command
        assert "'Gamma'" in ended.err
        assert "Alpha, Beta" in ended.err


def test_bad_use(shell):
    assert shell.run("start").code == 2
    assert shell.run("frobnicate").code == 2
    assert shell.run("status", "--frobnicate").code == 2
    assert shell.run().code == 2
    assert shell.run("--help").code == 0
    assert shell.run("--version").out.startswith("dumb-actors, version ")


def test_url_of_the_environment(shell):
    up = shell.up({"a": service("a")})
    url = next(line.removeprefix("listening on ") for line in up.out if line.startswith("listening on "))
    assert shell.run("status", DUMB_ACTORS_ROOT="/nowhere", DUMB_ACTORS_URL=url).code == 0
    # A root on the command line goes before it.
    assert shell.run("status", "--root", "/nowhere", DUMB_ACTORS_URL=url).code == 3
