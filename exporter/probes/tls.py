"""TLS over any Stream: one handshake that accepts every peer, then a judgement.

OpenSSL works on memory buffers and never sees a socket, so the same engine serves
a TCP connection and a handshake carried inside another protocol's packets. The
handshake verifies nothing, because a certificate that is wrong is the very thing
to report: the facts of the chain presented (certificate_chain.py) are kept even when the
handshake fails after it. No client certificate is offered and no session is
resumed: the whole chain is wanted every time.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import certifi
from OpenSSL import SSL, _util

from exporter.model.outcome import CredentialsWantedError, ProbeError, Reason
from exporter.probes.certificate_chain import Examiner, Session, server_name
from exporter.probes.certificate_verification import Judge
from exporter.probes.client_certificate import (
    INSISTS,
    is_wanted,
    note_request,
    stated,
)
from exporter.probes.stream import CHUNK, SecureStream
from exporter.probes.transcript import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.stream import Stream

# Old peers must stay readable: TLS 1.0, short keys, SHA-1 signatures. But no suite
# that does without a certificate: the certificate is what we come for.
_CIPHERS = b"DEFAULT:!PSK:!SRP:@SECLEVEL=0"
_SUITES = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
# Without a post-quantum share the ClientHello fits into one packet, so it passes
# where a client's usually passes, and the handshake costs a quarter less. The rest
# are names alone, for a server that asks for one of them (RFC 8446, 4.1.4).
_GROUPS = b"X25519:P-256:P-384:P-521:X448:ffdhe2048:ffdhe3072"
_OPTIONS = (
    SSL.OP_LEGACY_SERVER_CONNECT
    | SSL.OP_NO_RENEGOTIATION
    | SSL.OP_NO_TICKET
    | SSL.OP_NO_COMPRESSION
)

_OUTGOING = 4096
# RFC 8446, section 5.1: the content types a peer's first record can have.
_ALERT = 21
_HANDSHAKE = 22
# OpenSSL tells errors by text alone here. Its texts for alerts begin with a
# protocol and "alert"; those of RFC 6066, section 9, lack the word, and alerts it
# does not know have no text at all.
_ALERT_TEXT = re.compile(
    r"^(?:\S+ alert (?P<name>.+)"
    r"|tlsv1 (?P<extension>unsupported extension|certificate unobtainable"
    r"|unrecognized name|bad certificate (?:status response|hash value))"
    r"|)$"
)


class TlsEngine:
    """Opens TLS over Streams and tells what certificates are worth.

    Args:
        ca_file: PEM file of the site's own certificate authorities, if any.
        public_roots: PEM file of the public certificate authorities.
        clock: Unix time, for judging dates.

    Raises:
        OSError: a file cannot be read.
    """

    def __init__(
        self,
        ca_file: Path | None = None,
        *,
        public_roots: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        judge = Judge(public_roots or Path(certifi.where()), ca_file)
        self._examiner = Examiner(judge, clock)
        self._newest = _context(SSL.TLS1_3_VERSION)
        self._at_most_tls12 = _context(SSL.TLS1_2_VERSION)

    async def handshake(
        self,
        stream: Stream,
        target: Target,
        alpn: Sequence[bytes],
        link: Link,
        *,
        at_most_tls12: bool = False,
    ) -> SecureStream:
        """TLS over `stream`; sets `link.tls` as soon as a chain was presented.

        Args:
            stream: carries the records, whatever it is made of.
            target: what the peer is called and how its certificate is judged.
            alpn: protocol names to offer (RFC 7301).
            link: takes the facts, also when the handshake then fails.
            at_most_tls12: for carriers that came before TLS 1.3.

        Raises:
            ProbeError: tls_alert if the peer refuses, malformed if it does not
                speak TLS, closed, or whatever the stream raises.
        """
        context = self._at_most_tls12 if at_most_tls12 else self._newest
        connection = _connection(context, server_name(target), alpn)
        try:
            await _shake_hands(connection, stream)
        except ProbeError as error:
            raise stated(connection, error) from error
        finally:
            self._note_chain(connection, target, link)
        return TlsStream(connection, stream)

    def _note_chain(
        self, connection: SSL.Connection, target: Target, link: Link
    ) -> None:
        presented = connection.get_peer_cert_chain()
        if not presented:
            return
        session = Session(
            version=connection.get_protocol_version_name(),
            cipher=connection.get_cipher_name() or "",
        )
        link.tls = self._examiner.facts(presented, session, target)


class TlsStream(SecureStream):
    """Bytes protected by an established TLS connection."""

    def __init__(self, connection: SSL.Connection, carrier: Stream) -> None:
        super().__init__()
        self._connection = connection
        self._carrier = carrier
        self._silent = True
        self.asks_certificate = is_wanted(connection)
        self.alpn = connection.get_alpn_proto_negotiated().decode("ascii", "replace")

    async def _write(self, data: bytes) -> None:
        self._connection.sendall(data)
        with self._stating():
            await _flush(self._connection, self._carrier)

    def _write_last(self, data: bytes) -> None:
        # Goes out with the farewell.
        with contextlib.suppress(SSL.Error):
            self._connection.sendall(data)

    async def _read(self) -> bytes:
        with self._stating():
            data = await self._decrypted()
        if not data and self._silent and self.asks_certificate:
            raise CredentialsWantedError(INSISTS)
        self._silent = False
        return data

    @contextlib.contextmanager
    def _stating(self) -> Iterator[None]:
        """Since TLS 1.3 a server refuses after the handshake, until it speaks."""
        try:
            yield
        except ProbeError as error:
            if not self._silent:
                raise
            raise stated(self._connection, error) from error

    async def _decrypted(self) -> bytes:
        while True:
            try:
                return self._connection.recv(CHUNK)
            except SSL.WantReadError:
                await _exchange(self._connection, self._carrier)
            except SSL.ZeroReturnError:
                return b""
            except SSL.Error as error:
                raise _failure(error) from error

    def farewell(self) -> bytes:
        """The close_notify alert (RFC 8446, 6.1), nothing if TLS broke down."""
        try:
            self._connection.shutdown()
        except SSL.Error:
            return b""
        return _outgoing(self._connection)


def _context(newest: int) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_max_proto_version(newest)
    context.set_cipher_list(_CIPHERS)
    context.set_tls13_ciphersuites(_SUITES)
    context.set_options(_OPTIONS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_info_callback(note_request)
    # pyOpenSSL has no method for this; without it things only get slower.
    with contextlib.suppress(AttributeError):
        _util.lib.SSL_CTX_set1_curves_list(context._context, _GROUPS)  # noqa: SLF001 - as above
    return context


def _connection(
    context: SSL.Context, name: str, alpn: Sequence[bytes]
) -> SSL.Connection:
    connection = SSL.Connection(context, None)
    connection.set_connect_state()
    if sent := _sent_name(name):
        connection.set_tlsext_host_name(sent)
    if alpn:
        connection.set_alpn_protos(list(alpn))
    return connection


@functools.lru_cache(maxsize=20_000)
def _sent_name(name: str) -> bytes:
    """The name for the ClientHello, empty for IP literals (RFC 6066, section 3)."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.encode("idna")
    return b""


