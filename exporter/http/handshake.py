"""TLS handshakes with clients: who they are, and why some fail, in a closed set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.http.web_config import san

if TYPE_CHECKING:
    import asyncio

_HANDSHAKE_FAILURES = (
    ("http request", "not_tls"),
    ("wrong version number", "not_tls"),
    ("unsupported protocol", "version"),
    ("no shared cipher", "version"),
    ("did not return a certificate", "no_certificate"),
    ("verify failed", "client_untrusted"),
    ("alert", "refused_by_client"),
)
"""What OpenSSL says of a handshake, and how it is counted; anything else is `other`."""


def names(transport: asyncio.BaseTransport) -> list[str]:
    """The alternative names of the client's certificate, if it has shown one."""
    shown = transport.get_extra_info("peercert") or {}
    return [san(value) for _, value in shown.get("subjectAltName", ())]


def failure(error: OSError) -> str:
    """The reason of a failed handshake, from a closed set."""
    if isinstance(error, ConnectionAbortedError):
        return "timeout"
    if isinstance(error, ConnectionError):
        return "closed"
    said = str(error).lower()
    known = (reason for words, reason in _HANDSHAKE_FAILURES if words in said)
    return next(known, "other")
