"""From a spec to the order for one child."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import attrs

from dumb_actors.actors.levels import Level
from dumb_actors.model.child import Launch
from dumb_actors.model.probe import Notify
from dumb_actors.model.spec import ServiceSpec

__all__ = ["LaunchSettings", "make_launch", "spec_digest"]

# What a running child knows nothing of.
_UNSEEN = frozenset({"config", "enabled", "place"})
# What a service in a clean environment gets of ours all the same.
_CLEAN = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_*", "TZ")
# Who we are, not who the service is that runs as somebody else; the first four are set again when that one is known.
_PERSONAL = frozenset({"HOME", "USER", "LOGNAME", "SHELL", "MAIL", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"})


@attrs.frozen(kw_only=True)
class LaunchSettings:
    """
    What all children of one supervisor have in common.

    Attributes:
        run_id: Unique to this run of the supervisor; part of each child's marker.

        root_dir, log_dir: Absolute directories.

        environ: The environment that children inherit.
    """

    run_id: str
    root_dir: str
    log_dir: str
    environ: Mapping[str, str] = attrs.field(repr=False)


def spec_digest(spec: ServiceSpec) -> str:
    """
    Give a short digest of everything in *spec* that a running child depends on.

    Only what differs from its default counts, in the spec and in the values inside it. So a later version of this
    program, which has more fields, gives the same digest for the same configuration, and sees in a child that an
    earlier one started what it is: unchanged.
    """
    text = json.dumps(dict(_set_fields(spec, _UNSEEN)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _set_fields(value: attrs.AttrsInstance, unseen: frozenset[str] = frozenset()) -> Iterator[tuple[str, Any]]:
    for field in attrs.fields(type(value)):
        part = getattr(value, field.name)
        if field.name not in unseen and part != _default(field):
            yield field.name, _facts(part)


def _default(field: "attrs.Attribute[Any]") -> Any:
    # Factories here make empty maps and values that are all defaults; none looks at the instance.
    factory = getattr(field.default, "factory", None)
    return field.default if factory is None else factory()


def _facts(value: Any) -> Any:
    if attrs.has(type(value)):
        # With its kind: two probes that are all defaults are not the same.
        return [type(value).__name__, dict(_set_fields(value))]
    if isinstance(value, Mapping):
        return {name: _facts(part) for name, part in value.items()}
    return [_facts(part) for part in value] if isinstance(value, tuple | list) else value


def make_launch(
    spec: ServiceSpec,
    slug: str,
    generation: int,
    settings: LaunchSettings,
    dependencies: Mapping[str, Level],
    *,
    digest: str = "",
) -> Launch:
    """
    Make the order for generation *generation* of *spec*; *digest* is that of the spec, made once for all children.

    The child is told what its dependencies published when they became ready, as JSON in `DUMB_DEPENDENCIES`:
    `{"PostgreSQL": {"generation": 1, "ports": [5432], "paths": []}}`.

    Where it runs as somebody else, `HOME`, `USER`, `LOGNAME` and `SHELL` are left to `process.privileges`, which looks
    that user up, unless the service's own environment has them.
    """
    marker = f"{settings.run_id}.{slug}.{generation}"
    published = {name: {"generation": lvl.generation, **lvl.published} for name, lvl in dependencies.items()}
    env = {
        **_inherited(spec, settings.environ),
        **spec.env,
        "DUMB_DEPENDENCIES": json.dumps(published),
        "DUMB_ACTORS_MARKER": marker,
    }
    log_path = None if spec.suppress_logging else spec.log_file or f"{settings.log_dir}/{slug}.log"
    return Launch(
        service=spec.name,
        slug=slug,
        generation=generation,
        argv=spec.command,
        cwd=spec.cwd or settings.root_dir,
        env=env,
        marker=marker,
        log_path=log_path,
        stderr_path=_beside(log_path) if log_path is not None and spec.separate_stderr else None,
        log_size=spec.log_size,
        log_count=spec.log_count,
        digest=digest,
        notify=isinstance(spec.readiness, Notify),
        stop=spec.stop,
        run_as=spec.run_as,
        umask=spec.umask,
        limits=spec.limits,
    )


def _inherited(spec: ServiceSpec, environ: Mapping[str, str]) -> dict[str, str]:
    inherited = dict(environ)
    if spec.clean_environment:
        patterns = [re.escape(name).replace(r"\*", ".*") for name in (*_CLEAN, *spec.pass_environment)]
        passed = re.compile("|".join(patterns), re.DOTALL)
        inherited = {name: text for name, text in environ.items() if passed.fullmatch(name)}
    if spec.run_as is not None:
        inherited = {name: text for name, text in inherited.items() if name not in _PERSONAL}
    return inherited


def _beside(log_path: str) -> str:
    """Give the log of standard error: `web.stderr.log` beside `web.log`."""
    path = PurePosixPath(log_path)
    return str(path.with_name(f"{path.stem}.stderr{path.suffix}"))
