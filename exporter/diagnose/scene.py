"""Everything that is known at one moment, sorted for those who look for causes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from exporter.diagnose.features import Answers
from exporter.model.addresses import is_public, neighbourhood, site_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.diagnose.known import Known
    from exporter.diagnose.symptoms import Symptom
    from exporter.diagnose.trouble import Trouble
    from exporter.model.network_path import Path

T = TypeVar("T")
Steps: TypeAlias = Generator[None, None, T]
"""Work in small steps, between which others may have the processor."""
STEP = 128
"""Targets looked at in one step."""


class Hosts:
    """Which names are one host: those that lead to the same address."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def add(self, symptom: Symptom) -> None:
        """Takes in that a name leads to an address."""
        host, address = symptom.host, symptom.address
        if not address:
            return
        parents = self._parents
        if host not in parents and address not in parents:
            parents[host] = parents[address] = address
        else:
            parents[self.of(host)] = self.of(address)

    def of(self, name: str) -> str:
        """What stands for the host of a name."""
        parents = self._parents
        while (above := parents.setdefault(name, name)) != name:
            parents[name] = name = parents[above]
        return name

    def are(self, least: int, symptoms: Iterable[Symptom]) -> bool:
        """Whether there are so many hosts, at the least."""
        found: set[str] = set()
        for one in symptoms:
            found.add(self.of(one.host))
            if len(found) >= least:
                return True
        return False

    def grouped(self, symptoms: Iterable[Symptom]) -> list[list[Symptom]]:
        """The symptoms of each host."""
        groups: defaultdict[str, list[Symptom]] = defaultdict(list)
        for one in symptoms:
            groups[self.of(one.host)].append(one)
        return list(groups.values())


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What is wrong, and what answers.

    Attributes:
        known: everything.
        symptoms: by what kind of thing is wrong, in the order of the configuration.
        answers: what answers at present.
        hosts: which names of what is wrong are one host.
    """

    known: Known
    symptoms: Mapping[Trouble, list[Symptom]]
    answers: Answers = field(default_factory=Answers)
    hosts: Hosts = field(default_factory=Hosts)
    _inside: dict[str, Path] = field(init=False)

    def __post_init__(self) -> None:
        inside = {
            site_of(network.partition("/")[0]): path
            for network, path in sorted(self.known.answering_paths.items())
        }
        object.__setattr__(self, "_inside", inside)

    def of(self, *troubles: Trouble) -> list[Symptom]:
        """The symptoms of some kinds."""
        return [one for kind in troubles for one in self.symptoms.get(kind, ())]

    def without(self, explained: Iterable[Symptom]) -> Scene:
        """The same, but for what is explained already."""
        gone = {id(one) for one in explained}
        if not gone:
            return self
        left = {
            kind: [one for one in found if id(one) not in gone]
            for kind, found in self.symptoms.items()
        }
        return replace(self, symptoms=left)

    def way(self, address: str) -> Path | None:
        """The path to something that answers near an address.

        In its own network; or, inside an organisation, where all routers speak, in one
        that is likely to be reached by the same ones.
        """
        if not address:
            return None
        own = self.known.answering_paths.get(neighbourhood(address))
        if own is not None or is_public(address):
            return own
        return self._inside.get(site_of(address))

    def neighbours(self, symptom: Symptom) -> int:
        """How much answers in the network of what failed."""
        address = symptom.address
        return self.answers.in_network(neighbourhood(address)) if address else 0

    def past(self, hop: str) -> int:
        """How much answers that is known to pass a hop."""
        return sum(
            self.answers.in_network(to)
            for to, path in self.known.answering_paths.items()
            if any(one.address == hop for one in path.hops)
        )

    def stop_short(self, symptoms: Iterable[Symptom]) -> set[bool | None]:
        """What `stops_short` says of each of them."""
        some = {(one.place, one.network): one for one in symptoms}
        return {self.stops_short(one) for one in some.values()}

    def stops_short(self, symptom: Symptom) -> bool | None:
        """Whether it ended at a hop behind which routers still pass its neighbours on.

        None if that cannot be told.
        """
        way = self.way(symptom.address)
        if way is None or not symptom.place:
            return None
        ttl = next((h.ttl for h in way.hops if h.address == symptom.place), None)
        if ttl is None:
            return None
        end = way.answered_ttl or 0
        return any(h.address and ttl < h.ttl < end for h in way.hops)
