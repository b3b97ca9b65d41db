"""Kinds of trouble: what happened, and at which part of the way."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import TYPE_CHECKING

from exporter.model.outcome import OWN_FAULT, Origin, Reason, Stage

if TYPE_CHECKING:
    from exporter.model.outcome import Observation


class Trouble(IntEnum):
    """What kind of thing is wrong."""

    # Enum's own is written in Python, and each target is sorted by it.
    __hash__ = int.__hash__

    OPEN = auto()
    """A path is open that must not be."""
    HERE = auto()
    """Proven to be this host's own doing."""
    UNABLE = auto()
    """This host could not probe properly."""
    BUG = auto()
    NO_ANSWER = auto()
    """No usable answer of a resolver."""
    NO_NAME = auto()
    """The resolver says that there is no such name, or no address."""
    PROXY = auto()
    """It ended at the proxy."""
    REFUSED = auto()
    """A device on the path refused."""
    UNREACHABLE = auto()
    """A router says that the host does not answer it."""
    SILENT = auto()
    """Nothing came back."""
    SHUT = auto()
    """The destination refused, as far as is known."""
    CUT = auto()
    """The connection stood, and then nothing, a reset or an end."""
    SMALL = auto()
    """The same, but for small segments, which pass."""
    WRONG = auto()
    """Something answered, and not as it should."""
    INTERCEPTED = auto()
    CERTIFICATE = auto()
    CLOCK = auto()
    PARTIAL = auto()
    """It holds, but some of its addresses do not answer."""
    DEVICE = auto()
    """Handshakes that somebody else completes."""
    NEARER = auto()
    """It holds, and its answers come from nearer than they used to."""
    UNPROVEN = auto()
    """Nothing can be concluded."""
    NEVER_PROVEN = auto()
    """Likewise, as long as the target is known."""


HOLDING = frozenset(
    {
        *(Trouble.INTERCEPTED, Trouble.CERTIFICATE, Trouble.CLOCK),
        *(Trouble.PARTIAL, Trouble.NEARER),
    }
)
"""What is wrong with targets that hold."""


_UNRESOLVED = {
    Reason.DNS_FAILURE: Trouble.NO_ANSWER,
    Reason.NXDOMAIN: Trouble.NO_NAME,
    Reason.NO_ADDRESS: Trouble.NO_NAME,
}


BY_ICMP = frozenset(
    {
        *(Reason.HOST_UNREACHABLE, Reason.NETWORK_UNREACHABLE),
        *(Reason.PORT_UNREACHABLE, Reason.PROHIBITED),
    }
)
"""What only ICMP messages can say of a connection that stood."""


def is_named(seen: Observation) -> bool:
    """Whether a device on the path said no in its own name."""
    others = seen.origin in {Origin.PATH, Origin.NOBODY}
    return seen.icmp is not None and others


def trouble_of(seen: Observation) -> Trouble:
    """The kind of a failure."""
    if seen.reason in OWN_FAULT:
        return Trouble.BUG if seen.reason is Reason.BUG else Trouble.UNABLE
    if _is_own(seen):
        return Trouble.HERE
    if seen.via and seen.stage in {Stage.RESOLVE, Stage.CONNECT}:
        before = is_named(seen) and seen.reason is not Reason.HOST_UNREACHABLE
        return Trouble.REFUSED if before else Trouble.PROXY
    if seen.reason in _UNRESOLVED:
        return _UNRESOLVED[seen.reason]
    return _on_the_way(seen) if seen.stage is Stage.CONNECT else _later(seen)


def _is_own(seen: Observation) -> bool:
    """Whether it is proven to be this host's doing.

    That nobody in this host's own network answers for an address is the destination's.
    """
    own = seen.origin is Origin.SELF and seen.reason is not Reason.HOST_UNREACHABLE
    return bool(seen.broken) or own or seen.reason is Reason.NO_ROUTE


def _on_the_way(seen: Observation) -> Trouble:
    if seen.reason is Reason.TIMEOUT:
        return Trouble.SILENT
    if seen.reason is Reason.HOST_UNREACHABLE:
        return Trouble.UNREACHABLE
    if is_named(seen) or seen.origin is Origin.PATH:
        return Trouble.REFUSED
    if seen.reason is Reason.NETWORK_UNREACHABLE:
        return Trouble.UNREACHABLE
    if seen.reason in {Reason.REFUSED, Reason.PORT_UNREACHABLE, Reason.PROHIBITED}:
        return Trouble.SHUT
    return Trouble.WRONG


def _later(seen: Observation) -> Trouble:
    if seen.small_passes:
        return Trouble.SMALL
    if seen.reason is Reason.RESET and seen.origin is Origin.PATH and not seen.via:
        return Trouble.REFUSED
    silent = seen.reason in {Reason.TIMEOUT, Reason.RESET, Reason.CLOSED}
    return (
        Trouble.CUT
        if seen.reason in BY_ICMP or (silent and not seen.heard)
        else Trouble.WRONG
    )
