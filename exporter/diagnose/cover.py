"""The smallest set of causes that accounts for everything that is wrong.

Causes near this host go first: what they explain is not asked about again. Each symptom
is in one explanation, and what nothing explains stays on its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.diagnose import devices, names, self_evident
from exporter.diagnose.after_handshake import behind_the_handshake
from exporter.diagnose.certificates import certificates
from exporter.diagnose.clocks import clocks
from exporter.diagnose.counter_evidence import without
from exporter.diagnose.dependencies import behind_the_same
from exporter.diagnose.feeds import with_feeds
from exporter.diagnose.hosts import host_or_service
from exporter.diagnose.own_names import own_names
from exporter.diagnose.partial import families, partial
from exporter.diagnose.refusals import refused
from exporter.diagnose.scene import STEP, Scene, Steps
from exporter.diagnose.silence import silences
from exporter.diagnose.trouble import Trouble
from exporter.model.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.diagnose.explanation import Explanation
    from exporter.diagnose.known import Known
    from exporter.diagnose.symptoms import Reading, Symptom
    from exporter.model.rule import Key
    from exporter.monitor.store import Record


def explained(
    known: Known, read: Callable[[Record], Reading]
) -> Steps[list[Explanation]]:
    """What explains all that is wrong, in small steps.

    Args:
        known: everything.
        read: what one target shows.
    """
    scene = yield from _scene(known, read)
    found = self_evident.forbidden(scene)
    whole = families(scene)
    scene = scene.without(one for each in whole for one in each.symptoms)
    yield
    near = self_evident.this_host(scene) + self_evident.exporter(scene)
    yield
    unnamed = yield from names.look_ups(scene)
    near += unnamed
    scene = scene.without(one for each in unnamed for one in each.symptoms)
    near += devices.proxy(scene)
    led_here = own_names(scene)
    near += led_here
    scene = scene.without(one for each in led_here for one in each.symptoms)
    yield
    way = yield from _on_the_way(scene)
    near, way = behind_the_same(scene, near, way)
    found += _joined(whole + near + way)
    timed = clocks(scene)
    scene = scene.without(one for each in timed for one in each.symptoms)
    yield
    found += timed + certificates(scene) + devices.middlebox(scene) + partial(scene)
    yield
    found = with_feeds(scene, found)
    found += _left(scene, found)
    return found


def _on_the_way(scene: Scene) -> Steps[list[Explanation]]:
    """What explains all that ended farther away than this host and its proxy."""
    found = yield from refused(scene)
    found += yield from silences(scene)
    found += yield from behind_the_handshake(scene)
    posed = yield from devices.posing(scene)
    posed += devices.unknown_to_proxy(scene)
    yield
    told = (one for each in posed for one in each.symptoms)
    answered = scene.of(Trouble.WRONG) + devices.behind_proxy(scene)
    rest = yield from host_or_service(scene, without(answered, told))
    return found + posed + rest


def _scene(known: Known, read: Callable[[Record], Reading]) -> Steps[Scene]:
    symptoms: dict[Trouble, list[Symptom]] = {}
    readings: list[Reading] = []
    for index, record in enumerate(known.records):
        if index % STEP == 0:
            yield
        # What announced work does is known: nothing is concluded from it.
        target = record.target
        if target.maintenance and target.muted(known.now) is not None:
            continue
        reading = read(record)
        readings.append(reading)
        if reading.symptom is not None:
            symptoms.setdefault(reading.symptom.trouble, []).append(reading.symptom)
    scene = Scene(known, symptoms)
    if symptoms:
        yield from _counted(scene, readings)
    return scene


def _counted(scene: Scene, readings: Iterable[Reading]) -> Steps[None]:
    """Takes in what answers, and which names are one host."""
    for index, reading in enumerate(readings):
        if index % STEP == 0:
            yield
        for one in reading.heard:
            scene.answers.add(one)
        if reading.symptom is not None:
            scene.hosts.add(reading.symptom)


def _joined(found: Iterable[Explanation]) -> list[Explanation]:
    """One explanation for each part of this host, however that showed."""
    parts: dict[str, Explanation] = {}
    others: list[Explanation] = []
    for one in found:
        if one.cause is not Cause.THIS_HOST:
            others.append(one)
        elif (before := parts.get(one.subject)) is None:
            parts[one.subject] = one
        else:
            parts[one.subject] = replace(
                before,
                symptoms=[*before.symptoms, *one.symptoms],
                evidence=before.evidence + one.evidence,
                waiting=before.waiting + one.waiting,
            )
    return [*parts.values(), *others]


def _left(scene: Scene, found: list[Explanation]) -> list[Explanation]:
    """What is neither proven nor refuted; a silent deny rule goes with its witness."""
    left = scene.of(Trouble.UNPROVEN)
    asked = {
        key
        for one in left
        for key in _witnesses(scene, one.target.rule.witness, one.host)
    }
    by_key = {
        symptom.target.key: one
        for one in found
        if asked and one.cause in _SILENCING
        for symptom in one.symptoms
    }
    rest = []
    more: dict[int, list[Symptom]] = {}
    for one in left:
        rule, target = one.target.rule, one.target
        with_witness = (
            by_key.get(key)
            for key in _witnesses(scene, rule.witness, target.destination)
        )
        explanation = next((e for e in with_witness if e is not None), None)
        if explanation is None:
            rest.append(one)
        else:
            more.setdefault(id(explanation), []).append(one)
    for index, before in enumerate(found):
        if id(before) in more:
            both = [*before.symptoms, *more[id(before)]]
            found[index] = replace(before, symptoms=both)
    return self_evident.unproven(scene, rest)


_SILENCING = frozenset(
    {
        *(Cause.THIS_HOST, Cause.RESOLVER, Cause.PROXY),
        *(Cause.PATH, Cause.PATH_MTU, Cause.DESTINATION, Cause.SERVICE),
    }
)
"""Causes by which a witness may fall silent, so that it vouches for nothing."""


def _witnesses(scene: Scene, rule: str | None, host: str) -> list[Key]:
    if rule is None:
        return []
    return [
        record.target.key
        for record in scene.known.records
        if record.target.rule.id == rule and record.target.destination == host
    ]
