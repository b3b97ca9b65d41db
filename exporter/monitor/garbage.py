"""When Python looks for garbage that holds on to itself: seldom among what lasts.

A full collection visits every object there is, for a tenth of a second and more with
10 000 targets, and nothing else runs meanwhile. But what lasts here (rules, results,
rendered rows) refers to nothing in circles, and what does (tasks, tracebacks) dies
young, where the cheap collections find it.
"""

from __future__ import annotations

import gc

_YOUNG = 5000
"""Objects more than before that make a young collection due: those of some hundred
probes under way, which were only looked at and kept with fewer."""
_FULL = 5000
"""Collections of the middle generation, of which there is one a second at the very
most, that make a full one due."""


def collect_seldom() -> None:
    """Takes all that exists now for lasting, and makes full collections rare."""
    gc.freeze()
    _, middle, _ = gc.get_threshold()
    gc.set_threshold(_YOUNG, middle, _FULL)
