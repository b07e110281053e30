"""How an end is put into words."""

import pytest

from dumb_actors.model.child import Exit


@pytest.mark.parametrize(
    ("exit_", "words"),
    [
        (Exit(), "ended, exit code unknown"),
        (Exit(code=0), "exited with code 0"),
        (Exit(code=137, oom=True), "exited with code 137 (out of memory)"),
        (Exit(signal="SIGKILL"), "killed by SIGKILL"),
        (Exit(signal="SIGKILL", oom=True), "killed by SIGKILL (out of memory)"),
        (Exit(signal="SIGSEGV", core_dumped=True), "killed by SIGSEGV (core dumped)"),
        (Exit(signal="SIGABRT", core_dumped=True, oom=True), "killed by SIGABRT (core dumped, out of memory)"),
    ],
)
def test_an_end_in_words(exit_: Exit, words: str) -> None:
    assert str(exit_) == words
