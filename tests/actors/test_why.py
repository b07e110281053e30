"""`Supervisor.why`, for every kind of root: what the chain is made of, and what it says."""

import json
import math
from contextlib import asynccontextmanager
from itertools import takewhile
from pathlib import Path

import attrs
import pytest
import trio

from dumb_actors.actors.explaining import WhyQuestion
from dumb_actors.actors.memory import Memory
from dumb_actors.errors import DumbActorsError, UnknownService
from dumb_actors.journal.codec import line_of
from dumb_actors.journal.past import KILLED, Past
from dumb_actors.journal.segments import Head, Segment
from dumb_actors.journal.why import LONGEST, Present, explain
from dumb_actors.model.child import Exit
from dumb_actors.model.phase import Phase
from dumb_actors.model.probe import Directory, Liveness, Settle, Tcp, Url
from dumb_actors.model.restart import RestartPolicy
from dumb_actors.model.spec import DependsOn, ServiceSpec
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation

URL = "http://127.0.0.1:9/"
BEGAN = 1_700_000_000.0


def spec(name, **fields):
    return ServiceSpec(name, "program", **{"readiness": Settle(0.0), **fields})


def why(supervisor, name, at=None):
    """Ask without a thread: while one is waited for, the virtual clock would jump."""
    return WhyQuestion.of(name, at, supervisor.snapshot(), supervisor._bus, None).answer()


def kinds(found):
    return [link.kind for link in found.chain]


def texts(found):
    return [link.text for link in found.chain]


@asynccontextmanager
async def running(*specs, after=1.0, behaviours=None, false=(), boot=True):
    """Boot a simulation and let some time pass."""
    host = SimulatedHost(behaviours or {})
    for wait in false:
        host.set_truth(wait, holds=False)
    async with open_simulation(specs, host) as supervisor:
        if boot:
            await supervisor.boot()
        await trio.sleep(after)
        yield supervisor


# --- it runs ----------------------------------------------------------------------------------------------------------


async def test_ready_by_which_proof_and_started_by_the_boot(autojump_clock):
    async with running(spec("web", readiness=Tcp(80))) as supervisor:
        found = why(supervisor, "web")
        assert (found.phase, found.status, found.hint, found.complete) == (Phase.READY, "running", "", True)
        assert kinds(found) == ["state", "spawned", "boot"]
        assert found.summary == "'web' is ready: it answers"
        assert found.chain[0].at == supervisor.status("web").ready_at
        assert found.chain[1].facts["pid"] == supervisor.status("web").pid


async def test_which_dependency_let_it_go_and_for_whose_sake_it_was_started(autojump_clock):
    slow = {"db": Behaviour(ready_after=2.0)}
    specs = [spec("db", readiness=Tcp(1), enabled=False), spec("web", depends_on=["db"], enabled=False)]
    async with running(*specs, behaviours=slow) as supervisor:
        await supervisor.start("web", by="api")
        found = why(supervisor, "web")
        assert kinds(found) == ["state", "spawned", "condition", "command"]
        assert found.chain[2].facts == {"what": "'db' to be ready", "dependency": "db"}
        assert "2.0 s after it began to wait" in found.chain[2].text
        assert (found.chain[3].text, found.chain[3].by) == ("its start was asked for over the API", "api")
        root = why(supervisor, "db").chain[-1]
        assert root.text == "it was started along with 'web', which needs it: that was asked for over the API"
        # Who started both one after the other did not start the one for the other.
        await supervisor.stop("web")
        await supervisor.stop("db")
        await supervisor.start("db", by="api")
        await supervisor.start("web", by="api")
        assert why(supervisor, "db").chain[-1].text == "its start was asked for over the API"


async def test_started_without_what_it_needs(autojump_clock):
    async with running(spec("db", enabled=False), spec("web", depends_on=["db"], enabled=False)) as supervisor:
        await supervisor.start("web", dependencies="ignore")
        assert "it did not wait for what it needs, as asked" in why(supervisor, "web").chain[1].text


