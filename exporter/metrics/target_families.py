"""The metrics of targets: name, type, meaning, labels of its own.

`TARGET` families have samples per target, under the labels of every target
(`labels.py`), in the order of the output; those that tell of the exporter itself are in
`exporter_families.py`.
What a sample's value is stands in `samples.py`, under the family's name; a new
per-target metric is one row here, one function there and one row in docs/metrics.md.
"""

from __future__ import annotations

from exporter.metrics.family import Family, Kind

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
