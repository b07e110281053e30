"""
What follows from the steps of a plan by itself: who loses a dependency, and who waited and goes on.

This is not a second model of the actors: it is their two rules, written down for a whole graph. A running service acts
on the loss of a dependency as its edge says (`Run._watch_dependencies`); a waiting one goes when all its gates are open
(`Gates`). Whatever is started is taken to become ready: nobody knows better beforehand.
"""

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping

import attrs

from dumb_actors.graph.gating import without_repeats
from dumb_actors.graph.scene import Scene
from dumb_actors.model.phase import Phase, has_child, meets
from dumb_actors.model.plan import Effect
from dumb_actors.model.probe import Settle
from dumb_actors.model.spec import OnLoss

__all__ = ["Moves", "predict"]

_PENDING = frozenset({Phase.WAITING, Phase.PREPARING, Phase.STOPPING, Phase.STOPPED})


@attrs.frozen(kw_only=True)
class Moves:
    """
    What the steps of a plan do, by name.

    Attributes:
        stops: Who is stopped, with the wave in which that happens.

        starts: Who is started, or started again after its stop.

        goes_at_once: Those of them that do not wait for anything.
    """

    stops: Mapping[str, int] = attrs.field(factory=dict)
    starts: Collection[str] = ()
    goes_at_once: Collection[str] = ()


def predict(before: Scene, moves: Moves, after: Scene | None = None) -> tuple[Effect, ...]:
    """
    Say what happens to the services that *moves* do not name.

    Args:
        before: How everything stands.

        moves: What is done.

        after: The graph and the specs afterwards, where they change as well.

    Returns:
        Losses, the nearest first, then who goes on.
    """
    return _Prediction(before, after or before, moves).effects()


@attrs.frozen(kw_only=True)
class _Loss:
    """What a service loses, and what its edge to that says."""

    service: str
    dependency: str
    depth: int
    on_loss: OnLoss
    is_told: bool


