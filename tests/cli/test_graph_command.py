"""`dumb-actors graph`: its text, what it writes for programs that draw, and the program itself."""

import json
import re
from pathlib import Path
from textwrap import dedent
from typing import get_args

import pytest

from dumb_actors.cli.drawing import to_dot, to_mermaid
from dumb_actors.cli.graph import graph_text
from dumb_actors.cli.paint import Paint
from dumb_actors.cli.picture import Arrow, Box, Picture, Reason, picture_of
from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.graph.neighbours import Standing
from dumb_actors.graph.whole import whole_graph
from dumb_actors.model.edge import RANKS, SIGNALS
from dumb_actors.model.phase import Phase
from dumb_web.wire import dump
from tests.cli.program import service
from tests.graph.recorded import config

PLAIN = Paint(is_on=False)
PHASES = {"PostgreSQL": Phase.READY, "Zurg w/ Riven": Phase.READY, "Riven Backend": Phase.WAITING}
LAYERS = """\
what needs nothing
  Decypharr          starting
  PostgreSQL         ready
  Sonarr             starting
    └─ label  Decypharr  starting  core_service_fields
  Zurg w/ Riven      ready *
    └─ label  Riven Backend  waiting  core_service_fields

level 1
  pgAdmin4           starting
    └─ needs  PostgreSQL  conditional_startup_map, non_core_dependency_map
"""
AROUND = """\
Riven Backend  waiting
  depends on
    ├─ needs  Rclone w/ Riven  starting  core_service_map, wait_for_dir
    ├─ needs  PostgreSQL                 conditional_startup_map, core_service_map
    └─ needs  Zurg w/ Riven              core_service_map
  its dependents
    ├─ Riven Frontend   needs it  starting  conditional_startup_map, non_core_dependency_map
    ├─ Rclone w/ Riven  names it  starting  core_service_fields
    └─ Zurg w/ Riven    names it            core_service_fields

gave way: Rclone w/ Riven → Riven Backend (core_service_fields), because Riven Backend needs Rclone w/ Riven
gave way: Zurg w/ Riven → Riven Backend (core_service_fields), because Riven Backend needs Zurg w/ Riven
not shown: 1 known cooperation (--all shows them)"""


def recorded():
    """What `GET /graph` says of the record of the API document, while it starts."""
    found = config()
    graph = DependencyGraph(found.specs, found.knowledge)

    def standing(name):
        enabled = graph.specs[name].enabled
        phase = PHASES.get(name, Phase.STARTING) if enabled else Phase.STOPPED
        return Standing(phase, enabled=enabled, wished=enabled)

    return json.loads(dump(whole_graph(graph, standing)))


def text_of(answer, **wanted):
    return "\n".join(graph_text(picture_of(answer, **wanted), PLAIN))


def test_the_text_shows_level_by_level_what_starts_and_why_not_earlier():
    text = text_of(recorded())
    assert text.startswith(LAYERS)
    assert "\n* on the longest path: what decides how long a start takes\n" in text
    assert text.endswith("not shown: 14 disabled services, 9 known cooperations (--all shows them)")
    assert "Lidarr" not in text


def test_everything_is_everything():
    text = text_of(recorded(), everything=True)
    assert "not shown" not in text
    assert "    └─ can use  Zilean  starting  zilean_optional_integration" in text
    assert "  Lidarr " in text
    assert re.search(r"Prowlarr +starting\n(.*\n)*? +├─ would need +Lidarr", text) is None, ()


def test_the_text_around_one_service():
    assert text_of(recorded(), around="Riven Backend") == AROUND


