"""Run the benchmarks and print the table: `python -m tests.bench [--runs N] [--scale X]`."""

import argparse
import statistics

import trio

from .rows import Row, rows


async def _measure(row: Row, runs: int) -> str:
    samples = [await row.measure() for _ in range(runs)]
    ours, floor = (statistics.median(side) * 1000 for side in zip(*samples, strict=True))
    ratios = sorted(mine / bare for mine, bare in samples)
    spread = f"{ratios[0]:.2f} - {ratios[-1]:.2f}"
    return f"{row.name:48} {ours:9.1f} {floor:9.1f} {statistics.median(ratios):7.2f}  {spread:13} {row.floor}"


async def main(runs: int, scale: float) -> None:
    """Print one line for each row as soon as it is measured."""
    print(
        f"{'row (median of ' + str(runs) + ')':48} {'ours ms':>9} {'floor ms':>9} {'ratio':>7}  {'min - max':13} floor"
    )
    for row in rows(scale):
        print(await _measure(row, runs), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    trio.run(main, options.runs, options.scale)
