"""What a supervisor would do: plans, made by the code that acts, from memory, without changing anything."""

import logging
from collections.abc import Sequence

import attrs
import trio

from dumb_actors.actors.checking import Checker
from dumb_actors.actors.commands import Dependencies
from dumb_actors.actors.masking import secrets_of
from dumb_actors.actors.memory import Memory
from dumb_actors.actors.ports import Host
from dumb_actors.actors.view import SupervisorView
from dumb_actors.config.load import Config
from dumb_actors.config.specs import check_specs
from dumb_actors.errors import HostError
from dumb_actors.graph import planning
from dumb_actors.graph.dependency import DependencyGraph
from dumb_actors.graph.scene import Scene, Situation
from dumb_actors.journal.durations import Durations
from dumb_actors.logs.redact import Redactor
from dumb_actors.model.plan import Difference, Plan, find_difference
from dumb_actors.model.spec import ServiceSpec

__all__ = ["Change", "SupervisorPlans"]

log = logging.getLogger("dumb_actors.supervisor")

RECALLED = 20_000
"""So many of the last events of the journal are enough to know durations by."""


@attrs.frozen(kw_only=True)
class Change:
    """A new set of services without faults."""

    specs: Sequence[ServiceSpec]
    graph: DependencyGraph
    secrets: frozenset[str]


class SupervisorPlans(SupervisorView):
    """
    The side of a supervisor that plans; nothing here changes anything.

    Attributes:
        durations: How long starts and stops took lately.
    """

    durations: Durations
    _memory: Memory
    _adopted: frozenset[str]
    _host: Host
    _secrets: frozenset[str]
    redactor: Redactor
    _has_recalled = False

    def plan_start(self, name: str, *, dependencies: Dependencies = "start") -> Plan:
        """
        Say what `start` would do: which services, in which order, why, and what they would wait for.

        Args:
            name: The service.

            dependencies: As for `start`.

        Raises:
            UnknownService: No such name.
        """
        spec = self.find(name)
        plan = planning.plan_start(self._scene, spec.name, startable=self._startable, dependencies=dependencies)
        return self._masked_plan(plan)

    def plan_restart(self, name: str, *, dependencies: Dependencies = "start") -> Plan:
        """
        Say what `restart` would do, and to whom; arguments and errors as for `plan_start`.

        Raises:
            UnknownService: No such name.
        """
        spec = self.find(name)
        plan = planning.plan_restart(self._scene, spec.name, startable=self._startable, dependencies=dependencies)
        return self._masked_plan(plan)

    def plan_stop(self, name: str) -> Plan:
        """
        Say what `stop` would do, and to whom: its dependents, theirs, and so on.

        Raises:
            UnknownService: No such name.
        """
        return self._masked_plan(planning.plan_stop(self._scene, self.find(name).name))

    def plan_boot(self) -> Plan:
        """Say what `boot` would do."""
        return self._masked_plan(self._plan_boot(self._scene))

    def plan_shutdown(self) -> Plan:
        """Say in which order `shutdown` would stop everything."""
        return self._masked_plan(planning.plan_shutdown(self._scene))

    def plan_reconfigure(self, new: Config | Sequence[ServiceSpec]) -> Plan:
        """
        Say what `reconfigure` would do.

        Raises:
            ConfigError: The new set has faults, as `reconfigure` would say.
        """
        change = self._change_to(new)
        return self._masked_plan(self._plan_change(change, self._scene)[1], change.secrets)

    async def recall_durations(self) -> None:
        """
        Read from the journal how long starts and stops took in earlier runs; only the first call does anything.

        Before, only what happened in this run and what a killed one left is known. Where the journal cannot be read, it
        stays so.

        Cancellation: safe; the next call does it.
        """
        if self._has_recalled or self.journal_dir is None:
            return
        self._has_recalled = True
        seq = self._bus.seq
        try:
            events = await self.history(kinds=("phase", "exited"), limit=RECALLED)
        except HostError as error:
            log.warning("durations.not_recalled reason=%r", str(error))
            return
        except trio.Cancelled:
            self._has_recalled = False
            raise
        later = [event for event in self._bus.recent() if event.seq > seq]
        self.durations.relearn([*events, *later])

    async def check_plan(self, plan: Plan) -> Plan:
        """
        Look whether what the starts of *plan* need is there right now, without starting anything.

        Programs, working directories, users, limits, log directories, ports and what is waited for are looked at by
        the code that a start uses, with its deadlines: a file system that hangs costs five seconds for each hundred
        services.

        Returns:
            The plan with its `checks`; `failing` are those for which a start would fail.

        Cancellation: safe.
        """
        pids = {name: actor.state.pid for name, actor in self._crew.actors.items() if actor.state.pid is not None}
        checker = Checker(host=self._host, settings=self._settings, slugs=self.slugs, pids=pids)
        checks = await checker.check(plan)
        return self._masked_plan(attrs.evolve(plan, checks=checks))

    # --- inside -------------------------------------------------------------------------------------------------------

    @property
    def _scene(self) -> Scene:
        return Scene(
            graph=self.graph,
            specs=self.specs,
            situation=self._situation,
            start_s=self.durations.start_s,
            stop_s=self.durations.stop_s,
        )

    @property
    def _scene_of_action(self) -> Scene:
        """For who carries the plan out: the same steps, without what it would cost to look further."""
        return attrs.evolve(self._scene, looks_ahead=False)

    def _situation(self, name: str) -> Situation:
        actor = self._crew.actors.get(name)
        return Situation() if actor is None else actor.situation()

    @property
    def _startable(self) -> frozenset[str]:
        return frozenset(name for name, spec in self.specs.items() if spec.enabled)

    def _wished_at_boot(self) -> list[str]:
        wishes = self._memory.wishes
        return [name for name in self.graph.order if wishes.decide(name, self.specs[name].enabled)]

    def _change_to(self, new: Config | Sequence[ServiceSpec]) -> Change:
        """Raise `ConfigError` for a set with faults."""
        specs = new.specs if isinstance(new, Config) else tuple(new)
        knowledge = new.knowledge if isinstance(new, Config) else self.graph.knowledge
        check_specs(specs, knowledge)
        return Change(specs=specs, graph=DependencyGraph(specs, knowledge), secrets=secrets_of(new))

    def _plan_change(self, change: Change, scene: Scene) -> tuple[Difference, Plan]:
        specs = {spec.name: spec for spec in change.specs}
        found = find_difference(self.specs, specs)
        return found, planning.plan_reconfigure(scene, found, change.graph, specs)

    def _plan_boot(self, scene: Scene) -> Plan:
        wished = self._wished_at_boot()
        # Not what somebody has started here: that is no enabled service either, and goes on.
        unwished = {name for name in self._adopted - set(wished) if scene.of(name).is_up}
        return planning.plan_boot(scene, wished=frozenset(wished), unwished=unwished)

    def _masked_plan(self, plan: Plan, more: frozenset[str] = frozenset()) -> Plan:
        """Let no secret of a URL, a path or a reason be read in *plan*."""
        mask = (Redactor(self._secrets | more) if more else self.redactor).text
        waits = [attrs.evolve(one, what=mask(one.what), why=mask(one.why)) for one in plan.waits_for]
        checks = [attrs.evolve(one, subject=mask(one.subject), text=mask(one.text)) for one in plan.checks or ()]
        return attrs.evolve(
            plan,
            already=mask(plan.already),
            waits_for=tuple(waits),
            checks=None if plan.checks is None else tuple(checks),
        )
