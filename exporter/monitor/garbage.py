"""When Python looks for garbage that holds on to itself: seldom among what lasts.

A full collection visits every object there is, for a tenth of a second and more with
10 000 targets, and nothing else runs meanwhile. But what lasts here (rules, results,
rendered rows) refers to nothing in circles, and what does (tasks, tracebacks) dies
young, where the cheap collections find it.
"""

from __future__ import annotations

import gc

_FULL = 5000
"""Collections of the middle generation, of which there is one every few seconds at
the most, before a full one is due."""


def collect_seldom() -> None:
    """Takes all that exists now for lasting, and makes full collections rare."""
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _FULL)
