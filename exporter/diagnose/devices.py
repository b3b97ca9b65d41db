"""Devices between this host and its destinations: the proxy, and who answers for others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.diagnose.common_features import (
    NO_STRANGERS,
    STRANGERS,
    are_strangers,
    in_common,
)
from exporter.diagnose.explanation import Explanation, counted, extent, listed, seen_of
from exporter.diagnose.features import words
from exporter.diagnose.self_evident import grouped, neither
from exporter.diagnose.trouble import Trouble
from exporter.model.addresses import neighbourhood
from exporter.model.endpoint import place
from exporter.model.finding import Cause
from exporter.model.outcome import Origin, Reason, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.scene import Scene, Steps
    from exporter.diagnose.symptoms import Symptom
    from exporter.model.outcome import Observation


_WANTS = "wants a password"
# Of an HTTP answer, its status and who says that it gives it: where it leads to, and
# what a rule has against it, need not be the same.
_HEAD = re.compile(r"HTTP \d+(?:, server: [^,]*)?")
_BEGINNING = 40
"""Characters of the detail of any other answer that tell it from others."""
_UNRELATED = 2
"""Networks, at different distances, that no change of one route moves together."""


def proxy(scene: Scene) -> list[Explanation]:
    """What ended at the proxy, and is not what it reports of one destination."""
    return [
        _proxy(scene, members)
        for members in grouped(_at_proxies(scene), lambda one: one.seen.via)
    ]


def behind_proxy(scene: Scene) -> list[Symptom]:
    """What a proxy that others get through says of their destinations."""
    blamed = {id(one) for one in _at_proxies(scene)}
    return [one for one in scene.of(Trouble.PROXY) if id(one) not in blamed]


def _at_proxies(scene: Scene) -> list[Symptom]:
    found = []
    for members in grouped(scene.of(Trouble.PROXY), lambda one: one.seen.via):
        through = _through(scene, members[0].seen.via)
        hosts = {one.host for one in members}
        own = [one for one in members if not _is_reported(one.seen)]
        one_host = len(hosts) == 1 and not own
        if through or one_host:
            nameless = [one for one in members if _is_nameless(one)]
            found += own + (nameless if are_strangers(nameless) else [])
        else:
            found += members
    return found


def unknown_to_proxy(scene: Scene) -> list[Explanation]:
    """Names that a proxy does not find, though it finds others."""
    nameless = [one for one in behind_proxy(scene) if _is_nameless(one)]
    return [
        Explanation(
            Cause.NAME,
            members[0].host,
            members,
            f"The proxy {members[0].seen.via} cannot resolve {members[0].host}:"
            f" {extent(members, members[0].host)}",
            f"Please check {members[0].host} in DNS, as the proxy's resolvers answer it.",
            seen_of(members),
            _still_through(scene, members[0].seen.via),
        )
        for members in grouped(nameless, lambda one: one.host)
    ]


def _is_nameless(symptom: Symptom) -> bool:
    """Whether a proxy reports that it cannot resolve the destination's name."""
    seen = symptom.seen
    return seen.reason is Reason.DNS_FAILURE and _is_reported(seen)


def _still_through(scene: Scene, via: str) -> tuple[str, ...]:
    number = _through(scene, via)
    holds = "holds" if number == 1 else "hold"
    return (f"{counted(number, 'rule')} {holds} through the same proxy",) * bool(number)


def _is_reported(seen: Observation) -> bool:
    """Whether the proxy was reached and speaks of its own connection."""
    own = seen.origin is Origin.PATH or seen.latency is None
    return "cannot reach the destination" in seen.detail or not own


def _through(scene: Scene, via: str) -> int:
    return sum(
        record.latest is not None
        and record.latest.observation.via == via
        and record.latest.observation.reason is Reason.ANSWERED
        for record in scene.known.records
    )


def _proxy(scene: Scene, members: Sequence[Symptom]) -> Explanation:
    via = members[0].seen.via
    says, wish = _refuses(members)
    return Explanation(
        Cause.PROXY,
        via,
        members,
        f"The proxy {via} {says}: {extent(members)}",
        wish,
        seen_of(members),
        _still_through(scene, via),
    )


def _refuses(members: Sequence[Symptom]) -> tuple[str, str]:
    """What a proxy does wrong, and what to ask for."""
    if all(map(_is_nameless, members)):
        return (
            "resolves none of these names",
            "Please check the resolvers that the proxy asks.",
        )
    if any(one.seen.reason is not Reason.REJECTED for one in members):
        return _reached_in_vain(members), (
            "Please check the proxy: no connection comes about through it."
        )
    allow = (
        "Please let this host connect (CONNECT) to these destinations through the proxy"
    )
    if all(_WANTS in one.seen.detail for one in members):
        return "wants a password", f"{allow} without a password."
    return "does not let these connections pass", f"{allow}."


