"""docs/catalogue.md says what the code does: its examples work, and its tables list what there is."""

import re
from pathlib import Path

import attrs

from dumb_actors.catalogue import core_offers, entry, known_keys, load_catalogue, optional_offers
from dumb_actors.catalogue.reading import option_texts
from dumb_actors.config import Root, parse_config

TEXT = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text()
FOLDER = "config/catalogue"


def documented(table):
    """Give the names in the first cells of the rows of the field tables, for *table*; "" for the top of a file."""
    found, current = set(), ""
    for line in re.findall(r"^\|(.*)\|$", TEXT, re.MULTILINE):
        first, second, *_ = (cell.strip() for cell in line.split("|"))
        if len(line.split("|")) == 2:
            names = re.findall(r"`(\w+)`", first) if table == "" else []
        else:
            current = first.strip("`") or current
            names = re.findall(r"`(\w+)`", second) if table == current else []
        found.update(names)
    return found


def names(cls):
    return {field.name for field in attrs.fields(cls)}


def test_every_field_is_documented_and_no_other():
    tables = {
        "about": entry.About,
        "links": entry.Links,
        "core": entry.Core,
        "listed": entry.Listed,
        "ports": entry.Ports,
        "version": entry.Version,
    }
    assert documented("") == names(entry.CatalogueEntry) - {"key", *tables}
    others = {"conditional": entry.ConditionalNeed, "providers": entry.ProviderFlag}
    for table, cls in {**tables, **others}.items():
        assert documented(table) == names(cls), table
    [unless] = re.findall(r"`unless` \| `\{ ([\w, ]+) \}`", TEXT)
    assert set(unless.split(", ")) == names(entry.Unless)
    [use] = re.findall(r"`uses` \| `\{ ([\w, ]+) \}`", TEXT)
    assert set(use.split(", ")) == names(entry.Use)


def test_the_numbers_and_the_groups():
    assert f"each of {len(known_keys())} services" in TEXT
    assert set(re.findall(r"`@(\w+)`", TEXT)) == set(option_texts().groups)
    own = load_catalogue()
    assert (own["zilean"].listed.optional, own["pgadmin"].listed.optional) == (10, 20)


def test_the_examples(tmp_path):
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    examples = re.findall(rf"`ROOT/{FOLDER}/(\w+\.toml)`:\n\n```toml\n(.*?)```", TEXT, re.DOTALL)
    assert [name for name, _ in examples] == ["radarr.toml", "my_indexer.toml"]
    for name, text in examples:
        (folder / name).write_text(text)
    found = load_catalogue(folder)
    assert found.faults == ()

    radarr = next(offer for offer in core_offers(found) if offer.key == "radarr")
    assert radarr.service_options["radarr"]["port"] == 17878
    assert "auto_update" not in radarr.service_options["radarr"]
    assert found["radarr"].template()["env"] == {"TZ": "Europe/Berlin"}
    assert found["radarr"].template()["process_name"] == "Radarr"

    offers = optional_offers(found)
    assert [offer.key for offer in offers][:3] == ["zilean", "my_indexer", "pgadmin"]
    assert offers[1].service_option_descriptions["speed"] == "How many requests per second."
    blocks = {"my_indexer": found["my_indexer"].default(), "postgres": {"process_name": "PG", "command": "pg"}}
    config = parse_config(blocks, Root(tmp_path))
    assert [spec.enabled for spec in config.specs] == [False, False]
    assert found.knowledge().non_core["my_indexer"] == ("postgres",)


def test_the_warning(tmp_path):
    [(path, told)] = re.findall(rf"^    (/\S+/{FOLDER}/my_indexer\.toml): (.+)$", TEXT, re.MULTILINE)
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / Path(path).name).write_text('name = "My Indexer"\noption = ["port"]\n')
    assert parse_config({}, Root(tmp_path)).warnings == (f"{folder}/my_indexer.toml: {told}",)
