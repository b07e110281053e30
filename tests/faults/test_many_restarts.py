"""
A short child that ends again and again under one supervisor: nothing grows with the number of its lives.

`DUMB_ACTORS_RESTARTS` says how often; 10000 takes some minutes.
"""

import json
import os
import threading
from pathlib import Path

import pytest
import trio

from dumb_actors import RestartPolicy, ServiceSpec, Settle, open_supervisor
from dumb_actors.process.records import COMPACT_BYTES
from tests.leaks import no_leak

__all__ = ["no_leak"]

RESTARTS = int(os.environ.get("DUMB_ACTORS_RESTARTS", "300"))
GROWTH_KIB = 6 * 1024
"""What memory may grow by from the middle to the end: some caches and the last events are bounded but not full then."""


class Sizes:
    """What this process has at one instant."""

    def __init__(self) -> None:
        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        self.memory_kib = int(fields["VmRSS"].split()[0])
        self.descriptors = len(os.listdir("/proc/self/fd"))
        self.threads = threading.active_count()

    def __repr__(self) -> str:
        return f"{self.memory_kib} KiB, {self.descriptors} descriptors, {self.threads} threads"


@pytest.mark.parametrize("keeper", [True, False], ids=["keeper", "thread"])
async def test_nothing_grows(tmp_path, keeper):
    # A window this short ends before any child does: so no end is one of several, and each restart follows at once.
    at_once = RestartPolicy(delays=(0.0,), max_delay=0.0, window=0.000_001)
    spec = ServiceSpec("short", ["/bin/true"], readiness=Settle(0), restart=at_once)
    record = tmp_path / "run/services/short.json"
    sizes, largest, ends = {}, 0, 0
    async with open_supervisor([spec], root=tmp_path, keeper=keeper) as supervisor:
        async with supervisor.events() as events:
            await supervisor.boot()
            async for event in events:
                if event.kind != "exited":
                    continue
                ends += 1
                assert event.generation == ends
                assert event.detail["tree_empty"]
                largest = max(largest, record.stat().st_size)
                if ends in (RESTARTS // 2, RESTARTS):
                    sizes[ends] = Sizes()
                if ends == RESTARTS:
                    break
        await supervisor.stop("short")
        last = supervisor.status("short").generation
    print(sizes, "record", largest)
    half, whole = sizes.values()
    assert whole.memory_kib - half.memory_kib <= GROWTH_KIB
    # One child more or less may be alive at these instants.
    assert abs(whole.descriptors - half.descriptors) <= 8
    assert abs(whole.threads - half.threads) <= 4
    assert largest <= COMPACT_BYTES
    # Counted right: every generation was seen, and the last one is the one that is recorded.
    latest = json.loads(record.read_text().splitlines()[-1])
    assert (latest["generation"], latest["state"]) == (last, "ended")
    assert RESTARTS <= last <= RESTARTS + 5
    assert list((tmp_path / "run/out").iterdir()) == []
    with trio.fail_after(20):
        async with open_supervisor([spec], root=tmp_path, keeper=keeper) as supervisor:
            assert (await supervisor.start("short")).generation == last + 1
