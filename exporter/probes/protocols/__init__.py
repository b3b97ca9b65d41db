"""One file a protocol; one line here registers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.probes.protocols.dns import Dns
from exporter.probes.protocols.http import Http, Https
from exporter.probes.protocols.icmp import Icmp
from exporter.probes.protocols.imap import Imap
from exporter.probes.protocols.kerberos import Kerberos
from exporter.probes.protocols.ldap import Ldap, Ldaps
from exporter.probes.protocols.mssql import Mssql
from exporter.probes.protocols.ntp import Ntp
from exporter.probes.protocols.postgres import Postgres
from exporter.probes.protocols.rdp import Rdp
from exporter.probes.protocols.rpc import Rpc
from exporter.probes.protocols.smb import Smb
from exporter.probes.protocols.smtp import Smtp
from exporter.probes.protocols.sqlbrowser import Sqlbrowser
from exporter.probes.protocols.ssh import Ssh
from exporter.probes.protocols.stun import Stun
from exporter.probes.protocols.tcp import Tcp
from exporter.probes.protocols.tls import Tls
from exporter.probes.protocols.udp import Udp

if TYPE_CHECKING:
    from exporter.model.rule import Transport
    from exporter.probes.protocols.base import Prober

PROBERS: dict[str, type[Prober]] = {
    "dns": Dns,
    "http": Http,
    "https": Https,
    "icmp": Icmp,
    "imap": Imap,
    "kerberos": Kerberos,
    "ldap": Ldap,
    "ldaps": Ldaps,
    "mssql": Mssql,
    "ntp": Ntp,
    "postgres": Postgres,
    "rdp": Rdp,
    "rpc": Rpc,
    "smb": Smb,
    "smtp": Smtp,
    "sqlbrowser": Sqlbrowser,
    "ssh": Ssh,
    "stun": Stun,
    "tcp": Tcp,
    "tls": Tls,
    "udp": Udp,
}


def default_probe(port: int, transport: Transport) -> str:
    """The protocol that a port is for, else the bare transport."""
    for name, prober in PROBERS.items():
        if port in prober.default_ports and transport in prober.transports:
            return name
    return str(transport)
