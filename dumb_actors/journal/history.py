"""What has happened, from memory as far as it goes back, and from the journal beyond."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from dumb_actors.journal.reading import Question, read_journal
from dumb_actors.model.event import Event

__all__ = ["history_of"]


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
    if question.after is not None:
        return list(
            islice(chain(_read(question, recent, directory), filter(question.is_met_by, recent)), question.limit)
        )
    newest = chain(filter(question.is_met_by, reversed(recent)), _read(question, recent, directory))
    return list(islice(newest, question.limit))[::-1]


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
