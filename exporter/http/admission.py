"""Who has a place: connections by class, with a share for each source address.

Each connection takes a file descriptor and memory, and the probes live on those too.
So there are only so many, and whoever only holds a place must not cost somebody else
theirs. Three classes have places of their own: those that nobody knows yet (TLS
handshakes under way, no request so far, no right password), those that scrape or ask
after health, and those of people. A source address has no more than a share of a
class. When a class is full, the source that holds most of it loses the connection on
which nothing has happened for longest (as with OpenSSH's PerSourceMaxStartups).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Class(StrEnum):
    """What a connection is used for, by its last request."""

    SCRAPE = "scrape"
    PEOPLE = "people"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """Why a client was turned away or cut off."""

    FULL = "full"
    SHARE = "share"
    GAVE_WAY = "gave_way"
    HANDSHAKE = "handshake"
    NO_REQUEST = "no_request"
    STALLED = "stalled"
    SLOW = "slow"
    BUSY = "busy"


PLACES: Mapping[Class, int] = {Class.SCRAPE: 32, Class.PEOPLE: 48, Class.UNKNOWN: 80}
"""Connections of a class at once. All come as unknown: of those a burst from one address
must fit in, since who is not let in there is not even told so."""
SHARE = 0.75
"""The part of a class's places that one source may hold."""
RECENT = 0.25
"""Seconds for which a connection of nobody who holds more than others is left alone:
an honest one has brought its request and its password by then."""
HANDSHAKE_FAILURES = (
    *("timeout", "closed", "not_tls", "version", "no_certificate"),
    *("client_untrusted", "refused_by_client", "other"),
)
"""Why a TLS handshake came to nothing."""
_EVERYWHERE = (
    *(Cause.FULL, Cause.SHARE, Cause.GAVE_WAY, Cause.STALLED, Cause.SLOW),
    Cause.BUSY,
)
_POSSIBLE = (
    *((kind, cause) for kind in Class for cause in _EVERYWHERE),
    (Class.UNKNOWN, Cause.HANDSHAKE),
    (Class.UNKNOWN, Cause.NO_REQUEST),
)


@dataclass(eq=False, slots=True)
class Seat:
    """A connection as the admission sees it.

    Attributes:
        source: who it comes from, as `source_of` has it.
        active: loop time at which it came, or last asked for something that it may
            have, or took some of that.
        kind: the class whose place it holds.
        busy: a request of it is being answered.
    """

    source: str
    active: float
    kind: Class = Class.UNKNOWN
    busy: bool = False

    def end(self) -> None:
        """Closes it at once, whatever is under way on it."""
        raise NotImplementedError


@dataclass(slots=True)
class Admission:
    """Gives places, takes them back, and counts whom it had to turn away.

    Attributes:
        rejected: clients turned away or cut off, by class and cause.
        handshake_failures: TLS handshakes that failed, by reason.
        ended: connections that are over.
    """

    rejected: Counter[tuple[str, str]] = field(
        default_factory=lambda: Counter(
            {(str(kind), str(cause)): 0 for kind, cause in _POSSIBLE}
        )
    )
    handshake_failures: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(HANDSHAKE_FAILURES, 0))
    )
    ended: int = 0
    _seats: dict[Class, dict[Seat, None]] = field(
        default_factory=lambda: {kind: {} for kind in Class}
    )

    @property
    def connections(self) -> Mapping[str, int]:
        """How many there are of each class."""
        return {str(kind): len(seats) for kind, seats in self._seats.items()}

    def seats(self) -> list[Seat]:
        """All connections that have a place."""
        return [seat for seats in self._seats.values() for seat in seats]

    def take(self, seat: Seat, kind: Class) -> bool:
        """Whether there is a place of a class; another one may have to give it up.

        Without one the connection keeps the place that it had.
        """
        if seat in self._seats[kind]:
            return True
        cause = self._in_the_way(seat, kind)
        if cause is not None:
            self.reject(kind, cause)
            return False
        self.leave(seat)
        seat.kind = kind
        self._seats[kind][seat] = None
        return True

    def leave(self, seat: Seat) -> None:
        """Takes the place back."""
        self._seats[seat.kind].pop(seat, None)

    def put_out(self, seat: Seat, cause: Cause) -> None:
        """Ends a connection; nothing happens to one that has ended already."""
        if seat in self._seats[seat.kind]:
            self.leave(seat)
            self.reject(seat.kind, cause)
            seat.end()

    def reject(self, kind: Class, cause: Cause) -> None:
        """Counts somebody who was turned away."""
        self.rejected[str(kind), str(cause)] += 1

    def _in_the_way(self, newcomer: Seat, kind: Class) -> Cause | None:
        """Makes room, or tells why there is none."""
        seats, places = self._seats[kind], PLACES[kind]
        held = Counter(seat.source for seat in seats)
        own = held[newcomer.source]
        if own >= max(1, int(places * SHARE)):
            # It has its share: only one of its own can make room, and none that waits
            # for an answer, since the newcomer can be told to come again.
            cause = Cause.SHARE
            own_seats = (seat for seat in seats if seat.source == newcomer.source)
            crowd = [seat for seat in own_seats if not seat.busy]
            if not crowd:
                return cause
        elif len(seats) >= places:
            crowd, cause = list(seats), Cause.FULL
        else:
            return None
        longest = min(crowd, key=lambda seat: (-held[seat.source], seat.active))
        idle = newcomer.active - longest.active
        if held[longest.source] <= own + 1 and idle < RECENT:
            return cause
        self.put_out(longest, Cause.GAVE_WAY)
        return None
