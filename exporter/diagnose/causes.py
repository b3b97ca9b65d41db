"""The causes that need no comparison: each is proven by what it left behind."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from exporter.diagnose.explanation import (
    Explanation,
    counted,
    extent,
    listed,
    seen_of,
    where,
)
from exporter.diagnose.features import Kind, answers
from exporter.diagnose.symptoms import Trouble, is_named, trouble_of
from exporter.model.endpoint import place
from exporter.model.finding import Cause
from exporter.model.outcome import Origin, Reason, Verdict
from exporter.model.rule import Expect

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom
    from exporter.model.outcome import Observation
    from exporter.model.rule import Target

_STALE = 3600.0
"""Seconds beyond two of its intervals after which a list counts as out of date."""


def grouped(
    symptoms: Iterable[Symptom], key: Callable[[Symptom], Hashable]
) -> list[list[Symptom]]:
    """Those of one key together, in the order of the first of each."""
    groups: defaultdict[Hashable, list[Symptom]] = defaultdict(list)
    for one in symptoms:
        groups[key(one)].append(one)
    return list(groups.values())


def forbidden(scene: Scene) -> list[Explanation]:
    """Paths that are open and must not be: never folded into anything else."""
    return [
        Explanation(
            Cause.FORBIDDEN_PATH,
            members[0].target.rule.id,
            members,
            f"A path is open that must be closed: {extent(members)}",
            "Please block these connections: they must not pass.",
            seen_of(members)
            or (f"{where(members[0])}: the connection was let through",),
        )
        for members in grouped(scene.of(Trouble.OPEN), lambda one: one.target.rule.id)
    ]


def this_host(scene: Scene) -> list[Explanation]:
    """What this host does itself, by the part of it that is at fault."""
    found = []
    for members in grouped(scene.of(Trouble.HERE), lambda one: _part(one.seen)):
        part = _part(members[0].seen)
        found.append(
            Explanation(
                Cause.THIS_HOST,
                part,
                members,
                f"{_broken(members[0].seen, part)}: {extent(members)}",
                f"Please check the {part} of this host.",
                seen_of(members),
                _still_gets_out(scene, members),
            )
        )
    for members in grouped(scene.of(Trouble.UNABLE), lambda one: _lack(one.seen)):
        part = _lack(members[0].seen)
        found.append(
            Explanation(
                Cause.THIS_HOST,
                part,
                members,
                f"This host could not probe for want of {part}: {extent(members)}",
                "Please check this host's load and limits (CPU, file descriptors).",
                seen_of(members),
            )
        )
    return found


def exporter(scene: Scene) -> list[Explanation]:
    """What the exporter itself does wrong."""
    groups = grouped(scene.of(Trouble.BUG), lambda one: one.seen.detail.split(":")[0])
    return [
        Explanation(
            Cause.EXPORTER,
            members[0].seen.detail.split(":")[0],
            members,
            f"The exporter itself failed, so nothing is known of {extent(members)}",
            "Please report this with the exporter's log.",
            seen_of(members),
        )
        for members in groups
    ]


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
        found += own if through or one_host else members
    return found


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
    through = _through(scene, via)
    rejected = all(one.seen.reason is Reason.REJECTED for one in members)
    says = (
        "lets these connections not pass" if rejected else "brings no connection about"
    )
    return Explanation(
        Cause.PROXY,
        via,
        members,
        f"The proxy {via} {says}: {extent(members)}",
        "Please let this host connect (CONNECT) to these destinations through the proxy."
        if rejected
        else "Please check the proxy: no connection comes about through it.",
        seen_of(members),
        (f"{counted(through, 'rule')} hold through the same proxy",) if through else (),
    )


def middlebox(scene: Scene) -> list[Explanation]:
    """Handshakes that a device completes in everybody's name."""
    doubted = scene.of(Trouble.DEVICE)
    answering = [one for one in scene.known.controls if one.answered]
    if not doubted and not answering:
        return []
    controls = [place(c.target.destination, c.target.port) for c in answering]
    pending = [one for one in doubted if "has not been looked at" in one.seen.detail]
    if pending and not answering and len(pending) == len(doubted):
        return [_unproven("a control that was not looked at", doubted)]
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


def unproven(scene: Scene, left: Iterable[Symptom]) -> list[Explanation]:
    """What nothing can be concluded of, by why.

    Args:
        scene: everything.
        left: what is unknown and explained by nothing else.
    """
    found = [_unproven(_why(members[0]), members) for members in grouped(left, _why)]
    for members in grouped(scene.of(Trouble.NEVER_PROVEN), _why):
        why = _why(members[0])
        found.append(
            Explanation(
                Cause.NEVER_PROVEN,
                why,
                members,
                f"Never proven since this exporter watches it, for {why}: {extent(members)}",
                "Please give these rules a probe, a payload or a witness that can tell.",
                seen_of(members),
            )
        )
    return found


