"""Right answers that come in pieces, and right answers that come too slowly."""

from __future__ import annotations

import pytest

from exporter.model.outcome import Reason
from exporter.probes.wire import ber, kerberos
from tests.lab.misbehave import dripping
from tests.probes.wire.test_rpc import ACK
from tests.probing import server_tls
from tests.servers.scripted import peer

RESULT = ber.encode(ber.OCTET_STRING) * 2
LDAP = ber.encode(
    ber.SEQUENCE,
    ber.integer(1),
    ber.encode(0x65, ber.integer(0, ber.ENUMERATED), RESULT),
)
KERBEROS = kerberos.frame(
    ber.encode(
        0x6B,
        ber.encode(
            ber.SEQUENCE,
            ber.context(0, ber.integer(5)),
            ber.context(1, ber.integer(11)),
            ber.context(3, ber.encode(ber.GENERAL_STRING, b"UNI.EXAMPLE")),
        ),
    )
)
TDS = bytes.fromhex("0401001a00000100 00000b0006 0100110001 ff 100010680000 02 00")
SMB = b"\0\0\0\x40\xfeSMB" + bytes.fromhex("4000 0000 bb0000c0 0000 0100 01000000")
SMTP = b"220 ready\r\n250-here\r\n250 SIZE\r\n221 bye\r\n"
IMAP = b"* OK ready\r\n* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"
# A RDP server that chooses RDP's own security.
RDP = bytes.fromhex("03000013 0ed00000123400 02000800 00000000")
ANSWERS = {
    "rdp": (RDP, {}),
    "imap": (IMAP, {}),
    "kerberos": (KERBEROS, {}),
    "ldap": (LDAP, {"starttls": False}),
    "ldaps": (LDAP, {}),
    "mssql": (TDS, {"tls": False}),
    "rpc": (ACK, {}),
    "smb": (SMB + bytes(44), {}),
    "smtp": (SMTP, {"starttls": False}),
    "ssh": (b"SSH-2.0-slow\r\n", {}),
    "http": (b"HTTP/1.1 204 Slow\r\n\r\n", {}),
    "https": (b"HTTP/1.1 204 Slow\r\n\r\n", {}),
}
INSIDE_TLS = {"ldaps", "https"}
# The head of a record of 16 KiB, which is most of a minute away at this pace.
RECORD = b"\x16\x03\x03\x40\x00" + bytes(500)


@pytest.fixture(params=ANSWERS)
def answer(request, tmp_path):
    """Name, bytes of a right answer, options, and the TLS it travels in."""
    data, options = ANSWERS[request.param]
    tls = server_tls(tmp_path) if request.param in INSIDE_TLS else None
    return request.param, data, options, tls


async def test_an_answer_in_single_bytes_is_an_answer(probe, answer):
    name, data, options, tls = answer
    async with peer(dripping(data, 0.001), tls) as port:
        seen = await probe(name, port, **options)
    assert seen.reason is Reason.ANSWERED, seen.detail


async def test_an_answer_that_drips_for_longer_than_the_deadline_is_none(probe, answer):
    name, data, options, tls = answer
    async with peer(dripping(data, 0.1), tls) as port:
        seen = await probe(name, port, timeout=0.5, **options)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, "exchange")


@pytest.mark.parametrize("name", ["https", "ldaps", "tls"])
async def test_a_handshake_that_drips_ends_by_the_deadline_in_tls(probe, name):
    async with peer(dripping(RECORD, 0.05)) as port:
        seen = await probe(name, port, timeout=0.5)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, "tls")
