"""What a verdict may rest on: facts, each with its scope.

A fact says which address it was learnt of, when, and, by the field of a `Case` that it
stands in, how. The judgement sees nothing else, and uses a fact within its scope
only: of that address, and while it is recent. So a fact that is missing, too old or
another address's makes a verdict weaker and never turns it.

All times are monotonic seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.outcome import Origin

if TYPE_CHECKING:
    from exporter.model.outcome import Observation
    from exporter.model.rule import Rule

ROUNDS = 3
"""Rounds for which a fact may be used that is not of the present one."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What distances showed of whoever speaks at an address, last at `at`.

    `origin` is the path for what comes from nearer than the address is, the destination
    for what comes from as far away.
    """

    address: str
    at: float
    detail: str
    origin: Origin = Origin.PATH


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose an ICMP message at an address is, by its distance or by a trace.

    `sender` and `left` are the message's, and who else uses the same is meant too.
    """

    address: str
    at: float
    sender: str
    left: int | None
    origin: Origin
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness said at an address when it was probed there, last at `at`."""

    address: str
    at: float
    holds: bool


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that the verdict on one target may rest on.

    Attributes:
        rule: what must hold.
        now: the time of judgement.
        members: every address of the host, the empty one if its name has none.
        unlearned: in words, what else may belong to the host: families that could not
            be looked up.
        sightings: what a probe saw, the latest of each address.
        refusals: what was said by name before the silence that is seen now.
        resets: of addresses whose resets come from nearer than they are, or where it
            matters from as far away.
        nearer: of addresses whose handshakes come from nearer than they are.
        claims: of ICMP messages whose sender was looked into.
        silences: the address and the begin of a silence unbroken since.
        answers: the latest of the witness, of each address.
        floor: seconds for which the witness may not be asked again; 0 if it may be
            whenever a silence is seen.
        doubt: why a bare handshake proves nothing at present; empty if it does.
    """

    rule: Rule
    now: float
    members: tuple[str, ...]
    unlearned: tuple[str, ...] = ()
    sightings: tuple[Observation, ...] = ()
    refusals: tuple[Observation, ...] = ()
    resets: tuple[Placed, ...] = ()
    nearer: tuple[Placed, ...] = ()
    claims: tuple[Claim, ...] = ()
    silences: tuple[tuple[str, float], ...] = ()
    answers: tuple[Answer, ...] = ()
    floor: float = 0.0
    doubt: str = ""

    def recent(self, at: float) -> bool:
        """Whether a fact of that time may still be used."""
        return self.now - at <= ROUNDS * self.rule.interval