def _unproven(why: str, members: Sequence[Symptom]) -> Explanation:
    return Explanation(
        Cause.UNPROVEN,
        why,
        members,
        f"Neither proven nor refuted, for {why}: {extent(members)}",
        "Please give these rules a probe, a payload or a witness that can tell.",
        seen_of(members),
    )


def _why(symptom: Symptom) -> str:
    rule = symptom.target.rule
    if rule.unverifiable is not None:
        return "want of a way to verify it"
    if rule.expect is Expect.DENY:
        return "want of a witness that answers"
    if rule.probe == "udp":
        return "want of a reply over UDP"
    return "want of a look at every address"


def feeds(scene: Scene, taken: Iterable[Target]) -> list[Explanation]:
    """Lists that bring no destinations, or old ones."""
    known = scene.known
    gone = {target.key for target in taken}
    waiting = [one for one in known.waiting if one.key not in gone]
    found = []
    for name in dict.fromkeys(one.rule.mirrors or "" for one in waiting):
        mine = tuple(one for one in waiting if (one.rule.mirrors or "") == name)
        state = next((one for one in known.lists if one.known.name == name), None)
        if state is not None and not state.failures:
            continue
        rules = counted(len({one.rule.id for one in mine}), "rule")
        found.append(_feed(name, mine, f"has never been fetched: {rules} wait for it"))
    for state in known.lists:
        last = state.last_success_timestamp
        limit = 2 * state.known.interval + _STALE
        if state.failures and last is not None and known.now - last > limit:
            hours = int((known.now - last) / 3600)
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


def partial(scene: Scene) -> list[Explanation]:
    """Hosts some addresses of which do not answer, though the rule holds."""
    rest = scene.of(Trouble.PARTIAL)
    found: list[Explanation] = []
    for members in grouped(rest, lambda one: _whole_family(scene, one)):
        family = _whole_family(scene, members[0])
        if family and len({one.host for one in members}) > 1:
            found.append(_family(family, members))
            continue
        found += map(_partial, grouped(members, lambda one: one.host))
    return found


def _whole_family(scene: Scene, symptom: Symptom) -> str:
    """The family of which no address of anything answers, if that is what failed."""
    latest = symptom.record.latest
    failed = {
        "IPv6" if ":" in one.observation.address else "IPv4"
        for one in (latest.addresses if latest else ())
        if one.verdict is Verdict.VIOLATED
    }
    if len(failed) != 1:
        return ""
    (family,) = failed
    return "" if scene.answers.features[Kind.FAMILY, family] else family


def _family(family: str, members: Sequence[Symptom]) -> Explanation:
    own = all(trouble_of(one.seen) is Trouble.HERE for one in members)
    named = {one.place for one in members if is_named(one.seen)}
    part = f"route for {family}"
    return Explanation(
        Cause.THIS_HOST if own else Cause.PATH,
        part if own else next(iter(named)) if len(named) == 1 else family,
        members,
        f"Nothing answers over {family}, though the other family does: {extent(members)}",
        f"Please check the {part} of this host."
        if own
        else f"Please check the way of {family} from this host: no host answers over it.",
        seen_of(members),
        ("the same hosts answer over the other family",),
    )


def _partial(members: Sequence[Symptom]) -> Explanation:
    first = members[0]
    latest = first.record.latest
    addresses = latest.addresses if latest is not None else ()
    good = sum(answers(one.observation) for one in addresses)
    bad = [o.observation.address for o in addresses if o.verdict is Verdict.VIOLATED]
    return Explanation(
        Cause.PARTIAL_ADDRESSES,
        first.host,
        members,
        f"{listed(bad)} of {first.host} do{'es' if len(bad) == 1 else ''} not answer,"
        f" other addresses do: {extent(members, first.host)}",
        f"Please check these addresses of {first.host}, or take them out of DNS.",
        seen_of(members),
        (
            f"{counted(good, 'address')} of {first.host} answer{'s' if good == 1 else ''}",
        ),
    )


def _part(seen: Observation) -> str:
    if seen.broken:
        return seen.broken
    if seen.reason is Reason.NO_ROUTE:
        return f"route for {'IPv6' if ':' in seen.address else 'IPv4'}"
    return "own firewall"


def _broken(seen: Observation, part: str) -> str:
    if seen.broken:
        return f"Nothing gets out of this host, for its {part} is broken"
    if seen.reason is Reason.NO_ROUTE:
        return "This host has no route"
    return "This host's own firewall keeps connections back"


def _lack(seen: Observation) -> str:
    return "CPU time" if "busy" in seen.detail else seen.detail


def _still_gets_out(scene: Scene, members: Sequence[Symptom]) -> tuple[str, ...]:
    family = "IPv6" if ":" in members[0].seen.address else "IPv4"
    number = scene.answers.features[Kind.FAMILY, family]
    return (f"{counted(number, 'address')} of other rules answer",) if number else ()
