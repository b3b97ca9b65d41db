"""Whether a server wants to know who we are, which we never tell.

A server that insists on a client certificate has answered, as one that says 401 has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.model.outcome import CredentialsWantedError, ProbeError, Reason

if TYPE_CHECKING:
    from OpenSSL import SSL

# What OpenSSL tells of its steps (SSL_CTX_set_info_callback(3)), and the one in which
# the server's CertificateRequest was read (RFC 8446, 4.3.2; RFC 5246, 7.4.4).
_STEP = 1
_REQUEST_READ = b"SSLv3/TLS read server certificate request"
INSISTS = "the server insists on a client certificate, and none was sent"
# What servers say to an empty Certificate message: RFC 8446, 4.4.2.4 and 6.2 have the
# last but one alone, but handshake_failure is RFC 5246's word, and others are in use.
_NO_CERTIFICATE = re.compile(
    r"handshake failure|no certificate|bad certificate|certificate unknown"
    r"|unsupported certificate|unknown ca|access denied|certificate required"
)
ASKS = "the server asks for a client certificate"
# Over HTTP it is a status, and the page says why: nginx sends 400 "No required SSL
# certificate was sent", IIS 403 "requires a client certificate".
_STATUSES = frozenset({400, 403, 495, 496})
_PAGE = re.compile(
    rb"(?:ssl|tls|client) certificate|certificate (?:is )?required", re.IGNORECASE
)


def note_request(connection: SSL.Connection, where: int, _: int) -> None:
    """A context's info callback: remembers that a certificate was asked for."""
    if where & _STEP and connection.get_state_string() == _REQUEST_READ:
        connection.set_app_data(_REQUEST_READ)


def is_wanted(connection: SSL.Connection) -> bool:
    """Whether the server has asked for a certificate."""
    return connection.get_app_data() is _REQUEST_READ


def is_refused(status: int, page: bytes) -> bool:
    """Whether an HTTP server that asked for a certificate says that it wants it."""
    return status in _STATUSES and _PAGE.search(page) is not None


def stated(connection: SSL.Connection, error: ProbeError) -> ProbeError:
    """`error`, or what the server wants where it is its answer to no certificate."""
    alert = error.reason is Reason.TLS_ALERT and _NO_CERTIFICATE.search(error.detail)
    silent = error.reason in {Reason.CLOSED, Reason.RESET}
    if is_wanted(connection) and (alert or silent):
        return CredentialsWantedError(INSISTS)
    return error
