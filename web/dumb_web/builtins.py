"""What commands to the built-ins come to: they are in the list of services and have no program of their own."""

from typing import Literal

from dumb_actors import Builtin, Plan, Refused
from dumb_web.listing import API_KEY

__all__ = ["plan_builtin", "refuse_builtin"]

_DONE = {"start": "started", "stop": "stopped", "restart": "restarted"}


def refuse_builtin(builtin: Builtin, what: str) -> Refused:
    """Say why *builtin* cannot be *what* (`started`, `stopped`, `restarted`)."""
    if builtin.key == API_KEY:
        text = f"{builtin.name!r} is this supervisor itself and cannot be {what} from here; `dumb-actors down` ends it"
    else:
        text = f'{builtin.name!r} cannot be {what}: it has no command; give its block dumb.frontend a "command"'
    return Refused(text, service=builtin.name)


def plan_builtin(builtin: Builtin, command: Literal["start", "stop", "restart"]) -> Plan:
    """
    Plan a command to *builtin*: nothing.

    Raises:
        Refused: As the command itself would be.
    """
    is_api = builtin.key == API_KEY
    if command == "restart" or is_api != (command == "start"):
        raise refuse_builtin(builtin, _DONE[command])
    already = f"{builtin.name!r} is this supervisor itself" if is_api else f"{builtin.name!r} is stopped"
    return Plan((), command=command, target=builtin.name, already=already, checks=())
