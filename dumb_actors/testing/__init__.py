"""Fakes for tests of this project and of its users: simulated processes, an event recorder, the rules' checker."""

from dumb_actors.testing.checker import BrokenRule, RuleChecker
from dumb_actors.testing.recorder import EventRecorder
from dumb_actors.testing.simulated import Behaviour, SimulatedHost, open_simulation

__all__ = ["Behaviour", "BrokenRule", "EventRecorder", "RuleChecker", "SimulatedHost", "open_simulation"]
