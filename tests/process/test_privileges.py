"""Who a child runs as and what it may use: by real programs, which say themselves what they got."""

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from process_support import Place

from dumb_actors.errors import SpawnFailed
from dumb_actors.process import identity, privileges
from dumb_actors.process.identity import Identities, Identity, UnknownIdentity, resolve_identity
from dumb_actors.process.privileges import JOIN_FAILED, Tools, Wrapped, wrap

NOBODY: dict[str, Any] = {"uid": 65534, "gid": 65534, "groups": (65534,)}
ENV = {"PATH": os.environ["PATH"]}
HARD_ARGUMENTS = ["a b", "", "'", '"', "$x", "`id`", "-n", "--", "*", "\\", "a\nb", "A=1", "ü", ";"]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def wrapped(*argv: str, env: Mapping[str, str] = ENV, **asked: Any) -> Wrapped:
    return wrap(argv, env=env, tools=Tools(), **asked)


def run(what: Wrapped, *, cwd: Path | str = "/") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(what.argv, env=dict(what.env), umask=what.umask, cwd=cwd, capture_output=True, check=False)


def output(what: Wrapped) -> str:
    ended = run(what)
    assert (ended.returncode, ended.stderr) == (0, b"")
    return ended.stdout.decode()


def environment(what: Wrapped) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in output(what).split("\0") if pair)


@pytest.fixture
def joined(tmp_path: Path) -> Path:
    """A file to join: what is written there can be read afterwards. Only root may write to it."""
    path = tmp_path / "group" / "cgroup.procs"
    path.parent.mkdir()
    path.touch(mode=0o600)
    return path


# --- nothing more than needed -----------------------------------------------------------------------------------------


def test_who_asks_for_nothing_gets_nothing_in_front() -> None:
    assert wrapped("true", "x") == Wrapped(argv=("true", "x"), env=ENV, umask=-1, is_wrapped=False)


def test_who_is_to_run_as_we_do_gets_nothing_in_front() -> None:
    same = wrapped("true", uid=os.geteuid(), gid=os.getegid(), groups=os.getgroups())
    assert same.argv == ("true",)
    assert wrapped("true", uid=os.geteuid(), gid=os.getegid(), groups=(os.getegid(),)).argv == ("true",)


def test_a_umask_needs_nothing_in_front(tmp_path: Path) -> None:
    what = wrapped("mkdir", "made", umask=0o027)
    assert not what.is_wrapped
    run(what, cwd=tmp_path)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o750


def test_the_memory_of_all_is_not_a_limit_for_each() -> None:
    assert wrapped("true", limits={"memory_mb": 1}).argv == ("true",)


# --- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "limit", "shown", "soft", "hard"),
    [
        ("nofile", 64, "Max open files", "64", "64"),
        ("nproc", 500, "Max processes", "500", "500"),
        ("core", 0, "Max core file size", "0", "0"),
        ("fsize_mb", 3, "Max file size", "3145728", "3145728"),
        ("cpu_s", 7, "Max cpu time", "7", "12"),
        ("stack_mb", 4, "Max stack size", "4194304", "4194304"),
        ("address_space_mb", 800, "Max address space", "838860800", "838860800"),
    ],
)
def test_a_limit_reaches_the_program(name: str, limit: int, shown: str, soft: str, hard: str) -> None:
    text = output(wrapped("cat", "/proc/self/limits", limits={name: limit}))
    (line,) = [line for line in text.splitlines() if line.startswith(shown)]
    assert line.removeprefix(shown).split()[:2] == [soft, hard]


def test_several_limits_and_one_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    own = resource.getrlimit(resource.RLIMIT_CPU)
    if own[1] != resource.RLIM_INFINITY:
        pytest.skip("the processor time of this test is limited: that cannot be taken away again")
    text = output(wrapped("cat", "/proc/self/limits", limits={"cpu_s": -1, "nofile": 50}))
    found = {line[:26].strip(): line[26:].split()[:2] for line in text.splitlines()}
    assert found["Max cpu time"] == ["unlimited", "unlimited"]
    assert found["Max open files"] == ["50", "50"]


