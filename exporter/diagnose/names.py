"""What ends at a look-up: a fault of the resolvers (`resolvers.py`), or of one name."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from exporter.diagnose import resolvers
from exporter.diagnose.explanation import (
    Explanation,
    counted,
    extent,
    listed,
    seen_of,
)
from exporter.diagnose.features import domain_of
from exporter.diagnose.scene import STEP
from exporter.diagnose.trouble import Trouble
from exporter.model.finding import Cause
from exporter.model.outcome import Reason, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exporter.diagnose.scene import Scene, Steps
    from exporter.diagnose.symptoms import Symptom
    from exporter.monitor.store import Record

_ASKED = 0.00015
"""Seconds from which on a look-up was an exchange of packets; one from memory takes a
tenth of that."""


def look_ups(scene: Scene) -> Steps[list[Explanation]]:
    """What explains names that did not resolve."""
    silent, missing = scene.of(Trouble.NO_ANSWER), scene.of(Trouble.NO_NAME)
    yield
    answered = yield from _answered_meanwhile(scene, silent + missing)
    yield
    found: list[Explanation] = []
    proxied = [one for one in scene.of(Trouble.PROXY) if _is_unanswered(one)]
    deaf = bool(silent) and resolvers.give_no_answer(scene, silent, answered)
    yield
    if deaf:
        found.append(resolvers.no_answer(scene, silent + proxied))
        silent = []
    elif proxied and not silent and resolvers.all_silent(scene):
        found.append(resolvers.no_answer(scene, proxied))
    elif resolvers.know_own_names_alone(scene, silent, answered):
        found.append(resolvers.own_names_alone(scene, silent, answered))
        silent = []
    if resolvers.deny_every_name(missing, answered):
        found.append(resolvers.every_name_denied(scene, missing))
        missing = []
    elif resolvers.know_own_names_alone(scene, missing, answered):
        found.append(resolvers.own_names_alone(scene, missing, answered))
        missing = []
    yield
    found += [_name(scene, one, answered) for one in _by_zone(scene, silent)]
    yield
    found += [_name(scene, one, answered) for one in _by_zone(scene, missing)]
    return found + resolvers.some_down(scene, found)


def _is_unanswered(symptom: Symptom) -> bool:
    """Whether the name of the proxy got no answer, as any other would."""
    seen = symptom.seen
    return seen.stage is Stage.RESOLVE and seen.reason is Reason.DNS_FAILURE


def _answered_meanwhile(scene: Scene, failed: Sequence[Symptom]) -> Steps[set[str]]:
    """Names that were asked for, not remembered, and answered since the first failed."""
    if not failed:
        return set()
    since = min(one.since for one in failed)
    found: set[str] = set()
    for index, record in enumerate(scene.known.records):
        if index % STEP == 0:
            yield
        if _was_answered(record, since, once=scene.known.once):
            found.add(record.target.destination)
    return found


def _was_answered(record: Record, since: float, *, once: bool) -> bool:
    latest = record.latest
    if latest is None or latest.observation.stage is Stage.RESOLVE:
        return False
    if not domain_of(record.target.destination) or latest.observation.via:
        return False
    if latest.observation.address == record.target.destination:
        return False
    asked = max(
        (j.observation.phases.get(Stage.RESOLVE, 0.0)) for j in latest.addresses
    )
    return asked > _ASKED and (once or latest.finished_timestamp >= since)


def _by_zone(scene: Scene, symptoms: Iterable[Symptom]) -> list[list[Symptom]]:
    """Grouped by name; of a domain of which no name resolves, all at once."""
    domains: defaultdict[str, list[Symptom]] = defaultdict(list)
    for one in symptoms:
        domains[domain_of(one.host) or one.host].append(one)
    alive = {
        domain_of(record.target.destination)
        for record in scene.known.records
        if domains
        and record.latest is not None
        and record.latest.observation.stage is not Stage.RESOLVE
    }
    found: list[list[Symptom]] = []
    for domain, members in domains.items():
        names: defaultdict[str, list[Symptom]] = defaultdict(list)
        for one in members:
            names[one.host].append(one)
        found += [members] if domain not in alive else list(names.values())
    return found


def _name(scene: Scene, members: Sequence[Symptom], answered: set[str]) -> Explanation:
    names = list(dict.fromkeys(one.host for one in members))
    subject = names[0] if len(names) == 1 else domain_of(names[0])
    says = {
        Reason.NXDOMAIN: "does not exist in DNS",
        Reason.NO_ADDRESS: "has no address in DNS",
    }.get(members[0].seen.reason, "gets no usable answer from DNS")
    what = subject if len(names) == 1 else f"No name of {subject} is found: {names[0]}"
    if len(names) == 1:
        summary = f"{subject} {says}: {extent(members, subject)}"
    else:
        summary = f"{what} {says}, nor do others: {extent(members)}"
    return Explanation(
        Cause.NAME,
        subject,
        members,
        summary,
        f"Please check {listed(names)} in DNS, as this host's resolvers answer it"
        f" ({resolvers.named(scene.known.servers)}).",
        seen_of(members),
        tuple(_resolved(names, answered)),
    )


def _resolved(names: Sequence[str], answered: set[str]) -> Iterator[str]:
    """What resolved meanwhile, those names among it."""
    if answered.intersection(names):
        yield "the same name resolved meanwhile, for another rule"
    if others := len(answered.difference(names)):
        yield f"{counted(others, 'other name')} resolved meanwhile"
