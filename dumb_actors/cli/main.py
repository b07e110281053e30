"""The program `dumb-actors`: its commands and their options. What they do is in the modules beside this one."""

import json
import os
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from dumb_actors.cli.client import Api
from dumb_actors.cli.complete import PROGRAM, SHELLS, complete_key, complete_service, script_for
from dumb_actors.cli.options import SECONDS, json_option, root_of, root_option, with_api
from dumb_actors.cli.ownlog import LEVELS
from dumb_actors.cli.paint import DONE, FAILED, MISUSED, exit_code_of, fail, paint_for
from dumb_actors.cli.plan import plan
from dumb_actors.cli.when import when_option
from dumb_actors.errors import DumbActorsError, UnknownService

__all__ = ["cli", "main"]

_EPILOG = "Exit codes: 0 done, 1 the service failed or the machine refused, 2 bad use, 3 no supervisor."


def main() -> None:
    """Run the command line; what was expected to go wrong ends in a clear message and an exit code, no traceback."""
    try:
        code = cli.main(prog_name=PROGRAM, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = MISUSED
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = 130
    except UnknownService as error:
        fail(f"{error}\nthere are: {', '.join(error.known)}" if error.known else str(error))
        code = MISUSED
    except DumbActorsError as error:
        fail(str(error))
        code = getattr(error, "exit_code", exit_code_of(error))
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    sys.exit(code)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=_EPILOG,
)
@click.version_option(version("dumb-actors"), prog_name="dumb-actors")
def cli() -> None:
    """Run a set of programs that need each other: in order, and with nothing left behind."""


# --- running ----------------------------------------------------------------------------------------------------------


@cli.command(epilog=_EPILOG, short_help="Run the services of a configuration, with the API.")
@click.option("--config", "config", metavar="FILE", help="Configuration; default: ROOT/config/dumb_config.json.")
@root_option
@click.option(
    "--bind",
    "binds",
    metavar="ADDR",
    multiple=True,
    help="Where the API listens: HOST:PORT (port 0: a free one) or unix:PATH; may be given several times. "
    "Default: as dumb.api_service says, else 127.0.0.1:8000.",
)
@click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False), help="Of our own log, on stderr.")
def up(config: str | None, root: str | None, binds: tuple[str, ...], log_level: str | None) -> int:
    """
    Run the services of a configuration, with the API, in the foreground.

    Ctrl-C or SIGTERM stops everything in order; a second one kills what is left at once. SIGHUP reads the configuration
    again. If this process itself is killed the services go on, and the next `up` takes them over.
    """
    where = root_of(root)
    path = config or str(Path(where.config, "dumb_config.json"))
    if not Path(path).exists():
        # Said before the root is made: a call in the wrong directory leaves no trace.
        fail(
            f"there is no configuration {path}\n"
            "write one there, or name another with --config; `dumb-actors demo` runs without any"
        )
        return MISUSED
    from dumb_actors.cli.up import Plan, run_program

    return run_program(Plan(root=where, config=path, binds=binds, log_level=log_level))


@cli.command(epilog=_EPILOG, short_help="Run a chain of real programs in a temporary directory.")
@click.option("--once", is_flag=True, help="Prove that it works, stop everything and leave.")
@click.option("--bind", "binds", metavar="ADDR", multiple=True, help="Where the API listens; default: a free port.")
@click.option("--keep-root", is_flag=True, help="Leave the temporary directory with configuration and logs.")
def demo(*, once: bool, binds: tuple[str, ...], keep_root: bool) -> int:
    """Run a chain of real programs in a temporary directory, and prove that they work together."""
    from dumb_actors.cli.demo import run_demo

    return run_demo(once=once, binds=binds, keep_root=keep_root)


@cli.command(epilog=_EPILOG, short_help="Say everything that is wrong with a configuration.")
@click.argument("file", type=click.Path())
@root_option
@json_option
def check(file: str, root: str | None, *, as_json: bool) -> int:
    """Say everything that is wrong with a configuration, or what it would start."""
    from dumb_actors.cli.check import check as check_file

    return check_file(file, root_of(root), as_json=as_json, paint=paint_for(sys.stdout))


@cli.command(epilog=_EPILOG, short_help="Show which services are known, or what is known of one.")
@click.argument("name", required=False, shell_complete=complete_key)
@root_option
@json_option
def catalogue(name: str | None, root: str | None, *, as_json: bool) -> int:
    """
    Show which services are known, or what is known of one, with its default block.

    NAME is a key or a display name.
    """
    from dumb_actors.cli.catalogue import show_catalogue

    return show_catalogue(name, root_of(root), as_json=as_json, paint=paint_for(sys.stdout))


@cli.command(epilog=_EPILOG, short_help="Write the script that completes names in a shell.")
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> int:
    """
    Write the script that makes SHELL complete commands, options and the names of services.

    bash: `eval "$(dumb-actors completion bash)"` in ~/.bashrc; zsh: the same in ~/.zshrc; fish:
    `dumb-actors completion fish > ~/.config/fish/completions/dumb-actors.fish`.
    """
    _write(script_for(cli, shell))
    return DONE


