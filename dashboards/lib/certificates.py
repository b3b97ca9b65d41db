"""Certificates: how long each is still valid, and whether it verifies.

Many rules may lead to one server; its certificate is listed once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.lib import panels, words
from dashboards.lib.panels import COLORED, TINTED, cell, columns, sorted_by
from dashboards.lib.query import KEY, MANY, ONE, rows, target

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import table

DAYS = words.steps((None, words.BAD), (7, words.WARN), (21, words.GOOD))
VERIFIED = [
    words.values(
        {
            "yes": ("yes", words.GOOD),
            "expired": ("no: expired", words.BAD),
            "issuer_expired": ("no: issuer expired", words.BAD),
            "not_yet_valid": ("no: not yet valid", words.BAD),
            "name_mismatch": ("no: of another name", words.BAD),
            "no_alternative_name": ("no: no alternative name", words.BAD),
            "self_signed": ("no: self-signed", words.BAD),
            "unknown_issuer": ("no: unknown issuer", words.BAD),
            "incomplete_chain": ("no: incomplete chain", words.BAD),
            "issuer_key_mismatch": ("no: issuer has another key", words.BAD),
            "revoked": ("no: revoked", words.BAD),
            "weak": ("no: weak", words.BAD),
            "invalid_purpose": ("no: wrong purpose", words.BAD),
            "name_constraint": ("no: name not allowed", words.BAD),
            "path_length": ("no: path too long", words.BAD),
            "critical_extension": ("no: critical extension", words.BAD),
            "invalid": ("no: invalid", words.BAD),
        }
    )
]
_SOONEST = {
    "destination": "Server",
    "port": "Port",
    "Value": "Days left",
    "verified": "Verifies",
    "issuer": "Issuer",
}
_ONE = {
    "destination": "Server",
    "instance": "Seen from",
    "Value": "Days left",
    "verified": "Verifies",
    "trust": "Root",
    "subject": "Subject",
    "issuer": "Issuer",
    "version": "Version",
    "fingerprint_sha256": "SHA-256",
}


def days(select: str, told: str) -> str:
    """Days until the first certificate of each chain ends, with labels `told`."""
    left = f"({target('tls_chain_expiry_timestamp_seconds', select)} - time()) / 86400"
    info = target("tls_info", select)
    return (
        f"label_replace(label_replace({left} * on ({KEY}) group_left (error, {told})"
        f' {info}, "verified", "$1", "error", "(.*)"),'
        ' "verified", "yes", "error", "")'
    )


def soonest(*, width: int) -> table.Panel:
    """The 30 certificates that end first."""
    by = "destination, port, issuer, verified"
    panel = _dressed(
        panels.table(
            "Certificates that end first",
            "Days until the certificate of a server, or one of its chain, ends, and"
            " whether it verifies; the 30 servers that have least time left.",
            rows(f"bottomk(30, min by ({by}) ({days(MANY, 'issuer')}))"),
            width=width,
        ),
        _SOONEST,
    )
    return panel.override_by_name("Port", cell(custom_width=60))


def presented(*, width: int, height: int) -> table.Panel:
    """The certificate that one rule's servers present."""
    told = "trust, subject, issuer, version, fingerprint_sha256"
    panel = _dressed(
        panels.table(
            "Certificate presented",
            "What each server of this rule presents, whether or not it verifies.",
            rows(days(ONE, told)),
            width=width,
            height=height,
        ),
        _ONE,
    )
    sizes = {"Seen from": 190, "Root": 75, "Subject": 195, "Version": 80}
    return panels.widths(panel, sizes)


def _dressed(panel: table.Panel, names: dict[str, str]) -> table.Panel:
    left = cell(
        unit="none",
        decimals=0,
        thresholds=DAYS.build(),
        custom_cellOptions=COLORED,
        custom_width=90,
    )
    verified = cell(mappings=VERIFIED, custom_cellOptions=TINTED, custom_minWidth=140)
    return (
        panel.transformations(columns(names))
        .no_value("No certificate is known")
        .sort_by(sorted_by("Days left"))
        .override_by_name("Server", cell(custom_minWidth=170))
        .override_by_name("Days left", left)
        .override_by_name("Verifies", verified)
    )
