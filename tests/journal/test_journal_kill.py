"""Kill a process that writes, again and again: no number twice, nothing lost that was said to be safe."""

import random
import subprocess
import sys
from pathlib import Path

from journal_support import numbers

from dumb_actors.journal.reading import Tally, read_journal

WRITER = Path(__file__).parent / "journal_writer.py"
KILLS = 12


def _run(directory: Path, lines: int) -> tuple[int, int, int]:
    """Run until it has said so many lines and kill it; gives its first, its highest and its last safe number."""
    command = [sys.executable, str(WRITER), str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        said = [writer.stdout.readline().split() for _ in range(lines)]
        writer.kill()
        said += [line.split() for line in writer.stdout.read().splitlines()]
    told = {
        word: [int(one[1]) for one in said if one[0] == word and len(one) > 1] for word in ("first", "given", "safe")
    }
    (first,) = told["first"]
    return first, max([first, *told["given"]]), max([first, *told["safe"]])


def test_numbers_are_given_out_once_and_what_is_safe_stays(tmp_path):
    chance = random.Random(20)  # noqa: S311
    highest, runs = 0, []
    for _ in range(KILLS):
        first, given, safe = _run(tmp_path, chance.randint(1, 40))
        assert first >= highest
        # What is in flight when it is killed was never said to be given out; it has twenty numbers at most.
        highest = given + 20
        runs.append((first, safe))
        tally = Tally()
        found = numbers(read_journal(str(tmp_path), tally=tally))
        assert found == sorted(set(found))
        for start, end in runs:
            assert set(range(start + 1, end + 1)) <= set(found)
        assert (tally.damaged, tally.lost) == (0, 0)
        assert tally.torn <= KILLS
