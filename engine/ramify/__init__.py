"""Ramify: deploy software to large, hierarchical fleets, recursively."""

__version__ = "0.1.0"
