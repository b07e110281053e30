"""Placeholders: `{port}` in a block becomes the block's port, `{data}` the root's data directory."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

import attrs

from dumb_actors.config.probing import DIRECTORY_KEYS
from dumb_actors.config.report import Path, Report, is_secret
from dumb_actors.config.root import Root

__all__ = ["Filled", "fill_block", "probe_host"]

# Not `${name}`: that is the shell's.
_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PATHS = ("config_dir", "log_file", "mount_dir", "mount_name", "mount_path")
_ANY_HOST = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104  (compared with, never bound)


@attrs.frozen
class Filled:
    """
    A block with its placeholders filled in.

    Attributes:
        block: A new dict; what held no placeholder is shared with the block as written.

        port_is_used: `{port}` stands in the command or the environment, so the service listens on it.
    """

    block: dict[str, Any]
    port_is_used: bool


def probe_host(host: str | None) -> str:
    """Give the address to ask when a service listens on *host*: loopback when it listens everywhere."""
    return "127.0.0.1" if host is None or host.strip() in _ANY_HOST else host


def fill_block(block: Mapping[str, Any], root: Root, path: Path, report: Report) -> Filled:
    """
    Fill in the placeholders of *block*, which may hold values of any type in any place.

    Names are those of the block's own texts, numbers and booleans, then those of *root*. An unknown name is left as it
    is, since shells and awk use braces too, and warned of. A command that is one text is split first, so that a value
    with spaces stays one argument.
    """
    fill = _Fill(_names(block, root), path, report)
    result = dict(block)
    if "command" in block:
        result["command"] = fill.command(block["command"], ("command",))
    if isinstance(block.get("env"), dict):
        result["env"] = {key: fill.env_value(value, key) for key, value in block["env"].items()}
    port_is_used = "port" in fill.used
    for name in _PATHS:
        if name in block:
            result[name] = fill.text(block[name], (name,))
    result |= _fill_waits(fill, block)
    for name in ("readiness", "liveness"):
        if name in block:
            result[name] = _fill_probe(fill, block, name)
    if isinstance(block.get("stop"), list):
        result["stop"] = [fill.stop_step(item, ("stop", index)) for index, item in enumerate(block["stop"])]
    return Filled(result, port_is_used)


def _names(block: Mapping[str, Any], root: Root) -> dict[str, str]:
    places = root.placeholders()
    names = dict(places)
    for key, value in block.items():
        if isinstance(value, bool):
            names[key] = str(value).lower()
        elif isinstance(value, str) and not is_secret((key,)):
            # One step deep only: `"config_dir": "{data}/x"` is what people write, and there is no way round in circles.
            names[key] = _PLACEHOLDER.sub(lambda m: places.get(m[1], m[0]), value)
        elif isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 10**30):
            names[key] = str(value)
    return names


def _fill_waits(fill: "_Fill", block: Mapping[str, Any]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for name, keys in (("wait_for_dir", DIRECTORY_KEYS), ("wait_for_mounts", ()), ("wait_for_url", ("url",))):
        raw = block.get(name)
        if isinstance(raw, list):
            filled[name] = [fill.item(item, (name, index), keys) for index, item in enumerate(raw)]
        elif name == "wait_for_dir" and raw is not None:
            filled[name] = fill.item(raw, (name,), keys)
    return filled


def _fill_probe(fill: "_Fill", block: Mapping[str, Any], name: str) -> Any:
    raw = block[name]
    if not isinstance(raw, dict):
        return raw
    filled: dict[str, Any] = fill.members(raw, (name,), ("url", "log", "directory", "mount", "tcp", "host"))
    if "exec" in filled:
        filled["exec"] = fill.command(raw["exec"], (name, "exec"))
    tcp = filled.get("tcp")
    if isinstance(tcp, str) and tcp != raw["tcp"] and re.fullmatch(r"[0-9]{1,6}", tcp):
        filled["tcp"] = int(tcp)
    if "tcp" in filled:
        host = filled.get("host", block.get("host"))
        if host is None or isinstance(host, str):
            filled["host"] = probe_host(host)
    return filled


@attrs.define
class _Fill:
    names: Mapping[str, str]
    path: Path
    report: Report
    used: set[str] = attrs.field(factory=set, init=False)

    def text(self, value: Any, at: Path) -> Any:
        """Fill in *value* when it is a text."""

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self.names:
                self.report.warn((*self.path, *at), f"{match[0]} names nothing here and is left as it is")
                return match[0]
            self.used.add(name)
            return self.names[name]

        return _PLACEHOLDER.sub(replace, value) if isinstance(value, str) else value

    def command(self, value: Any, at: Path) -> Any:
        """Split *value* when it is a text that can be split, and fill in each part."""
        if isinstance(value, str):
            try:
                return [self.text(part, at) for part in shlex.split(value)]
            except ValueError:
                return value  # the strict hook says what is wrong
        if isinstance(value, list):
            return [self.text(part, (*at, index)) for index, part in enumerate(value)]
        return value

    def env_value(self, value: Any, name: str) -> Any:
        """Fill in the value of a variable, unless it holds a `$`: then it is for somebody else to expand."""
        return value if isinstance(value, str) and "$" in value else self.text(value, ("env", name))

    def members(self, value: Any, at: Path, names: tuple[str, ...]) -> Any:
        """Fill in those members of *value* that *names* lists, when it is an object."""
        if not isinstance(value, dict):
            return value
        return {key: self.text(item, (*at, key)) if key in names else item for key, item in value.items()}

    def item(self, value: Any, at: Path, names: tuple[str, ...]) -> Any:
        """Fill in *value* when it is a text, and those members that *names* lists when it is an object."""
        return self.text(self.members(value, at, names), at)

    def stop_step(self, value: Any, at: Path) -> Any:
        """Fill in the command of a step of a stop."""
        if not isinstance(value, dict) or "command" not in value:
            return value
        return {**value, "command": self.command(value["command"], (*at, "command"))}
