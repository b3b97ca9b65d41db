"""What is at its end: a host, or one service of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from exporter.diagnose.explanation import (
    Explanation,
    counted,
    extent,
    listed,
    seen_of,
    where,
)
from exporter.diagnose.features import answers
from exporter.diagnose.trouble import BY_ICMP, Trouble
from exporter.model.endpoint import place
from exporter.model.finding import Cause
from exporter.model.outcome import Reason, Stage, may_await_tls
from exporter.model.rule import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.diagnose.scene import Scene, Steps
    from exporter.diagnose.symptoms import Symptom

_ENDED = frozenset({Reason.RESET, Reason.CLOSED})
_HOSTS = 16
"""Hosts looked at in one step."""
_OR_A_DEVICE = " Or a device on the way inspects these connections."
_ANSWERS, _SPEAKS = "answers other rules", "is not silent on other ports"
_DEAD = frozenset({Trouble.SILENT, Trouble.UNREACHABLE})
_GONE = frozenset(
    {
        *(Reason.TIMEOUT, Reason.DNS_FAILURE),
        *(Reason.HOST_UNREACHABLE, Reason.NETWORK_UNREACHABLE),
    }
)


def host_or_service(
    scene: Scene, symptoms: Iterable[Symptom]
) -> Steps[list[Explanation]]:
    """What nothing on the way explains: a host if all of it failed, else a service."""
    found: list[Explanation] = []
    speaking, refusals = _speaking(scene), _refusals(scene)
    yield
    for index, members in enumerate(scene.hosts.grouped(symptoms)):
        if index % _HOSTS == 0:
            yield
        ports = _by_port(members)
        host = scene.hosts.of(members[0].host)
        alive = _answers_of(scene, members) > refusals[host]
        dead = _is_dead(members[0])
        if dead and not alive and host in speaking:
            found += [_service(one, _SPEAKS) for one in ports]
        elif alive or (len(ports) == 1 and not dead):
            found += [_service(one, _ANSWERS if alive else "") for one in ports]
        else:
            found.append(_host(scene, members))
    return found


def _is_dead(symptom: Symptom) -> bool:
    """Whether nothing was heard of it, by us or by the proxy."""
    reported = symptom.trouble is Trouble.PROXY and symptom.seen.reason in _GONE
    return symptom.trouble in _DEAD or reported


def _speaking(scene: Scene) -> set[str]:
    """Hosts of which something came, though nothing that it should have been.

    Who sent a reset is not known, but a host that is down is not told by one.
    """
    troubles = (Trouble.SHUT, Trouble.CUT, Trouble.SMALL, Trouble.WRONG)
    heard = (one for one in scene.of(*troubles) if not one.seen.via)
    return {scene.hosts.of(one.host) for one in heard}


def _refusals(scene: Scene) -> Counter[str]:
    """How much of what was heard of a host is that it refuses."""
    found: Counter[str] = Counter()
    for one in scene.of(Trouble.SHUT):
        latest = one.record.latest
        judged = latest.addresses if latest is not None else ()
        said = (each.observation for each in judged if answers(each.observation))
        found[scene.hosts.of(one.host)] += sum(
            each.reason is not Reason.ANSWERED for each in said
        )
    return found


def _by_port(members: Iterable[Symptom]) -> list[list[Symptom]]:
    groups: defaultdict[tuple[int, str], list[Symptom]] = defaultdict(list)
    for one in members:
        groups[one.target.port, str(one.target.rule.transport)].append(one)
    return list(groups.values())


def _answers_of(scene: Scene, members: Sequence[Symptom]) -> int:
    names = [name for one in members for name in (one.host, one.address)]
    return scene.answers.any_of(dict.fromkeys(name for name in names if name))


def _host(scene: Scene, members: Sequence[Symptom]) -> Explanation:
    names = sorted({one.host for one in members}, key=lambda name: (len(name), name))
    dead = all(map(_is_dead, members))
    says = "does not answer" if dead else "does not offer what it should"
    also = f" (also {listed(names[1:])})" if len(names) > 1 else ""
    neighbours = scene.neighbours(members[0])
    counter = (
        (f"{counted(neighbours, 'address')} of rules in its own network answer",)
        if neighbours
        else ()
    )
    return Explanation(
        Cause.DESTINATION,
        names[0],
        members,
        f"{names[0]}{also} {says}: {extent(members, names[0])}",
        f"Please check whether {listed(names)} is up and in its network"
        f"{', and that nothing before it drops these connections' if dead else ''}.",
        seen_of(members) + _silent_behind(members[0]),
        counter,
    )


def _service(members: Sequence[Symptom], alive: str) -> Explanation:
    first = min(members, key=lambda one: (len(one.host), one.host, one.target.rule.id))
    transport = first.target.rule.transport
    spoken = transport if transport is Transport.ICMP else ""
    subject = place(first.host, first.target.port, spoken)
    counter = (f"{first.host} {alive}",) if alive else ()
    return Explanation(
        Cause.SERVICE,
        subject,
        members,
        f"{where(first)} {_says(first, alive)}: {extent(members, first.host)}",
        _request(first),
        seen_of(members) + _silent_behind(first),
        counter,
    )


def _says(symptom: Symptom, alive: str) -> str:
    if _is_dead(symptom):
        does = "does" if alive == _ANSWERS else "is not silent"
        return f"does not answer, though the host {does}"
    if _is_shut(symptom):
        forbids = symptom.seen.reason is Reason.PROHIBITED
        return "prohibits connections itself" if forbids else "refuses connections"
    if symptom.trouble is Trouble.CUT:
        return f"takes connections{_and_then(symptom.seen.reason)}"
    if symptom.seen.reason is Reason.MALFORMED:
        return "answers, but not in the expected protocol"
    return "answers, but not as the rule expects"


def _and_then(reason: Reason) -> str:
    """How connections end that stood."""
    if reason in _ENDED:
        return " and cuts them off"
    return (
        ", which ICMP messages then end"
        if reason in BY_ICMP
        else (" and then says nothing")
    )


def _request(symptom: Symptom) -> str:
    to = where(symptom)
    if _is_dead(symptom):
        return (
            f"Please check that {to} is offered to us, and that neither the host's"
            " own firewall nor one before it drops these connections."
        )
    if _is_shut(symptom) and symptom.seen.reason is Reason.PROHIBITED:
        return f"Please allow these connections to {to} in the host's own firewall."
    if _is_shut(symptom):
        return f"Please check that the service at {to} runs and takes connections."
    if symptom.trouble is Trouble.CUT:
        inside = " in the TLS handshake" if symptom.seen.stage is Stage.TLS else ""
        return (
            f"Please check the service at {to} and its log: connections come about"
            f" and are then cut off or left without an answer{inside}."
        ) + (_usual_cause(symptom) or _or_another(symptom))
    return f"Please check the service at {to}: what it answers is not as it should be."


def _or_another(symptom: Symptom) -> str:
    """Who else may have cut it off."""
    via = symptom.seen.via
    return f" Or the proxy {via}, which took them, does." if via else _OR_A_DEVICE


def _usual_cause(symptom: Symptom) -> str:
    """What such services mostly lack when they behave so; may be empty."""
    probe, seen = symptom.target.rule.probe, symptom.seen
    if probe == "ldaps" and seen.stage is Stage.TLS and seen.reason in _ENDED:
        return (
            " A directory server without a certificate for TLS does so: it listens and"
            " cuts every handshake off."
        )
    if may_await_tls(probe, seen):
        return (
            " A mail service that waits for TLS from the first byte does so, as on ports"
            " 465 and 993: then the rule's probe needs `implicit_tls: true`."
        )
    return ""


def _is_shut(symptom: Symptom) -> bool:
    """Whether connections are refused there, to us or to the proxy."""
    reported = symptom.trouble is Trouble.PROXY
    return symptom.trouble is Trouble.SHUT or (
        reported and symptom.seen.reason is Reason.REFUSED
    )


def _silent_behind(symptom: Symptom) -> tuple[str, ...]:
    if not symptom.place or symptom.trouble is not Trouble.SILENT:
        return ()
    return (f"the last router that spoke is {symptom.place} (hop {symptom.hop})",)
