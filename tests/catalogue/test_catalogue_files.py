"""Our own files hold together, with each other and with the room that reads configurations."""

import json
import re
import subprocess
import sys

import attrs
import pytest

from dumb_actors.catalogue import load_catalogue
from dumb_actors.catalogue.reading import option_texts
from dumb_actors.config import Root, parse_config

CATALOGUE = load_catalogue()
DEFAULTS = {key: entry for key, entry in CATALOGUE.items() if entry.has_default}
BLOCKS = [
    pytest.param(entry, block, id=f"{key} {name}".strip())
    for key, entry in DEFAULTS.items()
    for name, block in (entry.instances or {"": entry.block}).items()
]


def document():
    """Give a configuration of nothing but defaults."""
    found = {key: entry.default() for key, entry in DEFAULTS.items() if not key.startswith("dumb_")}
    return {"dumb": {key.removeprefix("dumb_"): CATALOGUE[key].default() for key in DEFAULTS.keys() - found}, **found}


def test_a_configuration_of_all_defaults_is_right(tmp_path):
    config = parse_config(json.loads(json.dumps(document())), Root(tmp_path))
    front_end = {"DUMB Frontend"}  # with a command it is a service
    names = {entry.process_name for entry in DEFAULTS.values()} - {"DUMB API"}
    assert {spec.name for spec in config.specs} == names
    assert {spec.name for spec in config.specs if spec.enabled} == front_end
    # Placeholders for another service's values are filled in by those who know the other service.
    others = [warning for warning in config.warnings if "{postgres_" not in warning]
    assert others == []
    assert len(config.warnings) == 4


@pytest.mark.parametrize(("entry", "block"), BLOCKS)
def test_everything_lies_below_the_root(entry, block, tmp_path):
    """With the suggestions laid under it, a default block is a service that can be built, and its paths are ours."""
    suggestions = {"readiness": dict(entry.readiness) or None, "stop": [dict(step) for step in entry.stop] or None}
    filled = {**suggestions, "command": ["program"], **{k: v for k, v in block.items() if v != []}}
    filled["command"] = filled["command"] or ["program"]
    config = parse_config({"service": {**filled, "process_name": "One"}}, Root(tmp_path))
    [spec] = config.specs
    text = repr((spec.command, spec.cwd, spec.log_file, spec.provides, spec.readiness, spec.waits, dict(spec.env)))
    assert "{" not in re.sub(r"\{postgres_\w+\}", "", text.replace(repr(dict(spec.env)), ""))
    for path in re.findall(r"'(/[^']*)'", text):
        assert path.startswith((str(tmp_path), "/usr/lib/")), path
    paths = [word for word in re.findall(r'"([^"]*)"', json.dumps(block)) if word.startswith("/")]
    assert paths == []


@pytest.mark.parametrize(("entry", "block"), BLOCKS)
def test_placeholders_name_something(entry, block):
    places = {"root", "config", "data", "log", "mnt", "run", "timestamp"}
    others = {
        f"{key}_{field}" for key, other in DEFAULTS.items() if not other.has_instances for field in other.template()
    }
    told = {"stop": [dict(step) for step in entry.stop], "readiness": dict(entry.readiness)}
    version = attrs.asdict(entry.version) if entry.version else {}
    texts = json.dumps([block, told, version.get("file"), version.get("command")])
    # Of what set-up writes into the block.
    written = {"install_dir"}
    assert set(re.findall(r"(?<!\$)\{(\w+)\}", texts)) <= places | set(block) | others | written


def test_how_versions_are_found():
    for entry in CATALOGUE.values():
        if version := entry.version:
            assert (version.file is None) != (version.command == ()), entry.key
            assert version.pattern is None or re.compile(version.pattern).groups == 1, entry.key
    said = {
        "rclone": ("rclone v1.70.2\n- os/version: debian 12", "v1.70.2"),
        "postgres": ("psql (PostgreSQL) 16.9 (Debian 16.9-1)", "16.9"),
        "traefik": ("Version:      3.6.6\nCodename:     x", "3.6.6"),
        "riven_backend": ('[project]\nname = "riven"\nversion = "0.20.1"\n', "0.20.1"),
        "dumb_frontend": ('{\n  "name": "x",\n  "version": "1.2.0"\n}', "1.2.0"),
        "plex_debrid": ("version = ['2.95', \"Settings\", []]", "2.95"),
    }
    for key, (text, expected) in said.items():
        assert re.search(CATALOGUE[key].version.pattern, text, re.MULTILINE)[1] == expected


def test_texts_and_options_belong_together():
    shared = option_texts()
    used = {name for entry in CATALOGUE.values() for name in entry.options}
    assert used == set(shared.texts)
    assert {name for group in shared.groups.values() for name in group} <= used
    for text in shared.texts.values():
        assert text.endswith(".")
        assert "\n" not in text
    for entry in CATALOGUE.values():
        if entry.about:
            assert all(line.endswith(".") and "\n" not in line for line in entry.about.lines), entry.key
        for url in (entry.links.repository, entry.links.sponsorship, entry.about and entry.about.documentation):
            assert url is None or url.startswith("https://"), entry.key


def test_symlinks_are_where_the_default_block_says():
    roots = {entry.symlink_roots for entry in CATALOGUE.values()} - {()}
    names = ("decypharr_symlinks", "nzbdav-symlinks", "clid_symlinks", "riven_symlinks")
    assert roots == {(f"{{mnt}}/{name}",) for name in names}
    assert CATALOGUE["riven_backend"].template()["symlink_library_path"] == "{mnt}/riven_symlinks"


def test_what_is_given_may_be_changed_and_the_catalogue_stays():
    given = CATALOGUE["sonarr"].default()
    given["instances"]["Default"]["port"] = 1
    given["instances"]["Default"]["env"]["X"] = "y"
    assert CATALOGUE["sonarr"].template()["port"] == 8989
    assert CATALOGUE["sonarr"].template()["env"] == {}
    assert load_catalogue() is CATALOGUE


def test_importing_reads_nothing():
    code = (
        "import sys, builtins, io, os\n"
        "import dumb_actors.catalogue as c\n"
        "heavy = {'cattrs', 'attrs', 'tomllib', 'trio'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "opened = []\n"
        "sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == 'open' else None)\n"
        "assert 'plex' in c.known_keys() and len(c.known_keys()) == 31\n"
        "assert [one for one in opened if one.endswith('.toml')] == []\n"
        "c.repo_url('plex', {})\n"
        "assert not {'cattrs', 'attrs'} & set(sys.modules)\n"
        "assert {one.rpartition('/')[2] for one in opened if one.endswith('.toml')} == {'plex.toml'}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
