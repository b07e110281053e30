"""Fakes for tests of this project and of its users: simulated processes, an event recorder, the rules' checker."""
