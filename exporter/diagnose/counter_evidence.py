"""What still answers beside what failed: it says what a cause cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.diagnose.explanation import counted, listed
from exporter.diagnose.features import everything

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom


def is_alive(scene: Scene, symptom: Symptom) -> bool:
    """Whether anything of a host answers."""
    return bool(scene.answers.any_of((symptom.host, symptom.address)))


def what_passes(scene: Scene, hop: str, members: Sequence[Symptom]) -> tuple[str, ...]:
    """What still gets past a hop, and what still answers of the same hosts."""
    said = []
    if hop and (number := scene.past(hop)):
        said.append(
            f"{counted(number, 'address')} behind {hop} answer: it passes others on"
        )
    answering = scene.answers.hosts
    hosts = {one.host: None for one in members if one.host in answering}
    if hosts:
        said.append(f"other ports answer on {listed(hosts)}")
    return (*said, *(others(scene) if not said else ()))


def others(scene: Scene, via: str = "") -> tuple[str, ...]:
    """How much answers at all, or through a proxy."""
    number = scene.answers.features[everything(via)]
    how = f" through the proxy {via}" if via else ""
    said = f"{counted(number, 'address')} of other rules answer{how}"
    return (said,) if number else ()


def hosts_of(members: Sequence[Symptom]) -> str:
    """The host of some symptoms, or how many they are of."""
    hosts = {one.host for one in members}
    return min(hosts) if len(hosts) == 1 else counted(len(hosts), "host")


def without(symptoms: Iterable[Symptom], taken: Iterable[Symptom]) -> list[Symptom]:
    """The symptoms that are not among others."""
    gone = {id(one) for one in taken}
    return [one for one in symptoms if id(one) not in gone] if gone else list(symptoms)