async def test_it_lives_and_is_not_ready_or_not_healthy(autojump_clock):
    never = Behaviour(ready_after=math.inf)
    liveness = Liveness(Tcp(1), interval=1, threshold=2, restart=False)
    ill = spec("ill", liveness=liveness)
    async with running(
        spec("slow", readiness=Tcp(1)), ill, behaviours={"slow": never, "ill": Behaviour(unhealthy_after=0.5)}, after=5
    ) as supervisor:
        found = why(supervisor, "slow")
        assert kinds(found) == ["state", "spawned", "boot"]
        assert found.summary.endswith(
            "and has not proved ready yet: it waits for its readiness; the last answer was: not yet"
        )
        assert "dumb-actors logs slow" in found.hint
        found = why(supervisor, "ill")
        assert "but it is not healthy: Port 127.0.0.1:1 not responding" in found.summary
        assert "dumb-actors logs ill" in found.hint


async def test_after_which_crash_it_runs(autojump_clock):
    async with running(
        spec("web"), behaviours={"web": [Behaviour(exits_after=3), Behaviour()]}, after=60
    ) as supervisor:
        found = why(supervisor, "web")
        assert kinds(found) == ["state", "spawned", "again", "exit", "boot"]
        ended = found.chain[3]
        assert ended.text == "it exited with code 1, 3.0 s after its start"
        assert ended.facts["last_lines"] == ["generation 1"]
        assert (ended.facts["code"], ended.generation, ended.at) == (1, 1, BEGAN + 3)


# --- it ended ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "kind", "words", "hint"),
    [
        (Exit(code=1), "exit", "it exited with code 1 before it was ready, 0.5 s after its start", "last lines"),
        (Exit(code=0), "exit", "it exited with code 0 before it was ready", "stay in the foreground"),
        (Exit(code=127), "exit", "it exited with code 127", "does not find what it is to run"),
        (Exit(code=139), "exit", "it exited with code 139", "when SIGSEGV ended what it ran"),
        (Exit(signal="SIGKILL"), "exit", "it was killed by SIGKILL", "somebody did, or the kernel"),
        (Exit(signal="SIGSEGV"), "exit", "it was killed by SIGSEGV", "the program itself is faulty"),
        (Exit(), "exit", "it ended, exit code unknown", "last lines"),
        (Exit(signal="SIGKILL", oom=True), "out_of_memory", "its memory limit was reached", "memory_mb"),
    ],
)
async def test_how_a_child_ended_while_it_waits_for_its_next_attempt(autojump_clock, how, kind, words, hint):
    behaviour = {"x": Behaviour(exits_after=0.5, exit=how)}
    async with running(
        spec("x", readiness=Tcp(1)), behaviours={"x": attrs.evolve(behaviour["x"], ready_after=9)}, after=1.25
    ) as s:
        found = why(s, "x")
        assert kinds(found) == ["state", kind, "attempts", "boot"]
        assert "is tried again in 0." in found.summary
        assert "restart number 2" in found.summary
        assert found.chain[0].facts["next_at"] == pytest.approx(s.status("x").healing.next_at)
        assert words in found.chain[1].text
        assert hint in found.hint
        assert (found.chain[2].facts["count"], found.chain[2].text) == (
            1,
            "it had ended and was tried again once before that",
        )


async def test_not_ready_in_time_and_unhealthy(autojump_clock):
    never, ill = Behaviour(ready_after=math.inf), Behaviour(unhealthy_after=0.5)
    never_again = RestartPolicy(policy="never")
    specs = [
        spec("late", readiness=Tcp(1, timeout=2), restart=never_again),
        spec("ill", liveness=Liveness(Tcp(1), interval=1, threshold=2), restart=never_again),
    ]
    async with running(*specs, behaviours={"late": never, "ill": ill}, after=20) as supervisor:
        found = why(supervisor, "late")
        assert kinds(found) == ["state", "timeout", "boot"]
        assert "its policy is never to restart" in found.summary
        assert found.chain[1].text == "it was ended because it was not ready within 2 s: not yet"
        assert found.hint.endswith("raise readiness.timeout; when that is mended, `dumb-actors start late`")
        found = why(supervisor, "ill")
        assert kinds(found) == ["state", "unhealthy", "boot"]
        assert "its checks failed 2 times in a row: Port 127.0.0.1:1 not responding" in found.chain[1].text


