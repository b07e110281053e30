"""`plan`: ask what commands would do, and tell it so that a person sees order, reasons, damage and obstacles."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import click

from dumb_actors.cli.act import find_names
from dumb_actors.cli.client import Api
from dumb_actors.cli.paint import DONE, FAILED, Paint, for_how_long, paint_for

__all__ = ["ask_plans", "exit_code", "plan_lines", "tell_plans"]

Plan: TypeAlias = Mapping[str, Any]
"""As `GET /plan/…` gives it."""

# The supervisor looks at file systems that may hang, with deadlines of its own.
_TIMEOUT_S = 60.0

_COLOURS = {"start": "green", "stop": "red", "restart": "yellow"}
_KINDS = {"keeps": "", "goes_on": "green", "restarts": "yellow", "waits": "yellow", "stops": "red"}


def ask_plans(api: Api, command: str, names: Sequence[str], dependencies: str | None) -> list[Plan]:
    """
    Ask for the plan of *command*: one for each of *names*, or the one for all.

    Raises:
        UnknownService: One of the names.
    """
    if command not in {"start", "stop", "restart"}:
        return [api.get(f"/plan/{command}", timeout=_TIMEOUT_S)]
    how = {} if dependencies is None else {"dependencies": dependencies}
    return [
        api.get(f"/plan/{command}", {"process_name": name, **how}, timeout=_TIMEOUT_S)
        for name in find_names(api, names)
    ]


def exit_code(plans: Sequence[Plan]) -> int:
    """Tell a shell whether something would fail."""
    return FAILED if any(plan["would_fail"] for plan in plans) else DONE


def tell_plans(plans: Sequence[Plan]) -> None:
    """Write *plans* for a person."""
    paint = paint_for(sys.stdout)
    click.echo("\n\n".join("\n".join(plan_lines(plan, paint)) for plan in plans), color=True)


def plan_lines(plan: Plan, paint: Paint) -> Iterator[str]:
    """Give the lines of one plan: what would fail first, then what is done, and to whom else."""
    subject = f" {plan['process_name']}" if plan["process_name"] else ""
    yield paint(f"{plan['command']}{subject}", bold=True) + f"  {_summary(plan)}"
    if plan["would_fail"]:
        yield paint("  would fail right now", "red", bold=True)
        yield from (f"    {sentence}" for sentence in plan["would_fail"])
    steps = sorted(plan["steps"], key=_wave_of)
    if len(steps) == 1:
        yield from _step_lines(steps, paint)
    else:
        for number, wave in groupby(steps, _wave_of):
            together = list(wave)
            yield f"  {number}." + paint.dim(f" {len(together)} at the same time" if len(together) > 1 else "")
            yield from _step_lines(together, paint)
    if plan["waits_for"]:
        yield "  waits for"
        yield from (f"    {one['process_name']}  for {one['what']}: {one['why']}" for one in plan["waits_for"])
    yield from _radius(plan, paint)
    yield from _checks(plan, paint)


def _summary(plan: Plan) -> str:
    if not plan["steps"]:
        return f"nothing to do: {plan['already']}"
    counts = [
        f"{sum(step['action'] == action for step in plan['steps'])} {word}"
        for action, word in (("start", "to start"), ("stop", "to stop"), ("restart", "to restart"))
        if any(step["action"] == action for step in plan["steps"])
    ]
    text = f"{', '.join(counts)}; takes {_time(plan)}"
    return f"{plan['already']}; {text}" if plan["already"] else text


def _time(plan: Plan) -> str:
    if plan["expected_s"] is None:
        unknown = plan["unknown"]
        names = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        return f"unknown (no history of {names})"
    more = ", and whatever it waits for" if plan["waits_for"] else ""
    return f"about {for_how_long(plan['expected_s'])}{more}"


def _wave_of(step: Mapping[str, Any]) -> int:
    return int(step["wave"])


def _step_lines(steps: Sequence[Mapping[str, Any]], paint: Paint) -> Iterator[str]:
    width = max(len(step["process_name"]) for step in steps)
    for step in steps:
        action = paint(step["action"].ljust(7), _COLOURS[step["action"]])
        time = "unknown" if step["expected_s"] is None else for_how_long(step["expected_s"])
        yield f"    {action} {step['process_name'].ljust(width)}  {time:>7}  {step['why']}{_order(step)}"


def _order(step: Mapping[str, Any]) -> str:
    """Say what the step waits for."""
    word = "gone" if step["action"] == "stop" else "there"
    parts = [f"{', '.join(step['after'])} {'is' if len(step['after']) == 1 else 'are'} {word}"] if step["after"] else []
    if step["gone"]:
        shown = ", ".join(step["gone"][:4]) + (", …" if len(step["gone"]) > 4 else "")
        parts.append(f"{shown} {'is' if len(step['gone']) == 1 else 'are'} gone")
    return f"; when {' and '.join(parts)}" if parts else ""


def _radius(plan: Plan, paint: Paint) -> Iterator[str]:
    if not plan["effects"]:
        if any(step["action"] != "start" for step in plan["steps"]) and plan["command"] != "shutdown":
            yield paint.dim("  nobody else is touched")
        return
    yield "  also touched"
    width = max(len(effect["process_name"]) + 2 * (effect["depth"] - 1) for effect in plan["effects"])
    for effect in plan["effects"]:
        name = "  " * (effect["depth"] - 1) + effect["process_name"]
        how = paint.dim(f" (on_loss {effect['on_loss']})") if effect["on_loss"] else ""
        yield f"    {name.ljust(width)}  {paint(effect['effect'], _KINDS[effect['kind']])}{how}"


def _checks(plan: Plan, paint: Paint) -> Iterator[str]:
    """Give what is worth to be known of what was looked at; what would fail stands above."""
    checks = plan["checks"]
    if not checks:
        return
    well = sum(check["ok"] for check in checks)
    yield f"  checked: {well} of {len(checks)} are well" + (
        "" if well == len(checks) else paint.dim(" (programs, directories, users, limits, logs, ports, waits)")
    )
    for check in checks:
        if not check["ok"] and not check["fatal"]:
            hint = f" ({check['hint']})" if check["hint"] else ""
            yield f"    {check['process_name']}: {check['text']}{hint}"
