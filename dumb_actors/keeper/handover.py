"""End the keeper that an earlier supervisor left, so that ours can go on with its FIFOs."""

import logging
import os
import signal

import trio

from dumb_actors.keeper.identity import Identity, forget, is_ours, read_identity

__all__ = ["end_former"]

log = logging.getLogger("dumb_actors.keeper")

DRAIN_TIMEOUT_S = 5.0
KILL_TIMEOUT_S = 1.0


async def end_former(run_dir: str, *, timeout_s: float = DRAIN_TIMEOUT_S) -> None:
    """
    End whoever is registered as keeper of *run_dir*, and remove the registration.

    It is asked to drain what is there and to leave; after *timeout_s* seconds it is killed, which loses nothing either.
    Somebody holds the FIFOs that are to live on, or what nobody has read by then is lost with their last writer. Who is
    not proved to be a keeper is not signalled.

    Cancellation: safe; call it again.
    """
    former = await trio.to_thread.run_sync(read_identity, run_dir)
    # The registration keeps a second keeper out: it goes only when the one that it names is gone, or it names nobody.
    if former is None or await _end(former, timeout_s):
        await trio.to_thread.run_sync(forget, run_dir, former)


async def _end(former: Identity, timeout_s: float) -> bool:
    """Tell whether the former keeper is gone."""
    try:
        pidfd = os.pidfd_open(former.pid)
    except ProcessLookupError:
        return True
    except OSError:
        log.exception("keeper.not_ended pid=%d", former.pid)
        return False
    try:
        # After the pidfd was opened: what is proved now is what it stands for.
        if is_ours(former) and not await _signal(pidfd, timeout_s):
            # It hangs in the kernel, and will never take a step of its own again.
            log.warning("keeper.hangs pid=%d", former.pid)
    except ProcessLookupError:
        return True
    except PermissionError:
        log.exception("keeper.not_ended pid=%d", former.pid)
        return False
    finally:
        os.close(pidfd)
    return True


async def _signal(pidfd: int, timeout_s: float) -> bool:
    for number, patience_s in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, KILL_TIMEOUT_S)):
        signal.pidfd_send_signal(pidfd, number)
        with trio.move_on_after(patience_s):
            await trio.lowlevel.wait_readable(pidfd)
            return True
    return False