@pytest.mark.parametrize("limit", [2**39, -1])
def test_our_own_limit_is_the_highest_without_the_right_to_raise_it(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    ours = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    monkeypatch.setattr(privileges, "_capabilities", lambda which: 0)
    with pytest.raises(SpawnFailed, match=f"its limit nofile is above {ours}, this program's own") as caught:
        wrapped("true", limits={"nofile": limit})
    assert caught.value.errno == errno.EPERM
    assert wrapped("true", limits={"nofile": ours}).is_wrapped
    monkeypatch.setattr(privileges, "_capabilities", lambda which: 1 << 24)
    assert wrapped("true", limits={"nofile": limit}).is_wrapped


# --- another user -----------------------------------------------------------------------------------------------------


@as_root
def test_the_program_runs_as_the_user_with_its_groups_and_no_others() -> None:
    what = wrapped("sh", "-c", 'echo "$(id -u) $(id -g)"; id -G', uid=65534, gid=12, groups=(12, 65534, 4))
    first, second = output(what).splitlines()
    assert first == "65534 12"
    assert set(second.split()) == {"12", "65534", "4"}
    alone = wrapped("id", "-G", uid=65534, gid=12)
    assert output(alone).split() == ["12"]


@as_root
def test_the_user_has_no_privilege_left_that_root_could_pass_on() -> None:
    code = (
        "import os; from dumb_actors.process.privileges import Tools, wrap;"
        "w = wrap(['grep', '^Cap', '/proc/self/status'], env=dict(os.environ), tools=Tools(),"
        " uid=65534, gid=65534); os.execve(w.argv[0], w.argv, dict(w.env))"
    )
    inheriting = ["setpriv", "--inh-caps=+chown", "--", sys.executable, "-c", code]
    text = subprocess.run(inheriting, capture_output=True, check=True, text=True, cwd=Path(__file__).parents[2]).stdout
    sets = dict(line.split() for line in text.splitlines())
    assert {name: int(value, 16) for name, value in sets.items() if name != "CapBnd:"} == {
        "CapInh:": 0,
        "CapPrm:": 0,
        "CapEff:": 0,
        "CapAmb:": 0,
    }


@as_root
def test_set_user_id_programs_still_work_for_the_user() -> None:
    text = output(wrapped("grep", "^NoNewPrivs", "/proc/self/status", **NOBODY))
    assert text.split() == ["NoNewPrivs:", "0"]


@as_root
def test_what_loads_code_is_the_program_s_alone() -> None:
    missing = "/nonexistent/evil.so"
    env = {**ENV, "LD_PRELOAD": missing, "LD_LIBRARY_PATH": "/nonexistent", "GCONV_PATH": "/nonexistent", "A": "b c"}
    what = wrapped("env", "-0", env=env, limits={"nofile": 99}, **NOBODY)
    assert dict(what.env) == {**ENV, "A": "b c"}
    ended = run(what)
    assert dict(pair.split("=", 1) for pair in ended.stdout.decode().split("\0") if pair) == env
    # The linker complains in each program that is asked to load it: here the last one alone.
    assert ended.stderr.count(missing.encode()) == 1


def test_what_loads_code_stays_in_place_where_nobody_else_runs_it() -> None:
    env = {**ENV, "LD_LIBRARY_PATH": "/nonexistent"}
    assert wrapped("true", env=env, limits={"nofile": 99}).env == env


@as_root
def test_a_program_that_cannot_be_told_from_a_variable_is_refused() -> None:
    with pytest.raises(SpawnFailed, match="LD_AUDIT"):
        wrapped("./a=b", env={**ENV, "LD_AUDIT": "x"}, **NOBODY)


def test_only_root_can_run_something_as_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)
    with pytest.raises(SpawnFailed, match=r"user 1001, group 1000, and only root can do that: this is user 1000"):
        wrapped("true", uid=1001, gid=1000)
    with pytest.raises(SpawnFailed, match="only root"):
        wrapped("true", uid=1000, gid=1001)
    # Its groups it has already, and could not change them.
    assert wrapped("true", uid=1000, gid=1000, groups=(1000, 4)).argv == ("true",)


@as_root
def test_a_program_that_is_not_there_says_so() -> None:
    ended = run(wrapped("/nonexistent/program", **NOBODY))
    assert ended.returncode == 127
    assert b"/nonexistent/program" in ended.stderr


