"""Commands and the mailbox: who joins whom, and whose answer is whose."""

import pytest

from dumb_actors.actors.commands import MAILBOX_SIZE, Command, Mailbox
from dumb_actors.errors import Busy, ShuttingDown, StartTimeout


def make(action: str, answered: list, **fields) -> Command:
    number = len(answered)
    answered.append(None)

    def note(command: Command, outcome: object) -> None:
        answered[number] = outcome

    return Command(id=number, action=action, service="a", by="test", on_answer=note, **fields)


def test_a_start_behind_a_start_joins_it_and_its_time_out_is_its_own() -> None:
    answered: list = []
    mailbox = Mailbox("a")
    first, second = make("start", answered), make("start", answered)
    mailbox.put(first)
    mailbox.put(second)
    late = StartTimeout("a", 1, "it waits")
    first.settle(late)
    assert answered == [late, None]
    first.answer(done := ShuttingDown("for a test"))
    assert answered == [late, done]


def test_what_differs_does_not_join() -> None:
    answered: list = []
    mailbox = Mailbox("a")
    first = make("start", answered)
    mailbox.put(first)
    mailbox.put(make("start", answered, dependencies="ignore"))
    mailbox.put(make("stop", answered))
    assert first.joined == []


def test_a_full_mailbox_refuses_and_a_closed_one_answers_what_is_left() -> None:
    answered: list = []
    mailbox = Mailbox("a")
    for index in range(MAILBOX_SIZE):
        mailbox.put(make("start" if index % 2 else "stop", answered))
    with pytest.raises(Busy):
        mailbox.put(make("restart", answered))
    mailbox.close()
    assert all(isinstance(outcome, ShuttingDown) for outcome in answered[:MAILBOX_SIZE])
    with pytest.raises(ShuttingDown):
        mailbox.put(make("start", answered))
