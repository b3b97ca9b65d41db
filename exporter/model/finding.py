"""What is wrong, told once: a cause with everything that it explains.

A finding accounts for each target that it names; no target is in two findings.
`diagnose` makes them; pages, formats, metrics and the API only show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exporter.model.rule import Key, Severity


class Cause(StrEnum):
    """What broke: a closed set, safe as a label value."""

    THIS_HOST = "this_host"
    RESOLVER = "resolver"
    NAME = "name"
    PROXY = "proxy"
    PATH = "path"
    DESTINATION = "destination"
    SERVICE = "service"
    PATH_MTU = "path_mtu"
    CERTIFICATE = "certificate"
    INTERCEPTION = "interception"
    MIDDLEBOX = "middlebox"
    FORBIDDEN_PATH = "forbidden_path"
    CLOCK = "clock"
    FEED = "feed"
    PARTIAL_ADDRESSES = "partial_addresses"
    NEVER_PROVEN = "never_proven"
    UNPROVEN = "unproven"
    EXPORTER = "exporter"


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause that explains the state of one or more targets.

    Attributes:
        finding: its id, the same as long as it lasts: over rounds and reloads.
        cause: what kind of thing broke.
        subject: the thing itself: a refuser's address, a host, `host:port`, a name, an
            issuer; empty where the cause names it (`resolver` with unknown servers).
        since: when the first of its targets fell; Unix time.
        severity: the worst of what it explains.
        owner: whose it is to mend; empty if nobody is known.
        summary: one sentence.
        evidence: what was seen that says so, one sentence each.
        counter_evidence: what was seen that rules other causes out, likewise.
        ask: one request, ready for a ticket; lines, in plain text.
        targets: keys (`Target.key`) of the targets it explains, in the order of the configuration.
    """

    finding: str
    cause: Cause
    subject: str
    since: float
    severity: Severity
    owner: str
    summary: str
    evidence: tuple[str, ...]
    counter_evidence: tuple[str, ...]
    ask: str
    targets: tuple[Key, ...]
