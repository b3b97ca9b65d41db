"""Six hours of metrics, made up: healthy, broken, unknown and empty cases.

Deterministic, at a fixed time, with the labels that the exporter really exposes (a
test compares them with its own table). It ends at three in the morning, twenty minutes
into an outage: SQL Server is cut off from the application, a firewall refuses LDAPS,
one role has lost its way out, an exporter is down, a forbidden path is open.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from exporter.metrics.labels import COMMON_LABELS

END = 1_768_446_000  # 2026-01-15 03:00 UTC
MINUTES = 360
STEP = 60
START = END - MINUTES * STEP
DAY = 86400

AA = "aa01.example.ac.uk:9842"
ROCKY = "analytics.example.ac.uk:9842"
LAB = "lab-pc.example.ac.uk:9842"
GONE = "jump01.example.ac.uk:9842"
ANSWERED = ""
UNPROBED = "unprobed"


@dataclass(frozen=True)
class Case:
    """One target. `episodes`: from which minute on what ended its probes."""

    rule: str
    role: str
    instance: str
    to: str  # destination:port/protocol
    usage: str
    probe: str
    severity: str
    owner: str
    episodes: dict[int, str] = field(default_factory=dict)  # "reason@stage,origin"
    days: int | None = None  # until the certificate ends
    tls_error: str = ""
    expect: str = "allow"
    until: int = MINUTES
    hop: tuple[str, str] | None = None  # last router that answered, and its number
    finding: str = ""  # of FINDINGS, which explains it at the end
    muted: int | None = None  # from which minute on maintenance mutes it

    @property
    def common(self):
        destination, _, rest = self.to.rpartition(":")
        port, protocol = rest.split("/")
        values = (self.rule, self.role, destination, port, protocol, self.usage)
        return dict(zip(COMMON_LABELS, values, strict=True))

    def seen(self, minute):
        """What ended the probe, and since which minute."""
        since = max((m for m in self.episodes if m <= minute), default=0)
        return self.episodes.get(since, ANSWERED), since


SITES = {AA: "north", ROCKY: "north", LAB: "south", GONE: "south"}
LOST = {322: "timeout@connect,"}
BLIP = {95: "refused@connect,", 101: ANSWERED}
CASES = (
    Case("appsanywhere-mssql", "appsanywhere", AA, "sql01.example.ac.uk:1433/tcp",
         "database", "mssql", "critical", "dba", {339: "timeout@connect,"}, 210, hop=("10.20.0.1", "3"),
         finding="path-1"),
    Case("appsanywhere-mssql-browser", "appsanywhere", AA, "sql01.example.ac.uk:1434/udp",
         "database", "sqlbrowser", "warning", "dba", {339: "untested@exchange,"}, finding="path-1"),
    Case("appsanywhere-ldaps", "appsanywhere", AA, "dc1.example.ac.uk:636/tcp",
         "directory", "ldaps", "critical", "identity", {347: "prohibited@connect,path"}, 45,
         finding="path-2"),
    Case("appsanywhere-ldaps", "appsanywhere", AA, "dc2.example.ac.uk:636/tcp",
         "directory", "ldaps", "critical", "identity", {}, 45),
    Case("appsanywhere-kerberos", "appsanywhere", AA, "dc1.example.ac.uk:88/udp",
         "authentication", "kerberos", "critical", "identity"),
    Case("appsanywhere-fileshare", "appsanywhere", AA, "files.example.ac.uk:445/tcp",
         "file-share", "smb", "warning", "storage", BLIP),
    Case("appsanywhere-api-software2", "appsanywhere", AA, "api.software2.com:443/tcp",
         "vendor-api", "https", "warning", "vendor", {}, 3, "unknown_issuer"),
    Case("appsanywhere-licensing", "appsanywhere", AA, "licence.example.com:443/tcp",
         "licensing", "https", "warning", "vendor", {}, 17),
    Case("appsanywhere-ntp", "appsanywhere", AA, "0.pool.example.org:123/udp",
         "time", "ntp", "warning", "network"),
    Case("appsanywhere-smtp", "appsanywhere", AA, "mail.example.ac.uk:587/tcp",
         "mail", "smtp", "warning", "network", {200: "rejected@exchange,", 215: ANSWERED}, 88),
    Case("appsanywhere-no-telnet-out", "appsanywhere", AA, "192.0.2.7:23/tcp",
         "administration", "tcp", "critical", "network", {0: "timeout@connect,", 250: ANSWERED}, expect="deny",
         finding="open-1"),
    Case("rocky-mirrors", "analytics-rocky", ROCKY, "dl.example.org:443/tcp",
         "os-updates", "https", "warning", "network", LOST, 61, hop=("", "0"), finding="host-1"),
    Case("rocky-epel", "analytics-rocky", ROCKY, "epel.example.org:443/tcp",
         "package-repository", "https", "warning", "network", LOST, 33, finding="host-1"),
    Case("rocky-ntp", "analytics-rocky", ROCKY, "1.pool.example.org:123/udp",
         "time", "ntp", "warning", "network", {322: "nxdomain@resolve,"}, muted=300),
    Case("rocky-vendor", "analytics-rocky", ROCKY, "reports.example.com:443/tcp",
         "vendor-api", "https", "warning", "vendor", LOST, 120, finding="host-1"),
    Case("analytics-mssql-udp", "analytics", ROCKY, "sql01.example.ac.uk:1433/udp",
         "database", "udp", "info", "dba", {0: "untested@exchange,"}),
    Case("client-appsanywhere-https", "client-device", LAB, "apps.example.ac.uk:443/tcp",
         "user-access", "https", "critical", "application", {}, 180),
    Case("client-cloudpaging", "client-device", LAB, "paging.example.ac.uk:443/tcp",
         "application-services", "https", "warning", "application", {60: "reset@tls,", 75: ANSWERED}, 180),
    Case("client-analytics", "client-device", LAB, "reports.example.ac.uk:9999/tcp",
         "analytics", "https", "warning", "application", {0: UNPROBED}),
    Case("jump-ssh", "jump-host", GONE, "aa01.example.ac.uk:22/tcp",
         "administration", "ssh", "warning", "application", {}, until=330),
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One cause, with its id, for what names it in CASES."""

    finding: str
    instance: str
    cause: str
    subject: str
    severity: str
    owner: str
    since: int  # minute


FINDINGS = (
    Finding("path-1", AA, "path", "10.20.0.1", "critical", "network", 339),
    Finding("path-2", AA, "path", "10.20.0.254", "critical", "network", 347),
    Finding("open-1", AA, "forbidden_path", "192.0.2.7:23/tcp", "critical", "network", 250),
    Finding("host-1", ROCKY, "this_host", "10.30.0.1", "warning", "host", 322),
    # Explains no target: the other resolver answers.
    Finding("dns-1", LAB, "resolver", "10.40.0.53", "info", "dns", 310),
)  # fmt: skip
