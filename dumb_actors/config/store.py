"""
The configuration as something that changes: read, change, restore, reload; each good state has a revision number.

Only the user's layer is ever written, and only what an edit asks for; a file that is broken never replaces what is
good. Every blocking call is made in a thread.
"""

# `trio.to_thread.run_sync` without `abandon_on_cancel` is what makes changes whole: a cancellation comes before the
# thread begins, or after the outcome of the thread has been taken over.

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import trio

from dumb_actors.config.configfile import ConfigFile, FileChanged
from dumb_actors.config.derived import Derived, load_derived, save_derived
from dumb_actors.config.editing import Planned, keep_memory, plan_change, write_text
from dumb_actors.config.layers import Edit, Merged, difference, same
from dumb_actors.config.load import Config
from dumb_actors.config.report import MISSING, Path, value_at
from dumb_actors.config.revisions import KEPT, Revision, Revisions
from dumb_actors.config.root import Root
from dumb_actors.config.secrets import masked, unmask
from dumb_actors.config.sources import Loaded, Sources, build
from dumb_actors.errors import ConfigError, StaleRevision, UnknownRevision, UnusablePath

__all__ = ["BY_EDIT", "Broken", "Change", "ConfigStore", "Reloaded", "View", "open_store"]

BY_EDIT = "edit of the file"


@attrs.frozen(kw_only=True)
class Broken:
    """
    The file on disk cannot be used; the last good revision goes on counting.

    Attributes:
        error: What is wrong with it, every fault.

        since: Since when that is known, Unix seconds.
    """

    error: ConfigError
    since: float


@attrs.frozen(kw_only=True)
class View:
    """
    The configuration at one instant.

    Attributes:
        revision: Its number.

        user: What stands in the user's file.

        merged: All layers; `merged.document` is what counts, `merged.origin(path)` tells where a value comes from.

        unsaved: Paths of the changes in memory only, which a restart loses.

        broken: See `Broken`; None: the file is good.
    """

    revision: int
    user: Mapping[str, Any] = attrs.field(repr=False)
    merged: Merged = attrs.field(repr=False)
    unsaved: tuple[tuple[str, ...], ...]
    broken: Broken | None


@attrs.frozen(kw_only=True)
class Change:
    """
    What a change came to.

    Attributes:
        revision: The one that it made; the former one when nothing differed.

        paths: What differs now.

        shadowed: Paths that were written to the file and do not count yet: a layer above says something else.
    """

    revision: int
    paths: tuple[tuple[str, ...], ...] = ()
    shadowed: tuple[tuple[str, ...], ...] = ()


@attrs.frozen(kw_only=True)
class Reloaded:
    """
    What a reload came to.

    Attributes:
        revision: The one that counts now.

        changed: It is another one than before.

        broken: What is wrong with the file; None: it is good.
    """

    revision: int
    changed: bool
    broken: Broken | None


