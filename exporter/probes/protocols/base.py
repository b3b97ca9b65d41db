"""What a prober is.

A frozen dataclass: its fields are the options a rule may set in YAML, its one
method is the conversation, on the happy path only. It reaches the network through
the `Link` and knows no deadline; whatever goes wrong is raised by the link or the
codec as a `ProbeError` and ends at the runner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from exporter.model.outcome import Evidence
    from exporter.model.rule import Target
    from exporter.probes.link import Link

TCP = frozenset({"tcp"})
UDP = frozenset({"udp"})
BOTH = TCP | UDP
ICMP = frozenset({"icmp"})
FLOOR = 5.0
"""Seconds between two probes of one target, at the least, unless a prober says more."""


class Prober(Protocol):
    """One protocol's conversation.

    Attributes:
        transports: the transports the protocol runs over.
        default_ports: ports whose rules are probed so if they name no probe.
        floor: seconds between two probes of one target, at the least.
        one_at_a_time: addresses of a target are probed one after another, since
            they may be one server that counts unauthenticated connections.
        certificates_verify: whether clients usually verify the server's certificate;
            if not, one that does not verify is a finding only where a rule says so.
        speaks_tls: whether it is ever shown a certificate.
    """

    transports: ClassVar[frozenset[str]]
    default_ports: ClassVar[frozenset[int]] = frozenset()
    floor: ClassVar[float] = FLOOR
    one_at_a_time: ClassVar[bool] = False
    certificates_verify: ClassVar[bool] = True
    speaks_tls: ClassVar[bool] = False

    async def probe(self, link: Link, target: Target) -> Evidence:
        """Talks to the target; returning means that the intended service answered.

        Raises:
            ProbeError: anything else that happened.
        """
        ...
