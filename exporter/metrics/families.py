"""The one table of every metric: name, type, meaning, labels of its own.

`TARGET` families have samples per target, under `COMMON_LABELS`, in the order of the
output. `EXPORTER` families tell of the exporter itself and carry no target's labels.
What a sample's value is stands in `samples.py`, under the family's name; a new
per-target metric is one row here, one function there and one row in docs/metrics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from exporter.model.facts import FLOW


class Kind(StrEnum):
    """The metric types in use, as the TYPE line spells them."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric; `labels` are those besides the ones every family of its kind has."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


COMMON_LABELS = tuple(fact.name for fact in FLOW)
"""The labels of every target's series, which `samples.common_labels` writes."""

TARGET: tuple[Family, ...] = (
    Family(
        "connectivity_rule_reachable",
        Kind.GAUGE,
        "Whether the intended service answered in its own protocol;"
        " absent while that is unknown.",
    ),
    Family(
        "connectivity_rule_satisfied",
        Kind.GAUGE,
        "Whether what was seen is what the rule expects; absent while unknown.",
    ),
    Family(
        "connectivity_rule_failure",
        Kind.GAUGE,
        "1 for what ended the last probe before an answer; absent when answered.",
        ("stage", "reason", "origin"),
    ),
    Family(
        "connectivity_rule_latency_seconds",
        Kind.GAUGE,
        "Network round trip of the last probe, as the kernel timed it.",
    ),
    Family(
        "connectivity_rule_phase_duration_seconds",
        Kind.GAUGE,
        "Time spent in each stage of the last answered probe.",
        ("phase",),
    ),
    Family(
        "connectivity_rule_addresses",
        Kind.GAUGE,
        "Addresses probed in the last round, by what became of them;"
        " absent when the name did not resolve.",
        ("state",),
    ),
    Family(
        "connectivity_rule_tls_expiry_timestamp_seconds",
        Kind.GAUGE,
        "End of validity of the certificate presented, verified or not.",
    ),
    Family(
        "connectivity_rule_tls_chain_expiry_timestamp_seconds",
        Kind.GAUGE,
        "Earliest end of validity in the chain that verifies, else in the one presented.",
    ),
    Family(
        "connectivity_rule_tls_verified",
        Kind.GAUGE,
        "Whether chain, dates and name of the certificate presented verify.",
    ),
    Family(
        "connectivity_rule_tls_info",
        Kind.GAUGE,
        "1, with the certificate presented and how it was judged.",
        (
            "version",
            "cipher",
            "issuer",
            "subject",
            "fingerprint_sha256",
            "trust",
            "error",
        ),
    ),
    Family(
        "connectivity_rule_tls_intercepted",
        Kind.GAUGE,
        "Whether a public service showed a certificate that is not publicly issued;"
        " absent where that cannot be told.",
    ),
    Family(
        "connectivity_rule_http_status_code",
        Kind.GAUGE,
        "Status code of the last HTTP answer.",
    ),
    Family(
        "connectivity_rule_ntp_offset_seconds",
        Kind.GAUGE,
        "How far the NTP server's clock is ahead of this host's.",
    ),
    Family(
        "connectivity_rule_ntp_stratum",
        Kind.GAUGE,
        "Stratum of the NTP server; 0 when its clock is not synchronised.",
    ),
    Family(
        "connectivity_rule_clock_offset_seconds",
        Kind.GAUGE,
        "How far the clock of a domain controller or file server, as its answer"
        " tells it, is ahead of this host's.",
    ),
    Family(
        "connectivity_rule_syn_retransmits",
        Kind.GAUGE,
        "TCP SYNs the kernel had to send again in the last probe.",
    ),
    Family(
        "connectivity_rule_answer_hops",
        Kind.GAUGE,
        "How many hops away whoever answered last is: the service or who refused in"
        " its place; absent where that cannot be told.",
    ),
    Family(
        "connectivity_rule_path_hops",
        Kind.GAUGE,
        "Hop that answered when the present failure was traced;"
        " absent when none did, and without a trace.",
    ),
    Family(
        "connectivity_rule_path_break_info",
        Kind.GAUGE,
        "1 while failing and traced, with the last router that spoke before silence"
        " or before the refusal.",
        ("last_hop", "ttl"),
    ),
    Family(
        "connectivity_rule_muted",
        Kind.GAUGE,
        "Whether announced maintenance mutes the target; absent where none is announced.",
    ),
    Family(
        "connectivity_rule_not_needed",
        Kind.GAUGE,
        "1 while it does not hold and the alternative that does is enough;"
        " connectivity_rule_satisfied is absent then.",
        ("instead",),
    ),
    Family(
        "connectivity_rule_probe_attempts_total",
        Kind.COUNTER,
        "Times the target was probed, confirmations of a failure included.",
    ),
    Family(
        "connectivity_rule_probes_total",
        Kind.COUNTER,
        "Probes that ended with a verdict.",
    ),
    Family(
        "connectivity_rule_probe_failures_total",
        Kind.COUNTER,
        "Probes that found the rule violated.",
    ),
    Family(
        "connectivity_rule_last_probe_timestamp_seconds",
        Kind.GAUGE,
        "Unix time of the end of the last probe.",
    ),
    Family(
        "connectivity_rule_last_success_timestamp_seconds",
        Kind.GAUGE,
        "Unix time of the last probe that found the rule to hold.",
    ),
    Family(
        "connectivity_rule_state_change_timestamp_seconds",
        Kind.GAUGE,
        "Unix time since which the verdict is what it is.",
    ),
    Family(
        "connectivity_rule_info",
        Kind.GAUGE,
        "1, with what the rule says besides its address, the proxy that it goes through,"
        " and the finding that explains it, if any.",
        (
            "probe",
            "expect",
            "severity",
            "owner",
            "catalogue",
            "section",
            "description",
            "public",
            "via",
            "finding",
        ),
    ),
)

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
MIRROR_LIST_TARGETS = Family(
    "connectivity_exporter_mirror_list_targets",
    Kind.GAUGE,
    "Mirrors of a list that are in force; absent until it was fetched.",
    ("list",),
)
MIRROR_LIST_SUCCESS = Family(
    "connectivity_exporter_mirror_list_last_success_timestamp_seconds",
    Kind.GAUGE,
    "Unix time at which a list was last fetched and usable; absent before.",
    ("list",),
)
MIRROR_LIST_FAILURES = Family(
    "connectivity_exporter_mirror_list_fetch_failures_total",
    Kind.COUNTER,
    "Fetches of a list that brought nothing usable.",
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

EXPORTER = (
    PROBE_DURATION,
    BUILD_INFO,
    TARGETS,
    CONFIG_INFO,
    CATALOGUE_INFO,
    ROLES_INFO,
    SHARD_INFO,
    SHARDS,
    REQUIREMENTS,
    RELOAD_SUCCESSFUL,
    RELOAD_TIMESTAMP,
    PROBES_IN_FLIGHT,
    PROBE_SLOTS,
    LATENESS,
    PROBES_SKIPPED,
    LOOP_LAG,
    MIRROR_LIST_TARGETS,
    MIRROR_LIST_SUCCESS,
    MIRROR_LIST_FAILURES,
    CONTROL_ANSWERED,
    RESOLVER_UP,
    HTTP_CONNECTIONS,
    HTTP_REJECTED,
    TLS_HANDSHAKE_FAILURES,
    WEB_CERTIFICATE_EXPIRY,
    FINDING,
    FINDING_SINCE,
    FINDINGS_OMITTED,
)
