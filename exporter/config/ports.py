"""Ports as rules write them: one, several, ranges, or one that each site chooses.

A range is proven by its two ends, which stay, and by a few of the ports between them,
which take turns: all of them have had theirs in the end.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zlib import crc32

from exporter.config.diagnostics import described, shown
from exporter.model.endpoint import MAX_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.model.rule import Rule, Target

TURN = 6 * 3600.0
"""Seconds for which the same ports of a range are probed."""
MOST_SAMPLES = 20
_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
_GOLDEN = 0.618
_LIST = "ports: [80, 443, 5000-5100]"


@dataclass(frozen=True, slots=True, order=True)
class PortRange:
    """The ports from `first` to `last`, both included; often one port."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.single else f"{self.first}-{self.last}"

    @property
    def single(self) -> bool:
        """Whether it is one port."""
        return self.first == self.last


@dataclass(frozen=True, slots=True)
class PortPlaceholder:
    """A port that each site chooses."""

    placeholder: str

    def __str__(self) -> str:
        return f"placeholder {self.placeholder}"


def port(value: object) -> int | PortPlaceholder:
    """`443`, or `{placeholder: name}`.

    Raises:
        ValueError: it is neither.
    """
    match value:
        case {"placeholder": str(name), **rest} if not rest:
            return PortPlaceholder(name)
        case bool():
            pass
        case int() if 0 < value <= MAX_PORT:
            return value
    said = "must be a port from 1 to 65535 or {placeholder: name}"
    if isinstance(value, tuple) or (isinstance(value, str) and _several(value)):
        said += f" (several ports and ranges go into {_LIST})"
    raise ValueError(f"{said}, not {described(value)}")


def _several(text: str) -> bool:
    return re.fullmatch(r"[0-9]+ ?[-\u2013,; ][-\u2013,; 0-9]+", text) is not None


def ports(value: object) -> tuple[PortRange, ...]:
    """`[80, 443, 5000-5100]` in the order of the file, each port in it once.

    Raises:
        ValueError: it is something else.
    """
    written = value if isinstance(value, tuple) else (value,)
    found = tuple(_range(one) for one in written)
    if not found:
        raise ValueError(f"must be a list such as {_LIST}, not an empty one")
    in_order = sorted(found)
    for one, other in itertools.pairwise(in_order):
        if other.first <= one.last:
            raise ValueError(f"says the same port twice: {one} and {other}")
    return found


def _range(value: object) -> PortRange:
    match value:
        case bool():
            pass
        case int() if 0 < value <= MAX_PORT:
            return PortRange(value, value)
        case str() if found := _RANGE.fullmatch(value):
            first, last = int(found[1]), int(found[2])
            if 0 < first <= last <= MAX_PORT:
                return PortRange(first, last)
            raise ValueError(f"must be a range from 1 to 65535 upwards, not {value}")
    said = f"must be a list such as {_LIST}"
    raise ValueError(f"{said}; no port or range is {described(value)}")


def chosen_port(text: str) -> int:
    """A port that a site writes for a placeholder.

    Raises:
        ValueError: it is none.
    """
    if re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) <= MAX_PORT:
        return int(text)
    raise ValueError(f"must be a port from 1 to 65535, not {shown(text)}")


def of_range(rule: Rule, whole: PortRange) -> Iterator[tuple[int, int | None]]:
    """The ports of a range that stand for it at first, each with its slot.

    The ends have none, nor has any port where there are no more than can be probed.
    """
    within = whole.last - whole.first - 1
    if within <= rule.sample:
        for number in range(whole.first, whole.last + 1):
            yield number, None
        return
    yield whole.first, None
    for slot in range(rule.sample):
        yield _in_turn(rule, whole, slot, 0), slot
    yield whole.last, None


def rotated(
    targets: Iterable[Target], now: float, kept: Iterable[Target] = ()
) -> tuple[Target, ...]:
    """`targets` with the ports of ranges whose turn it is.

    Args:
        targets: as configured; what has no slot stays.
        now: Unix time.
        kept: of those probed before, the ones that keep their port whatever the time,
            since they do not hold.
    """
    turn = int(now // TURN)
    staying = {_place(one): one.port for one in kept if one.slot is not None}
    moved = (_turned(one, turn, staying.get(_place(one))) for one in targets)
    return tuple({one.key: one for one in moved}.values())


def _place(target: Target) -> tuple[str, str, str, int | None]:
    rule = target.rule
    return rule.id, rule.source, target.destination, target.slot


def _turned(target: Target, turn: int, staying: int | None) -> Target:
    """A target at its port of this turn, or the one it keeps; itself without a slot."""
    if target.slot is None:
        return target
    whole = _range(target.rule.ports)
    if staying is None or not whole.first < staying < whole.last:
        staying = _in_turn(target.rule, whole, target.slot, turn)
    return replace(target, port=staying)


def _in_turn(rule: Rule, whole: PortRange, slot: int, turn: int) -> int:
    """The port between the ends that has a slot's turn.

    Steps that share no factor with the number of ports visit each of them.
    """
    count = whole.last - whole.first - 1
    step = max(1, round(count * _GOLDEN))
    while math.gcd(step, count) != 1:
        step += 1
    begin = crc32(f"{rule.id} {whole}".encode())
    return whole.first + 1 + (begin + (turn * rule.sample + slot) * step) % count


def until_next_turn(now: float) -> float:
    """Seconds from a Unix time until other ports have their turn."""
    return TURN - now % TURN
