"""What would fail right now: the resources that the starts of a plan need, asked of the host."""

from collections.abc import Iterator, Mapping, Sequence

import attrs
import trio

from dumb_actors.actors.launch import LaunchSettings, make_launch
from dumb_actors.actors.ports import Host, Listener
from dumb_actors.model.child import Launch
from dumb_actors.model.names import squeeze
from dumb_actors.model.plan import Check, Plan
from dumb_actors.model.spec import ServiceSpec

__all__ = ["Checker"]

AT_ONCE = 100
"""So many services are looked at at the same time: threads wait for a file system that hangs."""


@attrs.frozen(kw_only=True)
class Checker:
    """
    Checks plans.

    Attributes:
        host: Where things are looked at.

        settings, slugs: What children have in common, and what the files of each service are called.

        pids: The leader of each service's living child.
    """

    host: Host
    settings: LaunchSettings
    slugs: Mapping[str, str]
    pids: Mapping[str, int]

    async def check(self, plan: Plan) -> tuple[Check, ...]:
        """Look at everything that the starts of *plan* need, in its order."""
        found: dict[str, list[Check]] = {name: [] for name in plan.specs}
        limit = trio.CapacityLimiter(AT_ONCE)

        async def inspect(spec: ServiceSpec) -> None:
            async with limit:
                found[spec.name] += await self.host.inspect(self._launch(spec), spec.waits)

        async with trio.open_nursery() as nursery:
            for spec in plan.specs.values():
                nursery.start_soon(inspect, spec)
        ports = sorted({port for spec in plan.specs.values() for port in spec.ports})
        listeners = await self.host.listeners(ports) if ports else []
        for check in self._check_ports(plan, listeners):
            found[check.service].append(check)
        return tuple(check for each in found.values() for check in each)

    def _launch(self, spec: ServiceSpec) -> Launch:
        slug = self.slugs.get(spec.name) or squeeze(spec.name)
        return make_launch(spec, slug, 0, self.settings, {})

    # --- ports --------------------------------------------------------------------------------------------------------

    def _check_ports(self, plan: Plan, listeners: Sequence[Listener]) -> Iterator[Check]:
        users: dict[int, list[str]] = {}
        for spec in plan.specs.values():
            for port in spec.ports:
                users.setdefault(port, []).append(spec.name)
        going = {step.service for step in plan.steps if step.action != "start"}
        for spec in plan.specs.values():
            for port in dict.fromkeys(spec.ports):
                others = [name for name in users[port] if name != spec.name]
                taken = [one for one in listeners if one.port == port and not self._makes_room(one, spec.name, going)]
                yield self._port_check(spec.name, port, others, taken)

    def _port_check(self, name: str, port: int, others: Sequence[str], taken: Sequence[Listener]) -> Check:
        if taken:
            text = f"port {port} is taken: {self._who(taken[0])} listens there"
            return _port(name, port, text, hint="end that, or give this service another port")
        if others:
            text = f"port {port} is also that of {', '.join(map(repr, others))}, which this plan starts as well"
            return _port(name, port, text, hint="give one of them another port")
        return Check(service=name, kind="port", subject=str(port), ok=True, text=f"port {port} is free for it")

    def _makes_room(self, listener: Listener, name: str, going: set[str]) -> bool:
        """Tell whether a listener is the service's own child, or one that the plan stops first."""
        owner = self._owner(listener)
        return owner is not None and (owner == name or owner in going)

    def _owner(self, listener: Listener) -> str | None:
        return next((name for name, pid in self.pids.items() if pid in listener.kin), None)

    def _who(self, listener: Listener) -> str:
        owner = self._owner(listener)
        if owner is not None:
            return f"the service {owner!r}"
        if listener.pid is None:
            return f"a process of user {listener.uid}"
        return f"{listener.program or 'a process'} (pid {listener.pid})"


def _port(name: str, port: int, text: str, *, hint: str) -> Check:
    return Check(service=name, kind="port", subject=str(port), ok=False, text=text, hint=hint)
