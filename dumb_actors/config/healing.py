"""How a service is watched and restarted: by its own fields, else by `dumb.auto_restart` where that lists it."""

from collections.abc import Mapping
from typing import Any

import attrs

from dumb_actors.config.autorestart import ListedService
from dumb_actors.config.block import Block
from dumb_actors.config.fill import probe_host
from dumb_actors.model.probe import Liveness, Tcp
from dumb_actors.model.restart import RestartPolicy

__all__ = ["liveness_of", "restart_of"]

_PORTS = ("port", "frontend_port", "backend_port", "webdav_port")
_ANSWER_S = 1.5


def restart_of(block: Block, listed: ListedService | None) -> RestartPolicy:
    """Give the restart policy of *block*; *listed* is its entry, None where none counts."""
    if block.restart is not None:
        return block.restart
    if listed is None:
        return RestartPolicy()
    # As `Any`: mypy does not see the element type through the converter `tuple`.
    backoff: Any = listed.backoff_seconds
    policy = RestartPolicy(delays=backoff, max_delay=max(backoff), window=listed.window_seconds)
    if not listed.max_restarts:
        return attrs.evolve(policy, policy="never")
    return attrs.evolve(policy, limit=listed.max_restarts)


def liveness_of(block: Block, listed: ListedService | None) -> Liveness | None:
    """
    Give how the health of the service of *block* is watched; *listed* is its entry, None where none counts.

    Source of what an entry asks: the API's specification, section 5.8: every configured port accepts a connection.
    """
    if block.liveness is not None or listed is None or block.oneshot:
        return block.liveness
    ports = _health_ports(block)
    if not ports or not listed.restart_on_unhealthy or listed.healthcheck_interval <= 0:
        return None
    return Liveness(
        [Tcp(port, probe_host(block.host)) for port in ports],
        interval=listed.healthcheck_interval,
        timeout=_ANSWER_S,
        threshold=listed.unhealthy_threshold,
        grace=listed.grace_period_seconds,
        # What may never be restarted must not be ended for its bad health either.
        restart=restart_of(block, listed).policy != "never",
    )


def _health_ports(block: Block) -> tuple[int, ...]:
    ports: list[int | None] = [getattr(block, name) for name in _PORTS]
    env: Mapping[str, str] = block.env or {}
    texts = [env.get(name.upper(), "") for name in _PORTS]
    ports += [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 6]
    return tuple(dict.fromkeys(port for port in ports if port is not None and 1 <= port <= 65535))
