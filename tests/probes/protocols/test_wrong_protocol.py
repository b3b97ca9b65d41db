"""Every prober against every other protocol's server: it answers, but not to us."""

from __future__ import annotations

import asyncio

import pytest

from exporter.probes.protocols import PROBERS
from exporter.probes.wire import ldap
from tests.lab.misbehave import udp_peer
from tests.probes.wire.test_ldap import ROOT_DSE, done
from tests.probing import NAME as HERE
from tests.probing import server_tls
from tests.servers import rpcd
from tests.servers.chrony import chrony
from tests.servers.scripted import peer
from tests.servers.sqlserver import SqlServer, tls_context

# A server for every protocol, and what every prober makes of it. Servers that wait for
# a whole message of their own leave the others waiting too.
SERVERS = [
    "nginx",
    "nginx-tls",
    "dovecot",
    "dovecot-tls",
    "coturn",
    "kdc",
    "postfix",
    "postgres",
    "slapd",
    "slapd_plain",
    "smbd",
    "sshd",
    "unbound",
    "xrdp",
    "rpcd",
    "mssql",
]
SEEN = {
    "dns": "malformed malformed malformed closed timeout malformed malformed closed"
    " closed closed timeout malformed answered malformed reset timeout",
    "http": "answered answered malformed closed reset malformed malformed closed"
    " closed closed timeout malformed timeout malformed timeout timeout",
    "https": "malformed answered malformed malformed timeout malformed malformed closed"
    " closed closed timeout malformed timeout malformed timeout closed",
    "imap": "timeout timeout answered timeout timeout timeout malformed timeout"
    " timeout timeout timeout malformed timeout timeout timeout timeout",
    "kerberos": "malformed malformed malformed closed timeout answered malformed malformed"
    " closed closed closed malformed reset malformed timeout timeout",
    "ldap": "malformed malformed malformed closed timeout malformed malformed closed"
    " closed answered timeout malformed timeout malformed timeout timeout",
    "ldaps": "malformed malformed malformed malformed timeout malformed malformed closed"
    " answered closed timeout malformed timeout malformed timeout closed",
    "mssql": "malformed malformed malformed malformed timeout malformed malformed closed"
    " closed closed timeout malformed timeout malformed timeout answered",
    "postgres": "malformed malformed malformed closed timeout timeout malformed answered"
    " closed closed timeout malformed reset malformed timeout timeout",
    "rdp": "malformed malformed malformed closed timeout malformed malformed closed"
    " closed closed timeout malformed timeout answered reset timeout",
    "rpc": "malformed malformed malformed closed timeout malformed malformed closed"
    " closed closed timeout malformed timeout malformed answered timeout",
    "smb": "malformed malformed malformed closed timeout closed malformed malformed"
    " closed closed answered malformed reset malformed malformed timeout",
    "smtp": "timeout timeout malformed timeout timeout timeout answered timeout"
    " timeout timeout timeout malformed timeout timeout timeout timeout",
    "ssh": "malformed malformed malformed closed timeout malformed malformed closed"
    " closed timeout timeout answered timeout timeout timeout timeout",
    "stun": "malformed malformed malformed closed answered timeout malformed closed"
    " closed closed timeout malformed reset malformed timeout closed",
}
# Over UDP what a server does not understand gets no answer from it.
UDP_SERVERS = ["chrony", "coturn", "kdc", "unbound", "browser", "directory"]
SEEN_UDP = {
    "dns": "timeout timeout timeout answered timeout timeout",
    "kerberos": "timeout timeout answered timeout timeout timeout",
    "ldap": "timeout timeout timeout malformed timeout answered",
    "ntp": "answered timeout timeout malformed timeout timeout",
    "sqlbrowser": "timeout timeout timeout timeout answered timeout",
    "stun": "timeout answered timeout malformed timeout timeout",
}
GENERIC = {"tcp", "udp", "tls"}


def directory(datagram):
    """What a domain controller answers over UDP to a search, and to nothing else."""
    return [ROOT_DSE + done()] if datagram == ldap.search() else []


def told(servers, seen):
    return dict(zip(servers, (one.reason for one in seen), strict=True))


@pytest.fixture
def places(request, nginx_ports, dovecot_ports):
    others = (request.getfixturevalue(f"{name}_port") for name in SERVERS[4:-2])
    places = [(HERE, port) for port in (*nginx_ports, *dovecot_ports, *others)]
    return [*places, (request.getfixturevalue("rpcd_address"), rpcd.PORT)]


@pytest.mark.parametrize("name", SEEN)
async def test_only_the_protocols_own_server_answers(probe, tmp_path, places, name):
    server_tls(tmp_path)
    fake = SqlServer(tls_context(tmp_path / "cert.pem", tmp_path / "key.pem"))
    async with peer(fake.serve) as mssql_port:
        seen = await asyncio.gather(
            *(
                probe(name, port, host=host, timeout=1.5)
                for host, port in [*places, (HERE, mssql_port)]
            )
        )
    assert told(SERVERS, seen) == dict(zip(SERVERS, SEEN[name].split(), strict=True))


@pytest.mark.parametrize("name", SEEN_UDP)
async def test_only_the_protocols_own_server_answers_over_udp(
    probe, tmp_path, kdc_port, coturn_port, unbound_port, name
):
    browser = SqlServer(instances={"MSSQLSERVER": 1433})
    with chrony(tmp_path, "local stratum 10") as time_port:
        async with (
            udp_peer(browser.browse) as (_, browser_port),
            udp_peer(directory) as (_, directory_port),
        ):
            real = (time_port, coturn_port, kdc_port, unbound_port)
            ports = [*real, browser_port, directory_port]
            seen = await asyncio.gather(
                *(probe(name, port, timeout=1.5, udp=True) for port in ports)
            )
    due = dict(zip(UDP_SERVERS, SEEN_UDP[name].split(), strict=True))
    assert told(UDP_SERVERS, seen) == due


def test_every_protocol_has_its_own_server():
    over = {"tcp": SEEN, "udp": SEEN_UDP}
    for transport, seen in over.items():
        speaking = {n for n, one in PROBERS.items() if transport in one.transports}
        assert set(seen) == speaking - GENERIC
        assert all("answered" in row.split() for row in seen.values())
