from dumb_actors.catalogue import repo_url, sponsorship_url


def test_the_block_goes_before_the_catalogue():
    assert repo_url("rclone", {"repo_owner": "o", "repo_name": "n"}) == "https://github.com/o/n"
    for block in ({}, {"repo_owner": "o"}, {"repo_owner": "", "repo_name": "n"}, {"repo_owner": 1, "repo_name": "n"}):
        assert repo_url("rclone", block) == "https://rclone.org"


def test_where_there_is_no_other_link_it_is_the_repository_of_the_default_block():
    assert repo_url("zilean", {}) == "https://github.com/iPromKnight/zilean"
    assert repo_url("sonarr", {}) == "https://sonarr.tv/"


def test_what_nobody_knows():
    assert repo_url("mine", {}) is None
    assert sponsorship_url("mine") is None
    assert sponsorship_url("zilean") == "https://ko-fi.com/W7W616IBNG"
    assert sponsorship_url("dumb_frontend") is None
