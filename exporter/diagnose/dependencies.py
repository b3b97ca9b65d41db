"""Resolvers and proxies that are silent because nothing comes through to them either.

They are hosts on the network like any other: what keeps everything of a kind away keeps
them away too, if they are of that kind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.diagnose.explanation import ASK_WHO_DROPS, Explanation, dropped, extent
from exporter.diagnose.features import EVERYTHING, features_on_the_way
from exporter.diagnose.trouble import Trouble
from exporter.model.addresses import neighbourhood
from exporter.model.endpoint import name_server
from exporter.model.finding import Cause
from exporter.model.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.diagnose.features import Feature
    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom

_DNS = 53


def behind_the_same(
    scene: Scene, near: Sequence[Explanation], way: Sequence[Explanation]
) -> tuple[list[Explanation], list[Explanation]]:
    """Folds silent resolvers and proxies into what keeps everything like them away.

    Args:
        scene: what answers.
        near: explanations of what ended at this host, a resolver or a proxy.
        way: those of what ended farther away.
    """
    left: list[Explanation] = []
    paths = _with_a_single_host(scene, near, way)
    for one in near:
        flows = _flows(scene, one)
        behind = (i for i, path in enumerate(paths) if _are_behind(flows, path))
        index = next(behind, None)
        if index is None:
            left.append(one)
        else:
            paths[index] = _joined(paths[index], one)
    return left, paths


def _are_behind(flows: Sequence[frozenset[Feature]], path: Explanation) -> bool:
    common = path.common
    return path.cause is Cause.PATH and bool(flows) and all(common in f for f in flows)


def _flows(scene: Scene, one: Explanation) -> list[frozenset[Feature]]:
    """The flows to the servers of a cause, if all that is known of them is silence."""
    if one.cause is Cause.RESOLVER and one.symptoms:
        return _to_resolvers(scene, one.symptoms)
    if one.cause is Cause.PROXY and all(map(_is_unreached, one.symptoms)):
        return [_to_proxy(symptom) for symptom in one.symptoms]
    return []


def _to_resolvers(
    scene: Scene, symptoms: Sequence[Symptom]
) -> list[frozenset[Feature]]:
    if not all("no answer" in one.seen.detail for one in symptoms):
        return []
    return [
        _passing_routers(
            features_on_the_way(at, _DNS, "udp", scene.known.source(at)),
            at,
            scene.known.source(at),
        )
        for at, _ in map(name_server, scene.known.servers)
    ]


def _is_unreached(symptom: Symptom) -> bool:
    """Whether nothing at all came from the proxy."""
    seen = symptom.seen
    silent = seen.reason is Reason.TIMEOUT and seen.latency is None
    return silent and bool(seen.address)


def _to_proxy(symptom: Symptom) -> frozenset[Feature]:
    seen = symptom.seen
    port = seen.via.rpartition(":")[2]
    number = int(port) if port.isdigit() else 0
    source = seen.source_address
    flow = features_on_the_way(seen.address, number, "tcp", source)
    return _passing_routers(flow, seen.address, source)


def _passing_routers(
    flow: frozenset[Feature], address: str, source: str | None
) -> frozenset[Feature]:
    """A flow as devices on the way see it: none, if it stays in this host's network."""
    next_door = source and neighbourhood(source) == neighbourhood(address)
    return frozenset() if next_door else flow


def _joined(path: Explanation, server: Explanation) -> Explanation:
    """One explanation of both: the server is one more thing that is not reached."""
    kept = extent(server.symptoms)
    if server.cause is Cause.RESOLVER:
        also = f"the resolvers {server.subject} are silent as well"
        says = f"no resolver is reached either, so no name is found: {kept}"
    else:
        also = f"the proxy {server.subject} is silent as well"
        says = f"the proxy {server.subject} is not reached either: {kept}"
    return replace(
        path,
        symptoms=[*path.symptoms, *server.symptoms],
        summary=f"{path.summary}; {says}",
        evidence=(*path.evidence, also),
        waiting=path.waiting + server.waiting,
    )


def _with_a_single_host(
    scene: Scene, near: Sequence[Explanation], way: Sequence[Explanation]
) -> list[Explanation]:
    """A host alone that is silent beside the resolvers or the proxy: all is cut off.

    Where nothing answers at all, one cause for both is likelier than two at once.
    """
    if scene.answers.features[EVERYTHING] or len(way) != 1:
        return list(way)
    (host,) = way
    places = {one.place for one in host.symptoms}
    silent = all(one.trouble is Trouble.SILENT for one in host.symptoms)
    if host.cause is not Cause.DESTINATION or not silent or len(places) != 1:
        return list(way)
    (place,) = places
    cut_off = replace(host, cause=Cause.PATH, subject=place, common=EVERYTHING)
    if not place or not any(_are_behind(_flows(scene, one), cut_off) for one in near):
        return list(way)
    said = dropped("everything", place, host.symptoms[0].hop)
    summary = f"{said}: {extent(host.symptoms)}"
    return [replace(cut_off, summary=summary, request=ASK_WHO_DROPS)]