async def test_given_up_by_its_limit_and_without_a_program(autojump_clock):
    limited = RestartPolicy(limit=2, window=60)
    specs = [spec("loop", restart=limited), spec("none")]
    behaviours = {"loop": Behaviour(exits_after=0.1), "none": Behaviour(spawn_error="no such program")}
    async with running(*specs, behaviours=behaviours, after=20) as supervisor:
        found = why(supervisor, "loop")
        assert kinds(found) == ["state", "exit", "attempts", "boot"]
        assert "it ended 3 times within 60 s, more than its limit of 2" in found.summary
        assert found.chain[2].facts["count"] == 2
        found = why(supervisor, "none")
        assert (kinds(found), found.status) == (["state", "spawn", "boot"], "stopped")
        assert found.chain[1].text == "it could not be started: no such program"
        assert found.hint == "check its command and its directory; when that is mended, `dumb-actors start none`"


async def test_a_oneshot_that_has_done_its_work(autojump_clock):
    async with running(
        spec("job", oneshot=True), behaviours={"job": Behaviour(exits_after=0.5, exit=Exit(code=0))}
    ) as s:
        found = why(s, "job")
        assert (kinds(found), found.hint) == (["state", "exit", "boot"], "")
        assert found.chain[1].text == "it exited with code 0, as intended, 0.5 s after its start"


async def test_ended_because_of_a_loss(autojump_clock):
    behaviours = {"db": [Behaviour(exits_after=3), Behaviour()]}
    specs = [
        spec("db"),
        spec("again", depends_on=[DependsOn("db", on_loss="restart")]),
        spec("gone", depends_on=[DependsOn("db", on_loss="stop")]),
    ]
    async with running(*specs, behaviours=behaviours, after=20) as supervisor:
        found = why(supervisor, "again")
        assert kinds(found) == ["state", "spawned", "again", "loss", "exit", "boot"]
        assert found.chain[3].facts == {"dependency": "db", "on_loss": "restart"}
        assert [link.service for link in found.chain[3:]] == ["again", "db", "db"]
        found = why(supervisor, "gone")
        assert kinds(found) == ["state", "loss", "exit", "boot"]
        assert found.chain[1].text == "'db' was lost, and it is stopped with it (on_loss: stop)"
        # A person who restarts the one is the reason for the other.
        await supervisor.restart("db", by="api")
        await trio.sleep(1)
        assert texts(why(supervisor, "again"))[-1] == "its restart was asked for over the API"


# --- it was stopped, or never started ---------------------------------------------------------------------------------


async def test_stopped_by_somebody(autojump_clock):
    async with running(spec("Two words"), behaviours={"Two words": Behaviour(stop_takes=5)}) as supervisor:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.stop, "Two words")
            await trio.sleep(1)
            assert kinds(why(supervisor, "Two words")) == ["state", "command"]
            assert why(supervisor, "Two words").summary == "'Two words' is being stopped"
        found = why(supervisor, "twowords")
        assert kinds(found) == ["state", "command"]
        assert found.chain[1].text == "its stop was asked for by the program that the supervisor is part of"
        assert found.hint == "`dumb-actors start 'Two words'` starts it again"


async def test_nothing_has_started_it(autojump_clock):
    async with running(spec("off", enabled=False), spec("on"), boot=False) as supervisor:
        found = why(supervisor, "off")
        assert (kinds(found), found.complete) == (["state", "not_wished"], True)
        assert "it is disabled in the configuration" in found.chain[1].text
        assert found.hint.startswith("`dumb-actors start off` starts it now")
        assert "nothing has started it since" in why(supervisor, "on").chain[1].text


