import trio
from trio.testing import MockClock
from dumb_actors.model.spec import ServiceSpec, Tcp, Url
from dumb_actors.testing.simulated import open_simulation, SimulatedHost, Behaviour
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.checker import RuleChecker

async def test_chain(autojump_clock):
    specs=[ServiceSpec("c","c",depends_on=["b"]),ServiceSpec("b","b",depends_on=["a"],readiness=Tcp(1)),ServiceSpec("a","a",readiness=Tcp(2))]
    host=SimulatedHost()
    ch=RuleChecker(specs)
    async with open_simulation(specs,host) as sup:
        sup.add_listener(ch)
        rec=EventRecorder(sup)
        await sup.start("c")
        print(trio.current_time())
        await sup.stop("b")
        await sup.start("b")
    for e in rec.events: print(e.seq,e.mono,e.kind,e.service,e.generation,e.from_phase,e.to_phase,e.cause.text)
    assert ch.broken==[]
