"""Readiness probes: one file each, one Protocol (`Probe`), one loop (`loop.wait_until_held`)."""
