"""Give commands to services and show, while that takes long, what they wait for."""

import queue
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import attrs
import click

from dumb_actors.cli.client import Answered, Api, Service, find_service
from dumb_actors.cli.paint import DONE, FAILED, for_how_long, paint_for
from dumb_actors.cli.show import reason_of
from dumb_actors.errors import ApiUnreachable, DumbActorsError, UnknownService

__all__ = ["Action", "Done", "Order", "carry_out", "find_names"]

Action: TypeAlias = Literal["start", "stop", "restart"]

_PATIENCE_S = 1.0
"""After this long without an answer we say what is waited for, and again after each further such time."""

_SLACK_S = 15.0
_LAST_LINES = 5
_AT_ONCE_S = 0.01


@attrs.frozen(kw_only=True)
class Order:
    """
    One command for one or more services.

    Attributes:
        action: What to do.

        names: To whom, as typed.

        dependencies: For start and restart: `start`, `wait` or `ignore`.

        timeout: Seconds until the supervisor gives up waiting; None: its default.
    """

    action: Action
    names: tuple[str, ...]
    dependencies: str | None = None
    timeout: float | None = None

    def body(self, name: str) -> dict[str, Any]:
        """Give the request's body for the service *name*."""
        optional = {"dependencies": self.dependencies, "timeout": self.timeout}
        return {"process_name": name, **{key: value for key, value in optional.items() if value is not None}}


@attrs.frozen(kw_only=True)
class Done:
    """
    How a command to one service ended.

    Attributes:
        name: The service as configured.

        error: What went wrong; None when all is well.

        answer: The supervisor's answer, or its error's body.

        service: The state afterwards; None when it could not be asked for.
    """

    name: str
    error: DumbActorsError | None = None
    answer: Mapping[str, Any] = attrs.field(factory=dict)
    service: Service | None = None

    @property
    def exit_code(self) -> int:
        """What a shell is told."""
        if self.error is None:
            return DONE
        return self.error.exit_code if isinstance(self.error, Answered) else FAILED

    def as_json(self) -> dict[str, Any]:
        """Give it for machines."""
        error = str(self.error) if self.error is not None else None
        return {
            "process_name": self.name,
            "ok": self.error is None,
            "error": error,
            "answer": self.answer,
            "service": self.service,
        }


def carry_out(api: Api, order: Order) -> list[Done]:
    """
    Carry out *order*: starts all at once, stops and restarts one after the other as they were typed.

    Raises:
        UnknownService: One of the names; nothing was done.

        ApiUnreachable: The supervisor is not there.
    """
    names = find_names(api, order.names)
    if order.action == "start":
        return _all_at_once(api, order, names)
    return [done for name in names for done in _all_at_once(api, order, [name])]


def find_names(api: Api, typed: Sequence[str]) -> list[str]:
    """
    Find whom a person means, each once.

    Raises:
        UnknownService: One of them.
    """
    services = api.services()
    names: list[str] = []
    for name in typed:
        found = find_service(name, services)
        if found is None:
            raise UnknownService(name, [str(service["process_name"]) for service in services])
        names.append(str(found["process_name"]))
    return list(dict.fromkeys(names))


def _all_at_once(api: Api, order: Order, names: Sequence[str]) -> list[Done]:
    """Send the requests from threads of their own, so that this one can watch, and be interrupted."""
    answers: queue.Queue[Done] = queue.Queue()
    for name in names:
        threading.Thread(target=_ask, args=(api, order, name, answers), daemon=True).start()
    done: dict[str, Done] = {}
    watch = _Watch(api, order.action)
    while len(done) < len(names):
        try:
            one = answers.get(timeout=_PATIENCE_S)
        except queue.Empty:
            watch.show([name for name in names if name not in done])
        else:
            done[one.name] = one
    watch.clear()
    return [_with_state(api, done[name]) for name in names]


def _ask(api: Api, order: Order, name: str, answers: "queue.Queue[Done]") -> None:
    # The supervisor keeps the time; ours only bounds one that does not answer at all.
    limit = None if order.timeout is None else order.timeout + _SLACK_S
    try:
        answer = api.post(f"/process/{order.action}-service", order.body(name), timeout=limit)
        answers.put(Done(name=name, answer=answer))
    except Answered as error:
        answers.put(Done(name=name, error=error, answer=error.body))
    except DumbActorsError as error:
        answers.put(Done(name=name, error=error))
    except BaseException as error:
        answers.put(Done(name=name, error=ApiUnreachable(f"the request failed: {error!r}")))
        raise


