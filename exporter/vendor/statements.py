"""What one row, or one line of its cells, states: who needs which ports where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.config.diagnostics import shown
from exporter.model.ledger import Fate
from exporter.model.rule import Transport
from exporter.vendor.hosts import with_ports
from exporter.vendor.portless import read_portless
from exporter.vendor.ports import Ports, read_ports
from exporter.vendor.protocols import (
    APPLICATIONS,
    Protocols,
    applications_in,
    is_choice,
    is_every,
    own_ports,
    probe_of,
    read_protocols,
    stays_local,
    unbound,
)
from exporter.vendor.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.vendor.conditions import Condition
    from exporter.vendor.ends import Destinations

_UDP_ALONE = frozenset({67, 68, 69, 123, 161, 162, 500, 1812, 1813, 4500})
"""Ports of which everybody means those of UDP: DHCP, TFTP, NTP, SNMP, IKE, RADIUS."""
PING = Span(0, 0, (Transport.ICMP,))
"""An echo request, which has no port."""
_HOST_AND_PORT = re.compile(
    r"(?<![\w.@-])((?:[a-z]+://)?(?:\*\."
    r"|[a-z0-9<{])[a-z0-9<>{}._*-]*\.[a-z]{2,}:[0-9]{1,5})(?![0-9])\S*",
    re.IGNORECASE,
)


class Unread(Exception):  # noqa: N818 - a fate, no error
    """A row, or a part of it, that is no rule: its fate, and why."""

    def __init__(self, fate: Fate, why: str) -> None:
        super().__init__(why)
        self.fate = fate
        self.why = why


@dataclass(frozen=True, slots=True)
class Statement:
    """One requirement in the words of the page.

    `sources` are empty if the page names none. `lead` is where it goes; None where a
    table without destinations sums up others. `internal` is what the heading says of the
    destinations. `spans` have their transports. `choice` says that one of the spans is
    enough, `both` that connections are opened from either end. `notes` hold what else the
    row says, `probe` what speaks the application that it names. `text` is the whole row
    in one line.
    """

    row: str
    line: int
    sections: tuple[str, ...]
    sources: tuple[str, ...]
    lead: Destinations | None
    internal: bool | None
    spans: tuple[Span, ...]
    usage: str
    notes: tuple[str, ...]
    text: str
    choice: bool = False
    both: bool = False
    when: Condition | None = None
    probe: str = ""


@dataclass(frozen=True, slots=True)
class Flows:
    """The ports of a row: spans with transports, and what was guessed or noted.

    A ping is a span of its own, `PING`. `portless` is what else the row asks for and has
    no ports, such as GRE. `assumed` are applications whose own ports are taken, since the
    row writes none; `pinged` says that a ping is, since it names no type of ICMP. `probe`
    speaks the one application that the cells of ports and protocols name.
    """

    spans: tuple[Span, ...]
    choice: bool
    guessed: bool
    notes: tuple[str, ...]
    portless: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    pinged: bool = False
    probe: str = ""


def read_flows(
    columns: Sequence[tuple[str, Sequence[Transport]]],
    transport: str,
    hint: str = "",
    purpose: str = "",
) -> Flows:
    """The ports of a row.

    Args:
        columns: cells of ports, with the transports that their headings name.
        transport: the cell of protocols.
        hint: another cell that may name an application.
        purpose: what the row is for, which may tell what is meant by ICMP.

    Raises:
        Unread: the cells name no ports, or say what nobody here understands.
    """
    protocols = read_protocols(transport)
    read = [(read_ports(cell), named) for cell, named in columns]
    whole = " ".join(cell for cell, _ in columns)
    if not whole.strip() and (own := own_ports(transport) or own_ports(hint)):
        spans = [Span(port, port, (named,)) for named, port in own.values()]
        return Flows(tuple(spans), is_choice(transport), False, (), assumed=tuple(own))
    beside = read_portless(
        [ports for ports, _ in read], protocols, (transport, whole), purpose
    )
    ping, others = beside.ping, beside.others
    if beside.alone and not ping.asked:
        raise without_ports(" and ".join(others))
    notes = [note for ports, _ in read for note in ports.notes]
    if beside.alone:
        return Flows((PING,), False, False, tuple(notes), others, pinged=ping.guessed)
    _check(read, protocols, transport, whole)
    found: dict[Span, None] = {}
    guessed = False
    for ports, heading in read:
        for span in ports.spans:
            named, guess = _transports(span, ports, protocols, heading, hint)
            guessed |= guess
            found[Span(span.low, span.high, named)] = None
    if ping.asked:
        found[PING] = None
    if protocols.words:
        notes.append(f"Protocol: {transport}")
    choice = any(ports.choice for ports, _ in read) or (
        protocols.choice and len(protocols.named) + ping.asked > 1
    )
    applications = applications_in(transport)
    applications.update(*(ports.applications for ports, _ in read))
    return Flows(
        tuple(found),
        choice,
        guessed,
        tuple(notes),
        others,
        pinged=ping.guessed,
        probe=probe_of(applications),
    )


def without_ports(name: str) -> Unread:
    """What a row is that asks for a protocol without ports."""
    what = "is a message of ICMP that no probe can ask for"
    if not name.startswith("ICMP"):
        what = "runs over neither TCP nor UDP"
    said = f"{what}, going by {shown(name)}"
    return Unread(Fate.UNPROVABLE, said)


def _check(
    read: Sequence[tuple[Ports, Sequence[Transport]]],
    protocols: Protocols,
    transport: str,
    whole: str,
) -> None:
    found = any(ports.spans for ports, _ in read)
    vague = next((ports.vague for ports, _ in read if ports.vague), "")
    if vague and not found:
        raise Unread(
            Fate.UNPROVABLE, f"names no port that could be probed: {shown(whole)}"
        )
    unread = [word for ports, _ in read for word in ports.unread]
    if unread:
        words = ", ".join(unread)
        if not all(
            word in whole for word in unread
        ):  # it was put into another spelling
            words = " ".join(whole.split())
        raise Unread(Fate.OPEN, f"which ports are meant by {shown(words)}?")
    if not found:
        raise Unread(
            Fate.OPEN,
            f"names no port: {shown(whole)}" if whole.strip() else "names no port",
        )
    if is_every(transport):
        raise Unread(Fate.OPEN, f"which transports are meant by {shown(transport)}?")
    if (
        len(protocols.carried) > 1
        and not protocols.named
        and sum(len(p.spans) for p, _ in read) > 1
    ):
        raise Unread(Fate.OPEN, f"which port is whose, of {shown(transport)}?")


def _transports(
    span: Span,
    ports: Ports,
    protocols: Protocols,
    heading: Sequence[Transport],
    hint: str,
) -> tuple[tuple[Transport, ...], bool]:
    """A span's transports, and whether they are a guess.

    Raises:
        Unread: the port's cell and the protocol's contradict each other.
    """
    if (
        span.transports
        and protocols.named
        and not set(span.transports) <= set(protocols.named)
    ):
        said = f"says {'/'.join(span.transports)} with the port, {'/'.join(protocols.named)} as the protocol"
        raise Unread(Fate.OPEN, said)
    carried = dict.fromkeys(
        t for word in ports.applications for t in APPLICATIONS[word]
    )
    hinted = read_protocols(hint)
    ways = (
        span.transports,
        protocols.named,
        tuple(heading) if len(heading) == 1 else (),
        tuple(ports.transports),
        protocols.carried,
        tuple(carried) if len(carried) == 1 else (),
        hinted.named or _only(hinted.carried),
    )
    named = next((way for way in ways if way), ())
    alone = span.low == span.high and span.low in _UDP_ALONE
    default = Transport.UDP if alone else Transport.TCP
    return (named, False) if named else ((default,), True)


def _only(transports: tuple[Transport, ...]) -> tuple[Transport, ...]:
    """The transport that applications agree on, if there is one."""
    return transports if len(transports) == 1 else ()


def hosts_with_ports(cell: str) -> list[tuple[str, str, str]]:
    """A cell of ports that names hosts: for each the host, `:port` and the rest of its line.

    Raises:
        Unread: a line of the cell holds more than one, or other numbers.
    """
    cell = with_ports(cell)
    if not _HOST_AND_PORT.search(cell):
        return []
    found = []
    for line in cell.split("\n"):
        named = _HOST_AND_PORT.findall(line)
        if len(named) != 1:
            parts = [part.strip() for part in line.split(",")]
            if not all(_HOST_AND_PORT.fullmatch(part) for part in parts):
                raise Unread(
                    Fate.OPEN, f"which hosts and ports are meant by {shown(line)}?"
                )
            named = parts
        rest = _HOST_AND_PORT.sub(" ", line).strip(" ,")
        for name in named:
            host, _, port = name.rpartition(":")
            found.append((host, port, rest))
    return found


def check_lead(lead: Destinations | None, spans: Sequence[Span]) -> None:
    """Raises what a row is that no host can prove, or that contradicts itself.

    Raises:
        Unread: nobody can prove it; or a port stands with the host, and another one in
            the column of ports.
    """
    if lead is None:
        return
    if lead.unprovable:
        raise Unread(Fate.UNPROVABLE, lead.unprovable)
    listed = {span.low for span in spans if span.low == span.high}
    for end in lead.ends:
        if end.port and end.port not in listed:
            said = f"names port {end.port} with the host {end.name}, and other ports beside"
            raise Unread(Fate.OPEN, said)


def check_bound(cells: Sequence[str]) -> None:
    """Raises what a row is if it is sent to many hosts at once, or never leaves its own.

    Raises:
        Unread: it is.
    """
    if local := stays_local(" ".join(cells)):
        raise Unread(Fate.UNPROVABLE, f"stays on one host, going by {shown(local)}")
    word = unbound(" ".join(cells))
    if word:
        raise Unread(
            Fate.UNPROVABLE, f"goes to many hosts at once, going by {shown(word)}"
        )