async def test_a_changed_configuration(autojump_clock):
    async with running(spec("a"), spec("b"), spec("left")) as supervisor:
        await supervisor.reconfigure([spec("a", cwd="/other"), spec("b", enabled=False), spec("c")], by="SIGHUP")
        await trio.sleep(1)
        for name in ("a", "c"):
            assert kinds(why(supervisor, name)) == ["state", "spawned", "reload"]
            assert texts(why(supervisor, name))[-1] == "it was started because the configuration was changed (SIGHUP)"
        found = why(supervisor, "b")
        assert kinds(found) == ["state", "reload"]
        assert found.chain[1].text.endswith("it is disabled now")
        # What has left the configuration is known by its exact name.
        found = why(supervisor, "left")
        assert (kinds(found), found.phase) == (["state", "reload"], Phase.STOPPED)
        for name in ("LEFT", "nobody", ""):
            with pytest.raises(UnknownService):
                why(supervisor, name)


async def test_everything_was_stopped(autojump_clock):
    async with running(spec("a")) as supervisor:
        await supervisor.shutdown(by="SIGTERM")
        found = why(supervisor, "a")
        assert kinds(found) == ["state", "shutdown"]
        assert found.chain[1].text == "everything was stopped: the supervisor was to end (SIGTERM)"


# --- it waits ---------------------------------------------------------------------------------------------------------


async def test_it_waits_for_one_thing_after_the_other(autojump_clock):
    specs = [spec("db", enabled=False), spec("mid", depends_on=["db"]), spec("top", depends_on=["mid"])]
    async with running(*specs) as supervisor:
        found = why(supervisor, "top")
        assert [(link.kind, link.service) for link in found.chain] == [
            ("state", "top"),
            ("state", "mid"),
            ("state", "db"),
            ("not_wished", "db"),
        ]
        assert found.chain[0].facts["waits_for"] == [
            {"what": "'mid' to be ready", "dependency": "mid", "answer": "waiting"}
        ]
        assert found.hint.startswith("`dumb-actors start db`")


async def test_it_waits_for_several_things(autojump_clock):
    specs = [
        spec("ok", ports=[7]),
        spec("bad", restart="never"),
        spec("top", depends_on=["bad"], waits=[Url("http://127.0.0.1:7/"), Directory("/world")]),
    ]
    false = ("http://127.0.0.1:7/", "/world")
    async with running(*specs, behaviours={"bad": Behaviour(exits_after=0.5)}, false=false) as supervisor:
        found = why(supervisor, "top")
        assert kinds(found) == ["state"]
        # What is not there comes first; that 'ok' runs and does not offer what it should comes last.
        assert [branch.what for branch in found.branches] == [
            "'bad' to be ready",
            "/world to exist",
            "http://127.0.0.1:7/ to answer",
        ]
        assert [[link.kind for link in branch.chain] for branch in found.branches] == [
            ["state", "exit", "boot"],
            ["answer"],
            ["state", "answer"],
        ]
        answer = found.branches[2].chain[1]
        assert answer.text == "http://127.0.0.1:7/ does not answer: connection refused"
        assert "'ok' runs, but that is not there" in answer.hint


async def test_it_waits_for_what_nobody_offers(autojump_clock):
    async with running(spec("top", waits=[Url(URL)]), false=[URL]) as supervisor:
        found = why(supervisor, "top")
        assert kinds(found) == ["state", "answer", "boot"]
        assert found.chain[1].facts == {"what": f"{URL} to answer", "answer": "connection refused"}
        assert "check the address" in found.hint


async def test_what_two_branches_have_in_common_is_told_once(autojump_clock):
    specs = [
        spec("db", waits=[Url(URL)]),
        spec("a", depends_on=["db"]),
        spec("b", depends_on=["db"]),
        spec("top", depends_on=["a", "b"]),
    ]
    async with running(*specs, false=[URL]) as supervisor:
        first, second = why(supervisor, "top").branches
        assert [link.kind for link in first.chain] == ["state", "state", "answer", "boot"]
        assert [link.kind for link in second.chain] == ["state", "seen"]


