"""The documents say what the code does."""

import re
from pathlib import Path

from dumb_actors.model.phase import TRANSITIONS, Phase, wire_status

DOCS = Path(__file__).parent.parent / "docs"


def test_the_picture_of_the_phases_is_the_table() -> None:
    text = (DOCS / "phases.md").read_text()
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", text, re.MULTILINE))
    assert drawn == {(str(before), str(after)) for before, each in TRANSITIONS.items() for after in each}
    told = dict(re.findall(r"^\| `(\w+)` \|.*\| (\w+) \|$", text, re.MULTILINE))
    assert told == {str(phase): wire_status(phase) for phase in Phase}
