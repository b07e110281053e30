"""Specs and names: what is accepted, what is refused, and in which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_actors.model.fields import split_run_as
from dumb_actors.model.names import find_name, squeeze, unique_slugs
from dumb_actors.model.spec import BasicAuth, DependsOn, Directory, Log, ServiceSpec, StopStep, Tcp, Url


def test_a_string_command_is_split_like_a_shell_does() -> None:
    assert ServiceSpec("a", "run 'two words' --x=\"1 2\" $HOME").command == ("run", "two words", "--x=1 2", "$HOME")
    assert ServiceSpec("a", ["run", "two words"]).command == ("run", "two words")


def test_dependencies_may_be_names_or_values() -> None:
    spec = ServiceSpec("a", "a", depends_on=["b", DependsOn("c", until="started")])
    assert spec.depends_on == (DependsOn("b"), DependsOn("c", until="started"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ServiceSpec("", "a"), "'name' must be a text that is not empty"),
        (lambda: ServiceSpec("a", ["a\0b"]), "NUL"),
        (lambda: ServiceSpec("a", [""]), "must name a program"),
        (lambda: ServiceSpec("a", "a", depends_on="bc"), "must be a list"),
        (lambda: Tcp(0), "port from 1 to 65535"),
        (lambda: Tcp(True), "port from 1 to 65535"),
        (lambda: Tcp(1, timeout=0), "seconds above 0"),
        (lambda: Url("ftp://x"), "http:// or https://"),
        (lambda: Url("http://x:99999"), "http:// or https://"),
        (lambda: Log("("), "regular expression"),
        (lambda: Directory(" "), "not empty"),
        (lambda: StopStep(signal="TERM"), "SIGTERM"),
        (lambda: StopStep(), "either"),
        (lambda: StopStep(signal="SIGTERM", command=("a",)), "either"),
        (lambda: StopStep(signal="SIGTERM", wait=-1), "0 or more"),
        (lambda: DependsOn("a", until="later"), "until"),
        (lambda: ServiceSpec("a", "a", run_as="a b"), "'run_as' must be `user` or `user:group`"),
        (lambda: ServiceSpec("a", "a", run_as=1000), "'run_as' must be"),
        (lambda: ServiceSpec("a", "a", run_as="a:"), "a name is empty"),
        (lambda: ServiceSpec("a", "a", umask="0o22"), "'umask' must be octal digits"),
        (lambda: ServiceSpec("a", "a", umask=0o1000), "'umask' must be octal digits"),
        (lambda: ServiceSpec("a", "a", umask=True), "'umask' must be octal digits"),
        (lambda: ServiceSpec("a", "a", limits={"files": 1}), "'limits' knows no 'files'"),
        (lambda: ServiceSpec("a", "a", limits={"nofile": 3}), "'nofile' must be a whole number from 16"),
        (lambda: ServiceSpec("a", "a", limits={"nofile": True}), "'nofile' must be a whole number"),
        (lambda: ServiceSpec("a", "a", limits={"memory_mb": -1}), "'memory_mb' must be a whole number"),
        (lambda: ServiceSpec("a", "a", pass_environment=["A=B"]), "'pass_environment' must be names"),
        (lambda: ServiceSpec("a", "a", pass_environment=[""]), "'pass_environment' must be names"),
    ],
)
def test_nonsense_is_refused_in_words(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_umask_is_a_number_or_its_octal_digits() -> None:
    assert ServiceSpec("a", "a", umask="0027").umask == ServiceSpec("a", "a", umask=0o27).umask == 0o27
    assert ServiceSpec("a", "a").umask is None


def test_limits_cannot_be_changed_behind_the_spec_s_back() -> None:
    limits = {"nofile": 64, "core": -1}
    spec = ServiceSpec("a", "a", limits=limits)
    limits["nofile"] = 3
    assert spec.limits == {"nofile": 64, "core": -1}
    with pytest.raises(TypeError):
        spec.limits["nofile"] = 3  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("media", ("media", None)),
        ("1000", (1000, None)),
        ("0:0", (0, 0)),
        ("media:44", ("media", 44)),
        ("7:x", (7, "x")),
    ],
)
def test_who_runs_it_is_a_name_or_an_id(text: str, parts: tuple[str | int, str | int | None]) -> None:
    assert split_run_as(text) == parts


def test_secrets_do_not_show() -> None:
    assert "hunter2" not in repr(Url("http://x/", BasicAuth("me", "hunter2")))
    assert "hunter2" not in repr(ServiceSpec("a", "a", env={"PASSWORD": "hunter2"}, config={"api_key": "hunter2"}))


def test_names_are_found_exactly_first_then_loosely() -> None:
    known = ["rclone w/ Riven", "Plex", "plex"]
    assert find_name("Plex", known) == "Plex"
    assert find_name("RCLONE W/RIVEN", known) == "rclone w/ Riven"
    assert find_name("PLEX", known) is None  # it could be either
    assert find_name("nobody", known) is None


@given(st.lists(st.text(min_size=1), unique=True))
def test_slugs_are_unique_and_safe(names: list[str]) -> None:
    slugs = unique_slugs(names)
    assert len(set(slugs.values())) == len(names)
    assert all("/" not in slug and slug not in {".", ".."} for slug in slugs.values())
    assert unique_slugs(reversed(names)) == slugs


def test_many_names_without_a_letter_that_a_file_name_takes_stay_apart() -> None:
    names = [f"服务{chr(0x4E00 + index)}" for index in range(3000)]
    assert len(set(unique_slugs(names).values())) == len(names)


def test_slugs_look_like_the_reference_s_log_names() -> None:
    assert unique_slugs(["rclone w/ RealDebrid"]) == {"rclone w/ RealDebrid": "rclone_w_realdebrid"}


@given(st.text())
def test_squeezing_twice_changes_nothing(name: str) -> None:
    assert squeeze(squeeze(name)) == squeeze(name)
