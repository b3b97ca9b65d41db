"""The cells of the fault matrix: every fault under every protocol and expectation.

Each fault lies on a destination of its own, so that all of them can be in force at once
and one round of the exporter meets them all; each protocol has a port of its own there.
Only without a fault are real servers asked.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from tests.lab import plan
from tests.lab.faults import (
    ANSWERED_IN_ITS_PROTOCOL,
    FAULTS,
    FIRST,
    Fault,
    Told,
    nothing,
)

TCP = (
    *("tcp", "tls", "http", "https", "ssh"),
    *("smtp", "ldaps", "smb", "mssql", "kerberos"),
    *("imap", "rdp", "postgres", "stun"),
    *("dns", "ldap", "rpc"),
)
UDP = ("udp", "ntp", "kerberos", "sqlbrowser", "stun", "dns", "ldap")
PROTOCOLS = (*((one, "tcp") for one in TCP), *((one, "udp") for one in UDP))
# Without a fault: where each protocol is really spoken.
SERVERS = {
    ("tcp", "tcp"): ("files.software2.com", 443),
    ("tls", "tcp"): ("files.software2.com", 443),
    ("http", "tcp"): ("api.appsanywhere.com", 80),
    ("https", "tcp"): ("files.software2.com", 443),
    ("ssh", "tcp"): ("appsanywhere02.uni.edu", 22),
    ("smtp", "tcp"): ("smtp.sendgrid.net", 587),
    ("ldaps", "tcp"): ("ad.uni.edu", 636),
    ("smb", "tcp"): ("myfileshare.uni.edu", 445),
    ("mssql", "tcp"): ("mssql.uni.edu", 1433),
    ("kerberos", "tcp"): ("ad.uni.edu", 88),
    ("imap", "tcp"): ("imap.uni.edu", 143),
    ("rdp", "tcp"): ("desktop.uni.edu", 3389),
    ("postgres", "tcp"): ("postgres.uni.edu", 5432),
    ("stun", "tcp"): ("stun.uni.edu", 3478),
    ("dns", "tcp"): ("ad.uni.edu", 53),
    ("ldap", "tcp"): ("ad.uni.edu", 389),
    ("rpc", "tcp"): ("ad.uni.edu", 135),
    ("udp", "udp"): ("1.centos.pool.ntp.org", 123),
    ("ntp", "udp"): ("2.rocky.pool.ntp.org", 123),
    ("kerberos", "udp"): ("ad.uni.edu", 88),
    ("sqlbrowser", "udp"): ("mssql.uni.edu", 1434),
    ("stun", "udp"): ("stun.uni.edu", 3478),
    ("dns", "udp"): ("ad.uni.edu", 53),
    ("ldap", "udp"): ("ad.uni.edu", 389),
}
NTP_REQUEST = "23" + "00" * 47
ANSWERED = Fault(
    "answered",
    nothing,
    tcp=ANSWERED_IN_ITS_PROTOCOL,
    udp=ANSWERED_IN_ITS_PROTOCOL,
    options={"udp": {"payload": NTP_REQUEST}},
)


def _places() -> dict[str, str]:
    """A destination for each fault, with a web server where a witness is needed.

    What a device answers for needs no machine.
    """
    real = {name for name, _ in SERVERS.values()}
    names = [n for n, p in plan.living_at("web").items() if p.ports]
    free = sorted(set(names) - real, key=lambda name: 443 in plan.NAMES[name].ports)
    nobody = [f"nobody-{number}.uni.edu" for number in range(plan.DEVICES)]

    def place(fault: Fault) -> str:
        if fault.witness:
            return free.pop()
        return (nobody if fault.by_device else free).pop(0)

    return {
        fault.name: place(fault)
        for fault in sorted(FAULTS, key=lambda fault: not fault.witness)
    }


PLACES = _places()


@dataclass(frozen=True)
class Cell:
    """One rule of the matrix and what must be told of it."""

    fault: Fault
    probe: str
    transport: str
    expect: str

    @property
    def told(self) -> Told:
        """What must be told of it."""
        told = self.fault.told(self.probe, self.transport)
        assert told is not None
        return told

    @property
    def verdict(self) -> str | None:
        """Its verdict, or None if there is no such rule."""
        return self.told.allow if self.expect == "allow" else self.told.deny

    @property
    def rule_id(self) -> str:
        """Its rule's."""
        return f"{self.fault.name}-{self.probe}-{self.transport}-{self.expect}"

    def rule(self) -> dict[str, Any]:
        """Its rule, as a site writes it."""
        protocol = (self.probe, self.transport)
        host, port = SERVERS[protocol]
        if self.fault is not ANSWERED:
            host, port = PLACES[self.fault.name], FIRST + PROTOCOLS.index(protocol)
        written = _rule(self.rule_id, host, port, self.transport)
        options = self.fault.options.get(self.probe, {})
        written["probe"] = {self.probe: copy.deepcopy(options)}
        if self.expect == "deny":
            denies = {"expect": "deny", "denial": list(self.fault.denial)}
            if self.fault.witness:
                denies["witness"] = f"witness-{self.fault.name}"
            written |= denies
        return written


def _rule(identifier: str, host: str, port: int, transport: str) -> dict[str, Any]:
    return {
        "id": identifier,
        "source": "matrix",
        "destination": {"host": host},
        "port": port,
        "transport": transport,
        "usage": "vendor-api",
        "description": "A cell of the matrix",
    }


def witnesses() -> list[dict[str, Any]]:
    """The rules that show destinations alive."""
    return [
        _rule(f"witness-{fault.name}", PLACES[fault.name], 443, "tcp")
        for fault in FAULTS
        if fault.witness
    ]


CELLS = [
    cell
    for fault in (ANSWERED, *FAULTS)
    for probe, transport in PROTOCOLS
    if fault.told(probe, transport) is not None
    for cell in (Cell(fault, probe, transport, e) for e in ("allow", "deny"))
    if cell.verdict is not None
]
