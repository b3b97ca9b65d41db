"""RDP against xrdp and against servers of other ages."""

from __future__ import annotations

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.model.tls_facts import TlsError
from tests.lab.misbehave import alerting, closing_on_data
from tests.probes.wire.test_rdp import CHOSEN, OLD, REFUSED
from tests.probing import EXPIRED, ISSUED, server_tls
from tests.servers.scripted import peer, replies
from tests.servers.threaded import answers, scripted
from tests.servers.xrdp import xrdp


def packet(body):
    return b"\3\0" + (4 + len(body)).to_bytes(2) + body


async def test_xrdp_shows_its_certificate(probe, xrdp_port):
    seen = await probe("rdp", xrdp_port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert (seen.detail, seen.tls.verified) == ("RDP, security TLS", True)
    assert (
        seen.tls.expiry_timestamp == ISSUED.certificate.not_valid_after_utc.timestamp()
    )


async def test_its_choice_is_enough_where_no_tls_is_wanted(probe, xrdp_port):
    seen = await probe("rdp", xrdp_port, tls=False)
    assert (seen.reason, seen.tls) == (Reason.ANSWERED, None)
    assert seen.detail == "RDP, security TLS"


async def test_an_xrdp_without_tls_has_answered_unless_it_must(probe, folder):
    with xrdp(folder / "plain-desktop", ISSUED, "rdp") as port:
        seen = await probe("rdp", port)
        must = await probe("rdp", port, tls=True)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, "RDP, security RDP's own")
    assert (must.reason, must.stage) == (Reason.REJECTED, Stage.EXCHANGE)
    assert must.detail == "no TLS: RDP, security RDP's own"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (OLD, "RDP, answers without negotiation"),
        (REFUSED, "RDP, takes none of what was offered: credssp required"),
    ],
)
async def test_servers_that_choose_nothing_have_answered(probe, body, told):
    with scripted(answers(packet(body))) as port:
        seen = await probe("rdp", port)
        must = await probe("rdp", port, tls=True)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, told)
    assert (must.reason, must.detail) == (Reason.REJECTED, f"no TLS: {told}")


async def test_a_bad_certificate_is_told_and_no_failure(probe, tmp_path):
    context = server_tls(tmp_path, EXPIRED)

    async def treat(reader, writer):
        await reader.readexactly(19)
        writer.write(packet(CHOSEN))
        await writer.start_tls(context)
        await reader.read(100)

    async with peer(treat) as port:
        seen = await probe("rdp", port)
    assert (seen.reason, seen.tls.error) == (Reason.ANSWERED, TlsError.EXPIRED)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (alerting, Reason.TLS_ALERT),
        (closing_on_data, Reason.CLOSED),
        (replies(b"hello"), Reason.MALFORMED),
    ],
)
async def test_a_handshake_that_fails_does_so_in_tls(probe, end, reason):
    async def treat(reader, writer):
        await reader.readexactly(19)
        writer.write(packet(CHOSEN))
        await end(reader, writer)

    async with peer(treat) as port:
        seen = await probe("rdp", port)
    assert (seen.reason, seen.stage) == (reason, Stage.TLS)


async def test_data_sent_before_the_handshake_is_malformed(probe):
    with scripted(answers(packet(CHOSEN) + b"more")) as port:
        seen = await probe("rdp", port)
    assert seen.reason is Reason.MALFORMED
    assert seen.detail.startswith("data sent before the TLS handshake; ")
