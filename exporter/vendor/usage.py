"""What traffic is for, guessed from its words and its port."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exporter.model.rule import Usage

# The first that fits counts: the particular stands before the general.
_WORDS = tuple(
    (re.compile(rf"\b(?:{words})", re.IGNORECASE), usage)
    for words, usage in (
        (r"certificate", Usage.CERTIFICATE_CHECK),
        (r"licen[cs](?:e|ing)\b(?! template)", Usage.LICENSING),
        (r"mirror|repositor(?:y|ies)|packages?\b", Usage.PACKAGE_REPOSITORY),
        (r"os updates?|(?:system|windows) updates?", Usage.OS_UPDATES),
        (r"ntp|time (?:service|server|sync)", Usage.TIME),
        (r"smtp|e-?mails?\b|mail\b", Usage.MAIL),
        (r"kerberos|authenticat|single sign|saml|oidc|sso\b", Usage.AUTHENTICATION),
        (r"ldaps?\b|active directory|directory service", Usage.DIRECTORY),
        (r"sql|database|oracle|postgres", Usage.DATABASE),
        (r"unc\b|smb\b|file ?shar|network share", Usage.FILE_SHARE),
        (r"ssh|rdp\b|administration|remote support", Usage.ADMINISTRATION),
        (r"transfer|synchroni|replicat|cluster|between nodes", Usage.CLUSTER_SYNC),
        (r"analytics|reporting|telemetry", Usage.ANALYTICS),
        (r"users? access|end users?|web interface|browser", Usage.USER_ACCESS),
        (r"apis?\b|registration|webhook", Usage.VENDOR_API),
        (
            r"cdn|content|download|fonts?\b|icons?\b|resources?\b|templates?\b|updates?\b",
            Usage.CONTENT_DELIVERY,
        ),
    )
)
_PORTS = {
    22: Usage.ADMINISTRATION,
    25: Usage.MAIL,
    88: Usage.AUTHENTICATION,
    123: Usage.TIME,
    389: Usage.DIRECTORY,
    445: Usage.FILE_SHARE,
    465: Usage.MAIL,
    587: Usage.MAIL,
    636: Usage.DIRECTORY,
    1433: Usage.DATABASE,
    1434: Usage.DATABASE,
    1521: Usage.DATABASE,
    3306: Usage.DATABASE,
    3389: Usage.ADMINISTRATION,
    5432: Usage.DATABASE,
}


@dataclass(frozen=True, slots=True)
class Guess:
    """A usage and what it was guessed from, in words."""

    usage: Usage
    why: str


def guess(words: str, port: int, *, internal: bool) -> Guess:
    """A usage: by a port that serves one alone, then by words, then by where it leads."""
    if port in _PORTS:
        return Guess(_PORTS[port], f"guessed from port {port}")
    for pattern, usage in _WORDS:
        found = pattern.search(words)
        if found:
            return Guess(usage, f"guessed from {found[0].lower()!r}")
    fallback = Usage.APPLICATION_SERVICES if internal else Usage.VENDOR_API
    return Guess(fallback, "nothing tells: please choose")