def middlebox(scene: Scene) -> list[Explanation]:
    """Devices that speak in everybody's name."""
    return _shaking(scene) + _answering(scene)


def _answering(scene: Scene) -> list[Explanation]:
    """Answers of unrelated hosts that all come from the same place now, and nearer.

    One route may change by itself, and then its hosts are in one network.
    """
    found = []
    for members in grouped(scene.of(Trouble.NEARER), lambda one: one.hop):
        usual = [scene.known.distances[one.target.key] for one in members]
        networks = {neighbourhood(one.seen.address) for one in members}
        if len(networks) < _UNRELATED or len(set(usual)) < _UNRELATED:
            continue
        hop = members[0].hop
        was = listed(str(one) for one in sorted(usual))
        found.append(
            Explanation(
                Cause.MIDDLEBOX,
                f"hop {hop}",
                members,
                f"Answers of unrelated hosts all come from hop {hop} now:"
                f" {extent(members)}",
                "Please find the device that answers for these hosts.",
                (f"they came from as far as hop {was} before",),
            )
        )
    return found


def _reached_in_vain(members: Sequence[Symptom]) -> str:
    """How a proxy fails that does not say no."""
    if any(one.seen.latency is not None for one in members):
        return "brings no connection about"
    if all(one.seen.stage is Stage.RESOLVE for one in members):
        return "is not found in DNS"
    said = {
        Reason.TIMEOUT: "does not answer",
        Reason.REFUSED: "refuses connections",
        Reason.HOST_UNREACHABLE: "is unreachable",
    }
    reasons = {one.seen.reason for one in members}
    return (
        said.get(min(reasons), "is not reached")
        if len(reasons) == 1
        else "is not reached"
    )


def posing(scene: Scene) -> Steps[list[Explanation]]:
    """Devices that give one wrong answer in the name of many strangers.

    A portal, or a page that says no: strangers do not all answer alike, and otherwise
    than they should, while nothing of the kind is answered as it should be.
    """
    found: list[Explanation] = []
    public = [one for one in scene.of(Trouble.WRONG) if one.target.rule.public]
    for alike in grouped(public, _answer):
        for feature, members in (yield from in_common(scene, alike, STRANGERS)):
            if feature[0] not in NO_STRANGERS and are_strangers(members):
                found.append(_posing(feature, members))
    return found


def _answer(symptom: Symptom) -> tuple[Reason, Stage, str]:
    """What came, as far as one device would give it to all alike."""
    seen = symptom.seen
    head = _HEAD.match(seen.detail)
    return seen.reason, seen.stage, head[0] if head else seen.detail[:_BEGINNING]


def _posing(feature: Feature, members: Sequence[Symptom]) -> Explanation:
    what = words(feature)
    return Explanation(
        Cause.MIDDLEBOX,
        what,
        members,
        f"A device answers in the name of {what}, and otherwise than it should:"
        f" {extent(members)}",
        "Please find the device that answers for these services, such as a portal or a"
        " filter, and let what is sent to them pass.",
        seen_of(members),
        ("unrelated services do not all give such an answer by themselves",),
    )


def _shaking(scene: Scene) -> list[Explanation]:
    """Handshakes that a device completes in everybody's name."""
    doubted = scene.of(Trouble.DEVICE)
    answering = [one for one in scene.known.controls if one.answered]
    if not doubted and not answering:
        return []
    controls = [place(c.target.destination, c.target.port) for c in answering]
    pending = [one for one in doubted if "has not been looked at" in one.seen.detail]
    if pending and not answering and len(pending) == len(doubted):
        return [neither("a control that was not looked at", doubted)]
    said = tuple(f"{one} answers, where nothing may" for one in controls)
    return [
        Explanation(
            Cause.MIDDLEBOX,
            listed(controls) or _distance(doubted),
            doubted,
            "A device completes handshakes in the name of others, so that bare ones"
            f" prove nothing{f': {extent(doubted)}' if doubted else ''}",
            "Please find the device that answers for these hosts, and let what is sent"
            " to them pass.",
            said + seen_of(doubted),
        )
    ]


def _distance(doubted: Sequence[Symptom]) -> str:
    hops = {one.seen.answer_hops for one in doubted} - {None}
    return (
        f"hop {min(h for h in hops if h)}" if hops else listed(o.host for o in doubted)
    )
