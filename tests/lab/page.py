"""The whole page, checked role by role as a site would, and what servers say of it.

For the tests: everything comes from the commands, of which `check` runs as an
unprivileged user on the prober, and from the servers' own logs.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from exporter.cli.main import main
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
# What every mirror list names in the lab, by the probe of the rules for it.
MIRRORS = {
    "https": ("mirror.pulsant.com", "ask4.mm.fcix.net"),
    "http": ("mirror.pulsant.com", "mirrors.vinters.com"),
}
LISTS = {
    "mirrors.rockylinux.org": "mirrorlist",
    "mirrors.fedoraproject.org": "metalink",
    "cdn.remirepo.net": "enterprise/9/safe/x86_64/mirror",
}
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
        """The rules that this role probes, mirror lists not counted."""
        return [rule for rule in self.rules if rule["status"] == "active"]

    def waiting(self) -> list[Entry]:
        """The rules that this role probes once their mirror list has come."""
        return [rule for rule in self.rules if rule["status"] == "unset"]

    def probes(self) -> dict[str, str]:
        """The probe of each rule that this role probes."""
        mine = self.active() + self.waiting()
        return {rule["rule"]: rule["probe"] for rule in mine}

    def due(self) -> set[tuple[str, str]]:
        """The rules and destinations that this role must probe."""
        fixed = {(rule["rule"], rule["destination"]) for rule in self.active()}
        return fixed | {
            (rule["rule"], mirror)
            for rule in self.waiting()
            for mirror in MIRRORS[rule["probe"]]
        }

    def lists(self) -> set[str]:
        """The hosts of the mirror lists that this role needs."""
        return {rule["destination"] for rule in self.waiting()}

    def probed_with(self, *probes: str) -> list[Entry]:
        """The targets of rules with one of these probes."""
        mine = self.probes()
        return [one for one in self.targets if mine[one["rule"]] in probes]

    def undisturbed(self) -> bool:
        """Whether the prober never found itself too busy to tell."""
        return all(target["reason"] != "local_fault" for target in self.targets)


def check(lab: Lab, role: str) -> Page:
    """Runs one role's round now."""
    site = lab.site(
        f"page-{role}.yaml",
        roles=[role],
        schedule={"timeout": "10s"},
        feeds={"allow_private": True},
    )
    done = lab.prober.run(
        *(PYTHON, "-m", "exporter", "check", "--config", site, "--format", "json"),
        unprivileged=True,
        check=False,
    )
    assert done.returncode in {0, 1, 3}, done.stderr
    targets = json.loads(done.stdout)["targets"]
    return Page(done.returncode, targets, list_rules(site))


@contextlib.contextmanager
def mirror_lists(lab: Lab) -> Iterator[None]:
    """Meanwhile the list servers name the mirrors of the lab."""
    urls = [f"{kind}://{host}/os/" for kind, hosts in MIRRORS.items() for host in hosts]
    elements = "".join(f"<url>{url}</url>" for url in urls)
    metalink = (
        '<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file>'
        f"<resources>{elements}</resources></file></files></metalink>"
    )
    for host, path in LISTS.items():
        file = lab.folder / "web/www" / host / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(metalink if path == "metalink" else "\n".join(urls))
    try:
        yield
    finally:
        for host in LISTS:
            shutil.rmtree(lab.folder / "web/www" / host)


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
    first = min(certificates, key=lambda one: one.not_valid_after_utc)
    return {
        "expiry": leaf.not_valid_after_utc.timestamp(),
        "chain_expiry": first.not_valid_after_utc.timestamp(),
        "chain_expiry_subject": first.subject.rfc4514_string(),
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
