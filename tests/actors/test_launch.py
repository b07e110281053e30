"""From a spec to the order for a child, and the digest that tells whether a running child still fits its spec."""

from typing import Any

import attrs
import pytest

from dumb_actors.actors.launch import LaunchSettings, make_launch, spec_digest
from dumb_actors.model.child import Launch
from dumb_actors.model.spec import (
    DEFAULT_STOP,
    BasicAuth,
    DependsOn,
    Directory,
    Exec,
    Liveness,
    Notify,
    RestartPolicy,
    ServiceSpec,
    Settle,
    StopStep,
    Tcp,
    Url,
)

OURS = {
    "PATH": "/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "MAIL": "/var/mail/root",
    "XDG_RUNTIME_DIR": "/run/user/0",
    "LANG": "C.UTF-8",
    "LC_TIME": "de_DE.UTF-8",
    "TZ": "UTC",
    "HTTP_PROXY": "http://p/",
    "FOO_A": "1",
    "XFOO_A": "2",
    "FOO": "3",
    "PATHS": "4",
}
ADDED = {"DUMB_DEPENDENCIES", "DUMB_ACTORS_MARKER"}


def launch_of(spec: ServiceSpec) -> Launch:
    settings = LaunchSettings(run_id="r", root_dir="/r", log_dir="/r/log", environ=OURS)
    return make_launch(spec, "web", 3, settings, {})


def env_of(**fields: Any) -> dict[str, str]:
    env = dict(launch_of(ServiceSpec("Web", "web", **fields)).env)
    assert env.keys() >= ADDED
    return {name: text for name, text in env.items() if name not in ADDED}


# --- the order --------------------------------------------------------------------------------------------------------


def test_what_the_spec_says_is_ordered() -> None:
    steps = (StopStep(signal="SIGINT", wait=3.0),)
    fields: dict[str, Any] = {"run_as": "media:video", "umask": 0o27, "limits": {"nofile": 99}, "stop": steps}
    launch = launch_of(ServiceSpec("Web", "web", **fields))
    assert {name: getattr(launch, name) for name in fields} == fields
    assert (launch.uid, launch.gid, launch.groups, launch.executable) == (None, None, (), None)


def test_the_defaults_order_nothing() -> None:
    launch = launch_of(ServiceSpec("Web", "web"))
    assert (launch.run_as, launch.umask, dict(launch.limits), launch.stderr_path) == (None, None, {}, None)
    assert launch.stop == DEFAULT_STOP


@pytest.mark.parametrize(
    ("fields", "log", "stderr"),
    [
        ({}, "/r/log/web.log", None),
        ({"separate_stderr": True}, "/r/log/web.log", "/r/log/web.stderr.log"),
        ({"separate_stderr": True, "log_file": "/x/out.txt"}, "/x/out.txt", "/x/out.stderr.txt"),
        ({"separate_stderr": True, "log_file": "/x.d/out"}, "/x.d/out", "/x.d/out.stderr"),
        ({"separate_stderr": True, "suppress_logging": True}, None, None),
    ],
)
def test_where_the_output_goes(fields: dict[str, Any], log: str | None, stderr: str | None) -> None:
    launch = launch_of(ServiceSpec("Web", "web", **fields))
    assert (launch.log_path, launch.stderr_path) == (log, stderr)


# --- the environment --------------------------------------------------------------------------------------------------


def test_by_default_it_is_ours_and_its_own() -> None:
    assert env_of(env={"A": "1", "PATH": "/x"}) == {**OURS, "A": "1", "PATH": "/x"}


def test_a_clean_one_has_little_of_ours() -> None:
    kept = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_TIME", "TZ"}
    assert env_of(clean_environment=True, env={"A": "1"}) == {"A": "1", **{name: OURS[name] for name in kept}}


@pytest.mark.parametrize(
    ("patterns", "passed"),
    [
        (["HTTP_PROXY", "FOO_*"], {"HTTP_PROXY", "FOO_A"}),
        (["*FOO*"], {"FOO_A", "XFOO_A", "FOO"}),
        (["F.O", "F??"], set()),
        (["http_proxy"], set()),
        (["*"], OURS.keys()),
    ],
)
def test_what_is_named_is_passed(patterns: list[str], passed: set[str]) -> None:
    clean = env_of(clean_environment=True)
    assert env_of(clean_environment=True, pass_environment=patterns).keys() == clean.keys() | passed


def test_without_a_clean_one_naming_changes_nothing() -> None:
    assert env_of(pass_environment=["FOO_*"]) == OURS


