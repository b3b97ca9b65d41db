"""Proves connectivity requirements continuously and tells Prometheus what holds."""

__version__ = "0.1.0"
