"""Who says no: a device on the path in its own name, or hosts themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from exporter.diagnose.common_features import (
    FEW,
    NO_STRANGERS,
    STRANGERS,
    are_strangers,
    common_to,
    in_common,
)
from exporter.diagnose.counter_evidence import hosts_of, is_alive, what_passes, without
from exporter.diagnose.explanation import Explanation, extent, seen_of, where
from exporter.diagnose.features import words
from exporter.diagnose.hosts import host_or_service
from exporter.diagnose.trouble import Trouble
from exporter.model.finding import Cause
from exporter.model.outcome import Reason
from exporter.probes.refusal import is_exceeded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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


def refused(scene: Scene) -> Steps[list[Explanation]]:
    """What explains everything that was refused before a connection stood."""
    found = yield from _refusals(scene)
    found += yield from _unreachable(scene)
    told = (one for each in found for one in each.symptoms)
    shut = without(scene.of(Trouble.SHUT), told)
    return found + (yield from _shut(scene, shut))


def _refusals(scene: Scene) -> Steps[list[Explanation]]:
    """One cause for each device that said no."""
    groups: defaultdict[str, list[Symptom]] = defaultdict(list)
    shown = scene.of(Trouble.REFUSED)
    same = _aliases(shown)
    for one in [*shown, *_alike(scene, shown)]:
        groups[same.get(one.place, one.place)].append(one)
    found: list[Explanation] = []
    unnamed = groups.pop("", [])
    for _, alike in (yield from in_common(scene, unnamed, FEW)):
        found.append((yield from _refused(scene, "", alike)))
        unnamed = without(unnamed, alike)
    some = [("", one) for one in scene.hosts.grouped(unnamed)] + list(groups.items())
    for device, members in some:
        found.append((yield from _refused(scene, device, members)))
    return found


def _alike(scene: Scene, shown: Iterable[Symptom]) -> list[Symptom]:
    """Resets of the same port, at the same place, as one that is shown to be a device's.

    Where the routers behind that place still pass neighbours on.
    """
    resets = {_gate(one) for one in shown if one.seen.reason is Reason.REFUSED}
    return [
        one
        for one in (scene.of(Trouble.SHUT) if resets else ())
        if one.seen.reason is Reason.REFUSED
        and _gate(one) in resets
        and scene.stops_short(one)
    ]


def _gate(symptom: Symptom) -> tuple[str, int]:
    return symptom.place, symptom.target.port


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
    common = yield from common_to(scene, members)
    to = where(members[0]) if len(members) == 1 else hosts_of(members)
    proxies = {one.seen.via for one in members}
    if proxies != {""}:
        common, to = None, f"the proxy {' and '.join(sorted(proxies))}"
    what = words(common) if common else f"connections to {to}"
    reason = Counter(one.seen.reason for one in members).most_common(1)[0][0]
    says = _SAYS.get(reason, "refuses")
    yield
    passes = what_passes(scene, device, members)
    yield
    who = f"{device}, a device on the path," if device else "A device on the path"
    return Explanation(
        Cause.PATH,
        device or (words(common) if common else min(map(where, members))),
        members,
        f"{who} {says} {what}: {extent(members)}",
        "Please allow these connections; they are refused on the way.",
        seen_of(members),
        passes,
        common=common,
    )


def _unreachable(scene: Scene) -> Steps[list[Explanation]]:
    """What routers say of hosts that do not answer them."""
    groups: defaultdict[str, list[Symptom]] = defaultdict(list)
    for one in scene.of(Trouble.UNREACHABLE):
        groups[one.place].append(one)
    found: list[Explanation] = []
    for device, unreached in groups.items():
        looping = [one for one in unreached if _goes_in_circles(one)]
        if looping:
            found.append(_loop(scene, device, looping))
        members = without(unreached, looping)
        filtered = [one for one in members if _is_filtered(scene, one)]
        if filtered:
            found.append((yield from _refused(scene, device, filtered)))
        rest = without(members, filtered)
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


def _goes_in_circles(symptom: Symptom) -> bool:
    """Whether what was sent outlived its time to live: no way is as long as that."""
    icmp = symptom.seen.icmp
    return icmp is not None and is_exceeded(icmp, symptom.address)


def _loop(scene: Scene, device: str, members: Sequence[Symptom]) -> Explanation:
    to = hosts_of(members)
    return Explanation(
        Cause.PATH,
        device,
        members,
        f"What goes to {to} goes round in circles at {device}: {extent(members)}",
        f"Please check the routes to {to} at {device} and at the routers next to it:"
        " they send it to each other.",
        seen_of(members),
        what_passes(scene, device, members),
    )


def _is_filtered(scene: Scene, symptom: Symptom) -> bool:
    """Whether who calls a host unreachable is proven wrong: it is a filter then."""
    refuted = is_alive(scene, symptom) or scene.stops_short(symptom)
    return bool(symptom.place and refuted)


def _shut(scene: Scene, symptoms: list[Symptom]) -> Steps[list[Explanation]]:
    """Resets and refusals of which nothing shows that anybody but the host said so.

    Strangers do not all stop the same service: something resets in their names.
    """
    found: list[Explanation] = []
    rest = symptoms
    unnamed = [one for one in symptoms if one.seen.reason is Reason.REFUSED]
    for feature, members in (yield from in_common(scene, unnamed, STRANGERS)):
        if feature[0] not in NO_STRANGERS and are_strangers(members):
            found.append((yield from _refused(scene, "", members)))
            rest = without(rest, members)
    return found + (yield from host_or_service(scene, rest))
