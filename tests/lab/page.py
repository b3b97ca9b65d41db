"""The whole page, checked role by role as a site would, and what servers say of it.

For the tests: everything comes from the commands, of which `check` runs as an
unprivileged user on the prober, and from the servers' own logs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from exporter.cli import main
from tests.lab.lab import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.lab import Lab

ROLES = (
    "client-device",
    "jump-host",
    "appsanywhere",
    "appsanywhere01",
    "appsanywhere02",
    "appsanywhere03",
    "analytics",
    "analytics-centos",
    "analytics-rocky",
)
# The one role whose rules say what must not be open; test_deny.py plays it.
OUTSIDE = "external-client"
# What the catalogue says of its rows beside their ports.
UNVERIFIABLE = {"analytics-mssql-udp"}
RETIRED = {"analytics-centos-mirror-list": "mirrorlist.centos.org"}
# The probe that belongs to a port, so that no row has a weaker one.
OWN = {
    ("tcp", 22): "ssh",
    ("tcp", 80): "http",
    ("tcp", 88): "kerberos",
    ("tcp", 443): "https",
    ("tcp", 445): "smb",
    ("tcp", 587): "smtp",
    ("tcp", 636): "ldaps",
    ("tcp", 1433): "mssql",
    ("tcp", 9999): "https",
    ("tcp", 19999): "https",
    ("udp", 88): "kerberos",
    ("udp", 123): "ntp",
    ("udp", 1434): "sqlbrowser",
}
TLS = ("https", "ldaps", "mssql", "smtp")
Entry = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """What the commands say for one role.

    Attributes:
        code: the exit code of `check`.
        targets: what it probed.
        rules: every rule, as `rules --format json` lists it.
    """

    code: int
    targets: list[Entry]
    rules: list[Entry]

    def active(self) -> list[Entry]:
        """The rules that this role probes."""
        return [rule for rule in self.rules if rule["status"] == "active"]

    def probes(self) -> dict[str, str]:
        """The probe of each rule that this role probes."""
        return {rule["rule"]: rule["probe"] for rule in self.active()}

    def probed_with(self, *probes: str) -> list[Entry]:
        """The targets of rules with one of these probes."""
        mine = self.probes()
        return [one for one in self.targets if mine[one["rule"]] in probes]

    def undisturbed(self) -> bool:
        """Whether the prober never found itself too busy to tell."""
        return all(target["reason"] != "local_fault" for target in self.targets)


def check(lab: Lab, role: str) -> Page:
    """Runs one role's round now."""
    site = lab.site(f"page-{role}.yaml", roles=[role], schedule={"timeout": "10s"})
    done = lab.prober.run(
        *(PYTHON, "-m", "exporter", "check", "--config", site, "--format", "json"),
        unprivileged=True,
        check=False,
    )
    assert done.returncode in {0, 1, 3}, done.stderr
    targets = json.loads(done.stdout)["targets"]
    return Page(done.returncode, targets, list_rules(site))


def list_rules(site: Path) -> list[Entry]:
    """What `rules` says, which needs no network."""
    words = ["rules", "--config", str(site), "--format", "json"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    rules: list[Entry] = json.loads(done.stdout)["rules"]
    return rules


def certificate(lab: Lab, name: str) -> Entry:
    """What the exporter should tell of the certificate made for a name."""
    chain = (lab.folder / f"ca/{name}.chain.pem").read_bytes()
    leaf, *_ = certificates = x509.load_pem_x509_certificates(chain)
    ends = [one.not_valid_after_utc.timestamp() for one in certificates]
    return {
        "expiry": ends[0],
        "chain_expiry": min(ends),
        "issuer": leaf.issuer.rfc4514_string(),
        "subject": leaf.subject.rfc4514_string(),
        "fingerprint_sha256": leaf.fingerprint(hashes.SHA256()).hex(),
    }


class News:
    """What has been written to a log since this was made."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = log.stat().st_size if log.exists() else 0

    def lines(self, *words: str) -> list[str]:
        """New lines, those only that hold one of the words if there are any."""
        return list(self._lines(words))

    def _lines(self, words: tuple[str, ...]) -> Iterator[str]:
        with self._log.open("rb") as file:
            file.seek(self._read)
            text = file.read().decode(errors="replace")
        for line in text.splitlines():
            if not words or any(word in line for word in words):
                yield line
