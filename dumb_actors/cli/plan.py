"""The commands `plan start`, `plan stop`, …; what they show is made in `planshow`."""

import json
from collections.abc import Iterable

import click

from dumb_actors.cli.client import Api
from dumb_actors.cli.complete import complete_service
from dumb_actors.cli.options import json_option, with_api

__all__ = ["plan"]

EPILOG = "Exit codes: 0 nothing would fail as far as was looked, 1 something would, 2 bad use, 3 no supervisor."


@click.group(epilog=EPILOG, short_help="Say what a command would do, without doing it.")
def plan() -> None:
    """Say what a command would do: in which order, why, to whom else, and what would fail (exit code 1)."""


@plan.command("start", epilog=EPILOG, short_help="What a start would do.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_service)
@click.option("--no-deps", "dependencies", flag_value="ignore", help="As of `start`.")
@click.option("--wait-deps", "dependencies", flag_value="wait", help="As of `start`.")
@with_api
@json_option
def plan_start(api: Api, names: tuple[str, ...], dependencies: str | None, *, as_json: bool) -> int:
    """Say what a start of each of these services would do, as if it were the only one."""
    return _tell(api, "start", names, dependencies, as_json=as_json)


@plan.command("stop", epilog=EPILOG, short_help="What a stop would do, and to whom.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_service)
@with_api
@json_option
def plan_stop(api: Api, names: tuple[str, ...], *, as_json: bool) -> int:
    """Say what a stop of each of these services would do, as if it were the only one, and to whom else."""
    return _tell(api, "stop", names, as_json=as_json)


@plan.command("restart", epilog=EPILOG, short_help="What a restart would do, and to whom.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_service)
@click.option("--no-deps", "dependencies", flag_value="ignore", help="As of `restart`.")
@click.option("--wait-deps", "dependencies", flag_value="wait", help="As of `restart`.")
@with_api
@json_option
def plan_restart(api: Api, names: tuple[str, ...], dependencies: str | None, *, as_json: bool) -> int:
    """Say what a restart of each of these services would do, as if it were the only one, and to whom else."""
    return _tell(api, "restart", names, dependencies, as_json=as_json)


@plan.command("reconfigure", epilog=EPILOG, short_help="What reading the configuration again would change.")
@with_api
@json_option
def plan_reconfigure(api: Api, *, as_json: bool) -> int:
    """Say what would change if the supervisor read its configuration file again now (SIGHUP)."""
    return _tell(api, "reconfigure", as_json=as_json)


@plan.command("boot", epilog=EPILOG, short_help="What would be started at boot.")
@with_api
@json_option
def plan_boot(api: Api, *, as_json: bool) -> int:
    """Say what a boot would start, beyond what runs already."""
    return _tell(api, "boot", as_json=as_json)


@plan.command("shutdown", epilog=EPILOG, short_help="In which order everything would be stopped.")
@with_api
@json_option
def plan_shutdown(api: Api, *, as_json: bool) -> int:
    """Say in which order `down` would stop everything."""
    return _tell(api, "shutdown", as_json=as_json)


def _tell(api: Api, command: str, names: Iterable[str] = (), dependencies: str | None = None, *, as_json: bool) -> int:
    from dumb_actors.cli.planshow import ask_plans, exit_code, tell_plans

    plans = ask_plans(api, command, tuple(names), dependencies)
    if as_json:
        click.echo(json.dumps({"plans": plans}, indent=2))
    else:
        tell_plans(plans)
    return exit_code(plans)
