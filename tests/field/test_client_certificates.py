"""The server asks for a client certificate, and insists on it or does not.

The intended service answered and asked who we are, as a 401 does. So the rule holds,
over each version of TLS and whatever carries it, and what the server wants is told; one
that denies is violated.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from tests.field.situation import ROOT, Case, every, holds, leaf, violated
from tests.servers.sqlserver import SqlServer
from tests.servers.threaded import answers, scripted

_OLD, _NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
_WEB = answers(b"HTTP/1.1 200 OK\r\n\r\n")


def wanting(field, wants, version):
    context = leaf(names=("127.0.0.1",))(field)
    context.minimum_version = context.maximum_version = version
    context.verify_mode = wants
    file = field.folder / "clients.pem"
    file.write_bytes(ROOT.pem)
    context.load_verify_locations(file)
    return context


def behind(wants, version, treat, before=lambda _sock: None):
    """TLS that wants a certificate, after what the protocol says in the clear."""

    @contextlib.contextmanager
    def peer(field, own):
        context = wanting(field, wants, version)

        def treatment(sock):
            before(sock)
            with (
                contextlib.suppress(OSError),
                context.wrap_socket(sock, server_side=True) as secure,
            ):
                treat(secure)

        with scripted(treatment, own) as port:
            yield port

    return peer


def offers_tls(sock):
    for line in (b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n"):
        sock.sendall(line)
        if line != b"220 go\r\n":
            sock.recv(4096)


def takes_mail(secure):
    secure.recv(4096)
    secure.sendall(b"250 mx\r\n")
    secure.recv(4096)


def is_refused(secure):
    secure.recv(1)


def database(wants):
    """TLS inside packets, which ends with 1.2."""

    @contextlib.contextmanager
    def peer(field, own):
        context = wanting(field, wants, _OLD)

        async def talk(sock):
            reader, writer = await asyncio.open_connection(sock=sock)
            with contextlib.suppress(ssl.SSLError, asyncio.IncompleteReadError):
                await SqlServer(context).serve(reader, writer)
            writer.close()

        with scripted(lambda sock: asyncio.run(talk(sock.dup())), own) as port:
            yield port

    return peer


_INSISTS = "insists on a client certificate"
_ASKS = {
    f"{probe}-{name}": (probe, treat, before, version)
    for probe, treat, before in (
        ("tls", is_refused, lambda _: None),
        ("https", _WEB, lambda _: None),
        ("ldaps", is_refused, lambda _: None),
        ("smtp", takes_mail, offers_tls),
    )
    for name, version in (("12", _OLD), ("13", _NEW))
}
CASES = {
    **{
        f"{name}-insists": Case(
            behind(ssl.CERT_REQUIRED, version, treat, before),
            probe,
            holds("client certificate" if probe == "tls" else _INSISTS),
        )
        for name, (probe, treat, before, version) in _ASKS.items()
    },
    **{
        f"{name}-takes-one": Case(
            behind(ssl.CERT_OPTIONAL, version, treat, before),
            probe,
            holds(never=_INSISTS),
        )
        for name, (probe, treat, before, version) in _ASKS.items()
        if probe != "ldaps"
    },
    "mssql-insists": Case(database(ssl.CERT_REQUIRED), "mssql", holds(_INSISTS)),
    "mssql-takes-one": Case(
        database(ssl.CERT_OPTIONAL), "mssql", holds(never=_INSISTS)
    ),
    **{
        f"{name}-was-let-through": Case(
            peer, probe, violated(()), rule={"expect": "deny"}
        )
        for name, probe, peer in (
            ("https", "https", behind(ssl.CERT_REQUIRED, _NEW, _WEB)),
            ("smtp", "smtp", behind(ssl.CERT_REQUIRED, _OLD, takes_mail, offers_tls)),
            ("mssql", "mssql", database(ssl.CERT_REQUIRED)),
        )
    },
}
test_situation = every(CASES)