def test_what_nobody_wishes_is_not_waited_for_and_what_is_missing_is_told():
    answer = {
        "nodes": [
            {"process_name": name, "phase": phase, "level": level, "critical": False, "enabled": True, "wished": False}
            for name, phase, level in [("db", "stopped", 0), ("web", "ready", 1)]
        ],
        "edges": [
            {
                "source": "web",
                "target": "db",
                "signals": ["wait_for_url"],
                "classification": "hard",
                "gates": False,
                "on_loss": "restart",
            }
        ],
        "cycles_broken": [],
        "missing": [{"source": "web", "reference": "cache", "signal": "core_service_fields", "path": "$.web.x"}],
    }
    text = text_of(answer)
    assert "    └─ would need  db  stopped  wait_for_url; on loss: restart" in text
    assert "missing: web refers to 'cache' (core_service_fields), and there is no such service: $.web.x" in text
    answer["cycles_broken"] = [{"cycle": ["web", "db", "x", "web"], "source": "web", "target": "db", "signals": ["a"]}]
    assert "    └─ gave way  db" in text_of(answer, around="web")
    assert "gave way: web → db (a), because db needs x, x needs web" in text_of(answer, around="web")


def test_nothing_to_show():
    nothing = {"nodes": [], "edges": [], "cycles_broken": [], "missing": []}
    assert text_of(nothing) == "no services are configured"
    node = {"process_name": "a", "phase": "stopped", "level": 0, "critical": False, "enabled": False, "wished": False}
    assert text_of({**nothing, "nodes": [node]}).splitlines()[0] == "no service is enabled"


def test_colours_say_what_counts():
    text = "\n".join(graph_text(picture_of(recorded(), around="Riven Backend"), Paint(is_on=True)))
    assert "\x1b[33mwaiting\x1b[0m" in text
    assert "\x1b[90mRclone w/ Riven  names it\x1b[0m" in text
    assert " needs  Rclone w/ Riven  \x1b[36mstarting\x1b[0m" in text


# --- for programs -----------------------------------------------------------------------------------------------------

ODD = [
    "end",
    'say "hi"',
    "back\\slash\\",
    "<b>bold</b>",
    "a & b &amp; c",
    "`code`",
    "x]y[z",
    "{a|b}",
    "#35;",
    "ünïcödé 日本",
    "%% comment",
    "a --> b",
    "it's; $(x)",
    "\\n",
]


def odd() -> Picture:
    reasons = ["needs", "would need", "gave way", "label", "can use"] * 3
    return Picture(
        around=None,
        boxes=[Box(name=name, phase="ready", level=0, is_critical=name == "end", is_on=True) for name in ODD],
        arrows=[
            Arrow(source=one, target=other, signals=["wait_for_url", "depends_on"], reason=reason)
            for one, other, reason in zip(ODD, ODD[1:], reasons, strict=False)
        ],
        cycles=[],
        missing=[],
    )


STRING = r'"(?:[^"\\]|\\.)*"'
DOT_ATTRIBUTES = rf"\[(?:\w+=(?:{STRING}|[\w.]+)(?:, )?)+\]"


def test_dot_can_be_read_whatever_the_names_are():
    first, *lines, last = to_dot(odd()).splitlines()
    assert (first, last) == ("digraph dependencies {", "}")
    statement = rf"  (?:rankdir = BT|node {DOT_ATTRIBUTES}|n\d+(?: -> n\d+)? {DOT_ATTRIBUTES});"
    assert all(re.fullmatch(statement, line) for line in lines), lines
    labels = re.findall(rf"^  n\d+ \[label=({STRING})", "\n".join(lines), re.MULTILINE)
    read = [re.sub(r"\\(.)", r"\1", text[1:-1].removesuffix("\\nready")).replace("&amp;", "&") for text in labels]
    assert read == ODD
    assert sum(" -> " in line for line in lines) == len(ODD) - 1
    assert 'n0 -> n1 [label="wait_for_url\\ndepends_on", style=solid];' in to_dot(odd())
    assert 'label="(gave way)\\nwait_for_url\\ndepends_on", style=dashed, constraint=false' in to_dot(odd())


