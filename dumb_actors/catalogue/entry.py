"""One entry of the catalogue: what is known of one kind of service, as frozen values."""

from collections.abc import Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import attrs

from dumb_actors.model.edge import Signal
from dumb_actors.model.knowledge import Condition

__all__ = [
    "About",
    "CatalogueEntry",
    "ConditionalNeed",
    "Core",
    "Links",
    "Listed",
    "LogWriter",
    "Ports",
    "ProviderFlag",
    "Unless",
    "Use",
    "Version",
]

LogWriter: TypeAlias = Literal["output", "program"]
"""Who writes the log file of the default block: the supervisor, from the output, or the program itself."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class About:
    """
    What people are told of a service.

    Attributes:
        title: First line.

        lines: What it does, a point each.

        documentation: URL.
    """

    title: str
    lines: tuple[str, ...]
    documentation: str

    @property
    def text(self) -> str:
        """All of it: the title, a line for each point, and where the documentation is."""
        return "\n".join(
            [self.title, *(f"- {line}" for line in self.lines), "", f"Documentation: {self.documentation}"]
        )


@attrs.frozen(kw_only=True)
class Links:
    """
    Where a service comes from, and how its makers are supported; None: not known.

    Attributes:
        repository: For blocks that name no repository on GitHub.

        sponsorship: URL.
    """

    repository: str | None = None
    sponsorship: str | None = None


@attrs.frozen(kw_only=True)
class Unless:
    """
    When a core service does not need one of those that it needs otherwise.

    Attributes:
        service: Key of what is not needed.

        field, values: It is not needed while this field of the block has one of these values.

        blank: What the field means while it is missing or blank.

        blank_by_branch: The same by the `branch` that is enabled, before `blank`.
    """

    service: str
    field: str
    values: tuple[str, ...]
    blank: str
    blank_by_branch: Mapping[str, str] = MappingProxyType({})


@attrs.frozen(kw_only=True)
class Core:
    """
    That a service is a core service: a start request may name it.

    Attributes:
        order: Its place among core services in the graph; the lower, the earlier.

        needs: Keys of what it needs, in order.

        debrid_providers: Names of those it can be used with.

        unless: Exceptions from `needs`.
    """

    order: int
    needs: tuple[str, ...] = ()
    debrid_providers: tuple[str, ...] = ()
    unless: tuple[Unless, ...] = ()


@attrs.frozen(kw_only=True)
class Listed:
    """
    Which lists offer a service, and where in them; in none of them it is hidden.

    Attributes:
        core: Its place in the list of core services; None: not in it.

        optional: Its place in the list of optional services; None: not in it.

        optional_name: How the list of optional services calls it; None: as the other does.

        after_core: Chosen as an optional service it starts after the core services, not before them.

        hidden: In no list, whatever the others say.
    """

    core: int | None = None
    optional: int | None = None
    optional_name: str | None = None
    after_core: bool = False
    hidden: bool = False


@attrs.frozen(kw_only=True)
class ConditionalNeed:
    """
    That a service needs another on a condition.

    Attributes:
        service: Key of the other.

        when: See `dumb_actors.model.knowledge.Condition`.

        flag: Name of the field that must be true, for `flag`.
    """

    service: str
    when: Condition
    flag: str | None = None


@attrs.frozen(kw_only=True)
class ProviderFlag:
    """
    What in an instance's block says that it mounts what another service offers.

    Attributes:
        service: Key of the other.

        signal: Of the edge in the graph.

        flag: A field that is true, or None.

        field, value: A field that has this value, in any case, or None.

        core_service: Being listed in `core_service(s)` counts for the conditional map as well.
    """

    service: str
    signal: Signal
    flag: str | None = None
    field: str | None = None
    value: str | None = None
    core_service: bool = False


@attrs.frozen(kw_only=True)
class Use:
    """That a service can use another one, without needing it: its key, and the signal of the edge in the graph."""

    service: str
    signal: Signal


@attrs.frozen(kw_only=True)
class Ports:
    """
    Where a service listens.

    Attributes:
        fields: Fields of the block that are ports.

        fallback: The port when neither the configuration nor the default block has one; None: 7000, as for all.
    """

    fields: tuple[str, ...] = ()
    fallback: int | None = None


@attrs.frozen(kw_only=True)
class Version:
    """
    How the installed version is found: in a file, or in what a command says.

    Attributes:
        file: Path with placeholders, or None.

        encoding: Of the file.

        command: Arguments with placeholders, or empty.

        pattern: A regular expression whose one group is the version; None: the first line, stripped.

        prefix: What is put in front of it.
    """

    file: str | None = None
    encoding: str = "utf-8"
    command: tuple[str, ...] = ()
    pattern: str | None = None
    prefix: str = ""


@attrs.frozen(kw_only=True)
class CatalogueEntry:
    """
    What is known of one kind of service.

    Paths have the placeholders of the configuration (`{data}`, `{config_dir}`, …).

    Attributes:
        key: Service key.

        name: What lists call it. Lower-cased it stands for the key in requests.

        aliases: Further words for the key, lower-case.

        order: Its place in the graph among those that need something besides `core.needs`; the lower, the earlier, and
            None behind them.

        options: Fields of the default block that lists show, in order.

        option_texts: Lines for people about options, before those that all services share.

        needs: Keys of what it always needs, for services that are no core services.

        conditional: Needs that exist on a condition.

        uses: Cooperations that block nothing.

        providers: Flags of instances that say what they mount.

        scoped: Instances belong to the services that they name in `core_service`.

        builtin: A part of the supervisor that lists show beside the services; its block stands below `dumb`.

        hook: Name of the set-up hook, or None.

        log: Who writes the log file; None: it has none.

        manual_update: Whether it can be updated by hand; None: where its block names a repository.

        about: What people are told; None: nothing.

        links, core, listed, ports, version: See their classes. `core` is None for what is no core service.

        readiness: A suggestion for the field of this name, or empty.

        stop: A suggestion for the field of this name, or empty.

        block: Default block of a service with one instance; None: it has several, or no default.

        instances: Default blocks of a service with several instances, by the name of the instance.
    """

    key: str
    name: str
    aliases: tuple[str, ...] = ()
    order: int | None = None
    options: tuple[str, ...] = ()
    option_texts: Mapping[str, str] = MappingProxyType({})
    needs: tuple[str, ...] = ()
    conditional: tuple[ConditionalNeed, ...] = ()
    uses: tuple[Use, ...] = ()
    providers: tuple[ProviderFlag, ...] = ()
    scoped: bool = False
    builtin: bool = False
    hook: str | None = None
    log: LogWriter | None = None
    manual_update: bool | None = None
    about: About | None = None
    links: Links = attrs.field(factory=Links)
    core: Core | None = None
    listed: Listed = attrs.field(factory=Listed)
    ports: Ports = attrs.field(factory=Ports)
    version: Version | None = None
    readiness: Mapping[str, Any] = attrs.field(default=_NOTHING)
    stop: tuple[Mapping[str, Any], ...] = ()
    block: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    instances: Mapping[str, Mapping[str, Any]] = attrs.field(default=_NOTHING, repr=False)

    def words_by_place(self) -> dict[str, str]:
        """Give what it is called, by the place in its file."""
        found = {"$.name": self.name, **{f"$.aliases[{at}]": alias for at, alias in enumerate(self.aliases)}}
        if self.listed.optional_name is not None:
            found["$.listed.optional_name"] = self.listed.optional_name
        return found

    @property
    def words(self) -> frozenset[str]:
        """The words, lower-case, that stand for the key in requests, without the key itself."""
        return frozenset(word.casefold() for word in self.words_by_place().values()) - {self.key}

    @property
    def has_instances(self) -> bool:
        """Whether there may be several of it."""
        return bool(self.instances)

    @property
    def has_default(self) -> bool:
        """Whether there is a default block."""
        return self.block is not None or self.has_instances

    @property
    def process_name(self) -> str | None:
        """Process name in the default block, or None."""
        name: str | None = self.template().get("process_name")
        return name

    @property
    def symlink_roots(self) -> tuple[str, ...]:
        """Directories in which it makes symbolic links."""
        return tuple(self.template().get("symlink_backup_roots", ()))

    def template_name(self, core: str | None = None) -> str | None:
        """
        Give the name of the instance that others are made after; None: there are no instances.

        Args:
            core: Key of a core service: a template that names it in `core_service` goes before the first one.
        """
        named = (name for name, block in self.instances.items() if core and core in _words(block.get("core_service")))
        return next(named, next(iter(self.instances), None))

    def template(self, core: str | None = None) -> Mapping[str, Any]:
        """Give the default block, of the instance that `template_name` gives; to be read only, empty without one."""
        name = self.template_name(core)
        return self.instances[name] if name is not None else self.block or _NOTHING

    def default(self) -> dict[str, Any]:
        """Give a copy of what stands at the key in a document that has nothing but defaults; empty without one."""
        if self.has_instances:
            return {"instances": deepcopy(dict(self.instances))}
        return deepcopy(dict(self.block or {}))

    def supports_manual_update(self, block: Mapping[str, Any]) -> bool:
        """Say whether a service with *block* can be updated by hand."""
        if self.manual_update is not None:
            return self.manual_update
        return bool(block.get("repo_owner") and block.get("repo_name"))


def _words(labels: Any) -> list[str]:
    parts = labels.split(",") if isinstance(labels, str) else labels or ()
    return [str(part).strip().casefold() for part in parts]
