"""Feeds that bring destinations: what keeps them away, and what waits for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from exporter.diagnose.explanation import Explanation, counted
from exporter.diagnose.features import Kind, own_features, shared_features
from exporter.model.finding import Cause
from exporter.model.outcome import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.scene import Scene
    from exporter.model.rule import Target

_STALE = 3600.0
"""Seconds beyond two of its intervals after which a feed counts as out of date."""
_PORTS = {"http": 80, "https": 443}
_KEEPING_AWAY = frozenset(
    {
        *(Cause.THIS_HOST, Cause.RESOLVER, Cause.NAME, Cause.PROXY),
        *(Cause.PATH, Cause.PATH_MTU, Cause.DESTINATION, Cause.SERVICE),
    }
)
"""Causes by which nothing can be had from a host."""


def with_feeds(scene: Scene, found: Iterable[Explanation]) -> list[Explanation]:
    """What explains the targets, and the feeds that some of them come from.

    What keeps every public service away keeps their feeds away as well.
    """
    explanations = list(found)
    gone = {target.key for one in explanations for target in one.waiting}
    waiting = [one for one in scene.known.waiting if one.key not in gone]
    for name in dict.fromkeys(one.rule.feed or "" for one in waiting):
        mine = tuple(one for one in waiting if (one.rule.feed or "") == name)
        if _is_awaited(scene, name):
            continue
        index = _kept_away_by(scene, explanations, scene.known.urls.get(name, ""))
        if index is None:
            rules = counted(len({one.rule.id for one in mine}), "rule")
            wait = "waits" if rules.startswith("1 ") else "wait"
            says = f"has never been fetched: {rules} {wait} for it"
            explanations.append(_feed(name, mine, says))
        else:
            before = explanations[index]
            explanations[index] = replace(before, waiting=before.waiting + mine)
    return explanations + _out_of_date(scene)


def _is_awaited(scene: Scene, name: str) -> bool:
    """Whether a feed is being fetched for the first time."""
    return any(
        state.known.name == name and not state.failures for state in scene.known.feeds
    )


def _kept_away_by(scene: Scene, found: Sequence[Explanation], url: str) -> int | None:
    """Which of some explanations is that of a feed which cannot be fetched, if any is."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or parts.hostname is None:
        return None
    port = parts.port or _PORTS[parts.scheme]
    flow = (port, "tcp", "", True, "", False)
    features = frozenset({*shared_features(*flow), *own_features(parts.hostname, "")})
    public = (Kind.PUBLIC_PORT, f"{port}/tcp")
    kept = (
        index
        for index, one in enumerate(found)
        if one.common in features
        or _is_of_its_host(one, parts.hostname, port)
        or (public not in scene.answers.features and _is_near(scene, one, public))
    )
    return next(kept, None)


def _is_of_its_host(one: Explanation, host: str, port: int) -> bool:
    """Whether it explains why rules to the feed's own server fail."""
    return one.cause in _KEEPING_AWAY and any(
        symptom.host == host and symptom.target.port == port for symptom in one.symptoms
    )


def _is_near(scene: Scene, one: Explanation, public: Feature) -> bool:
    """Whether it is so near to this host that it keeps all alike away with its targets."""
    if one.cause is Cause.PROXY:
        # Whatever leaves by a proxy is fetched through it, as feeds are.
        vias = {symptom.seen.via for symptom in one.symptoms}
        return not any(
            record.latest is not None
            and record.latest.verdict is Verdict.HOLDS
            and record.latest.observation.via in vias
            for record in scene.known.records
        )
    return one.cause is Cause.THIS_HOST and any(
        public in symptom.features for symptom in one.symptoms
    )


def _out_of_date(scene: Scene) -> list[Explanation]:
    now, found = scene.known.now, []
    for state in scene.known.feeds:
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
        f"The feed {name} {says}",
        "Please check that this host may fetch the feed, and what its server answers.",
        waiting=waiting,
    )