@pytest.mark.parametrize("is_wide", [False, True])
async def test_a_story_that_is_too_long_is_cut_and_says_so(autojump_clock, is_wide):
    specs = [spec("s0", waits=[Url(URL)])]
    specs += [spec(f"s{n}", depends_on=["s0" if is_wide else f"s{n - 1}"]) for n in range(1, 1000)]
    if is_wide:
        specs.append(spec("s1000", depends_on=[f"s{n}" for n in range(1, 1000)]))
    async with running(*specs, false=[URL]) as supervisor:
        found = why(supervisor, specs[-1].name)
        assert not found.complete
        assert len(found.chain) + sum(len(branch.chain) for branch in found.branches) == LONGEST
        assert all(branch.chain for branch in found.branches)


# --- before this supervisor, and before this hour ---------------------------------------------------------------------


@pytest.mark.parametrize("killed", [False, True])
async def test_taken_over_from_an_earlier_supervisor(autojump_clock, killed):
    specs = [spec("web", readiness=Tcp(80)), spec("job", oneshot=True), spec("off")]
    host = SimulatedHost({"job": Behaviour(exits_after=0.5, exit=Exit(code=0))})
    events = []
    async with open_simulation(specs, host, memory=Memory(note_event=events.append)) as supervisor:
        await supervisor.boot()
        await trio.sleep(1)
        await supervisor.stop("off", by="api")
        await supervisor.leave(by="SIGTERM")
    if killed:
        events = list(takewhile(lambda event: event.detail.get("what") != "leaving", events))
    first_seq = events[-1].seq + (KILLED if killed else 0)
    memory = Memory(first_seq=first_seq, history=tuple(events), wishes=_StoppedBefore())
    async with open_simulation(specs, host, memory=memory) as supervisor:
        await supervisor.boot()
        await trio.sleep(1)
        found = why(supervisor, "web")
        assert kinds(found) == ["state", "adopted", "supervisor", "spawned", "boot"]
        assert ("was killed" if killed else "ended on purpose") in found.chain[2].text
        assert found.chain[3].generation == 1
        assert kinds(why(supervisor, "job")) == ["state", "adopted", "supervisor", "exit", "boot"]
        found = why(supervisor, "off")
        assert kinds(found) == ["state", "not_wished", "command"]
        assert "it was stopped before this supervisor began, and that is remembered" in found.chain[1].text
        assert found.chain[2].text == "its stop was asked for over the API"
        # Nothing is known of the time before.
        question = WhyQuestion.of("web", None, supervisor.snapshot(), supervisor._bus, None)
        found = attrs.evolve(question, recent=supervisor._bus.recent()[len(events) :]).answer()
        assert (kinds(found), found.complete) == (["state", "adopted", "unknown"], False)


class _StoppedBefore:
    def decide(self, name, enabled):
        return name != "off"

    def note(self, name, *, wished, enabled):
        pass

    async def saved(self):
        pass


async def test_what_it_needs_ended_while_no_supervisor_was_there(autojump_clock):
    specs = [spec("db"), spec("web", depends_on=[DependsOn("db", on_loss="stop")])]
    host, events = SimulatedHost(), []
    async with open_simulation(specs, host, memory=Memory(note_event=events.append)) as supervisor:
        await supervisor.boot()
        await trio.sleep(1)
        await supervisor.leave()
    host.live["db"].clear()
    memory = Memory(first_seq=events[-1].seq, history=tuple(events))
    async with open_simulation(specs, host, memory=memory) as supervisor:
        await trio.sleep(1)
        found = why(supervisor, "web")
        assert kinds(found) == ["state", "loss", "supervisor", "adopted", "supervisor", "spawned", "condition", "boot"]
        assert found.chain[2].text == "'db' did not run any more when the supervisor took over what needs it"


