"""The user's own folder: it overrides and extends, and a file that is wrong harms nobody else."""

import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dumb_actors.catalogue import core_offers, load_catalogue, optional_offers
from dumb_actors.catalogue import files as catalogue_files
from dumb_actors.catalogue.reading import merge
from dumb_actors.config import Root, parse_config
from dumb_actors.errors import ConfigError
from dumb_actors.graph.dependency import DependencyGraph

OWN = load_catalogue()

MINE = """
name = "My Indexer"
options = ["port", "speed"]
needs = ["postgres"]
option_texts.speed = "How fast."
about = { title = "Mine", lines = ["Indexes."], documentation = "https://example.org" }
listed = { optional = 15 }
ports.fields = ["port"]

[block]
process_name = "My Indexer"
port = 7777
speed = 3
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "config" / "catalogue"


@pytest.fixture
def write(folder):
    folder.mkdir(parents=True)

    def write(**files):
        for name, text in files.items():
            content = text if isinstance(text, bytes) else text.encode()
            (folder / f"{name}.toml").write_bytes(content)
        return load_catalogue(folder)

    return write


def the_fault(catalogue, name):
    """Give the one thing that is wrong with the one file that is wrong."""
    [error] = catalogue.faults
    assert error.source.endswith(f"/config/catalogue/{name}.toml")
    assert error.source in str(error)
    [fault] = error.faults
    return fault


# --- what counts ------------------------------------------------------------------------------------------------------


def test_without_a_folder_it_is_ours(folder):
    assert load_catalogue(folder) is OWN
    folder.parent.mkdir()
    folder.write_text("a file")
    assert load_catalogue(folder) is OWN


def test_a_file_is_laid_over_ours(write):
    found = write(
        radarr='name = "Films"\nlinks.sponsorship = "https://x"\n[instances.Default]\nport = 7000\nenv.A = "b"\n'
        'command = ["x"]\n'
    )
    entry = found["radarr"]
    assert found.faults == ()
    assert (entry.name, entry.links.sponsorship, entry.links.repository) == (
        "Films",
        "https://x",
        OWN["radarr"].links.repository,
    )
    assert entry.template() == {**OWN["radarr"].template(), "port": 7000, "env": {"A": "b"}, "command": ["x"]}
    assert entry.core == OWN["radarr"].core
    assert {**found, "radarr": None} == {**OWN, "radarr": None}
    assert [offer.key for offer in core_offers(found)] == [offer.key for offer in core_offers(OWN)]
    assert found.find("films") is entry
    assert OWN["radarr"].name == "Radarr"


def test_a_file_adds_a_service(write):
    found = write(indexer=MINE)
    assert found.faults == ()
    assert set(found) == {*OWN, "indexer"}
    offers = optional_offers(found)
    assert [offer.key for offer in offers][:3] == ["zilean", "indexer", "pgadmin"]
    assert offers[1].service_options == {"port": 7777, "speed": 3}
    assert offers[1].service_option_descriptions["speed"] == "How fast."
    assert "postgres" not in [offer.key for offer in optional_offers(found, chosen=["indexer"])]
    assert found.knowledge().non_core["indexer"] == ("postgres",)
    assert found.knowledge().aliases["my indexer"] == "indexer"
    assert "indexer" in found.knowledge().known


def test_services_of_the_user_may_refer_to_each_other(write):
    found = write(indexer=MINE, other='name = "Other"\nneeds = ["indexer"]\n')
    assert found.faults == ()
    assert found.knowledge().non_core["other"] == ("indexer",)


def test_a_template_that_is_meant_for_a_core_service_is_taken(write):
    found = write(
        rclone='[instances.Mine]\nprocess_name = "rclone w/ Mine"\nsuppress_logging = true\nlog_level = "DEBUG"\n'
        'core_service = "decypharr, riven_backend"\n'
    )
    assert found.faults == ()
    assert list(found["rclone"].instances) == ["RealDebrid", "Mine"]
    offers = {offer.key: offer for offer in core_offers(found)}
    levels = {key: offers[key].service_options["rclone"]["log_level"] for key in ("riven_backend", "plex_debrid")}
    assert levels == {"riven_backend": "DEBUG", "plex_debrid": "INFO"}
    assert offers["rclone"].service_options["rclone"]["log_level"] == "INFO"
    assert list(offers["rclone"].instance_options) == ["RealDebrid", "Mine"]


def test_what_is_hidden_is_in_no_list(write):
    found = write(zilean="listed.hidden = true\n")
    assert "zilean" in found
    assert "zilean" not in {offer.key for offer in [*core_offers(found), *optional_offers(found)]}


def test_a_change_is_seen_and_nothing_else_makes_it_anew(write, folder):
    first = write(indexer=MINE)
    assert load_catalogue(folder) is first
    (folder / "notes.txt").write_text("no entry")
    (folder / ".indexer.toml").write_text("an editor's")
    assert load_catalogue(folder) is first
    second = write(indexer=MINE.replace("7777", "8888"))
    assert second["indexer"].template()["port"] == 8888
    assert len({OWN.token(), first.token(), second.token()}) == 3
    third = write(indexer=MINE)
    assert third.token() == first.token()
    (folder / "indexer.toml").unlink()
    assert load_catalogue(folder) is OWN


def test_a_configuration_is_read_with_it(write, folder, tmp_path):
    root = Root(tmp_path)
    document = {"indexer": {"process_name": "I"}, "postgres": {"process_name": "P"}}
    with pytest.raises(ConfigError, match="has no command, and is enabled"):
        parse_config(document, root)
    write(indexer=MINE)
    config = parse_config(document, root)
    # What is known is off unless it says otherwise, and its needs are edges.
    assert [spec.enabled for spec in config.specs] == [False, False]
    [edge] = DependencyGraph(config.specs, config.knowledge).edges
    assert (edge.source, edge.target, edge.signal) == ("I", "P", "non_core_dependency_map")
    assert config.warnings == ()
    write(plex="nam = 1\n")
    [warning] = parse_config(document, root).warnings
    assert warning == f"{folder}/plex.toml: $.nam: unknown key (did you mean 'name'?)"


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path", "problem", "hint"),
    [
        ('nam = "X"', "$.nam", "unknown key", "did you mean 'name'?"),
        ("listed.optonal = 1", "$.listed.optonal", "unknown key", "did you mean 'optional'?"),
        ('key = "x"', "$.key", "unknown key", "the name of the file is the key"),
        ("name = 3", "$.name", "wrong type", ""),
        ("core.order = true", "$.core.order", "wrong type", ""),
        ("core = 3", "$.core", "wrong type", ""),
        ("scoped = 1", "$.scoped", "wrong type", ""),
        ('needs = "postgres"', "$.needs", "wrong type", ""),
        ("needs = [1]", "$.needs[0]", "wrong type", ""),
        ('option_texts = ["x"]', "$.option_texts", "wrong type", ""),
        ("option_texts.port = 1", "$.option_texts.port", "wrong type", ""),
        ('log = "ouput"', "$.log", "unknown value", "did you mean 'output'?"),
        ("block.since = 2020-01-01", "$.block.since", "is a date or a time", "put it in quotes"),
        ("block.list = [[04:00:00]]", "$.block.list[0][0]", "is a date or a time", "put it in quotes"),
        ('options = ["prot"]', "$.options[0]", "nothing is told of the option 'prot'", "did you mean 'port'?"),
        ('options = ["wxyz"]', "$.options[0]", "nothing is told of the option 'wxyz'", "option_texts.wxyz"),
        ('options = ["@updates", "@relase"]', "$.options[1]", "no group of options is called '@relase'", "'release'"),
        ('options = ["port", "origin"]', "$.options[1]", "the default block has no field 'origin'", "write it there"),
        ('block.process_name = ""', "$.block.process_name", "is no name", ""),
        ('block.port = "80"', "$.block.port", "is no port", ""),
        ('instances.A.process_name = "A"\ninstances.A.port = 1', "$.block", "there is a block and", "take one"),
        ('[[conditional]]\nservice = "plex"', "$.conditional[1].when", "is missing", ""),
        ('[[conditional]]\nservice = "plex"\nwhen = "flag"', "$.conditional[1].flag", "`flag` is missing", ""),
        ('[[conditional]]\nservice = "plex"\nwhen = "always"\nflag = "x"', "$.conditional[1].flag", "is for", ""),
        ('needs = ["plexx"]', "$.needs[0]", "no service has the key 'plexx'", "did you mean 'plex'?"),
        ('needs = ["tautulli"]', "$.needs[0]", "a service cannot refer to itself", ""),
        ('aliases = ["x", "Riven"]', "$.aliases[1]", "'riven' means 'riven_backend' already", "another"),
        ('listed.optional_name = "CLID"', "$.listed.optional_name", "'clid' means 'cli_debrid' already", "another"),
        ('name = " "', "$.name", "is blank", ""),
        ('aliases = ["x "]', "$.aliases[0]", "is blank, or", ""),
        ("block.speed = nan", "$.block.speed", "is no number that JSON can carry", ""),
        ('[[providers]]\nservice = "plex"\nsignal = "wait_for_url"', "$.providers[0]", "does not say what", ""),
        (
            '[[providers]]\nservice = "plex"\nsignal = "wait_for_url"\nfield = "x"',
            *("$.providers[0]", "does not say what", ""),
        ),
        ('name = "Plex"', "$.name", "'plex' means 'plex' already", "another"),
        ('core = { order = 1, needs = ["nobody"] }', "$.core.needs[0]", "no service has the key 'nobody'", ""),
        ('uses = [{ service = "nobody", signal = "documented_integration" }]', "$.uses[0].service", "no service", ""),
        ('uses = [{ service = "plex", signal = "documented" }]', "$.uses[0].signal", "unknown value", ""),
        (
            '[[providers]]\nservice = "nobody"\nsignal = "wait_for_url"\nflag = "x"',
            "$.providers[0].service",
            "no service",
            "",
        ),
        (
            '[core]\norder = 1\n[[core.unless]]\nservice = "plex"\nfield = "x"\nvalues = []\nblank = ""',
            *("$.core.unless[0].service", "'plex' is not in core.needs", ""),
        ),
    ],
)
def test_a_fault_says_where_and_what_and_ours_counts(write, text, path, problem, hint):
    # The conditional need of ours is the first one in the list that replaces it.
    ours = '[[conditional]]\nservice = "plex"\nwhen = "enabled"\n' if "[[conditional]]" in text else ""
    found = write(tautulli=ours + text + "\n", plex='name = "My Plex"\n')
    fault = the_fault(found, "tautulli")
    assert fault.path == path
    assert problem in fault.problem
    assert hint in fault.hint
    assert found["tautulli"] == OWN["tautulli"]
    assert found["plex"].name == "My Plex"


@pytest.mark.parametrize(
    ("content", "line", "column", "problem"),
    [
        ("name = \nx = 1\n", 1, 8, "no TOML: Invalid value"),
        ('name = "a"\nname = "b"\n', 2, 11, "no TOML: Cannot overwrite a value"),
        (b'name = "a"\nx = "\xff"\n', 2, 6, "the file is not UTF-8"),
    ],
)
def test_what_is_no_toml_says_the_line(write, content, line, column, problem):
    fault = the_fault(write(tautulli=content), "tautulli")
    assert (fault.line, fault.column, fault.problem) == (line, column, problem)


def test_every_fault_of_a_file_is_told_at_once(write):
    found = write(tautulli='nam = "x"\nscoped = 1\ncore.order = "1"\ncore.x = 1\n')
    [error] = found.faults
    assert sorted(fault.path for fault in error.faults) == ["$.core.order", "$.core.x", "$.nam", "$.scoped"]


def test_a_new_service_needs_a_name_of_its_own(write):
    fault = the_fault(write(mine="scoped = true\n"), "mine")
    assert (fault.path, fault.problem) == ("$.name", "is missing")
    fault = the_fault(write(mine='name = "Riven"\n'), "mine")
    assert fault.problem == "'riven' means 'riven_backend' already"
    fault = the_fault(write(mine='name = "M"\nlisted.core = 1\n'), "mine")
    assert fault.problem.startswith("nothing to offer")


@pytest.mark.parametrize("name", ["My Service", "UPPER", "dumb", "-x", "ä"])
def test_the_name_of_a_file_must_be_a_key(write, name):
    found = write(**{name: 'name = "X"\n'})
    assert "is no service key" in the_fault(found, name).problem
    assert dict(found) == dict(OWN)


def test_a_reference_to_a_file_that_is_left_out_is_a_fault_as_well(write):
    found = write(a='name = "A"\nneeds = ["b"]\n', b='name = "B"\nneeds = ["c"]\n', c='name = "C"\nx = 1\n')
    assert {Path(error.source).name for error in found.faults} == {"a.toml", "b.toml", "c.toml"}
    assert dict(found) == dict(OWN)


def test_a_key_that_is_a_word_for_another_service_is_a_fault(write):
    fault = the_fault(write(clid='name = "Mine"\n'), "clid")
    assert (fault.path, fault.problem) == ("$", "'clid' means 'cli_debrid' already")


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (Path.mkdir, "is no file"),
        (os.mkfifo, "is no file"),
        (lambda path: path.symlink_to("nowhere"), "cannot be read: No such file or directory"),
        (lambda path: path.symlink_to(path), "cannot be read: Too many levels of symbolic links"),
    ],
)
def test_what_cannot_be_read_is_a_fault_and_the_others_count(write, folder, make, problem):
    make(folder / "seerr.toml")
    found = write(plex='name = "My Plex"\n')
    assert the_fault(found, "seerr").problem == problem
    assert found["plex"].name == "My Plex"


def test_a_folder_that_cannot_be_read_is_a_fault(tmp_path):
    folder = tmp_path / ("x" * 300)
    [error] = load_catalogue(folder).faults
    assert error.source == str(folder)
    assert error.faults[0].problem == "cannot be read: File name too long"
    assert dict(load_catalogue(folder)) == dict(OWN)


def test_a_name_that_is_no_text_can_be_told(write, folder):
    Path(os.fsdecode(os.fsencode(folder) + b"/a\xffb.toml")).write_text('name = "X"\n')
    [error] = write().faults
    assert str(error).encode()
    assert "no service key" in error.faults[0].problem


@pytest.mark.parametrize("text", ["x = " + "9" * 5000, "x = " + "[" * 2000 + "]" * 2000])
def test_what_is_beyond_measure_is_a_fault(write, text):
    assert "not usable" in the_fault(write(seerr=text + "\n"), "seerr").problem


# --- anything at all --------------------------------------------------------------------------------------------------

SERVICES = Path(catalogue_files.__file__).parent / "services"


def damaged(content, seed):
    """Change a few places of a file: what people do with an editor, and worse."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(content))
        piece = chance.choice([b"", b"\n", b'"', b"[", b"=", b"1", b"\xff", b"true", b"x = 1\n", content[:40]])
        content = content[:at] + piece + content[at + chance.choice([0, 1, 20]) :]
    return content


