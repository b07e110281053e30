"""The truth table: what each signal says, how strong it is, and in which order the API lists them."""

import attrs

from dumb_actors.model.edge import SIGNALS, Classification, Signal, Strength, classify

__all__ = ["TRUTH_TABLE", "Truth"]

_TEXTS: dict[Signal, str] = {
    "core_service_map": "A core service of this kind always needs one of that kind.",
    "core_service_fields": "Its configuration names the other in core_service or core_services: a label, which never "
    "holds up a start.",
    "wait_for_url": "Its start waits for a URL that the other answers.",
    "wait_for_dir": "Its start waits for a directory that the other provides.",
    "wait_for_mounts": "Its start waits for a mount point that the other provides.",
    "rclone_provider_zurg": "It mounts what Zurg serves over WebDAV.",
    "rclone_provider_decypharr": "It mounts what Decypharr serves over WebDAV.",
    "rclone_provider_nzbdav": "It mounts what NzbDAV serves over WebDAV.",
    "zilean_optional_integration": "It can search with Zilean; it starts without.",
    "non_core_dependency_map": "A service of this kind, which is no core service, always needs one of that kind.",
    "conditional_startup_map": "It needs the other for as long as that is enabled or configured to be used.",
    "documented_integration": "The two are known to work together; each starts without the other.",
    "depends_on": "Its configuration says so in depends_on: what it names must be ready, or as it says, first.",
}


@attrs.frozen(kw_only=True)
class Truth:
    """
    What a signal means.

    Attributes:
        signal: Its name.

        classification: `hard`, or `linkage` for what never blocks a start.

        strength: Of several signals for one pair the strongest counts.

        description: What it says, in words.
    """

    signal: Signal
    classification: Classification
    strength: Strength
    description: str


TRUTH_TABLE = tuple(
    Truth(signal=signal, classification=classify(strength), strength=strength, description=_TEXTS[signal])
    for signal, strength in SIGNALS.items()
)
"""In the order of the API document; ours comes last."""
