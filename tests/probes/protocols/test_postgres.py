"""PostgreSQL's own server, with TLS and without, and servers that say no."""

from __future__ import annotations

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.model.tls_facts import TlsError
from tests.lab.misbehave import alerting, closing_on_data
from tests.probes.wire.test_postgres import ERROR, OLD, TOLD
from tests.probing import EXPIRED, ISSUED, server_tls
from tests.servers.postgresql import postgresql
from tests.servers.scripted import peer, replies
from tests.servers.threaded import answers, scripted


async def test_a_real_server_shows_its_certificate(probe, postgres_port):
    seen = await probe("postgres", postgres_port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert (seen.detail, seen.tls.verified) == ("PostgreSQL, TLS", True)
    assert (
        seen.tls.expiry_timestamp == ISSUED.certificate.not_valid_after_utc.timestamp()
    )


async def test_its_word_is_enough_where_no_tls_is_wanted(probe, postgres_port):
    seen = await probe("postgres", postgres_port, tls=False)
    assert (seen.reason, seen.tls) == (Reason.ANSWERED, None)
    assert seen.detail == "PostgreSQL, TLS offered"


async def test_a_real_server_without_tls_has_answered_unless_it_must(probe, folder):
    with postgresql(folder / "plain-database", ISSUED, tls=False) as port:
        seen = [await probe("postgres", port, tls=t) for t in ("offered", False, True)]
    assert [one.reason for one in seen] == [
        *(Reason.ANSWERED, Reason.ANSWERED, Reason.REJECTED)
    ]
    assert seen[0].detail == "PostgreSQL, no TLS offered"
    assert (seen[2].stage, seen[2].detail) == (Stage.EXCHANGE, "no TLS offered")


@pytest.mark.parametrize(
    ("error", "told"),
    [(ERROR, TOLD), (OLD, "could not fork new process for connection")],
)
async def test_an_error_is_a_rejection_and_quoted(probe, error, told):
    with scripted(answers(b"E" + error)) as port:
        seen = await probe("postgres", port)
    assert (seen.reason, seen.stage) == (Reason.REJECTED, Stage.EXCHANGE)
    assert seen.detail == f"the server says: {told}"


async def test_half_an_error_is_waited_for(probe):
    with scripted(answers(b"E" + ERROR[:9])) as port:
        seen = await probe("postgres", port, timeout=1.0)
    assert seen.reason is Reason.TIMEOUT
    assert seen.detail.startswith("10 bytes came: 'E")


@pytest.mark.parametrize("more", [b"SSH-2.0-x\r\n", b"NOTICE hello\r\n", b"S\x16\x03"])
@pytest.mark.parametrize("tls", [True, False])
async def test_more_than_a_letter_is_another_protocol(probe, more, tls):
    with scripted(answers(more)) as port:
        seen = await probe("postgres", port, tls=tls)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.EXCHANGE)
    assert seen.detail.startswith("not PostgreSQL: it says more than S or N")


async def test_a_bad_certificate_is_told_and_no_failure(probe, tmp_path):
    context = server_tls(tmp_path, EXPIRED)

    async def treat(reader, writer):
        await reader.readexactly(8)
        writer.write(b"S")
        await writer.start_tls(context)
        await reader.read(100)

    async with peer(treat) as port:
        seen = await probe("postgres", port)
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
        await reader.readexactly(8)
        writer.write(b"S")
        await end(reader, writer)

    async with peer(treat) as port:
        seen = await probe("postgres", port)
    assert (seen.reason, seen.stage) == (reason, Stage.TLS)
