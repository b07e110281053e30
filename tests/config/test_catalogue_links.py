import json
from importlib import resources

from dumb_actors.catalogue import repo_url, sponsorship_url
from dumb_actors.catalogue.knowledge import load_knowledge


def test_the_block_goes_before_the_catalogue():
    assert repo_url("rclone", {"repo_owner": "o", "repo_name": "n"}) == "https://github.com/o/n"
    for block in ({}, {"repo_owner": "o"}, {"repo_owner": "", "repo_name": "n"}, {"repo_owner": 1, "repo_name": "n"}):
        assert repo_url("rclone", block) == "https://rclone.org"


def test_what_nobody_knows():
    assert repo_url("mine", {}) is None
    assert sponsorship_url("mine") is None
    assert repo_url("zilean", {}) is None
    assert sponsorship_url("zilean") == "https://ko-fi.com/W7W616IBNG"
    assert sponsorship_url("dumb_frontend") is None


def test_every_known_key_has_its_row():
    links = json.loads(resources.files("dumb_actors.catalogue").joinpath("links.json").read_text())["links"]
    known = load_knowledge().known
    assert set(links) >= known
    assert len(known) == 28
    for row in links.values():
        assert set(row) == {"repo_url", "sponsorship_url"}
        assert all(url is None or url.startswith("https://") for url in row.values())
