"""Bare TLS: the handshake is the answer, and what is offered in it."""

from __future__ import annotations

import asyncio

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.model.tls_facts import TlsError
from exporter.probes.protocols.tls import Tls
from tests.probing import EXPIRED, server_tls
from tests.servers.scripted import peer


async def test_the_names_given_are_offered(probe, tmp_path):
    agreed = asyncio.Queue()

    async def treat(reader, writer):
        secured = writer.get_extra_info("ssl_object")
        await agreed.put(secured.selected_alpn_protocol())
        await reader.read()

    async with peer(treat, server_tls(tmp_path, alpn=["imap"])) as port:
        seen = await probe("tls", port, alpn=("pop3", "imap"))
        bare = await probe("tls", port)
        async with asyncio.timeout(5):
            assert {await agreed.get(), await agreed.get()} == {"imap", None}
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert bare.reason is Reason.ANSWERED


async def test_an_expired_certificate_is_told_and_no_failure(probe, tmp_path):
    async def treat(reader, writer):
        await reader.read()

    async with peer(treat, server_tls(tmp_path, EXPIRED)) as port:
        seen = await probe("tls", port)
    assert (seen.reason, seen.tls.error) == (Reason.ANSWERED, TlsError.EXPIRED)


@pytest.mark.parametrize("name", ["", "two words", "x" * 256, "h2\n", "\xe9"])
def test_a_name_that_has_no_room_in_a_client_hello_is_refused(name):
    with pytest.raises(ValueError, match="alpn must hold"):
        Tls(alpn=("h2", name))