def test_who_is_somebody_else_has_nothing_of_our_person() -> None:
    personal = {"HOME", "USER", "LOGNAME", "SHELL", "MAIL", "XDG_RUNTIME_DIR"}
    others = {name: text for name, text in OURS.items() if name not in personal}
    assert env_of(run_as="media") == others
    assert env_of(run_as="media", env={"HOME": "/data"}) == {**others, "HOME": "/data"}
    clean = env_of(run_as="media", clean_environment=True, pass_environment=["HOME"])
    assert clean == {name: OURS[name] for name in ("PATH", "LANG", "LC_TIME", "TZ")}


# --- the digest -------------------------------------------------------------------------------------------------------

# As `Any`: mypy does not see element types through the converter `tuple`.
make_spec: Any = ServiceSpec
RICH: ServiceSpec = make_spec(
    "Web",
    ["web", "--port", "80"],
    depends_on=[DependsOn("db", on_loss="restart"), "cache"],
    waits=[Url("http://h/", BasicAuth("u", "p")), Directory("/d")],
    readiness=Tcp(80, timeout=5),
    liveness=Liveness(Exec("ask it"), interval=3),
    restart=RestartPolicy(limit=7, window=5.0),
    stop=[StopStep(signal="SIGINT", wait=60.0)],
    env={"B": "2", "A": "1"},
    umask="0027",
    limits={"nofile": 99},
)


def test_the_digest_of_a_given_spec_never_changes() -> None:
    # A later version adopts what an earlier one started and compares. When this fails, every service of every user is
    # said to need a restart after the upgrade: so it is not the numbers here that want mending.
    assert spec_digest(ServiceSpec("Web", "web")) == "ca3cf285abb9d1e2"
    assert spec_digest(RICH) == "2395e7035d2abb38"


def test_a_field_more_changes_no_digest() -> None:
    @attrs.frozen
    class LaterSpec(ServiceSpec):
        novelty: int = attrs.field(default=3, kw_only=True)
        novelties: dict[str, int] = attrs.field(factory=dict, kw_only=True)

    @attrs.frozen
    class LaterTcp(Tcp):
        novelty: str | None = attrs.field(default=None, kw_only=True)

    LaterTcp.__name__ = "Tcp"
    fields = {field.name: getattr(RICH, field.name) for field in attrs.fields(ServiceSpec)}
    later = LaterSpec(**{**fields, "readiness": LaterTcp(80, timeout=5)})
    assert spec_digest(later) == spec_digest(RICH)
    assert spec_digest(attrs.evolve(later, novelty=4)) != spec_digest(RICH)
    assert spec_digest(attrs.evolve(later, readiness=LaterTcp(80, timeout=5, novelty="x"))) != spec_digest(RICH)


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ("web",)},
        {"umask": 0o22},
        {"umask": None},
        {"limits": {"nofile": 100}},
        {"limits": {}},
        {"run_as": "media"},
        {"clean_environment": True},
        {"pass_environment": ("A",)},
        {"separate_stderr": True},
        {"env": {"A": "1"}},
        {"cwd": "/x"},
        {"readiness": Tcp(80)},
        {"readiness": Settle()},
        {"readiness": Notify()},
        {"waits": (Url("http://h/", BasicAuth("u", "q")), Directory("/d"))},
        {"depends_on": (DependsOn("db"), DependsOn("cache"))},
        {"stop": ()},
        {"log_size": 5},
        {"ports": (80,)},
    ],
)
def test_what_a_child_depends_on_changes_it(fields: dict[str, Any]) -> None:
    assert spec_digest(attrs.evolve(RICH, **fields)) != spec_digest(RICH)


def test_two_kinds_of_probe_that_are_all_defaults_are_two() -> None:
    plain = ServiceSpec("Web", "web", liveness=Liveness(Directory("/x")))
    other = attrs.evolve(plain, readiness=Notify())
    assert len({spec_digest(spec) for spec in (plain, other, attrs.evolve(plain, liveness=None))}) == 3


def test_what_is_written_in_full_is_what_it_is_by_default() -> None:
    plain = ServiceSpec("Web", "web")
    full = make_spec(
        "Web", "web", readiness=Settle(1.0), stop=DEFAULT_STOP, log_size=10_000_000, limits={}, restart="on-failure"
    )
    assert spec_digest(full) == spec_digest(plain)


def test_neither_order_nor_what_it_came_from_counts() -> None:
    turned = attrs.evolve(RICH, env={"A": "1", "B": "2"}, config={"x": 1}, enabled=False)
    assert spec_digest(turned) == spec_digest(RICH)
