"""Lists that bring destinations: what keeps them away, and what waits for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exporter.diagnose.explanation import Explanation, counted
from exporter.diagnose.features import EVERYTHING, Kind
from exporter.model.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.scene import Scene
    from exporter.model.rule import Target

_STALE = 3600.0
"""Seconds beyond two of its intervals after which a list counts as out of date."""
_PORTS = {"http": 80, "https": 443}


def with_lists(scene: Scene, found: Iterable[Explanation]) -> list[Explanation]:
    """What explains the targets, and the lists that some of them come from.

    What keeps every public service away keeps their lists away as well.
    """
    explanations = list(found)
    gone = {target.key for one in explanations for target in one.waiting}
    waiting = [one for one in scene.known.waiting if one.key not in gone]
    for name in dict.fromkeys(one.rule.mirrors or "" for one in waiting):
        mine = tuple(one for one in waiting if (one.rule.mirrors or "") == name)
        if _is_awaited(scene, name):
            continue
        index = _kept_away_by(explanations, _features(scene.known.urls.get(name, "")))
        if index is None:
            rules = counted(len({one.rule.id for one in mine}), "rule")
            says = f"has never been fetched: {rules} wait for it"
            explanations.append(_feed(name, mine, says))
        else:
            before = explanations[index]
            explanations[index] = replace(before, waiting=before.waiting + mine)
    return explanations + _out_of_date(scene)


def _is_awaited(scene: Scene, name: str) -> bool:
    """Whether a list is being fetched for the first time."""
    return any(
        state.known.name == name and not state.failures for state in scene.known.lists
    )


def _features(url: str) -> frozenset[Feature]:
    """What fetching a list has in common with rules about public services."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        return frozenset()
    to = f"{parts.port or _PORTS[parts.scheme]}/tcp"
    return frozenset(
        {
            *(EVERYTHING, (Kind.PUBLIC, ""), (Kind.PUBLIC_TRANSPORT, "TCP")),
            *((Kind.PORT, to), (Kind.PUBLIC_PORT, to)),
        }
    )


def _kept_away_by(
    found: Sequence[Explanation], features: frozenset[Feature]
) -> int | None:
    kept = (i for i, one in enumerate(found) if one.common in features)
    return next(kept, None)


def _out_of_date(scene: Scene) -> list[Explanation]:
    now, found = scene.known.now, []
    for state in scene.known.lists:
        last = state.last_success_timestamp
        limit = 2 * state.known.interval + _STALE
        if state.failures and last is not None and now - last > limit:
            hours = int((now - last) / 3600)
            found.append(_feed(state.known.name, (), f"is {hours} hours old"))
    return found


def _feed(name: str, waiting: tuple[Target, ...], says: str) -> Explanation:
    return Explanation(
        Cause.FEED,
        name,
        (),
        f"The mirror list {name} {says}",
        "Please check that this host may fetch the list, and what its server answers.",
        waiting=waiting,
    )