def test_mermaid_can_be_read_whatever_the_names_are():
    first, *lines = to_mermaid(odd()).splitlines()
    assert first == "flowchart BT"
    text = r'"[^"\[\]{}|`\\&]*"'
    statement = rf"  (?:n\d+\[{text}\]|n\d+ (?:-->|-\.->)\|{text}\| n\d+|classDef \w+ \S+|class (?:n\d+,?)+ \w+)"
    assert all(re.fullmatch(statement, line) for line in lines), lines
    shown = re.findall(r'^  n\d+\["(.*)<br/>ready"\]$', "\n".join(lines), re.MULTILINE)
    assert [re.sub(r"#(\d+);", lambda found: chr(int(found[1])), one) for one in shown] == ODD
    assert not any(character in "".join(shown) for character in "<>\"'`$%")


@pytest.mark.parametrize("write", [to_dot, to_mermaid])
def test_a_name_stays_in_its_line(write):
    box = Box(name="one\nsubgraph two\ttabs", phase="ready", level=0, is_critical=False, is_on=True)
    text = write(Picture(around=None, boxes=[box], arrows=[], cycles=[], missing=[]))
    assert "one subgraph two tabs" in text


def test_an_empty_picture_is_valid():
    nothing = Picture(around=None, boxes=[], arrows=[], cycles=[], missing=[])
    assert to_dot(nothing).splitlines()[-1] == "}"
    assert to_mermaid(nothing) == "flowchart BT"


# --- what docs/graph.md says ------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "graph.md").read_text()


def test_the_example_of_the_docs_is_what_is_written():
    found = config()
    shown = {"postgres", "zurg", "rclone", "riven_backend"}
    specs = [spec for spec in found.specs if spec.key in shown and spec.enabled]
    phases = {"Rclone w/ Riven": Phase.STARTING, "Riven Backend": Phase.WAITING}
    whole = whole_graph(
        DependencyGraph(specs, found.knowledge),
        lambda name: Standing(phases.get(name, Phase.READY), enabled=True, wished=True),
    )
    block = PAGE.split("    $ dumb-actors graph\n")[1].split("\n```")[0]
    assert dedent(block).strip() == text_of(json.loads(dump(whole)))


def test_the_table_of_the_docs_is_that_of_the_model():
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| .* \| `(\w+)` \| (\d) \|$", PAGE, re.MULTILINE)
    told = {signal: (strength, rank) for names, strength, rank in rows for signal in re.findall(r"\w+", names)}
    assert told == {signal: (strength, str(RANKS[signal])) for signal, strength in SIGNALS.items()}


def test_the_words_of_the_docs_are_those_of_the_text():
    assert re.findall(r"^\| `([\w ]+)` \| [^|]+ \|$", PAGE, re.MULTILINE) == list(get_args(Reason))


# --- the program ------------------------------------------------------------------------------------------------------


def test_the_program(shell):
    shell.up({"db": service("db"), "web": service("The web", depends_on=["db"], enabled=False)}).read_until("db +ready")
    whole = shell.run("graph")
    assert (whole.code, whole.err) == (0, "")
    assert whole.out.splitlines()[:2] == ["what needs nothing", "  db  ready *"]
    assert "not shown: 1 disabled service (--all shows them)" in whole.out
    assert "    └─ needs  db  depends_on" in shell.run("graph", "--all").out
    one = shell.run("graph", "theweb")
    assert one.out.splitlines()[0] == "The web  stopped"
    assert "The web  needs it  stopped  depends_on" in shell.run("graph", "db").out
    assert [node["process_name"] for node in shell.run("graph", "--json").json["nodes"]] == ["db", "The web"]
    page = shell.run("graph", "The Web", "--format", "json", "--all").json
    assert (page["process_name"], page["scope"]) == ("The web", "all")
    assert shell.run("graph", "--format", "dot").out.startswith("digraph dependencies {\n")
    assert shell.run("graph", "--format", "mermaid").out.startswith("flowchart BT\n")
    assert shell.run("graph", "DUMB API").out.startswith("DUMB API  ready\n  depends on: nobody\n")
    unknown = shell.run("graph", "nobody")
    assert unknown.code == 2
    assert "there are: db, The web, DUMB API" in unknown.err
    assert shell.run("graph", "--format", "svg").code == 2


def test_no_supervisor(shell):
    assert shell.run("graph").code == 3