@given(st.sampled_from(sorted(OWN)), st.integers() | st.binary(max_size=60))
def test_whatever_is_in_a_file_the_rest_stays(key, change):
    content = damaged((SERVICES / f"{key}.toml").read_bytes(), change) if isinstance(change, int) else change
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{key}.toml").write_bytes(content)
        found = load_catalogue(folder)
    assert {**found, key: None} == {**OWN, key: None}
    if found.faults:
        assert found[key] == OWN[key]
        assert found.knowledge() == OWN.knowledge()
        assert all(fault.problem for error in found.faults for fault in error.faults)
    assert len(core_offers(found)) in {len(core_offers(OWN)), len(core_offers(OWN)) - 1}
    assert optional_offers(found)


# --- merging ----------------------------------------------------------------------------------------------------------

# What is a table in one file is a table in another.
values = st.dictionaries(st.sampled_from(["x", "y"]), st.integers() | st.lists(st.integers(), max_size=2))
tables = st.recursive(
    values,
    lambda inner: st.builds(
        lambda plain, more: {**plain, **more}, values, st.dictionaries(st.sampled_from(["T", "U"]), inner)
    ),
    max_leaves=8,
)


@given(tables, tables, tables)
def test_tables_laid_over_each_other(upper, middle, lower):
    assert merge(upper, merge(middle, lower)) == merge(merge(upper, middle), lower)
    assert merge({}, lower) == lower == merge(lower, {}) == merge(lower, lower)
    both = merge(upper, lower)
    assert set(both) == {*upper, *lower}
    for key, value in both.items():
        if isinstance(value, dict):
            assert value == merge(upper.get(key, {}), lower.get(key, {}))
        else:
            assert value == upper.get(key, lower.get(key))
