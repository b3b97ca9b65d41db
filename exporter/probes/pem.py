"""Files of certificates in PEM form (RFC 7468): read, or said what is wrong with them."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from OpenSSL import crypto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)

_PEM = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?"
    rb"(?:-----END (?:TRUSTED |X509 )?CERTIFICATE-----|\Z)",
    re.DOTALL,
)


def damaged(content: bytes) -> str:
    """What is wrong with a file of certificates; empty if all of them can be read."""
    blocks = list(_PEM.finditer(content))
    if not blocks:
        return "holds no certificates in PEM form"
    for number, block in enumerate(blocks, start=1):
        try:
            crypto.load_certificate(crypto.FILETYPE_PEM, block[0])
        except crypto.Error:
            line = content.count(b"\n", 0, block.start()) + 1
            return f"line {line}: certificate {number} of {len(blocks)} is damaged"
    return ""


def load(file: Path) -> Iterator[crypto.X509]:
    """The certificates of a PEM file; one that cannot be read is skipped."""
    for number, block in enumerate(_PEM.findall(file.read_bytes()), start=1):
        try:
            yield crypto.load_certificate(crypto.FILETYPE_PEM, block)
        except crypto.Error:
            _log.warning("%s: certificate %d cannot be read, skipped", file, number)