@as_root
def test_everything_is_settled_in_the_one_order_that_works() -> None:
    env = {**ENV, "LD_BIND_NOW": "1"}
    argv = wrapped("true", env=env, limits={"nofile": 99}, cgroup_procs="/x/cgroup.procs", **NOBODY).argv
    # Root joins any group and raises limits; a user may not.
    names = [Path(part).name for part in argv if part.startswith("/") and part != "/x/cgroup.procs"]
    assert names == ["sh", "prlimit", "setpriv", "env"]


# --- control groups ---------------------------------------------------------------------------------------------------


def test_it_joins_before_the_program_begins(joined: Path) -> None:
    assert output(wrapped("cat", str(joined), cgroup_procs=str(joined))).strip() == "0"


@as_root
def test_it_joins_as_root_and_then_becomes_the_user(joined: Path) -> None:
    assert output(wrapped("id", "-u", cgroup_procs=str(joined), **NOBODY)).strip() == "65534"
    assert joined.read_text().strip() == "0"


@pytest.mark.parametrize("strange", [{}, {"a.b": "1"}])
def test_a_group_that_cannot_be_joined_ends_the_child_in_words(tmp_path: Path, strange: dict[str, str]) -> None:
    gone = tmp_path / "gone"
    ended = run(wrapped("echo", "hello", env={**ENV, **strange}, cgroup_procs=f"{gone}/cgroup.procs"))
    assert (ended.returncode, ended.stdout) == (JOIN_FAILED, b"")
    assert f"cannot join the control group {gone}".encode() in ended.stderr


ENVIRONMENTS: list[dict[str, str]] = [
    {"A": "b c", "EMPTY": "", "LINES": "a\nb", "QUOTE": "'\"$x`", "_": "/bin/y", "SHLVL": "3", "OLDPWD": "/o"},
    {"PWD": "/nonsense", "HOME": "/h", "TZ": "UTC"},
    {"discovery.type": "single-node", "x-y": "1", "BASH_FUNC_f%%": "() { :; }"},
    {"a.b": "1", "LC_CTYPE": "C"},
    {"IFS": "x", "OPTIND": "7", "PPID": "77", "LINENO": "3", "PS1": "p"},
]


@pytest.mark.parametrize("number", range(len(ENVIRONMENTS)))
@pytest.mark.parametrize("user", [{}, pytest.param(NOBODY, marks=as_root)], ids=["as we are", "as nobody"])
def test_the_environment_is_what_it_would_be_without(joined: Path, number: int, user: dict[str, Any]) -> None:
    env = {**ENV, **ENVIRONMENTS[number]}
    what = wrapped("env", "-0", env=env, limits={"nofile": 99}, cgroup_procs=str(joined), **user)
    assert environment(what) == env


@pytest.mark.parametrize("strange", [{}, {"a.b": "1"}])
@pytest.mark.parametrize(
    "user", [{}, pytest.param({**NOBODY, "limits": {"nofile": 99}}, marks=as_root)], ids=["as we are", "everything"]
)
def test_the_arguments_are_what_they_would_be_without(
    joined: Path, strange: dict[str, str], user: dict[str, Any]
) -> None:
    env = {**ENV, "LD_DEBUG_OUTPUT": "x", **strange}
    what = wrapped("printf", "%s|", *HARD_ARGUMENTS, env=env, cgroup_procs=str(joined), **user)
    assert output(what) == "".join(f"{argument}|" for argument in HARD_ARGUMENTS)


@as_root
def test_the_pid_stays_the_same(joined: Path) -> None:
    env = {**ENV, "LD_BIND_NOW": "1"}
    what = wrapped("sh", "-c", "echo $$", env=env, limits={"nofile": 99}, cgroup_procs=str(joined), **NOBODY)
    with subprocess.Popen(what.argv, env=dict(what.env), stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert int(child.stdout.read()) == child.pid


# --- what is missing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "asked"),
    [
        ("setpriv", {"uid": 65534, "gid": 65534}),
        ("prlimit", {"limits": {"nofile": 64}}),
        ("sh", {"cgroup_procs": "/x/cgroup.procs"}),
    ],
)
def test_a_missing_tool_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, tool: str, asked: dict[str, Any]
) -> None:
    monkeypatch.setattr(privileges, "_SYSTEM_PATH", "/nonexistent")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "getegid", lambda: 0)
    with pytest.raises(SpawnFailed, match=f"cannot start true: it needs the program {tool}, of Debian's package") as it:
        wrapped("true", **asked)
    assert (it.value.errno, it.value.path) == (errno.ENOENT, tool)