async def _shake_hands(connection: SSL.Connection, stream: Stream) -> None:
    """The handshake; our last message of it goes with whatever is sent next."""
    answered = False
    while not _done(connection):
        await _flush(connection, stream)
        data = await stream.receive()
        if not answered and not _begins_tls(data):
            message = f"no TLS: the peer sent '{quoted(data)}'"
            raise ProbeError(Reason.MALFORMED, message)
        answered = True
        connection.bio_write(data)


def _begins_tls(data: bytes) -> bool:
    """Whether a record can begin so: content type, then major version 3."""
    return data[0] in {_ALERT, _HANDSHAKE} and data[1:2] in {b"", b"\x03"}


def _done(connection: SSL.Connection) -> bool:
    try:
        connection.do_handshake()
    except SSL.WantReadError:
        return False
    except SSL.Error as error:
        raise _failure(error) from error
    return True


async def _exchange(connection: SSL.Connection, carrier: Stream) -> None:
    await _flush(connection, carrier)
    connection.bio_write(await carrier.receive())


async def _flush(connection: SSL.Connection, carrier: Stream) -> None:
    if data := _outgoing(connection):
        await carrier.send(data)


def _outgoing(connection: SSL.Connection) -> bytes:
    """Every byte OpenSSL wants sent, so that few packets carry them."""
    pieces: list[bytes] = []
    while not pieces or len(pieces[-1]) == _OUTGOING:
        try:
            pieces.append(connection.bio_read(_OUTGOING))
        except SSL.WantReadError:
            break
    return b"".join(pieces)


def _failure(error: SSL.Error) -> ProbeError:
    """What an error of OpenSSL says about the peer."""
    if isinstance(error, SSL.ZeroReturnError):
        return ProbeError(Reason.CLOSED, "TLS closed by the peer in the handshake")
    text = error.args[0][-1][-1]
    if alert := _ALERT_TEXT.match(text):
        name = alert["name"] or alert["extension"] or "of an unknown kind"
        return ProbeError(Reason.TLS_ALERT, f"the peer sent a TLS alert: {name}")
    return ProbeError(Reason.MALFORMED, f"TLS broke down: {text}")
