from typing import Any

import pytest

from dumb_actors.config import Root, Settings, parse_config
from dumb_actors.errors import ConfigError


def test_the_defaults():
    assert parse_config({}, Root("/r")).settings == Settings()
    assert parse_config({"dumb": None, "puid": None, "tz": ""}, Root("/r")).settings == Settings()
    assert Settings().api_host == "127.0.0.1"
    assert Settings().api_port == 8000


def test_everything():
    document = {
        "puid": 1000,
        "pgid": 0,
        "tz": "UTC",
        "dumb": {
            "log_level": "DEBUG",
            "log_size": "512K",
            "log_count": 3,
            "orphans": "stop",
            "cgroups": "off",
            "api_service": {"host": "0.0.0.0", "port": 9},
            "frontend": {"origins": ["http://h:1"]},
        },
        "a": {"process_name": "A", "command": "a"},
    }
    config = parse_config(document, Root("/r"))
    assert config.settings == Settings(
        log_level="DEBUG",
        api_host="0.0.0.0",
        api_port=9,
        origins=("http://h:1",),
        orphans="stop",
        cgroups="off",
        tz="UTC",
        puid=1000,
        pgid=0,
        log_size=512_000,
        log_count=3,
    )
    assert (config.specs[0].log_size, config.specs[0].log_count) == (512_000, 3)


@pytest.mark.parametrize(("text", "size"), [("10M", 10**7), ("1 g", 10**9), ("7", 7), (7, 7), ("2MB", 2 * 10**6)])
def test_log_sizes(text: Any, size: int):
    assert parse_config({"dumb": {"log_size": text}}, Root("/r")).settings.log_size == size


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"puid": "1000"}, "$.puid"),
        ({"pgid": -1}, "$.pgid"),
        ({"pgid": True}, "$.pgid"),
        ({"tz": 3}, "$.tz"),
        ({"dumb": []}, "$.dumb"),
        ({"dumb": {"log_level": "LOUD"}}, "$.dumb.log_level"),
        ({"dumb": {"log_size": "lots"}}, "$.dumb.log_size"),
        ({"dumb": {"log_size": 0}}, "$.dumb.log_size"),
        ({"dumb": {"log_size": True}}, "$.dumb.log_size"),
        ({"dumb": {"log_count": -1}}, "$.dumb.log_count"),
        ({"dumb": {"log_count": "2"}}, "$.dumb.log_count"),
        ({"dumb": {"orphans": "kill"}}, "$.dumb.orphans"),
        ({"dumb": {"orphans": True}}, "$.dumb.orphans"),
        ({"dumb": {"cgroups": "on"}}, "$.dumb.cgroups"),
        ({"dumb": {"cgroups": False}}, "$.dumb.cgroups"),
        ({"dumb": {"frontend": {"origins": "http://h"}}}, "$.dumb.frontend.origins"),
        ({"dumb": {"frontend": {"origins": [3]}}}, "$.dumb.frontend.origins[0]"),
        ({"dumb": {"frontend": []}}, "$.dumb.frontend"),
        ({"dumb": {"api_service": {"port": 0}}}, "$.dumb.api_service.port"),
        ({"dumb": {"api_service": {"host": 0}}}, "$.dumb.api_service.host"),
    ],
)
def test_what_is_refused(document: dict[str, Any], path: str):
    with pytest.raises(ConfigError) as caught:
        parse_config(document, Root("/r"), source="here")
    assert [fault.path for fault in caught.value.faults] == [path]
    assert str(caught.value).startswith("here: 1 fault\n")


def test_words_are_told_and_guessed():
    with pytest.raises(ConfigError) as caught:
        parse_config({"dumb": {"orphans": "adopted", "cgroups": "of"}}, Root("/r"))
    orphans, cgroups = caught.value.faults
    assert (orphans.expected, orphans.hint) == ("one of adopt, stop", "did you mean 'adopt'?")
    assert (cgroups.expected, cgroups.hint) == ("one of auto, off", "did you mean 'off'?")