def _with_state(api: Api, done: Done) -> Done:
    if isinstance(done.error, ApiUnreachable):
        raise done.error
    try:
        return attrs.evolve(done, service=find_service(done.name, api.services()))
    except DumbActorsError:
        return done  # it ended meanwhile; the answer stands


class _Watch:
    """Says on stderr what is waited for: one line that changes on a terminal, a line for each change in a pipe."""

    def __init__(self, api: Api, action: Action) -> None:
        self._api = api
        self._action = action
        self._paint = paint_for(sys.stderr)
        self._last: dict[str, str] = {}
        self._shown = False

    def show(self, names: Sequence[str]) -> None:
        try:
            services = self._api.services()
        except DumbActorsError:
            return  # the request under way will tell
        states = {name: find_service(name, services) for name in names}
        texts = {name: self._text(state) for name, state in states.items() if state is not None}
        if self._paint.is_on:
            self._show_line("; ".join(f"{name} {text}" for name, text in texts.items()))
            return
        for name, text in texts.items():
            if self._last.get(name) != text:
                click.echo(f"{name}: {text}", err=True)
        self._last = texts

    def _text(self, service: Service) -> str:
        reason = reason_of(service)
        return f"is {service['phase']}" + (f", {reason}" if reason else "")

    def _show_line(self, text: str) -> None:
        import shutil

        width = (shutil.get_terminal_size().columns or 80) - 1
        line = text if len(text) <= width else text[: width - 1] + "…"
        click.echo(f"\r\x1b[2K{line}", err=True, nl=False, color=True)
        self._shown = True

    def clear(self) -> None:
        """Take the changing line away."""
        if self._shown:
            click.echo("\r\x1b[2K", err=True, nl=False, color=True)
            self._shown = False


def tell(done: Done, action: Action) -> None:
    """Tell a person how it ended: one line on stdout when well, the whole story on stderr when not."""
    service = done.service or {}
    if done.error is None:
        paint = paint_for(sys.stdout)
        phase = str(service.get("phase", done.answer.get("phase", action)))
        click.echo(f"{paint(done.name, bold=True)}  {paint.phase(phase)}{_how(service)}", color=True)
        also = done.answer.get("also_started") or ()
        if also:
            click.echo(f"  also started: {', '.join(also)}")
        return
    paint = paint_for(sys.stderr)
    why = _why(done)
    lines = [f"{paint(done.name, bold=True)}  {paint(f'{action} failed', 'red')}: {why}"]
    reason = reason_of(service) if service else ""
    retry_s = done.answer.get("retry_in_s")
    if retry_s is not None:  # what it is just now says nothing: it comes and goes
        lines.append(f"  next attempt: {'at once' if retry_s < _AT_ONCE_S else 'in ' + for_how_long(retry_s)}")
    elif reason and reason not in why:
        lines.append(f"  it is {service['phase']}: {reason}")
    # The answer tells of the attempt that failed; by now there may be another.
    if hint := done.answer.get("hint") or service.get("hint"):
        lines.append(f"  hint: {hint}")
    last_lines = done.answer.get("last_lines") or service.get("last_lines") or ()
    lines += [f"  | {line}" for line in last_lines[-_LAST_LINES:]]
    lines.append(f"  more: dumb-actors logs {_quoted(done.name)}")
    click.echo("\n".join(lines), err=True, color=True)


def _why(done: Done) -> str:
    """Give the reason alone: what the supervisor puts before it for other clients says nothing new here."""
    text = str(done.answer.get("reason") or done.error)
    before = (f"Unable to start the service '{done.name}': ", f"Failed to restart {done.name}: ")
    return next((text.removeprefix(words) for words in before if text.startswith(words)), text)


def _how(service: Service) -> str:
    parts = []
    if service.get("pid"):
        parts.append(f"pid {service['pid']}")
    if service.get("ready_at") and service.get("started_at"):
        parts.append(f"ready after {for_how_long(service['ready_at'] - service['started_at'])}")
    return f"  ({', '.join(parts)})" if parts else ""


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(name)
