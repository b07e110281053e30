"""From a spec to the order for one child."""

import hashlib
import json
from collections.abc import Mapping

import attrs

from dumb_actors.actors.levels import Level
from dumb_actors.model.child import Launch
from dumb_actors.model.probe import Notify
from dumb_actors.model.spec import ServiceSpec

__all__ = ["LaunchSettings", "make_launch", "spec_digest"]


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
    """Give a short digest of everything in *spec* that a running child depends on."""
    facts = attrs.asdict(spec, filter=lambda attribute, _: attribute.name not in {"config", "enabled"})
    text = json.dumps(facts, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
    """
    marker = f"{settings.run_id}.{slug}.{generation}"
    published = {name: {"generation": lvl.generation, **lvl.published} for name, lvl in dependencies.items()}
    env = {**settings.environ, **spec.env, "DUMB_DEPENDENCIES": json.dumps(published), "DUMB_ACTORS_MARKER": marker}
    return Launch(
        service=spec.name,
        slug=slug,
        generation=generation,
        argv=spec.command,
        cwd=spec.cwd or settings.root_dir,
        env=env,
        marker=marker,
        log_path=None if spec.suppress_logging else spec.log_file or f"{settings.log_dir}/{slug}.log",
        log_size=spec.log_size,
        log_count=spec.log_count,
        digest=digest,
        notify=isinstance(spec.readiness, Notify),
        stop=spec.stop,
    )
