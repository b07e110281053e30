"""What has happened, from memory as far as it goes back, and from the journal beyond."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from dumb_actors.journal.reading import Question, read_journal
from dumb_actors.model.event import Event

__all__ = ["events_of", "history_of"]


def history_of(question: Question, recent: Sequence[Event], directory: str | None) -> list[Event]:
    """
    Answer *question*, oldest event first; blocking.

    What is in memory is not read from the disk, which may be behind, or full.

    Args:
        question: See there.

        recent: The last events, oldest first.

        directory: Of the journal; None: there is none.

    Raises:
        JournalTooNew, UnusablePath: As `read_journal`.
    """
    found = list(islice(events_of(question, recent, directory), question.limit))
    return found if question.after is not None else found[::-1]


def events_of(question: Question, recent: Sequence[Event], directory: str | None) -> Iterator[Event]:
    """Give one by one what answers *question*, its limit aside: the oldest first with `after`, else the newest."""
    past = _read(question, recent, directory)
    if question.after is not None:
        return chain(past, filter(question.is_met_by, recent))
    return chain(filter(question.is_met_by, reversed(recent)), past)


def _read(question: Question, recent: Sequence[Event], directory: str | None) -> Iterator[Event]:
    """Give what the journal has before *recent*, in the order that is asked for."""
    before = recent[0].seq if recent else None
    if directory is None or (question.after is not None and before is not None and question.after >= before - 1):
        return iter(())
    return read_journal(
        directory,
        after=question.after,
        before=before,
        since=question.since,
        until=question.until,
        service=question.service,
        kinds=question.kinds,
        newest_first=question.after is None,
    )
