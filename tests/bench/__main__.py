"""Run the benchmarks and print the table: `python -m tests.bench [--runs N] [--scale X] [--only TEXT]`."""

import argparse
import statistics

import trio

from .row import Row
from .rows import rows


async def _measure(row: Row, runs: int) -> str:
    samples = [await row.measure() for _ in range(runs)]
    ours, floor = (statistics.median(side) * row.factor for side in zip(*samples, strict=True))
    ratios = sorted(mine / bare for mine, bare in samples)
    spread = f"{ratios[0]:.2f} - {ratios[-1]:.2f}"
    figures = f"{_text(ours)} {_text(floor)} {statistics.median(ratios):7.2f}"
    return f"{row.name:60} {row.unit:5} {figures}  {spread:13} {row.floor}"


def _text(number: float) -> str:
    return f"{number:9.1f}" if number >= 10 else f"{number:9.3f}"


async def main(runs: int, scale: float, only: str) -> None:
    """Print one line for each row as soon as it is measured."""
    title = f"row (median of {runs})"
    print(f"{title:60} {'unit':5} {'ours':>9} {'floor':>9} {'ratio':>7}  {'min - max':13} floor", flush=True)
    for row in rows(scale):
        if only in row.name:
            print(await _measure(row, runs), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default="", help="rows whose name contains this text")
    options = parser.parse_args()
    trio.run(main, options.runs, options.scale, options.only)
