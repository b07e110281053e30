"""How long starts and stops took lately, learned from events alone."""

from dumb_actors.journal.durations import KEPT, Durations
from dumb_actors.model.event import Cause, Event, EventKind
from dumb_actors.model.phase import Phase

AT = 1_700_000_000.0


def event(
    mono: float, kind: EventKind, to: Phase = Phase.STOPPED, *, name: str = "a", at: float | None = None
) -> Event:
    return Event(
        seq=1,
        kind=kind,
        service=name,
        generation=1,
        from_phase=Phase.STOPPED,
        to_phase=to,
        cause=Cause(kind="supervisor", text="x"),
        mono=mono,
        at=AT + mono if at is None else at,
    )


def start(began: float, took: float) -> list[Event]:
    return [
        event(began - 5, "phase", Phase.WAITING),
        event(began, "phase", Phase.PREPARING),
        event(began, "phase", Phase.STARTING),
        event(began + took, "phase", Phase.READY),
    ]


def stop(began: float, took: float) -> list[Event]:
    return [event(began, "phase", Phase.STOPPING), event(began + took, "exited", Phase.STOPPING)]


def test_nothing_is_known_of_who_never_ran() -> None:
    assert (Durations().start_s("a"), Durations().stop_s("a")) == (None, None)


def test_a_start_counts_from_the_end_of_its_waiting() -> None:
    assert Durations(start(10, 2)).start_s("a") == 2
    assert Durations(start(10, 2)).stop_s("a") is None


def test_a_stop_counts_until_nothing_is_left() -> None:
    assert Durations([*start(10, 2), *stop(20, 3)]).stop_s("a") == 3


def test_the_median_of_the_last_times_counts() -> None:
    times = [100.0] * 20 + [1, 1, 1, 1, 9, 2, 2, 2, 2]
    assert len(times) - 20 == KEPT
    events = [one for index, took in enumerate(times) for one in start(1000 * index, took)]
    assert Durations(events).start_s("a") == 2


def test_a_start_that_fails_does_not_count_nor_does_an_end_by_itself() -> None:
    failed = [
        event(1, "phase", Phase.PREPARING),
        event(1, "phase", Phase.STARTING),
        event(2, "exited", Phase.STARTING),
        event(2, "phase", Phase.BACKOFF),
        event(9, "phase", Phase.READY),
    ]
    durations = Durations(failed)
    assert (durations.start_s("a"), durations.stop_s("a")) == (None, None)


def test_what_was_under_way_when_a_run_ended_does_not_count() -> None:
    before = [event(100, "phase", Phase.PREPARING), event(101, "phase", Phase.STOPPING, name="b")]
    later = [
        event(500, "exited", name="b", at=AT + 130),
        event(501, "phase", Phase.READY, at=AT + 131),
    ]
    durations = Durations([*before, *later])
    assert (durations.start_s("a"), durations.stop_s("b")) == (None, None)


def test_relearning_forgets_the_rest() -> None:
    durations = Durations(start(10, 2))
    durations.relearn(stop(20, 3))
    assert (durations.start_s("a"), durations.stop_s("a")) == (None, 3)
