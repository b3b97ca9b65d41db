"""Who connects to whom in a row: by its columns, its direction, its title, or a map."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from exporter.config.diagnostics import shown
from exporter.model.ledger import Fate
from exporter.vendor.columns import ends_of
from exporter.vendor.directions import (
    Direction,
    both_ways,
    cell_direction,
    direction_of,
    ends_of_direction,
    title_ends,
)
from exporter.vendor.ends import (
    Destinations,
    leaves_out,
    read_destinations,
    refers,
    words_of,
)
from exporter.vendor.headings import COMPONENTS
from exporter.vendor.headings import words_of as words_of_heading
from exporter.vendor.hosts import hosts_in
from exporter.vendor.protocols import is_protocols
from exporter.vendor.statements import Unread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.vendor.columns import Layout
    from exporter.vendor.pairing import Cells
    from exporter.vendor.reading import TableContext

Ends: TypeAlias = "tuple[tuple[str, ...], Destinations | None]"

_EVERYONE = re.compile(
    r"(?:any|all|every(?:one|where)?|anyone|anywhere|\*|internet|alle|beliebig|tous"
    r"|todos|0\.0\.0\.0/0|any\s+host)",
    re.IGNORECASE,
)


_EITHER = re.compile(
    r"either(?:\s+\w+)?|any|source\s*(?:/|and|or)\s*dest\w*", re.IGNORECASE
)


_TRANSPORTS = re.compile(r"(?:tcp|udp|and|or|\W)*", re.IGNORECASE)


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


@dataclass(slots=True)
class RowEnds:
    """Both ends of the rows of one table, in a row with these cells."""

    of: TableContext
    layout: Layout
    cells: Sequence[str]
    sections: Sequence[str]

    def read(
        self, part: Cells, host: str
    ) -> tuple[tuple[str, ...], Destinations | None, bool]:
        """Sources, where it leads, and whether connections are opened both ways.

        `host` is one that stands with the port.
        """
        direction = self._direction()
        if both_ways(part["usage"]) or both_ways(self.layout.cell("ends", self.cells)):
            direction = Direction.BOTH
        target = host or part["destination"]
        if "ends" in self.layout.columns and (ends := ends_of(part["ends"])):
            found: Ends = self._sources(ends[0]), self._lead(host or ends[1])
        elif "source" in self.layout.columns or part["source"]:
            found = self._sources(part["source"]), self._target(target, direction)
        elif target or "destination" in self.layout.columns:
            own = direction is Direction.OUT and (not host or bool(part["destination"]))
            titled = self._titled()[0]
            source = self._own_side() if own else self._unsaid_source(titled)
            found = source, self._lead(target)
        else:
            found = self._directed() or self._unsaid(part, direction)
            both = both_ways(self._title_with_ends()) and bool(self._titled()[1])
            direction = Direction.BOTH if both else direction
        if self._either_opens(part):
            direction = Direction.BOTH
        return (*found, direction is Direction.BOTH)

    def _either_opens(self, part: Cells) -> bool:
        """Whether both ends open connections, by a column of who does.

        Raises:
            Unread: the destination does, or somebody else.
        """
        cell = self.layout.cell("initiator", self.cells).strip()
        names = ("source", "client", "src", "from", "-", "")
        if cell.lower() in names or _folded(cell) == _folded(part["source"]):
            return False
        if direction_of(cell) is Direction.BOTH or _EITHER.fullmatch(cell):
            return True
        raise Unread(Fate.OPEN, f"is opened by {shown(cell)}: which way is it?")

    def _target(self, target: str, direction: Direction) -> Destinations | None:
        """Where a row with a source leads; None where the table sums up others."""
        if target or "destination" in self.layout.columns:
            if direction is Direction.IN:
                said = "the direction is 'inbound': taken as from source to destination"
                self.of.say_once(self.of.table.rows[0].line, said)
            own = "" if target.strip() or not self._component_first() else self.cells[0]
            return Destinations(words=(own,)) if own else self._lead(target)
        titled = self._titled()
        if said := self.of.answer("destination") or titled[1]:
            return self._lead(said)
        if self._component_first():
            return Destinations(words=(self.cells[0],))
        return (
            Destinations(words=(self.of.product(),))
            if direction is Direction.IN
            else None
        )

    def _titled(self) -> tuple[str, str]:
        """The ends that the titles above name, the innermost that names any."""
        return title_ends(self._title_with_ends()) or ("", "")

    def _title_with_ends(self) -> str:
        """The innermost title that names any end; empty if none does."""
        return next(filter(title_ends, reversed(self.sections)), "")

    def _unsaid_source(self, taken: str = "") -> tuple[str, ...]:
        """The source of a table that names none: as a map says, or else what is taken."""
        said = self.of.answer("source")
        if not said:
            self.of.say_no("source", taken)
        return self._sources(said or taken)

    def _own_side(self) -> tuple[str, ...]:
        """What the page is about, as the one who connects."""
        product = self.of.product()
        if not self.of.answer("product"):
            self.of.say_no("source", product, ask=False)
        return (product,)

    def _unsaid_target(self, taken: str, *, told: bool = True) -> Destinations:
        said = self.of.answer("destination")
        if not said and told:
            self.of.say_no("destination")
        return self._lead(said) if said else Destinations(words=(taken,))

    def _unsaid(self, part: Cells, direction: Direction) -> Ends:
        """Ends of a row that has no column for either."""
        titled = self._titled()
        if titled[1]:
            return self._unsaid_source(titled[0]), self._lead(titled[1])
        self._check_others()
        named = self.layout.columns.get("component") == 0 or not self.layout.headings[0]
        first = self.cells[0] if named else ""
        if first and self._is_own(direction):
            return self._unsaid_of(first, part, direction)
        bare = _TRANSPORTS.fullmatch(part["transport"])
        carried = "" if bare else part["transport"]
        service = self.layout.cell("component", self.cells)
        if direction is Direction.BOTH and is_protocols(part["usage"]):
            service, carried, part = "", "", {**part, "usage": ""}
        other = first or part["usage"] or service or carried or "far end"
        other = " ".join(other.split())
        match direction:
            case Direction.OUT | Direction.BOTH:
                return self._own_side(), self._unsaid_target(other)
            case Direction.IN:
                self.of.say_no("destination", ask=False)
                return self._unsaid_source(first), Destinations(
                    words=(self.of.product(),)
                )
            case _ if first:
                self.of.say_no("destination", ask=False)
                return self._unsaid_source(), Destinations(words=(first,))
            case _:
                return self._unsaid_source(), self._unsaid_target(other)

    def _directed(self) -> Ends | None:
        """Ends that the cell of the direction names; None if it names neither."""
        source, target = ends_of_direction(self.layout.cell("direction", self.cells))
        lead = self._lead(target)
        if not (source or target) or lead.unprovable:  # "outbound to the Internet"
            return None
        self._check_others()
        sources = self._sources(source) if source else self._unsaid_source()
        return sources, lead if target else self._unsaid_target("far end")

    def _check_others(self) -> None:
        """Raises that a column which means nothing to us holds hosts.

        Raises:
            Unread: one does: the destination may stand there.
        """
        for index in self.layout.others:
            if hosts_in(self.cells[index]):
                named = shown(self.layout.headings[index])
                said = f"names a host under {named}: is that the destination?"
                raise Unread(Fate.OPEN, said)

    def _is_own(self, direction: Direction) -> bool:
        """Whether the first column has the side that a column of directions is about."""
        told = "direction" in {*self.layout.columns, *self.layout.ticks}
        return bool(direction and told and self._component_first())

    def _component_first(self) -> bool:
        """Whether the first column has a component of the product."""
        words = words_of_heading(self.layout.headings[0])
        return bool(COMPONENTS & set(words)) and self.layout.columns.get("source") != 0

    def _unsaid_of(self, own: str, part: Cells, direction: Direction) -> Ends:
        """Ends of a row of which the one side is a component."""
        if direction is Direction.IN:
            return self._unsaid_source(), Destinations(words=(own,))
        return (own,), self._unsaid_target(part["usage"] or "far end")

    def _direction(self) -> Direction:
        if "direction" in self.layout.ticks:
            return direction_of(self.layout.cell("direction", self.cells))
        index = self.layout.columns.get("direction")
        if index is not None:
            said = cell_direction(self.layout.headings[index], self.cells[index])
            if said is None:
                raise Unread(
                    Fate.OPEN, f"which way is meant by {shown(self.cells[index])}?"
                )
            return said
        if {"source", "destination"} <= self.layout.columns.keys():
            return Direction.UNSAID
        found = (direction_of(title) for title in reversed(self.sections))
        said = next(filter(None, found), Direction.UNSAID)
        return Direction.UNSAID if said is Direction.BOTH else said

    def _lead(self, text: str) -> Destinations:
        return read_destinations(self.of.reading.answers.hosts(text))

    def _sources(self, text: str) -> tuple[str, ...]:
        if _EVERYONE.fullmatch(text.strip()):
            raise Unread(Fate.OPEN, f"which sources are meant by {shown(text)}?")
        if not text.strip(" -\u2013\u2014") and "source" in self.layout.columns:
            raise Unread(Fate.OPEN, "names no source")
        if refers(text) or leaves_out(text):
            raise Unread(Fate.OPEN, f"which sources are meant by {shown(text)}?")
        whole = self.of.reading.answers.role(text)
        return tuple(self.of.reading.answers.role(one) for one in words_of(whole))