# --- clients ----------------------------------------------------------------------------------------------------------


@cli.command(epilog=_EPILOG, short_help="Show every service, or everything about some.")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_service)
@with_api
@json_option
def status(api: Api, names: tuple[str, ...], *, as_json: bool) -> int:
    """Show every service in a table, or everything about those that are named (exit code 1 if one of them failed)."""
    from dumb_actors.cli.client import find_service, services_in
    from dumb_actors.cli.show import config_lines, long_form, table

    overview = api.overview()
    services = services_in(overview)
    chosen = []
    for name in names:
        found = find_service(name, services)
        if found is None:
            raise UnknownService(name, [str(service["process_name"]) for service in services])
        chosen.append(found)
    paint = paint_for(sys.stdout)
    if as_json:
        _write_json({"services": chosen if names else services})
    elif names:
        _write("\n\n".join("\n".join(long_form(service, paint)) for service in chosen))
    elif services:
        # A terminal that does not know its width says 0.
        width = (os.get_terminal_size(sys.stdout.fileno()).columns or None) if sys.stdout.isatty() else None
        _write("\n".join(table(services, paint, width=width)))
    else:
        _write("no services are configured")
    for line in [] if as_json else config_lines(overview, paint):
        click.echo(line, err=True)
    return FAILED if any(service["phase"] == "failed" for service in chosen) else DONE


@cli.command(epilog=_EPILOG, short_help="Show what needs what, and why.")
@click.argument("name", required=False, shell_complete=complete_service)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "dot", "mermaid", "json")),
    default="text",
    help="For people, for Graphviz, for Mermaid, or what the API says.",
)
@click.option("--all", "everything", is_flag=True, help="Known cooperations and disabled services, too.")
@with_api
@json_option
def graph(api: Api, name: str | None, *, form: str, everything: bool, as_json: bool) -> int:
    """
    Show what needs what, and why: level by level, or what is around NAME.

    Each service stands below what it needs. `needs` holds up its start; `would need` does not, because nobody wishes
    the other to run; `gave way` would close a circle; a `label` in core_service and what it `can use` never hold up
    anything.
    """
    from dumb_actors.cli.graph import Wanted, tell_graph

    wanted = Wanted(name=name, form="json" if as_json else form, everything=everything)
    _write(tell_graph(api, wanted, paint_for(sys.stdout)))
    return DONE


