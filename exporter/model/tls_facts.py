"""What a peer's certificates say, and why they do not verify.

Times are Unix times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Trust(StrEnum):
    """The kind of root a certificate chain ends in."""

    PUBLIC = "public"
    SITE = "site"
    NONE = "none"


class TlsError(StrEnum):
    """Why a certificate chain does not verify: a closed set; empty when it does."""

    NONE = ""
    EXPIRED = "expired"
    ISSUER_EXPIRED = "issuer_expired"
    NOT_YET_VALID = "not_yet_valid"
    NAME_MISMATCH = "name_mismatch"
    NO_ALTERNATIVE_NAME = "no_alternative_name"
    SELF_SIGNED = "self_signed"
    UNKNOWN_ISSUER = "unknown_issuer"
    INCOMPLETE_CHAIN = "incomplete_chain"
    ISSUER_KEY_MISMATCH = "issuer_key_mismatch"
    REVOKED = "revoked"
    WEAK = "weak"
    INVALID_PURPOSE = "invalid_purpose"
    NAME_CONSTRAINT = "name_constraint"
    PATH_LENGTH = "path_length"
    CRITICAL_EXTENSION = "critical_extension"
    INVALID = "invalid"


UNVERIFIED = {
    TlsError.EXPIRED: "has ended",
    TlsError.ISSUER_EXPIRED: "is by an issuer whose certificate has ended",
    TlsError.NOT_YET_VALID: "is not valid yet",
    TlsError.NAME_MISMATCH: "is for another name",
    TlsError.NO_ALTERNATIVE_NAME: "has no alternative name, and common names do not count",
    TlsError.SELF_SIGNED: "is its own issuer, and nobody here trusts it",
    TlsError.UNKNOWN_ISSUER: "is by an issuer that nobody here trusts",
    TlsError.INCOMPLETE_CHAIN: "comes without the intermediate that vouches for it",
    TlsError.ISSUER_KEY_MISMATCH: "is signed with another key than its issuer's known one",
    TlsError.REVOKED: "is revoked",
    TlsError.WEAK: "has a key or a signature, or an issuer's, that is too weak",
    TlsError.INVALID_PURPOSE: "is not meant for servers, or its issuer not for issuing",
    TlsError.NAME_CONSTRAINT: "is by an issuer that may not vouch for this name",
    TlsError.PATH_LENGTH: "is by an issuer that may have no further issuers below it",
    TlsError.CRITICAL_EXTENSION: "demands an extension that clients do not know",
    TlsError.INVALID: "cannot be read, or its signature is wrong",
}
"""Why a certificate does not verify, as what can be said of it."""


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """The certificate chain as presented, whether or not it verifies.

    `named` says whether the leaf is for the name that was asked for: `error` tells
    only the first thing that is wrong. `chain_expiry_subject` is the subject of the
    certificate that ends first: the leaf's own, or that of an issuer of it.
    """

    version: str
    cipher: str
    subject: str
    issuer: str
    fingerprint_sha256: str
    expiry_timestamp: float
    chain_expiry_timestamp: float
    verified: bool
    error: TlsError
    trust: Trust
    intercepted: bool | None = None
    named: bool = True
    chain_expiry_subject: str = ""