class _Prediction:
    def __init__(self, before: Scene, after: Scene, moves: Moves) -> None:
        self._before = before
        self._after = after
        self._direct = {*moves.stops, *moves.starts}
        self._moves = moves
        # Only of who is changed; all others are as they were. So a plan costs what it touches, not what there is.
        self._phases: dict[str, Phase] = {}
        self._wished: dict[str, bool] = {}
        self._kept: list[_Loss] = []
        self._decided: dict[str, _Loss] = {}
        self._rivals: dict[str, list[_Loss]] = {}
        for name in moves.stops:
            self._set(name, Phase.STOPPED, wished=False)
        for name in moves.starts:
            self._set(name, Phase.WAITING, wished=True)

    def effects(self) -> tuple[Effect, ...]:
        self._lose()
        released = self._release()
        losses = [loss for loss in self._kept if loss.service not in self._decided] + list(self._decided.values())
        losses.sort(key=lambda loss: loss.depth)
        return (*(self._told(loss) for loss in losses), *self._going_on(released))

    def _set(self, name: str, phase: Phase, *, wished: bool) -> None:
        self._phases[name] = phase
        self._wished[name] = wished

    def _phase(self, name: str) -> Phase:
        return self._phases[name] if name in self._phases else self._before.of(name).phase

    def _is_wished(self, name: str) -> bool:
        return self._wished[name] if name in self._wished else self._before.of(name).wished

    # --- losses -------------------------------------------------------------------------------------------------------

    def _lose(self) -> None:
        """Go from loss to loss in the order in which they happen: wave by wave, and in each from edge to edge."""
        starts = {name: 1 for name in self._moves.starts if name not in self._moves.stops}
        todo = [(wave, 0, name) for name, wave in {**starts, **self._moves.stops}.items()]
        heapq.heapify(todo)
        while todo:
            wave, depth, _ = todo[0]
            lost: list[str] = []
            while todo and todo[0][:2] == (wave, depth):
                lost.append(heapq.heappop(todo)[2])
            for name in self._hit(lost, depth + 1):
                heapq.heappush(todo, (wave, depth + 1, name))

    def _hit(self, lost: Iterable[str], depth: int) -> Iterator[str]:
        """Decide for everybody who loses one of *lost*; give those that go down for it."""
        found: dict[str, list[_Loss]] = {}
        for dependency in lost:
            for loss in self._losses_of(dependency, depth):
                found.setdefault(loss.service, []).append(loss)
        for name, losses in found.items():
            self._kept += [loss for loss in losses if loss.on_loss == "keep"]
            down = [loss for loss in losses if loss.on_loss != "keep"]
            if not down:
                continue
            self._rivals.setdefault(name, []).extend(down)
            if name in self._decided:
                continue
            loss = self._decided[name] = next((one for one in down if one.on_loss == "stop"), down[0])
            self._set(name, Phase.STOPPED, wished=loss.on_loss == "restart")
            yield name

    def _losses_of(self, dependency: str, depth: int) -> Iterator[_Loss]:
        if dependency not in self._before.specs:
            return  # it is new: nobody had it
        was = self._before.of(dependency).phase
        for name in self._before.graph.dependents(dependency):
            if name in self._direct or not self._before.of(name).has_child:
                continue
            edges = without_repeats(self._before.graph.edges_of(name))
            watched = [edge for edge in edges if edge.target == dependency and meets(was, edge.until)]
            hard = next((edge for edge in watched if edge.on_loss != "keep"), None)
            if hard is not None or watched or meets(was, "started"):
                yield _Loss(
                    service=name,
                    dependency=dependency,
                    depth=depth,
                    on_loss="keep" if hard is None else hard.on_loss,
                    is_told=bool(watched),
                )

    # --- who goes -----------------------------------------------------------------------------------------------------

    def _release(self) -> list[str]:
        """Let everybody go whose gates are open; give those that are neither steps nor losses, dependencies first."""
        graph = self._after.graph
        released: list[str] = []
        # Another set may have other edges, also between services that are the same.
        changed = graph.order if self._after is not self._before else self._changed_and_dependents()
        seen = {name for name in changed if name in graph.levels}
        todo = [(graph.levels[name], name) for name in seen]
        heapq.heapify(todo)
        while todo:
            # All that it needs stands further down, so it has come to its end already.
            _, name = heapq.heappop(todo)
            if not (self._is_pending(name) and self._goes(name)):
                continue
            self._phases[name] = self._end_phase(name)
            if name not in self._direct and name not in self._decided and not self._went_before(name):
                released.append(name)
            for other in graph.dependents(name):
                if other not in seen:
                    seen.add(other)
                    heapq.heappush(todo, (graph.levels[other], other))
        return released

    def _changed_and_dependents(self) -> Iterator[str]:
        for name in self._phases:
            yield name
            yield from self._after.graph.dependents(name)

    def _is_pending(self, name: str) -> bool:
        return self._is_wished(name) and self._phase(name) in _PENDING

    def _went_before(self, name: str) -> bool:
        """It is on its way already, whatever the plan does."""
        before = self._before
        return before.of(name).phase is not Phase.WAITING or (
            all(
                before.holds(edge) or not (edge.always or before.of(edge.target).wished)
                for edge in without_repeats(before.graph.edges_of(name))
            )
            and not before.of(name).closed_waits
        )

    def _goes(self, name: str) -> bool:
        if name in self._moves.goes_at_once:
            return True
        edges_open = all(
            meets(self._phase(edge.target), edge.until) or not (edge.always or self._is_wished(edge.target))
            for edge in without_repeats(self._after.graph.edges_of(name))
        )
        return edges_open and all(self._wait_opens(name, index) for index in range(len(self._after.specs[name].waits)))

    def _wait_opens(self, name: str, index: int) -> bool:
        edges = [edge for edge in self._after.graph.edges_of(name) if edge.wait == index]
        if any(self._is_wished(edge.target) and not meets(self._phase(edge.target), "started") for edge in edges):
            return False
        if index not in self._before.of(name).closed_waits or name in self._direct:
            return True
        # It did not hold: was that the probe's word, or had it no provider to be asked about?
        providers = [self._before.of(edge.target) for edge in edges]
        return any(one.wished and not meets(one.phase, "started") for one in providers)

    def _end_phase(self, name: str) -> Phase:
        spec = self._after.specs[name]
        is_done = spec.oneshot and isinstance(spec.readiness, Settle) and spec.restart.policy != "always"
        return Phase.COMPLETED if is_done else Phase.READY

    # --- in words -----------------------------------------------------------------------------------------------------

    def _told(self, loss: _Loss) -> Effect:
        name, lost = loss.service, loss.dependency
        comes_back = self._is_there(lost)
        rivals = [one for one in self._rivals.get(name, ()) if one.on_loss != loss.on_loss]
        match loss.on_loss:
            case "keep" if loss.is_told:
                kind = "keeps"
                text = f"keeps running and is told that {lost!r} is lost" + (", and when it is back" * comes_back)
            case "keep":
                kind, text = "keeps", f"keeps running; it asks for {lost!r} only before its start"
            case "stop":
                kind, text = "stops", f"is stopped, because {lost!r} is lost, and not started again by itself"
            case "restart" if self._is_there(name):
                kind = "restarts"
                text = f"is restarted, because {lost!r} is lost" + ("" if comes_back else ", and goes on without it")
            case "restart":
                kind, text = "waits", f"is stopped, because {lost!r} is lost, and waits until that is back"
        if rivals:
            others = " and ".join(f"{one.dependency!r} (on_loss {one.on_loss})" for one in rivals)
            text += f"; or otherwise: it loses {others} as well, and the first loss decides"
        return Effect(
            service=name,
            effect=text,
            kind=kind,  # type: ignore[arg-type]
            dependency=lost,
            on_loss=loss.on_loss,
            depth=loss.depth,
            certain=not rivals,
        )

    def _is_there(self, name: str) -> bool:
        return has_child(self._phase(name)) or self._phase(name) is Phase.COMPLETED

    def _going_on(self, released: Iterable[str]) -> Iterator[Effect]:
        depths: dict[str, int] = {}
        for name in released:
            dependency = self._freed_by(name)
            depths[name] = depth = depths.get(dependency, 0) + 1
            how = f"when {dependency!r} is there" if self._is_there(dependency) else f"without {dependency!r}"
            text = f"waits, and goes on {how}"
            yield Effect(service=name, effect=text, kind="goes_on", dependency=dependency, on_loss=None, depth=depth)

    def _freed_by(self, name: str) -> str:
        edges = list(self._before.graph.edges_of(name))
        changed = (e.target for e in edges if self._phase(e.target) is not self._before.of(e.target).phase)
        wished = (e.target for e in edges if self._is_wished(e.target) is not self._before.of(e.target).wished)
        return next(changed, None) or next(wished, "")
