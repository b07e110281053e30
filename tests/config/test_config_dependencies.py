"""What services say of each other, in a document and by hand."""

from itertools import pairwise
from typing import Any

import pytest

from dumb_actors.config import Root, check_specs, parse_config
from dumb_actors.errors import ConfigError, ConfigFault
from dumb_actors.model.spec import DependsOn, ServiceSpec, Url

ROOT = Root("/r")


def block(name: str, **fields: Any) -> dict[str, Any]:
    return {"process_name": name, "command": "x", **fields}


def faults_of(**blocks: dict[str, Any]) -> list[ConfigFault]:
    with pytest.raises(ConfigError) as caught:
        parse_config(blocks, ROOT)
    return list(caught.value.faults)


def test_an_unknown_dependency():
    (fault,) = faults_of(a=block("A", depends_on=["Postgres"]), b=block("PostgreSQL"))
    assert (fault.kind, fault.path) == ("reference", "$.a.depends_on[0]")
    assert fault.hint == "did you mean 'PostgreSQL'?"
    assert fault.names == ("A", "Postgres")


def test_an_unknown_dependency_that_need_not_be_there():
    config = parse_config({"a": block("A", depends_on={"B": {"required": False}})}, ROOT)
    assert config.specs[0].depends_on == ()
    assert "$.a.depends_on.B" in config.warnings[0]


def test_a_disabled_dependency():
    disabled = block("B", enabled=False)
    (fault,) = faults_of(a=block("A", depends_on={"b": {}}), b=disabled)
    assert (fault.kind, fault.path) == ("reference", "$.a.depends_on.b")
    assert '"required": false' in fault.hint
    config = parse_config({"a": block("A", depends_on={"B": {"required": False}}), "b": disabled}, ROOT)
    assert config.specs[0].depends_on == (DependsOn("B", required=False),)
    # Both are off: nothing waits, and switching a whole branch off must not break the file.
    assert parse_config({"a": block("A", depends_on=["B"], enabled=False), "b": disabled}, ROOT).specs


def test_a_built_in_is_no_dependency():
    (fault,) = faults_of(a=block("A", depends_on=["DUMB API"]))
    assert fault.kind == "reference"
    assert "built-in" in fault.problem


def test_a_dependency_on_itself():
    (fault,) = faults_of(a=block("A", depends_on=["a"]))
    assert (fault.kind, fault.path, fault.names) == ("cycle", "$.a.depends_on[0]", ("A", "A"))


def test_a_dependency_named_twice():
    config = parse_config({"a": block("A", depends_on=["B", "b"]), "b": block("B")}, ROOT)
    assert config.specs[0].depends_on == (DependsOn("B"),)
    assert "$.a.depends_on[1]" in config.warnings[0]


def test_every_circle_is_named_in_order():
    faults = faults_of(
        a=block("A", depends_on=["B"]),
        b=block("B", depends_on=["C"]),
        c=block("C", wait_for_url=[{"url": "http://localhost:81/"}]),
        d=block("D", port=81, depends_on=["A"]),
        x=block("X", depends_on=["Y"]),
        y=block("Y", depends_on=["X"]),
    )
    assert {fault.kind for fault in faults} == {"cycle"}
    cycles = [fault.names for fault in faults]
    assert sorted(len(names) for names in cycles) == [3, 5]
    for names in cycles:
        assert names[0] == names[-1]
        follows = "ABCD" if "A" in names else "XY"
        assert all((follows.index(b) - follows.index(a)) % len(follows) == 1 for a, b in pairwise(names))


def test_faults_of_blocks_do_not_hide_those_between_them():
    faults = faults_of(a=block("A", port="x", depends_on=["B"]), b=block("B", env=3, depends_on=["A", "Z"]))
    assert [(f.kind, f.path) for f in faults] == [
        ("schema", "$.a.port"),
        ("schema", "$.b.env"),
        ("reference", "$.b.depends_on[1]"),
        ("cycle", "$"),
    ]


def test_a_wrong_enabled_makes_no_second_fault():
    faults = faults_of(a=block("A", depends_on=["B"]), b=block("B", enabled="true"))
    assert [f.path for f in faults] == ["$.b.enabled"]


def test_specs_by_hand():
    db = ServiceSpec("db", "x", ports=[1])
    check_specs([db, ServiceSpec("web", "x", depends_on=["db"], waits=[Url("http://localhost:1")])])
    check_specs([ServiceSpec("web", "x", depends_on=[DependsOn("gone", required=False)])])
    check_specs([])


def test_faults_of_specs_by_hand():
    specs = [
        ServiceSpec("web", "x", depends_on=["db", "DB", "off", "web"]),
        ServiceSpec("db", "x", depends_on=["web"]),
        ServiceSpec("off", "x", enabled=False),
        ServiceSpec("We b", "x"),
    ]
    with pytest.raises(ConfigError) as caught:
        check_specs(specs)
    assert caught.value.source == "specs"
    assert [(f.kind, f.path) for f in caught.value.faults] == [
        ("schema", "$[3].name"),
        ("reference", "$['web'].depends_on[1]"),
        ("reference", "$['web'].depends_on[2]"),
        ("cycle", "$['web'].depends_on[3]"),
        ("cycle", "$"),
    ]
