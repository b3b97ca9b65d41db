"""How far a host is, and whether a reset comes from nearer than that.

Two things tell. By the time to live of what we send: a device nearer than the host
refuses what never gets to the host. And by what is left of the time to live of what
comes back, since every router on the way takes one off. The kernel can be told not to
hear what has less left than a given number (RFC 5082), so without any privilege that
number is found by connections that ask for more and more.

What is left decides where it is known, for it tells even the host's own router, which
forwards before it refuses and so looks as far as the host. It also shows that a
reset is the host's where paths of different length share the load.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.outcome import Origin, ProbeError, Reason
from exporter.probes.kernel import hops_of
from exporter.probes.traceroute import MAX_HOPS, PATIENCE, trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exporter.model.outcome import Icmp
    from exporter.probes.traceroute import TraceTarget

BUT = "but from"
"""How it begins what a distance shows of a message, behind what the message says."""
_MOST_LEFT = 255
_ASKEW = 3
"""Hops by which the way back may differ from the way there."""
_FLOWS = 4
"""Connections that must agree: one alone may be lost, or go another way."""
_MOST = 3
"""Of those, how many show a device where the host alone would be heard by none."""


@dataclass(frozen=True, slots=True)
class Distance:
    """What the answers of a host tell of its distance.

    Attributes:
        hops: the time to live that first brought one.
        left: the time to live with which they arrive; None if it was not found.
    """

    hops: int
    left: int | None

    @property
    def back(self) -> int:
        """Hops on the way back, as far as that is known."""
        return self.hops if self.left is None else hops_of(self.left)


def whose(icmp: Icmp, peer: str, distance: Distance) -> tuple[Origin, str] | None:
    """Who sent an ICMP message about packets to `peer`, and why; None if not known.

    Args:
        icmp: the message.
        peer: the probed address.
        distance: of that address, by what it answers itself.
    """
    if icmp.left is None:
        return None
    hops, back = hops_of(icmp.left), distance.back
    if icmp.sender == peer:
        if hops >= back:
            return Origin.DESTINATION, ""
        says = "a device on the path claims to be the destination"
        return Origin.PATH, f"{BUT} hop {hops} of {back}: {says}"
    if hops < back:
        return Origin.PATH, ""
    return Origin.NOBODY, f"{BUT} as far away as the destination: it may be that host"


def fits(icmp: Icmp, peer: str, reach: int) -> tuple[Origin, str] | None:
    """Whether a message of the destination's has come as far as packets go there.

    The way back may be a shorter one, so that it has not shows nobody else: it only
    takes the proof away that the destination sent it.

    Args:
        icmp: the message.
        peer: the probed address.
        reach: the least time to live with which a packet to it brought a word.
    """
    if icmp.left is None or icmp.sender != peer:
        return None
    hops = hops_of(icmp.left)
    if hops >= reach:
        return Origin.DESTINATION, ""
    says = f"{BUT} hop {hops}, where packets there take {reach}"
    return Origin.NOBODY, f"{says}: a device may claim to be the destination"


async def measure(traced: TraceTarget, stalled: Callable[[], float]) -> Distance | None:
    """The distance of an address where connections are answered; None if not now.

    Args:
        traced: a rule's, over TCP, that the host answers.
        stalled: see `trace`.

    Raises:
        ProbeError: see `trace`.
    """
    path = await trace(traced, stalled)
    if path.answered_ttl is None or path.ended is not Reason.ANSWERED:
        return None
    # An address that speaks as a router at a hop of its own forwards this port: what
    # answers is another host, farther away.
    if any(
        h.address == traced.address and h.ttl < path.answered_ttl for h in path.hops
    ):
        return None
    left = await _left(traced, path.answered_ttl)
    if left is not None:
        return Distance(path.answered_ttl, left)
    return Distance(await _fewest(traced, path.answered_ttl), None)


async def _fewest(traced: TraceTarget, hops: int) -> int:
    """`hops`, or fewer if another of several ways of different length is shorter."""
    while hops > 1:
        ends = await asyncio.gather(
            *(_end(traced, None, ttl=hops - 1) for _ in range(_FLOWS))
        )
        if Reason.ANSWERED not in ends:
            break
        hops -= 1
    return hops


async def _left(traced: TraceTarget, hops: int) -> int | None:
    """What the answers of a host so many hops away have left to live."""
    # What systems let live what they send: Linux 64, Windows 128, many devices 255.
    much, more = (end is Reason.ANSWERED for end in await _heard(traced, 65, 129))
    initial = 255 if more else 128 if much else 64
    # The way back may be a little shorter or longer than the way there.
    likely = range(initial - hops - _ASKEW + 1, initial - hops + _ASKEW + 2)
    found = await _answered(traced, likely)
    if len(found) == len(likely):
        return None
    top = max(found, default=None)
    # A lost packet would make the host look farther away than it is, and its own resets
    # come from nearer than that: silence beyond what was heard is asked again.
    while top is not None and (
        higher := await _answered(traced, [*range(top + 1, likely.stop)] * 2)
    ):
        top = max(higher)
    return None if top == likely[-1] else top


async def nearer(traced: TraceTarget, distance: Distance, end: Reason) -> bool | None:
    """Whether what comes from a port comes from nearer than its host; None: not known.

    Args:
        traced: to that port.
        distance: of the same address, by another rule.
        end: how a connection to the port ends.
    """
    if distance.left is not None:
        left = distance.left
        # A router right here has `hops - 1` more left than the host; beyond that, or
        # below the host's, it began with another number and tells nothing.
        asked = (left, left + distance.hops, *[left + 1] * _FLOWS)
        just, beyond, *more = (one is end for one in await _heard(traced, *asked))
        if just and not beyond:
            return _agreed(more, _MOST)
    if distance.hops == 1:
        return None
    ttls = (MAX_HOPS, *[distance.hops - 1] * _FLOWS)
    far, *near = await asyncio.gather(*(_end(traced, None, ttl=ttl) for ttl in ttls))
    # Where ways of different length share the load, some of them end nearer.
    return _agreed([one is end for one in near], _FLOWS) if far is end else None


def _agreed(flows: list[bool], enough: int) -> bool | None:
    """What `enough` of the connections, or none of them, say; None if they differ."""
    if sum(flows) >= enough:
        return True
    return None if any(flows) else False


async def _answered(traced: TraceTarget, left: Sequence[int]) -> list[int]:
    """Those of the numbers with which an answer is heard."""
    ends = await _heard(traced, *left)
    pairs = zip(left, ends, strict=True)
    return [one for one, end in pairs if end is Reason.ANSWERED]


async def _heard(traced: TraceTarget, *left: int) -> list[Reason | None]:
    return await asyncio.gather(*(_end(traced, number) for number in left))


async def _end(
    traced: TraceTarget, left: int | None, ttl: int | None = None
) -> Reason | None:
    """How a connection ends that hears only what has so much left; None if silent."""
    if left is not None and left > _MOST_LEFT:
        return None
    with traced.link(ttl) as link:
        link.least_ttl = left
        try:
            async with asyncio.timeout(PATIENCE):
                await link.connect()
        except TimeoutError:
            return None
        except ProbeError as error:
            return error.reason
        return Reason.ANSWERED