@cli.command(epilog=_EPILOG, short_help="Start services and what they need.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_service)
@click.option("--no-deps", "dependencies", flag_value="ignore", help="Start it alone, whatever it waits for.")
@click.option("--wait-deps", "dependencies", flag_value="wait", help="Wait for what it needs, but start none of it.")
@click.option("--timeout", type=SECONDS, metavar="S", help="Wait at most S seconds, up to a day.")
@with_api
@json_option
def start(api: Api, names: tuple[str, ...], dependencies: str | None, timeout: float | None, *, as_json: bool) -> int:
    """Start services and what they need, and wait until they are ready."""
    return _carry_out(api, "start", names, dependencies, timeout, as_json=as_json)


@cli.command(epilog=_EPILOG, short_help="Stop services, and wait until they are gone.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_service)
@with_api
@json_option
def stop(api: Api, names: tuple[str, ...], *, as_json: bool) -> int:
    """Stop services, one after the other, and wait until nothing of them is left. Their dependents keep running."""
    return _carry_out(api, "stop", names, None, None, as_json=as_json)


@cli.command(epilog=_EPILOG, short_help="Stop and start services.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_service)
@click.option("--no-deps", "dependencies", flag_value="ignore", help="Start it alone, whatever it waits for.")
@click.option("--wait-deps", "dependencies", flag_value="wait", help="Wait for what it needs, but start none of it.")
@click.option("--timeout", type=SECONDS, metavar="S", help="Wait at most S seconds, up to a day.")
@with_api
@json_option
def restart(api: Api, names: tuple[str, ...], dependencies: str | None, timeout: float | None, *, as_json: bool) -> int:
    """Stop and start services, one after the other, and wait until they are ready. Their dependents keep running."""
    return _carry_out(api, "restart", names, dependencies, timeout, as_json=as_json)


cli.add_command(plan)


@cli.command(epilog=_EPILOG, short_help="Show the output of a service.")
@click.argument("name", shell_complete=complete_service)
@click.option("-n", "--lines", type=click.IntRange(0, 100_000), help="Of the last; default: 100, with --since all.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@when_option("--since", "Only what was written then or later: 30m, 2h, 7d, 14:30, 2026-08-01T14:30.")
@when_option("--until", "Only what was written then or before.")
@click.option("--grep", metavar="TEXT", help="Only lines with TEXT in them.")
@click.option("--regex", "is_regex", is_flag=True, help="TEXT is a regular expression (no look-around).")
@click.option("--generation", metavar="G", help="Only what the child number G wrote; `last`: the latest one that did.")
@with_api
@json_option
def logs(api: Api, *, as_json: bool, **wanted: Any) -> int:
    """Show the output of a service. Known secrets are masked."""
    from dumb_actors.cli.logs import Wanted, show_log

    return show_log(api, Wanted(as_json=as_json, **wanted))


@cli.command(epilog=_EPILOG, short_help="Show what happens to services.")
@click.option(
    "-f",
    "--follow/--no-follow",
    default=None,
    help="Go on with every event as it comes, until the supervisor ends. Default: only with --since and no --until.",
)
@when_option("--since", "What has happened since then: 2h, 7d, 14:30, 2026-08-01T14:30.")
@when_option("--until", "What has happened until then.")
@click.option("--service", "names", metavar="NAME", multiple=True, shell_complete=complete_service, help="Only of it.")
@click.option("--kind", "kinds", metavar="KIND", multiple=True, help="Only events of this kind: phase, exited, …")
@click.option("--after", type=click.IntRange(min=0), metavar="SEQ", help="Only what came after the event SEQ.")
@with_api
@json_option
def events(api: Api, names: tuple[str, ...], *, follow: bool | None, as_json: bool, **wanted: Any) -> int:
    """
    Show the present state of each service and, with -f, every event as it comes.

    With --since or --until it shows what has happened instead, also in earlier runs of the supervisor.
    """
    from dumb_actors.cli.events import Wanted, show_events

    if follow and wanted["until"] is not None:
        raise click.UsageError("--until and --follow exclude each other")
    follow = wanted["since"] is not None and wanted["until"] is None if follow is None else follow
    return show_events(api, Wanted(follow=follow, names=names, as_json=as_json, **wanted))


@cli.command(epilog=_EPILOG, short_help="Show what a boot took so long for.")
@click.option("--boot", default="latest", metavar="N", help="A number of --list; default: latest; -1: the one before.")
@click.option(
    "--service", metavar="NAME", shell_complete=complete_service, help="Of its last start or restart instead."
)
@click.option("--list", "is_list", is_flag=True, help="List the boots that the journal knows.")
@click.option("--width", type=click.IntRange(40, 1000), metavar="N", help="Columns; default: those of the terminal.")
@with_api
@json_option
def timeline(api: Api, *, is_list: bool, as_json: bool, **wanted: Any) -> int:
    """
    Show what each service did during a boot, what the boot took so long for, and what would help most.

    The critical path is the chain of services that took as long as the whole: each ended the wait of the next.
    """
    from dumb_actors.cli.timeline import Wanted, list_boots, show_timeline

    if is_list:
        return list_boots(api, as_json=as_json)
    return show_timeline(api, Wanted(as_json=as_json, **wanted))


@cli.command(epilog=_EPILOG, short_help="Tell why a service is where it is.")
@click.argument("name", shell_complete=complete_service)
@when_option("--at", "Where it was then: 2h, 03:12 (at the end of that minute), 03:12:30, 2026-08-01T03:12.", by=True)
@with_api
@json_option
def why(api: Api, name: str, at: float | None, *, as_json: bool) -> int:
    """
    Tell what led to where a service is, back to the root, and what would help.

    Each line is explained by the one below it. With --at it tells where it was then, and what had led there, also in
    earlier runs of the supervisor.
    """
    from dumb_actors.cli.why import ask_why, story

    told = ask_why(api, name, at)
    if as_json:
        _write_json(told)
    else:
        _write("\n".join(story(told, paint_for(sys.stdout), is_past=at is not None)))
    return DONE


@cli.command(epilog=_EPILOG)
@click.option("--keep", is_flag=True, help="End the supervisor only and leave the services running.")
@with_api
@json_option
def down(api: Api, *, keep: bool, as_json: bool) -> int:
    """Stop every service and the supervisor, and wait until it is gone."""
    from dumb_actors.cli.down import bring_down

    pid = bring_down(api, keep=keep)
    if as_json:
        _write_json({"ok": True, "pid": pid, "kept": keep})
    else:
        _write("the supervisor has ended, its services go on" if keep else "everything is stopped")
    return DONE


def _carry_out(
    api: Api, action: Any, names: Iterable[str], dependencies: str | None, timeout: float | None, *, as_json: bool
) -> int:
    from dumb_actors.cli.act import Order, carry_out, tell

    order = Order(action=action, names=tuple(names), dependencies=dependencies, timeout=timeout)
    try:
        ended = carry_out(api, order)
    except KeyboardInterrupt:
        fail(f"not waiting any longer; the {action} goes on")
        return 130
    if as_json:
        _write_json({"services": [done.as_json() for done in ended]})
    else:
        for done in ended:
            tell(done, action)
    return max((done.exit_code for done in ended), default=DONE)


def _write(text: str) -> None:
    # The colours were decided already.
    click.echo(text, color=True)


def _write_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))
