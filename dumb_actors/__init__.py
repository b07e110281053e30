"""Event-driven actor system."""

__version__ = "0.1.0"
