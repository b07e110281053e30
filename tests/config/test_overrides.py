"""What overrides the file: which names, which goes before which, what a text becomes, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_support import DEFAULTS, DOCUMENT, PORT, ZURG, home

from dumb_actors.config.layers import Origin, difference
from dumb_actors.config.overrides import Outside, find_overrides, read_outside, variable_of
from dumb_actors.config.sources import load_layers
from dumb_actors.errors import ConfigError

__all__ = ["home"]


def load(home):
    return load_layers(home.path, home.root, sources=home.sources())


def outside_of(**environ):
    return read_outside(environ, env_file=None, secrets_dir=None)


def value_of(text, document, path):
    overlays, faults = find_overrides(document, outside_of(**{variable_of(path): text}))
    assert faults == []
    (overlay,) = overlays
    assert overlay.path == path
    return overlay.value


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (("puid",), "PUID"),
        (("dumb", "api_service", "port"), "DUMB_API_SERVICE_PORT"),
        (("zurg", "instances", "RealDebrid", "api_key"), "ZURG_INSTANCES_REALDEBRID_API_KEY"),
        (("sonarr", "instances", "my one/4K", "port"), "SONARR_INSTANCES_MY_ONE_4K_PORT"),
    ],
)
def test_names(path, name):
    assert variable_of(path) == name


def test_the_secret_file_goes_before_the_environment_before_the_env_file_before_the_file(home):
    assert load(home).config.document["db"]["port"] == 5432
    env_file = home.path.with_name(".env")
    env_file.write_text("DB_PORT=1\n")
    found = load(home)
    assert found.config.document["db"]["port"] == 1
    assert found.merged.origin(PORT) == Origin("dotenv", f"DB_PORT in {env_file}")
    home.environ["DB_PORT"] = "2"
    assert load(home).merged.origin(PORT) == Origin("environment", "DB_PORT")
    (home.secrets / "DB_PORT").write_text("3\n")
    found = load(home)
    assert found.config.document["db"]["port"] == 3
    assert found.merged.origin(PORT) == Origin("secret", str(home.secrets / "DB_PORT"))
    # What is blank overrides nothing, wherever it stands.
    (home.secrets / "DB_PORT").write_text(" \n")
    home.environ["DB_PORT"] = ""
    assert load(home).config.document["db"]["port"] == 1
    assert home.document() == DOCUMENT


def test_only_leaves_that_are_there_are_overridden(home):
    home.environ.update(NEW="x", DB_NEW="x", DB="x", DB_ENV="x", ZURG_INSTANCES_OTHER_PORT="1", UNKNOWN_KEPT_0="7")
    assert load(home).merged.overlays == ()


def test_what_the_defaults_give_can_be_overridden_and_what_they_do_not_know_cannot(home):
    home.environ["DB_HOST"] = "10.0.0.1"
    assert "host" not in load(home).config.document["db"]
    home.defaults = DEFAULTS
    assert load(home).config.document["db"]["host"] == "10.0.0.1"


def test_a_variable_of_the_system_is_no_override():
    document = {"home": "x", "path": "y", "tz": "z", "shell": {"level": 1}}
    overlays, _ = find_overrides(document, outside_of(HOME="/root", PATH="/bin", TZ="UTC", SHELL="/bin/sh"))
    assert [overlay.path for overlay in overlays] == [("tz",)]


@pytest.mark.parametrize(
    ("was", "text", "becomes"),
    [
        (False, "TRUE", True),
        (False, " 1 ", True),
        (True, "no", False),
        (True, "0", False),
        (1, "7", 7),
        (1, "-7", -7),
        (1, "1.5", 1.5),
        (1.5, "2", 2),
        (1.5, "2e3", 2000.0),
        ("a", "7", "7"),
        ("a", " spaces ", " spaces "),
        ("", "true", "true"),
        ([], '["a", 1, {"b": null}]', ["a", 1, {"b": None}]),
        ([], "a, b,,c ", ["a", "b", "c"]),
        (["x"], "1,2", ["1", "2"]),
        ([0, 1], "2, 3", [2, 3]),
        (None, "x", "x"),
    ],
)
def test_a_text_becomes_what_stood_there(was, text, becomes):
    value = value_of(text, {"a": {"b": was}}, ("a", "b"))
    assert (value, type(value)) == (becomes, type(becomes))


@pytest.mark.parametrize(
    ("field", "was", "text", "becomes"),
    [
        ("port", None, "80", 80),
        ("enabled", None, "yes", True),
        ("auto_update_interval", None, "2.5", 2.5),
        ("success_codes", None, "[0, 3]", [0, 3]),
        ("password", None, "1234", "1234"),
        ("command", ["a"], "python -m x", "python -m x"),
        ("command", ["a"], '["python", "-m", "x"]', ["python", "-m", "x"]),
        ("command", None, "python -m x", "python -m x"),
        ("log_level", "INFO", "debug", "DEBUG"),
    ],
)
def test_a_text_becomes_what_its_field_takes(field, was, text, becomes):
    assert value_of(text, {"a": {field: was}}, ("a", field)) == becomes


@pytest.mark.parametrize(
    ("was", "text", "expected"),
    [
        (True, "perhaps", "true or false"),
        (1, "eighty", "a number"),
        (1, "0x10", "a number"),
        (1, "nan", "a number"),
        (1, "1_000", "a number"),
        (1, "1" * 500, "a number"),
        ([], "[1, 2", "an array in JSON"),
        ([], "[NaN]", "an array in JSON"),
        ([], "[" * 100_000, "an array in JSON"),
        ([1], "1,x", "a number"),
        ("a", "\udcff", "a text in UTF-8"),
    ],
)
def test_what_is_no_such_value_is_a_fault_and_no_silent_text(was, text, expected):
    overlays, (fault,) = find_overrides({"a": {"b": was}}, outside_of(A_B=text))
    assert overlays == []
    assert (fault.path, fault.origin) == ("$.a.b", "the environment variable A_B")
    assert expected in fault.expected
    assert text not in str(fault) or len(text) < 3


def test_every_fault_is_told_at_once_with_where_it_comes_from(home):
    home.environ.update(DB_PORT="x", TZ="Nowhere/At/All", ZURG_INSTANCES_REALDEBRID_PORT="99999")
    (home.secrets / "ZURG_INSTANCES_REALDEBRID_ENABLED").write_text("perhaps")
    home.write({**DOCUMENT, "db": {**DOCUMENT["db"], "enabled": 3}})
    with pytest.raises(ConfigError) as caught:
        load(home)
    found = {fault.path: fault.origin for fault in caught.value.faults}
    assert found == {
        "$.db.port": "the environment variable DB_PORT",
        "$.db.enabled": "",
        "$.zurg.instances.RealDebrid.port": "the environment variable ZURG_INSTANCES_REALDEBRID_PORT",
        "$.zurg.instances.RealDebrid.enabled": f"the secret file {home.secrets}/ZURG_INSTANCES_REALDEBRID_ENABLED",
    }


def test_a_fault_within_an_array_that_comes_from_outside(home):
    home.environ["ZURG_INSTANCES_REALDEBRID_SUCCESS_CODES"] = "0, 999"
    with pytest.raises(ConfigError) as caught:
        load(home)
    (fault,) = caught.value.faults
    assert fault.path == "$.zurg.instances.RealDebrid.success_codes[1]"
    assert fault.origin == "the environment variable ZURG_INSTANCES_REALDEBRID_SUCCESS_CODES"


def test_a_name_that_means_two_values_is_a_fault(home):
    document = {"a_b": {"c": 1}, "a": {"b_c": 2}, "x": {"instances": {"o k": {"p": 1}, "o_k": {"p": 2}}}}
    _, faults = find_overrides(document, outside_of(A_B_C="3"))
    assert [fault.path for fault in faults] == ["$.a.b_c"]
    assert "$.a_b.c" in faults[0].problem
    assert find_overrides(document, outside_of()) == ([], [])


# --- files ------------------------------------------------------------------------------------------------------------


def test_lines_of_an_env_file(home):
    lines = {
        "A=1": "1",
        " export B = two words ": "two words",
        "C='a # b'": "a # b",
        'D="a \\"b\\"\\n\\\\ # c" # comment': 'a "b"\n\\ # c',
        "E=a#b # comment": "a#b",
        "F=x=y": "x=y",
        "G=": None,
        "# H=1": None,
        "": None,
    }
    path = home.path.with_name(".env")
    path.write_text("\ufeff" + "\n".join(lines))
    found = read_outside({}, env_file=str(path), secrets_dir=None)
    expected = {"ABCDEFGH"[index]: text for index, text in enumerate(lines.values()) if text is not None}
    assert {name: given.text for name, given in found.given.items()} == expected
    assert found.warnings == ()


def test_a_line_that_is_none_is_warned_of_and_never_shown(home):
    home.path.with_name(".env").write_text("TZ=UTC\nsecret-word\nX='open\n")
    config = load(home).config
    assert config.settings.tz == "UTC"
    assert ["line 2" in config.warnings[0], "line 3" in config.warnings[1]] == [True, True]
    assert "secret-word" not in " ".join(config.warnings)


@pytest.mark.parametrize("content", [b"\xff", None])
def test_an_env_file_that_cannot_be_read_is_a_fault(home, content):
    path = home.path.with_name(".env")
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"\.env cannot be read"):
        load(home)


def test_a_secret_file_that_cannot_be_read_is_a_fault_where_it_would_count(home):
    (home.secrets / "DB_PORT").write_bytes(b"\xff")
    (home.secrets / "SOMETHING_ELSE").write_bytes(b"\xff")
    (home.secrets / "lower").write_text("x")
    (home.secrets / "DIRECTORY").mkdir()
    with pytest.raises(ConfigError) as caught:
        load(home)
    (fault,) = caught.value.faults
    assert (fault.path, "it is not UTF-8" in fault.problem) == ("$.db.port", True)


def test_without_a_directory_of_secrets_there_are_none(home):
    home.secrets.rmdir()
    assert load(home).merged.overlays == ()
    home.secrets.write_text("a file")
    assert load(home).merged.overlays == ()


async def test_a_reload_reads_overrides_again_and_writes_none_of_them(home):
    store = await home.open()
    secret = home.secrets / "ZURG_INSTANCES_REALDEBRID_API_KEY"
    secret.write_text("the real one\n")
    found = await store.reload()
    assert (found.changed, store.config.specs[0].config["api_key"]) == (True, "the real one")
    assert [one.changed for one in await store.revisions()] == ["file", "override"]
    assert not any(b"the real one" in each.read_bytes() for each in home.path.parent.rglob("*") if each.is_file())
    secret.unlink()
    await store.reload()
    assert store.config.document == DOCUMENT


# --- properties -------------------------------------------------------------------------------------------------------

names = st.text("ab_ -Zé", min_size=1, max_size=3)
leaves = st.booleans() | st.integers(0, 9) | st.text(max_size=3) | st.lists(st.integers(0, 9), max_size=2)
documents = st.recursive(leaves, lambda v: st.dictionaries(names, v, max_size=3), max_leaves=8)


@given(
    st.dictionaries(names, documents, max_size=4), st.dictionaries(st.text("AB_Z1", max_size=6), st.text(max_size=4))
)
def test_an_override_changes_a_leaf_that_is_there_and_keeps_its_kind(document, environ):
    overlays, faults = find_overrides(document, read_outside(environ, env_file=None, secrets_dir=None))
    before = json.dumps(document)
    for overlay in overlays:
        was = document
        for key in overlay.path:
            was = was[key]
        assert not isinstance(was, dict)
        assert isinstance(overlay.value, type(was)) or {type(was), type(overlay.value)} <= {int, float}
        assert environ[overlay.origin.source].strip()
        assert variable_of(overlay.path) == overlay.origin.source
    paths = [overlay.path for overlay in overlays]
    assert len(set(paths)) == len(paths)
    assert all(fault.origin for fault in faults)
    assert json.dumps(document) == before
    assert list(difference(document, document)) == []


def test_nothing_outside_is_nothing():
    assert find_overrides(DOCUMENT, Outside()) == ([], [])
    assert ZURG[0] in DOCUMENT
