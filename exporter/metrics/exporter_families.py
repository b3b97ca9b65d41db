"""The metrics of the exporter itself: name, type, meaning, labels.

They carry no target's labels; `telemetry.py` says what their values are. A new one is a
row here, a line there and a row in docs/metrics.md.
"""

from __future__ import annotations

from exporter.metrics.family import Family, Kind

PROBE_DURATION = Family(
    "connectivity_probe_duration_seconds",
    Kind.HISTOGRAM,
    "Time a whole probe took, all addresses included.",
    ("source_role", "usage", "probe"),
)
BUILD_INFO = Family(
    "connectivity_exporter_build_info",
    Kind.GAUGE,
    "1, with the version of the exporter and of Python.",
    ("version", "python"),
)
TARGETS = Family(
    "connectivity_exporter_targets",
    Kind.GAUGE,
    "Targets of the configuration, by whether they are probed from here.",
    ("status",),
)
CONFIG_INFO = Family(
    "connectivity_exporter_config_info",
    Kind.GAUGE,
    "1, with the SHA-256 of the site file in force.",
    ("sha256",),
)
CATALOGUE_INFO = Family(
    "connectivity_catalogue_info",
    Kind.GAUGE,
    "1, with the SHA-256 of each catalogue in force.",
    ("catalogue", "sha256"),
)
ROLES_INFO = Family(
    "connectivity_exporter_roles_info",
    Kind.GAUGE,
    "1, with the source roles that the exporter plays, in alphabetical order.",
    ("source_roles",),
)
SHARD_INFO = Family(
    "connectivity_exporter_shard_info",
    Kind.GAUGE,
    "1, with the shard of its roles' targets that the exporter probes.",
    ("shard", "shards"),
)
SHARDS = Family(
    "connectivity_exporter_shards",
    Kind.GAUGE,
    "Shards that its roles' targets are divided into.",
)
REQUIREMENTS = Family(
    "connectivity_catalogue_requirements",
    Kind.GAUGE,
    "What a vendor's document asks for, by what became of it in its catalogue.",
    ("catalogue", "fate"),
)
RELOAD_SUCCESSFUL = Family(
    "connectivity_exporter_config_last_reload_successful",
    Kind.GAUGE,
    "Whether the last attempt to load the configuration succeeded.",
)
RELOAD_TIMESTAMP = Family(
    "connectivity_exporter_config_last_reload_success_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which the configuration in force was loaded.",
)
PROBES_IN_FLIGHT = Family(
    "connectivity_exporter_probes_in_flight",
    Kind.GAUGE,
    "Probes under way.",
)
PROBE_SLOTS = Family(
    "connectivity_exporter_probe_slots",
    Kind.GAUGE,
    "Probes that may be under way at once.",
)
LATENESS = Family(
    "connectivity_exporter_schedule_lateness_seconds",
    Kind.HISTOGRAM,
    "How long after its due time a probe started.",
)
PROBES_SKIPPED = Family(
    "connectivity_exporter_probes_skipped_total",
    Kind.COUNTER,
    "Probes left out because the previous one of the same target had not ended.",
)
LOOP_LAG = Family(
    "connectivity_exporter_event_loop_lag_seconds",
    Kind.GAUGE,
    "How late the event loop woke up at its last heartbeat.",
)
FEED_MEMBERS = Family(
    "connectivity_exporter_mirror_list_members",
    Kind.GAUGE,
    "What a feed names; absent until it was fetched.",
    ("list",),
)
FEED_TARGETS = Family(
    "connectivity_exporter_mirror_list_targets",
    Kind.GAUGE,
    "Members of a feed that are in force; absent until it was fetched.",
    ("list",),
)
FEED_SUCCESS = Family(
    "connectivity_exporter_mirror_list_last_success_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which a feed was last fetched and usable; absent before.",
    ("list",),
)
FEED_FAILURES = Family(
    "connectivity_exporter_mirror_list_fetch_failures_total",
    Kind.COUNTER,
    "Fetches of a feed that brought nothing usable.",
    ("list",),
)
FEED_CHANGES = Family(
    "connectivity_exporter_mirror_list_changes_total",
    Kind.COUNTER,
    "How often other members of a feed came into force.",
    ("list",),
)
CONTROL_ANSWERED = Family(
    "connectivity_exporter_control_answered",
    Kind.GAUGE,
    "Whether a control, which must not answer, answers; absent before the first look.",
    ("destination", "port"),
)
RESOLVER_UP = Family(
    "connectivity_resolver_up",
    Kind.GAUGE,
    "Whether a resolver of this host answers, asked by itself; absent before the first"
    " look.",
    ("server", "transport"),
)
HTTP_CONNECTIONS = Family(
    "connectivity_exporter_http_connections",
    Kind.GAUGE,
    "Connections of HTTP clients, by what they are used for.",
    ("class",),
)
HTTP_REJECTED = Family(
    "connectivity_exporter_http_rejected_total",
    Kind.COUNTER,
    "HTTP clients turned away or cut off, by what they were and why.",
    ("class", "reason"),
)
TLS_HANDSHAKE_FAILURES = Family(
    "connectivity_exporter_http_tls_handshake_failures_total",
    Kind.COUNTER,
    "TLS handshakes of HTTP clients that came to nothing, by reason.",
    ("reason",),
)
WEB_CERTIFICATE_EXPIRY = Family(
    "connectivity_exporter_web_certificate_expiry_timestamp_seconds",
    Kind.GAUGE,
    "End of validity of the exporter's own certificate; absent without TLS.",
)
FINDING = Family(
    "connectivity_finding",
    Kind.GAUGE,
    "Targets that one cause explains, for each source role and usage it touches.",
    ("finding", "cause", "subject", "source_role", "usage", "severity", "owner"),
)
FINDING_SINCE = Family(
    "connectivity_finding_since_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which the first of what a finding explains fell.",
    ("finding",),
)
FINDINGS_OMITTED = Family(
    "connectivity_exporter_findings_omitted",
    Kind.GAUGE,
    "Findings beyond those exported, which are the worst.",
)

EXPORTER = tuple(one for one in vars().values() if isinstance(one, Family))
