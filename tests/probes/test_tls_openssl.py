"""OpenSSL's own server, for what Python's cannot be made to do."""

import pytest

from exporter.model.outcome import CredentialsWantedError, Reason, Stage
from tests.tlspeers import failure, link_to, open_tls, s_server


@pytest.mark.parametrize(
    ("options", "version"),
    [
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), "TLSv1"),
        (("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "TLSv1.1"),
        (("-tls1_2",), "TLSv1.2"),
        (("-tls1_3",), "TLSv1.3"),
        (("-tls1_3", "-groups", "P-384"), "TLSv1.3"),
        (("-tls1_3", "-groups", "X448"), "TLSv1.3"),
        (("-tls1_3", "-groups", "ffdhe2048"), "TLSv1.3"),
        (("-tls1_2", "-groups", "X448"), "TLSv1.2"),
        (("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), "TLSv1.3"),
    ],
)
async def test_peers_of_any_age_are_readable(engine, tmp_path, options, version):
    with s_server(tmp_path, *options) as (port, _), link_to(port, engine) as link:
        await open_tls(link)
    assert (link.tls.version, link.tls.verified) == (version, True)


INSISTS = "the server insists on a client certificate, and none was sent"


async def test_a_client_certificate_demanded_in_tls_1_2_is_an_answer_with_facts(
    engine, tmp_path
):
    demand = ("-tls1_2", "-Verify", "1")
    with s_server(tmp_path, *demand) as (port, _), link_to(port, engine) as link:
        wanted = await failure(link)
    assert isinstance(wanted, CredentialsWantedError)
    assert (wanted.reason, wanted.detail) == (Reason.ANSWERED, INSISTS)
    assert (link.stage, link.tls.verified) == (Stage.TLS, True)


async def test_a_client_certificate_demanded_in_tls_1_3_shows_at_the_first_answer(
    engine, tmp_path
):
    demand = ("-tls1_3", "-Verify", "1")
    with s_server(tmp_path, *demand) as (port, _), link_to(port, engine) as link:
        stream = await open_tls(link)
        assert stream.asks_certificate
        with pytest.raises(CredentialsWantedError) as caught:
            await stream.receive()
    assert caught.value.detail == INSISTS
    assert (link.stage, link.tls.verified) == (Stage.EXCHANGE, True)


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1", "-tls1_2", "-tls1_3"])
async def test_a_client_certificate_that_may_be_left_out_disturbs_nothing(
    engine, tmp_path, version
):
    options = (version, "-verify", "1", "-cipher", "ALL:@SECLEVEL=0")
    with (
        s_server(tmp_path, *options) as (port, keyboard),
        link_to(port, engine) as link,
    ):
        stream = await open_tls(link)
        assert stream.asks_certificate
        keyboard.send(b"answer\n")
        assert await stream.receive_line(100) == b"answer"


async def test_a_refusal_of_whoever_asked_for_no_certificate_is_an_alert(
    engine, tmp_path
):
    weak = ("-tls1_2", "-cipher", "RC4-MD5:PSK-AES128-CBC-SHA:AECDH-NULL-SHA")
    with s_server(tmp_path, *weak) as (port, _), link_to(port, engine) as link:
        error = await failure(link)
    assert (error.reason, link.tls) == (Reason.TLS_ALERT, None)


async def test_a_peer_without_our_versions_is_described(engine, tmp_path):
    with s_server(tmp_path, "-tls1_3") as (port, _), link_to(port, engine) as link:
        error = await failure(link, at_most_tls12=True)
    assert error.reason is Reason.TLS_ALERT
    assert error.detail == "the peer sent a TLS alert: protocol version"


@pytest.mark.parametrize(
    ("version", "command"),
    [("-tls1_2", b"r\n"), ("-tls1_3", b"k\n"), ("-tls1_3", b"K\n")],
    ids=["renegotiation", "new key", "new keys both ways"],
)
async def test_what_a_peer_wants_between_answers_does_not_disturb_them(
    engine, tmp_path, version, command
):
    with s_server(tmp_path, version) as (port, keyboard), link_to(port, engine) as link:
        stream = await open_tls(link)
        keyboard.send(command)
        keyboard.send(b"answer\n")
        assert await stream.receive_line(100) == b"answer"
        await stream.send(b"thanks\n")