class ConfigStore:
    """
    The configuration of one root; made by `open_store`. One for each file in a process.

    Attributes:
        broken: See `Broken`; None: the file is good.

        changed: Set when there is another `config`, and replaced by a new event then.
    """

    def __init__(
        self, loaded: Loaded, revision: Revision, file: ConfigFile, root: Root, sources: Sources, derived_path: str
    ) -> None:
        self.broken: Broken | None = None
        self.changed = trio.Event()
        self._loaded = loaded
        self._revision = revision
        self._file = file
        self._root = root
        self._sources = sources
        self._derived_path = derived_path
        self._turn = trio.Lock()

    @property
    def config(self) -> Config:
        """What counts now."""
        return self._loaded.config

    @property
    def revision(self) -> int:
        """Its number."""
        return self._revision.number

    @property
    def made_by(self) -> str:
        """Who made that revision."""
        return self._revision.by

    @property
    def problem(self) -> str:
        """Why revisions cannot be kept on disk; empty: they are."""
        return self._file.problem

    def read(self) -> View:
        """Give the configuration as it is now, from memory."""
        merged = self._loaded.merged
        return View(
            revision=self.revision,
            user=merged.user,
            merged=merged,
            unsaved=tuple(one.path for one in self._loaded.memory),
            broken=self.broken,
        )

    def masked(self, at: Path = ()) -> Any:
        """Give what counts at *at* without its secrets, for somebody who may not see them; `KeyError`: nothing does."""
        return masked(self._loaded.merged.document, self._sources.secret_paths, at=at)

    def unmask(self, updates: Any, at: Path = ()) -> Any:
        """
        Take *updates* of what stands at *at*, in which masks stand for what is unchanged; gives them without masks.

        Raises:
            ConfigError: Masks that stand for nothing, or for more than one secret; see `unmask` of the same name.
        """
        return unmask(updates, self._loaded.merged.document, self._sources.secret_paths, at=at)

    async def revisions(self) -> tuple[Revision, ...]:
        """Give the revisions that are kept, the oldest first."""
        return await trio.to_thread.run_sync(self._file.revisions)

    # --- changing -----------------------------------------------------------------------------------------------------

    async def change(
        self, edits: Iterable[Edit], *, persist: bool, expect_revision: int | None = None, by: str = "library"
    ) -> Change:
        """
        Carry out *edits* on what counts, all of them or none.

        What an edit leaves as it is is not touched, whichever layer it comes from: so a block can be read, changed in
        one place and sent back whole, and neither defaults nor overrides get into the file.

        Args:
            edits: In their order; see `Edit` and `edits_of`. Masks must have been taken back by `unmask`.

            persist: Write the user's file; what was changed only in memory at the same paths is written along. False:
                change the memory only, until the next start or until the file says something else there.

            expect_revision: The revision that the edits are based on; None: whichever there is.

            by: Who asks.

        Raises:
            ConfigError: The result would have faults: every one of them. Nothing was changed.

            StaleRevision: There is another revision, or somebody else changed the file meanwhile. Nothing was changed;
                the edit of the other one counts now if it is good.

            UnusablePath: The file or its revision cannot be written. Nothing was changed.

        Cancellation: before the change begins; one that has begun is finished, and is not cancelled any more.
        """
        async with self._turn:
            self._check_expected(expect_revision)
            planned = plan_change(self._loaded, tuple(edits), persist=persist, by=by)
            if not planned.edits:
                return Change(revision=self.revision)
            await self._run(self._carry_out, planned, by)
            paths = tuple(edit.path for edit in planned.edits)
            return Change(revision=self.revision, paths=paths, shadowed=self._shadowed(paths) if persist else ())

    def _shadowed(self, paths: Iterable[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
        """Give those of *paths* at which the user's layer is not what counts."""
        merged = self._loaded.merged
        return tuple(
            path
            for path in paths
            if (written := value_at(merged.user, path)) is not MISSING
            and not same(written, value_at(merged.document, path))
            and any(overlay.path[: len(path)] == path for overlay in merged.overlays)
        )

    def _carry_out(self, planned: Planned, by: str) -> tuple[Loaded, Revision]:
        content = write_text(self._loaded, planned.user, self._file.path)
        loaded = self._build(content, memory=planned.memory)
        return loaded, self._save(loaded, by)

    def _save(self, loaded: Loaded, by: str) -> Revision:
        if loaded.content != self._loaded.content:
            return self._file.write(loaded.content, known=self._loaded.content, after=self.revision, by=by)
        return self._file.note(loaded.content, after=self.revision, by=by, changed="memory")

    async def restore(self, revision: int, *, by: str = "library", expect_revision: int | None = None) -> Change:
        """
        Write the user's file as it was at *revision*, byte by byte, as a new revision.

        Changes in memory stay, but for those of values that this changes.

        Raises:
            UnknownRevision: It is not kept.

            ConfigError, StaleRevision, UnusablePath: As for `change`.

        Cancellation: as for `change`.
        """
        async with self._turn:
            self._check_expected(expect_revision)
            content = await trio.to_thread.run_sync(self._file.content, revision)
            if content is None:
                kept = await trio.to_thread.run_sync(self._file.revisions)
                raise UnknownRevision(revision, [one.number for one in kept])
            before = self._loaded.merged.document
            if content == self._loaded.content:
                return await self._stay()
            await self._run(self._bring_back, content, by)
            return Change(revision=self.revision, paths=_paths(before, self._loaded.merged.document))

    async def _stay(self) -> Change:
        """Say that nothing differs, once the file has been seen to be what it should be."""
        yours = self.revision
        found = await self._look(BY_EDIT)
        if found.changed or found.broken:
            raise StaleRevision(yours, None if found.broken else found.revision)
        return Change(revision=yours)

    def _bring_back(self, content: bytes, by: str) -> tuple[Loaded, Revision]:
        loaded = self._build(content, memory=keep_memory(self._loaded, content, self._file.path))
        return loaded, self._save(loaded, by)

    def _check_expected(self, expected: int | None) -> None:
        if expected is not None and expected != self.revision:
            raise StaleRevision(expected, self.revision)

    async def _run(self, action: Callable[..., tuple[Loaded, Revision]], *args: Any) -> None:
        """Run *action* in a thread and take over what it gives; where the file was changed, take that over first."""
        yours = self.revision
        try:
            loaded, revision = await trio.to_thread.run_sync(action, *args)
        except FileChanged:
            found = await self._look(BY_EDIT)
            raise StaleRevision(yours, None if found.broken else found.revision) from None
        except UnusablePath:
            # After a failure of the last step the new file is there: what is there is what counts.
            await self._look(by=BY_EDIT)
            raise
        self._take(loaded, revision)

    def _take(self, loaded: Loaded, revision: Revision) -> None:
        self._loaded, self._revision = loaded, revision
        changed, self.changed = self.changed, trio.Event()
        changed.set()

    # --- the file -----------------------------------------------------------------------------------------------------

    async def reload(self, *, by: str = BY_EDIT) -> Reloaded:
        """
        Read the file and what overrides it again; what is good becomes a revision, what is broken is told.

        Args:
            by: Who made the edit, if it is one.

        Returns:
            What there is now. While the file is broken the last good revision counts, and `broken` says so.

        Cancellation: as for `change`.
        """
        async with self._turn:
            return await self._look(by)

    async def _look(self, by: str) -> Reloaded:
        before = self.revision
        try:
            found = await trio.to_thread.run_sync(self._read_again, by)
        except ConfigError as error:
            since = self._file.now() if self.broken is None else self.broken.since
            self.broken = Broken(error=error, since=since)
        else:
            self.broken = None
            if found is not None:
                self._take(*found)
        return Reloaded(revision=self.revision, changed=self.revision != before, broken=self.broken)

    def _read_again(self, by: str) -> tuple[Loaded, Revision] | None:
        """Give what is there now; None: the same as before."""
        content = self._file.read()
        outside = self._sources.read_outside(self._root)
        memory = keep_memory(self._loaded, content, self._file.path)
        loaded = self._build(content, memory=memory, outside=outside)
        if content != self._loaded.content:
            return loaded, self._file.note(content, after=self.revision, by=by, changed="file")
        if same(loaded.merged.document, self._loaded.merged.document):
            return None
        return loaded, self._file.note(content, after=self.revision, by="another override", changed="override")

    def _build(self, content: bytes, **changes: Any) -> Loaded:
        given = {"outside": self._loaded.outside, "memory": self._loaded.memory, "derived": self._loaded.derived}
        return build(content, self._root, source=self._file.path, sources=self._sources, **{**given, **changes})

    # --- derived values -----------------------------------------------------------------------------------------------

    async def derive(self, path: tuple[str, ...], value: Any, *, by: str, why: str) -> Change:
        """
        Let *value* stand at *path* as long as what is there now is not changed; it is kept apart from the user's file.

        Args:
            by, why: Who derived it, and for what reason: a sentence without a full stop.

        Raises:
            ConfigError: The result would have faults. Nothing was changed.

            UnusablePath: It cannot be written. Nothing was changed.

        Cancellation: as for `change`.
        """
        async with self._turn:
            return await self._change_derived(path, lambda there: self._derived(path, value, there, by, why), by)

    async def underive(self, path: tuple[str, ...], *, by: str) -> Change:
        """Take away the value that was derived for *path*, if there is one; otherwise as `derive`."""
        async with self._turn:
            return await self._change_derived(path, lambda _: (), by)

    def _derived(self, path: tuple[str, ...], value: Any, there: Any, by: str, why: str) -> tuple[Derived, ...]:
        return (Derived(path=path, value=value, instead_of=there, by=by, why=why, at=self._file.now()),)

    async def _change_derived(
        self, path: tuple[str, ...], make: Callable[[Any], tuple[Derived, ...]], by: str
    ) -> Change:
        others = tuple(one for one in self._loaded.derived if one.path != path)

        def work() -> tuple[Loaded, Revision]:
            below = self._build(self._loaded.content, derived=others)
            there = value_at(below.merged.document, path)
            loaded = self._build(self._loaded.content, derived=(*others, *make(None if there is MISSING else there)))
            save_derived(self._derived_path, loaded.derived)
            note = self._file.note(loaded.content, after=self.revision, by=by, changed="derived")
            return loaded, note

        before = self._loaded.merged.document
        await self._run(work)
        return Change(revision=self.revision, paths=_paths(before, self._loaded.merged.document))


def _paths(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    return tuple(edit.path for edit in difference(before, after))


async def open_store(
    path: str | os.PathLike[str],
    root: Root,
    *,
    sources: Sources | None = None,
    keep: int = KEPT,
    wall: Callable[[], float] = time.time,
) -> ConfigStore:
    """
    Open the configuration in the file at *path*, which is not written by this.

    Args:
        root: Its directories: `config/.env`, revisions and derived values are found there.

        sources: Where values come from beside the file; None: this process's environment, and `/run/secrets`.

        keep: How many revisions are kept.

        wall: The time, in Unix seconds.

    Raises:
        ConfigError: It cannot be used: every fault. There is no last good revision to go on with yet.

        HostError: What an earlier, newer version of this program left cannot be understood.

    Cancellation: safe.
    """
    chosen = sources or Sources()
    text = os.path.abspath(os.fspath(path))  # noqa: PTH100, ASYNC240  (a text is wanted, and nothing is asked)
    file = ConfigFile(text, Revisions(f"{root.config}/revisions", keep=keep), wall=wall)
    derived_path = f"{root.config}/derived.json"

    def work() -> tuple[Loaded, Revision]:
        content = file.read()
        derived, problem = load_derived(derived_path)
        outside = chosen.read_outside(root)
        loaded = build(content, root, source=text, sources=chosen, outside=outside, derived=derived)
        if problem:
            config = attrs.evolve(loaded.config, warnings=(*loaded.config.warnings, problem))
            loaded = attrs.evolve(loaded, config=config)
        return loaded, file.open(content)

    loaded, revision = await trio.to_thread.run_sync(work)
    return ConfigStore(loaded, revision, file, root, chosen, derived_path)
