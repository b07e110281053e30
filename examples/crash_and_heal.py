"""A service that crashes: it is restarted, at once and then after growing delays; every event is shown as it comes."""

import sys
import tempfile
from functools import partial

import trio

from dumb_actors import Log, Phase, RestartPolicy, ServiceSpec, open_supervisor

# Crashes three times, each time after a moment of work, and then stays.
FRAGILE = """
import pathlib, signal, sys
tries = pathlib.Path("tries")
number = int(tries.read_text()) + 1 if tries.exists() else 1
tries.write_text(str(number))
print("try", number, flush=True)
if number <= 3:
    sys.exit(f"cannot reach the moon in try {number}")
print("up", flush=True)
signal.pause()
"""


async def main(root: str) -> None:
    spec = ServiceSpec(
        "fragile",
        [sys.executable, "-c", FRAGILE],
        readiness=Log("^up$"),
        restart=RestartPolicy(delays=(0, 0.2, 0.4), max_delay=5),
    )
    async with open_supervisor([spec], root=root) as supervisor:
        async with supervisor.events() as events:
            await supervisor.boot()  # wishes it to run; a start() would be told of the first crash
            began = trio.current_time()
            async for event in events:
                if event.kind == "phase" and event.phase is not Phase.PREPARING:
                    print(f"{event.mono - began:5.2f} s  {event.phase:<8}  {event.cause.text}")
                for line in event.detail.get("last_lines", ()):
                    print(f"{'':19} | {line}")
                if event.phase is Phase.READY:
                    break
        counts = supervisor.status("fragile").healing
        print(f"healed: {counts.attempts} restarts, {counts.failures} of them failed, {counts.successes} succeeded")
        for reason in counts.last_reasons:
            print(f"  it had ended because: {reason}")
    print("everything is gone")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        trio.run(partial(main, directory))