def test_a_tool_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = Tools()
    found = tools.find("sh", ["x"])
    monkeypatch.setattr(privileges, "_SYSTEM_PATH", "/nonexistent")
    assert tools.find("sh", ["x"]) == found
    assert Path(found).is_absolute()


# --- who that is ------------------------------------------------------------------------------------------------------

UNUSED = 3_999_999_999


def test_a_user_by_name_and_by_id() -> None:
    root = resolve_identity("root")
    assert (root.uid, root.gid, root.name) == (0, 0, "root")
    assert 0 in root.groups
    assert resolve_identity("0") == root


def test_a_group_of_its_own() -> None:
    both = resolve_identity("root:65534")
    assert (both.uid, both.gid, both.name) == (0, 65534, "root")
    assert 65534 in both.groups
    assert resolve_identity("65534:root").gid == 0


def test_an_id_without_a_user_is_taken_as_it_is() -> None:
    assert resolve_identity(f"{UNUSED}") == Identity(uid=UNUSED, gid=UNUSED, groups=(UNUSED,))
    assert resolve_identity(f"{UNUSED}:7") == Identity(uid=UNUSED, gid=7, groups=(7,))


@pytest.mark.parametrize(
    ("run_as", "words"),
    [
        ("nobody-here-xyz", "no user is called 'nobody-here-xyz'"),
        ("0:no-group-xyz", "no group is called 'no-group-xyz'"),
    ],
)
def test_unknown_names_are_named(run_as: str, words: str) -> None:
    with pytest.raises(UnknownIdentity, match=words):
        resolve_identity(run_as)


async def test_an_order_without_a_user_stays_as_it_is(place: Place) -> None:
    launch = place.launch("true")
    assert await Identities().identify(launch) is launch


async def test_an_order_is_completed_with_who_that_is(place: Place) -> None:
    launch = attrs.evolve(place.launch("true", USER="own"), run_as="root:65534")
    done = await Identities().identify(launch)
    assert (done.uid, done.gid) == (0, 65534)
    assert done.groups == resolve_identity("root:65534").groups
    root = resolve_identity("root")
    assert done.env == {**launch.env, "USER": "own", "HOME": root.home, "LOGNAME": "root", "SHELL": root.shell}


async def test_an_id_without_a_user_lives_where_it_works(place: Place) -> None:
    launch = attrs.evolve(place.launch("true"), run_as=str(UNUSED))
    done = await Identities().identify(launch)
    assert done.env == {**launch.env, "HOME": launch.cwd}


async def test_an_unknown_user_is_no_start_in_words(place: Place) -> None:
    launch = attrs.evolve(place.launch("true"), run_as="nobody-here-xyz")
    with pytest.raises(SpawnFailed, match="cannot start 'web' as 'nobody-here-xyz': no user is called"):
        await Identities().identify(launch)


async def test_a_directory_service_that_is_down_holds_up_its_own_service_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, calls = threading.Event(), []

    def hangs(run_as: str) -> Identity:
        calls.append(run_as)
        if run_as == "ldap":
            answers.wait()
        return Identity(uid=1, gid=1, groups=(1,))

    monkeypatch.setattr(identity, "resolve_identity", hangs)
    identities = Identities()
    down = attrs.evolve(place.launch("true"), run_as="ldap")
    other = attrs.evolve(place.launch("true"), service="other", run_as="local")
    try:
        with trio.fail_after(30):
            for _ in range(3):
                with pytest.raises(SpawnFailed, match="no answer within") as caught:
                    await identities.identify(down, timeout_s=0.05)
                assert caught.value.errno == errno.ETIMEDOUT
            assert (await identities.identify(other)).uid == 1
    finally:
        answers.set()
    # The later attempts waited for the first one's thread instead of hanging one more each.
    assert calls == ["ldap", "local"]
