"""Composition: the parts put together, as a service or for one command."""