async def test_an_instant_of_the_past(autojump_clock):
    behaviours = {
        "web": [Behaviour(exits_after=3), Behaviour(exits_after=100), Behaviour()],
        "db": Behaviour(ready_after=2),
    }
    async with running(
        spec("db", readiness=Tcp(1)), spec("web", depends_on=["db"]), behaviours=behaviours, after=300
    ) as supervisor:
        assert why(supervisor, "web", BEGAN + 1).summary == "'web' waits for 'db' to be ready"
        assert kinds(why(supervisor, "web", BEGAN + 1)) == ["state", "state", "spawned", "boot"]
        assert kinds(why(supervisor, "web", BEGAN + 4)) == ["state", "spawned", "condition", "boot"]
        night = why(supervisor, "web", BEGAN + 50)
        assert kinds(night) == ["state", "spawned", "again", "exit", "boot"]
        assert (night.chain[3].at, night.at) == (BEGAN + 5, BEGAN + 50)
        assert why(supervisor, "web", BEGAN + 200).chain[3].at == BEGAN + 105
        before = why(supervisor, "web", BEGAN - 1)
        assert (before.phase, before.status, kinds(before), before.complete) == (
            None,
            None,
            ["state", "unknown"],
            False,
        )
        assert why(supervisor, "web", BEGAN + 10**6) == why(supervisor, "web")


async def test_the_journal_is_read_no_further_than_it_must(tmp_path, autojump_clock):
    """A long past costs nothing where the present does not go back to it."""
    host = SimulatedHost({"noisy": Behaviour(exits_after=0.5)})
    events = []
    memory = Memory(note_event=events.append)
    async with open_simulation([spec("noisy"), spec("web")], host, memory=memory) as supervisor:
        await supervisor.boot()
        await trio.sleep(80_000)
        await supervisor.restart("noisy", by="api")
        await trio.sleep(3)
        snapshot = supervisor.snapshot()
        past = _journal(tmp_path, events)
        found = explain("noisy", past, Present(at=snapshot.at, services=snapshot.services))
        assert texts(found)[-1] == "its restart was asked for over the API"
        assert len(events) > 5000
        assert len(past._lines["noisy"].seen) < 50
        found = explain("web", past, Present(at=snapshot.at, services=snapshot.services))
        assert kinds(found) == ["state", "spawned", "boot"]


def _journal(directory, events):
    path = Path(Segment.named(str(directory), 1).path)
    head = json.dumps(Head(run_id="old", opened_at=BEGAN).as_json()).encode() + b"\n"
    path.write_bytes(head + b"".join(map(line_of, events)))
    return Past((), str(directory))


async def test_events_of_an_older_version_name_nothing_that_led_to_them(autojump_clock):
    behaviours = {"db": [Behaviour(exits_after=3), Behaviour()]}
    specs = [spec("db"), spec("web", depends_on=[DependsOn("db", on_loss="restart")])]
    async with running(*specs, behaviours=behaviours, after=20) as supervisor:
        snapshot, recent = supervisor.snapshot(), supervisor._bus.recent()
        old = [attrs.evolve(one, cause=attrs.evolve(one.cause, seq=None)) for one in recent]
        present = Present(at=snapshot.at, services=snapshot.services)
        for name in snapshot.services:
            assert explain(name, Past(old, None), present) == explain(name, Past(recent, None), present)


async def test_secrets_stay_masked(autojump_clock):
    host = SimulatedHost({"x": Behaviour(spawn_error="cannot run with hunter2-secret")})
    memory = Memory(secrets=frozenset({"hunter2-secret"}))
    async with open_simulation([spec("x")], host, memory=memory) as supervisor:
        with pytest.raises(DumbActorsError):
            await supervisor.start("x")
        found = why(supervisor, "x")
        assert "hunter2" not in str(found)
        assert found.chain[1].text == "it could not be started: cannot run with [secret]"


async def test_in_a_thread():
    async with open_simulation([spec("web")]) as supervisor:
        await supervisor.start("web")
        assert (await supervisor.why("web")).chain == why(supervisor, "web").chain
        with pytest.raises(UnknownService):
            await supervisor.why("nobody")
