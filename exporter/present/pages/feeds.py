"""Feeds in words: how many members are in force, how old they are, what changed last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.monitor.feed_refresh import FeedState
    from exporter.present.pages.views import Clock


def feed_words(state: FeedState, clock: Clock) -> str:
    """One feed in a sentence."""
    name = f"{state.known.name} ({state.known.title})"
    if not state.fetches:
        said = "could not be fetched" if state.failures else "is being fetched"
        return f"{name} {said}"
    force, named = len(state.in_force), len(state.seen)
    told = f"{name}: {force} of {named} members in force, fetched {clock.since(state.last_success_timestamp)} ago"
    if state.changes and state.last_change is not None:
        when = clock.since(state.last_change.timestamp)
        told += f"; {when} ago {state.last_change}"
    return told
