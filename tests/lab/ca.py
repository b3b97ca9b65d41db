"""The lab's certificate authority, and certificates that are wrong in one way.

Real ones of the lab come from a root through an intermediate, as on the Internet.
`Authority.write` leaves `NAME.chain.pem` (certificate first) and `NAME.key.pem`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import trustme
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from tests import certificates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_DAY = timedelta(days=1)
_LIFE = 90
"""Days that a certificate is valid, as public authorities have it."""


@dataclass(frozen=True)
class Files:
    """Where a server's certificate chain and its key are."""

    chain: Path
    key: Path


class Authority:
    """A root, its intermediate, and a stranger that nobody trusts.

    Attributes:
        root_file: the root as a PEM file: what the site trusts.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._root = trustme.CA(organization_name="Lab root")
        self._intermediate = trustme.CA(
            parent_cert=self._root, organization_name="Lab intermediate"
        )
        self._stranger = trustme.CA(organization_name="Stranger")
        self.root_file = folder / "root.pem"
        self._root.cert_pem.write_to_path(self.root_file)

    def write(self, name: str, days: int = _LIFE) -> Files:
        """The certificate of a name; wrong if the name says so (see `_ODD`).

        Args:
            name: the server's name.
            days: until a good one ends.
        """
        odd = _ODD.get(name.partition(".")[0])
        chain, key = odd(self, name) if odd else _good(self, name, days)
        files = Files(
            self._folder / f"{name}.chain.pem", self._folder / f"{name}.key.pem"
        )
        files.chain.write_bytes(chain)
        files.key.touch(0o600)
        files.key.write_bytes(key)
        return files

    def below_an_ended_issuer(self, *names: str) -> list[Files]:
        """Good certificates of names, by one intermediate that ended yesterday."""
        since = datetime.now(UTC) - certificates.NOW
        key = load_pem_private_key(self._root.private_key_pem.bytes(), None)
        root = load_pem_x509_certificate(self._root.cert_pem.bytes())
        issuer = certificates.authority(
            "Ended issuer",
            certificates.Issued(key, root),
            start=since - _LIFE * _DAY,
            end=since - _DAY,
        )
        found = []
        for name in names:
            lasting = {"start": since - _DAY, "end": since + _LIFE * _DAY}
            leaf = certificates.server(issuer, name, common=name, **lasting)
            files = Files(
                self._folder / f"{name}.ended.pem", self._folder / f"{name}.own.pem"
            )
            files.chain.write_bytes(leaf.pem + issuer.pem)
            files.key.touch(0o600)
            files.key.write_bytes(leaf.key_pem)
            found.append(files)
        return found


_Pair = tuple[bytes, bytes]


def _issue(issuer: trustme.CA, name: str, **changes: Any) -> _Pair:
    leaf = issuer.issue_cert(name, common_name=name[:64], **changes)
    chain = b"".join(part.bytes() for part in leaf.cert_chain_pems)
    return chain, leaf.private_key_pem.bytes()


def _good(ca: Authority, name: str, days: int) -> _Pair:
    end = datetime.now(UTC) + days * _DAY
    return _issue(ca._intermediate, name, not_after=end)


def _expired(ca: Authority, name: str) -> _Pair:
    now = datetime.now(UTC)
    return _issue(
        ca._intermediate, name, not_before=now - 90 * _DAY, not_after=now - _DAY
    )


def _not_yet_valid(ca: Authority, name: str) -> _Pair:
    now = datetime.now(UTC)
    return _issue(
        ca._intermediate, name, not_before=now + _DAY, not_after=now + 90 * _DAY
    )


def _wrong_name(ca: Authority, name: str) -> _Pair:
    return _issue(ca._intermediate, f"another-{name}")


def _self_signed(ca: Authority, name: str) -> _Pair:
    since = datetime.now(UTC) - certificates.NOW
    own = certificates.server(
        None, name, common=name, start=since - _DAY, end=since + 90 * _DAY
    )
    return own.pem, own.key_pem


def _unknown_ca(ca: Authority, name: str) -> _Pair:
    # with its root, as servers of private authorities often send it
    chain, key = _issue(ca._stranger, name)
    return chain + ca._stranger.cert_pem.bytes(), key


def _incomplete(ca: Authority, name: str) -> _Pair:
    chain, key = _issue(ca._intermediate, name)
    end = b"-----END CERTIFICATE-----\n"
    return chain.partition(end)[0] + end, key


_ODD: dict[str, Callable[[Authority, str], _Pair]] = {
    "expired": _expired,
    "not-yet-valid": _not_yet_valid,
    "wrong-name": _wrong_name,
    "self-signed": _self_signed,
    "unknown-ca": _unknown_ca,
    "incomplete": _incomplete,
}
ODD = tuple(_ODD)
