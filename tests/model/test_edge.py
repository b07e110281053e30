"""Signals together, and how edges stand towards each other."""

import pytest

from dumb_actors.model.edge import GUESS_RANK, RANKS, SIGNALS, Edge, Link, classify, strongest


@pytest.mark.parametrize(
    ("signals", "strength", "classification"),
    [
        (["documented_integration"], "soft_linkage", "linkage"),
        (["documented_integration", "core_service_fields"], "hard_configured", "hard"),
        (["core_service_fields", "wait_for_url", "zilean_optional_integration"], "hard_runtime", "hard"),
        (["depends_on"], "hard_runtime", "hard"),
    ],
)
def test_the_strongest_of_several_signals_counts(signals, strength, classification) -> None:
    assert strongest(signals) == strength
    assert classify(strength) == classification
    link = Link(source="a", target="b", signals=tuple(signals), gates=False)
    assert (link.strength, link.classification) == (strength, classification)


def test_a_guess_stands_between_what_is_declared_and_what_is_known() -> None:
    edge = Edge(source="a", target="b", signal="wait_for_url")
    guess = Edge(source="a", target="b", signal="wait_for_url", guess=True)
    assert edge.rank > guess.rank == GUESS_RANK > RANKS["conditional_startup_map"] > RANKS["core_service_map"]
    assert RANKS["core_service_map"] > RANKS["core_service_fields"] > RANKS["documented_integration"]
    assert set(RANKS) == set(SIGNALS)
