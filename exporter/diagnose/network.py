"""What ends between this host and a service: the path, the host, or the one service.

A device that says no names itself. Of silence the trace tells where it begins, and what
still answers tells what it is not: a hop that others pass is not broken as a whole, a
host that answers on another port is up. So silence is the path's only if it begins where
neighbours of the same network are passed on, or if all that has a feature in common is
silent and nothing that has it answers.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from exporter.diagnose import features
from exporter.diagnose.common_features import FEW, SOME, in_common
from exporter.diagnose.explanation import (
    Explanation,
    counted,
    extent,
    listed,
    seen_of,
    where,
)
from exporter.diagnose.features import EVERYTHING, Kind
from exporter.diagnose.hosts import host_or_service
from exporter.diagnose.scene import STEP
from exporter.diagnose.trouble import Trouble
from exporter.model.finding import Cause
from exporter.model.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.scene import Scene, Steps
    from exporter.diagnose.symptoms import Symptom

_FAMILIES = 2
_SAYS = {
    Reason.PROHIBITED: "prohibits",
    Reason.REFUSED: "resets",
    Reason.RESET: "resets",
    Reason.PORT_UNREACHABLE: "rejects",
    Reason.NETWORK_UNREACHABLE: "knows no way for",
}


def on_the_path(scene: Scene) -> Steps[list[Explanation]]:
    """What explains everything that never got a connection."""
    found = yield from _refusals(scene)
    found += yield from _unreachable(scene)
    found += yield from _silences(scene, scene.of(Trouble.SILENT))
    found += yield from host_or_service(scene, scene.of(Trouble.SHUT))
    return found


def behind_the_handshake(scene: Scene) -> Steps[list[Explanation]]:
    """What explains connections that stood and came to nothing."""
    found: list[Explanation] = []
    small = scene.of(Trouble.SMALL)
    hosts = {one.host for one in small}
    cut = scene.of(Trouble.CUT)
    small += [one for one in cut if one.host in hosts]
    if small:
        found.append(_large_packets(scene, small))
    rest = [one for one in cut if one.host not in hosts]
    for feature, members in (yield from in_common(scene, rest, SOME)):
        found.append(_inspected(scene, feature, members))
        rest = _without(rest, members)
    return found + (yield from host_or_service(scene, rest))


def _refusals(scene: Scene) -> Steps[list[Explanation]]:
    """One cause for each device that said no."""
    groups: defaultdict[str, list[Symptom]] = defaultdict(list)
    same = _aliases(scene.of(Trouble.REFUSED))
    for one in scene.of(Trouble.REFUSED):
        groups[same.get(one.place, one.place)].append(one)
    found: list[Explanation] = []
    unnamed = groups.pop("", [])
    for _, alike in (yield from in_common(scene, unnamed, FEW)):
        found.append((yield from _refused(scene, "", alike)))
        unnamed = _without(unnamed, alike)
    some = [("", one) for one in scene.hosts.grouped(unnamed)] + list(groups.items())
    for device, members in some:
        found.append((yield from _refused(scene, device, members)))
    return found


def _aliases(symptoms: Iterable[Symptom]) -> dict[str, str]:
    """Addresses of refusers that spoke for the same target, by the one to name."""
    same: dict[str, str] = {}
    for one in symptoms:
        latest = one.record.latest
        judged = latest.addresses if latest is not None else ()
        if len(judged) < _FAMILIES:
            continue
        spoke = {j.observation.icmp.sender for j in judged if j.observation.icmp}
        spoke.add(one.place)
        name = min((same.get(other, other) for other in spoke), key=_naming)
        same.update(dict.fromkeys(spoke, name))
    return same


def _naming(address: str) -> tuple[bool, str]:
    """An address of IPv4 is named before one of IPv6."""
    return ":" in address, address


def _refused(
    scene: Scene, device: str, members: Sequence[Symptom]
) -> Steps[Explanation]:
    common = yield from _common(scene, members)
    to = where(members[0]) if len(members) == 1 else _hosts(members)
    proxies = {one.seen.via for one in members}
    if proxies != {""}:
        common, to = None, f"the proxy {' and '.join(sorted(proxies))}"
    what = features.words(common) if common else f"connections to {to}"
    reason = Counter(one.seen.reason for one in members).most_common(1)[0][0]
    says = _SAYS.get(reason, "refuses")
    yield
    past = _past(scene, device, members)
    yield
    who = f"{device}, a device on the path," if device else "A device on the path"
    return Explanation(
        Cause.PATH,
        device or where(members[0]),
        members,
        f"{who} {says} {what}: {extent(members)}",
        "Please allow these connections; they are refused on the way.",
        seen_of(members),
        past,
        common=common,
    )


def _unreachable(scene: Scene) -> Steps[list[Explanation]]:
    """What routers say of hosts that do not answer them."""
    groups: defaultdict[str, list[Symptom]] = defaultdict(list)
    for one in scene.of(Trouble.UNREACHABLE):
        groups[one.place].append(one)
    found: list[Explanation] = []
    for device, members in groups.items():
        filtered = [one for one in members if _is_filtered(scene, one)]
        if filtered:
            found.append((yield from _refused(scene, device, filtered)))
        rest = _without(members, filtered)
        hosts = {one.address for one in rest}
        if (
            device
            and len(hosts) >= FEW
            and not scene.past(device)
            and scene.known.answering_paths
        ):
            found.append((yield from _refused(scene, device, rest)))
        else:
            found += yield from host_or_service(scene, rest)
    return found


def _is_filtered(scene: Scene, symptom: Symptom) -> bool:
    """Whether who calls a host unreachable is proven wrong: it is a filter then."""
    refuted = _is_alive(scene, symptom) or scene.stops_short(symptom)
    return bool(symptom.place and refuted)


def _silences(scene: Scene, symptoms: list[Symptom]) -> Steps[list[Explanation]]:
    rest = symptoms
    found: list[Explanation] = []
    for place in _places(symptoms):
        yield
        here = [one for one in rest if one.place in {place, ""}]
        chosen = yield from in_common(scene, here, FEW, place)
        rest = _without(rest, (one for _, members in chosen for one in members))
        for feature, members in chosen:
            more = _other_ports(scene, place, members, rest)
            rest = _without(rest, more)
            common = None if more else feature
            found.append((yield from _silent(scene, place, common, members + more)))
    short: defaultdict[str, list[Symptom]] = defaultdict(list)
    for one in rest:
        if scene.stops_short(one):
            short[one.place].append(one)
    for place, members in short.items():
        found.append((yield from _silent(scene, place, None, members)))
    rest = [one for one in rest if one.place not in short or not scene.stops_short(one)]
    return found + (yield from host_or_service(scene, rest))


def _other_ports(
    scene: Scene, place: str, members: Sequence[Symptom], rest: Iterable[Symptom]
) -> list[Symptom]:
    """What else of the same hosts ends at the same place, if nothing of them answers.

    Hosts that share a port and are silent on all others too are cut off as hosts. Where
    some of them answer elsewhere, it is the port that is cut off; and the rest is not.
    """
    hosts = {one.host for one in members}
    if not place or any(_is_alive(scene, one) for one in members):
        return []
    return [one for one in rest if one.place == place and one.host in hosts]


def _is_alive(scene: Scene, symptom: Symptom) -> bool:
    return bool(scene.answers.any_of((symptom.host, symptom.address)))


def _places(symptoms: Iterable[Symptom]) -> list[str]:
    """Where silence begins, the place of most of it first; unknown comes last."""
    counts = Counter(one.place for one in symptoms)
    counts.pop("", None)
    return [*sorted(counts, key=lambda place: (-counts[place], place)), ""]


def _silent(
    scene: Scene, hop: str, feature: Feature | None, members: Sequence[Symptom]
) -> Steps[Explanation]:
    """Silence that begins on the path, or at what somebody runs."""
    yield
    said = extent(members)
    yield
    past = _past(scene, hop, members)
    yield
    what = features.words(feature) if feature else f"what goes to {_hosts(members)}"
    number = next((one.hop for one in members if one.place == hop and one.hop), 0)
    behind = f" behind {hop} (hop {number})" if hop else ""
    vendors = feature is not None and feature[0] is Kind.DOMAIN
    if feature is not None and vendors and scene.stop_short(members) != {True}:
        return Explanation(
            Cause.DESTINATION,
            feature[1],
            members,
            f"No host of {feature[1]} answers: {said}",
            f"Please check what serves {feature[1]}: nothing of it answers from here.",
            seen_of(members),
            past,
        )
    return Explanation(
        Cause.PATH,
        hop or (features.words(feature) if feature else _hosts(members)),
        members,
        f"Silence{behind} meets {what}: {said}",
        "Please find out what drops these connections without a word, and allow them.",
        seen_of(members),
        past,
        common=feature,
    )


def _inspected(
    scene: Scene, feature: Feature, members: Sequence[Symptom]
) -> Explanation:
    what = features.words(feature)
    if feature[0] is Kind.DOMAIN:
        return Explanation(
            Cause.DESTINATION,
            feature[1],
            members,
            f"Connections stand and are then cut off for {what}: {extent(members)}",
            f"Please check what serves {feature[1]}: it takes connections and ends them.",
            seen_of(members),
            _others(scene),
        )
    return Explanation(
        Cause.PATH,
        what,
        members,
        f"Connections stand and are then cut off for {what}: {extent(members)}",
        "Please check whether a device inspects these connections and cuts them off.",
        seen_of(members),
        _others(scene),
        common=feature,
    )


def _large_packets(scene: Scene, members: Sequence[Symptom]) -> Explanation:
    return Explanation(
        Cause.PATH_MTU,
        _hosts(members),
        members,
        f"The path to {_hosts(members)} loses large packets:"
        f" {extent(members, members[0].host)}",
        "Please let ICMP messages about too large packets (type 3 code 4; ICMPv6 type 2)"
        " pass, or lower the MSS of TCP on this way.",
        seen_of(members),
        _others(scene),
    )


def _common(scene: Scene, members: Sequence[Symptom]) -> Steps[Feature | None]:
    """What they have in common and nothing has that answers."""
    if not scene.hosts.are(FEW, members):
        return None
    shared = {one for one in members[0].features if one not in scene.answers.features}
    for index, one in enumerate(members):
        if index % STEP == 0:
            yield
        shared.intersection_update(one.features)
        if not shared:
            return None
    return min(shared)


def _hosts(members: Sequence[Symptom]) -> str:
    hosts = list(dict.fromkeys(one.host for one in members))
    return hosts[0] if len(hosts) == 1 else counted(len(hosts), "host")


def _past(scene: Scene, hop: str, members: Sequence[Symptom]) -> tuple[str, ...]:
    """What still gets past a hop, and what still answers of the same hosts."""
    said = []
    if hop and (number := scene.past(hop)):
        said.append(
            f"{counted(number, 'address')} behind {hop} answer: it passes others on"
        )
    hosts = [
        h for h in dict.fromkeys(m.host for m in members) if scene.answers.hosts[h]
    ]
    if hosts:
        said.append(f"other ports answer on {listed(hosts)}")
    return (*said, *(_others(scene) if not said else ()))


def _others(scene: Scene) -> tuple[str, ...]:
    number = scene.answers.features[EVERYTHING]
    return (f"{counted(number, 'address')} of other rules answer",) if number else ()


def _without(symptoms: Iterable[Symptom], taken: Iterable[Symptom]) -> list[Symptom]:
    gone = {id(one) for one in taken}
    return [one for one in symptoms if id(one) not in gone]
