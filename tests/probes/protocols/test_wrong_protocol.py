"""Every prober against every other protocol's server: it answers, but not to us."""

from __future__ import annotations

import asyncio

import pytest

from exporter.probes.outcome import Reason
from tests.probing import server_tls
from tests.servers.scripted import peer
from tests.servers.sqlserver import SqlServer, tls_context

ANSWERED = Reason.ANSWERED
CLOSED = Reason.CLOSED
MALFORMED = Reason.MALFORMED
TIMEOUT = Reason.TIMEOUT

# Servers that wait for a whole message of their own leave the others waiting too.
SERVERS = ("postfix", "slapd", "kdc", "smbd", "sshd", "mssql")
SEEN = {
    "http": (MALFORMED, CLOSED, MALFORMED, TIMEOUT, MALFORMED, TIMEOUT),
    "https": (MALFORMED, CLOSED, MALFORMED, TIMEOUT, MALFORMED, CLOSED),
    "kerberos": (MALFORMED, CLOSED, ANSWERED, CLOSED, MALFORMED, TIMEOUT),
    "ldaps": (MALFORMED, ANSWERED, MALFORMED, TIMEOUT, MALFORMED, CLOSED),
    "mssql": (MALFORMED, CLOSED, MALFORMED, TIMEOUT, MALFORMED, ANSWERED),
    "smb": (MALFORMED, CLOSED, CLOSED, ANSWERED, MALFORMED, TIMEOUT),
    "smtp": (ANSWERED, TIMEOUT, TIMEOUT, TIMEOUT, MALFORMED, TIMEOUT),
    "ssh": (TIMEOUT, TIMEOUT, TIMEOUT, TIMEOUT, ANSWERED, TIMEOUT),
}


@pytest.fixture
def ports(postfix_port, slapd_port, kdc_port, smbd_port, sshd_port):
    return [postfix_port, slapd_port, kdc_port, smbd_port, sshd_port]


@pytest.mark.parametrize("name", SEEN)
async def test_only_the_protocols_own_server_answers(probe, tmp_path, ports, name):
    server_tls(tmp_path)
    fake = SqlServer(tls_context(tmp_path / "cert.pem", tmp_path / "key.pem"))
    async with peer(fake.serve) as mssql_port:
        seen = await asyncio.gather(
            *(probe(name, port, timeout=1.5) for port in [*ports, mssql_port])
        )
    reasons = {server: one.reason for server, one in zip(SERVERS, seen, strict=True)}
    assert reasons == dict(zip(SERVERS, SEEN[name], strict=True))
