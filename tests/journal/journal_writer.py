"""A program that gives out numbers and notes events until it is killed; it says on stdout what it did."""

import sys

import trio
from journal_support import QUICK, event

from dumb_actors.journal.writing import open_journal


async def main(directory: str) -> None:
    async with open_journal(directory, limits=QUICK) as journal:
        seq = journal.first_seq
        print("first", seq, len(journal.history), flush=True)
        while True:
            for _ in range(20):
                seq += 1
                journal.note(event(seq))
            print("given", seq, flush=True)
            if await journal.flush():
                print("safe", seq, flush=True)


trio.run(main, sys.argv[1])
