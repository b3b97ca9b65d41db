"""Writes the rule files next to it from source/: `python -m alerts.build [--host-labels a,b] [--place-labels c,d]`.

What many expressions share stands here once: the labels that are taken off when targets
or exporters are counted together, and the numbers that hold unless a site records its own
(connectivity.thresholds.yml). Whatever label a scrape target has besides (site, cluster,
team) stays on every alert; where one thing hides another, it is by those of the same place.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent
SOURCE = HERE / "source"

HOST_LABELS = (
    *("instance", "pod", "container", "node", "host", "hostname"),
    *("nodename", "agent_hostname", "machine"),
)
"""Labels in which the exporters of one role at one site differ."""
PLACE_LABELS = (
    *("site", "region", "zone", "datacenter", "cluster", "namespace"),
    *("environment", "env", "tenant", "team", "replica", "prometheus_replica"),
    *("dc", "location", "campus", "prometheus", "customer"),
)
"""Labels in which scrape targets of one job may differ otherwise: what is joined over
several exporters of a place stays in it. Those that nobody has do no harm."""
FLOW = ("rule", "destination", "port", "protocol")
"""Labels in which the targets of one role and usage differ."""
UNJOINED = (
    *("probe", "expect", "catalogue", "section", "description"),
    *("public", "via", "finding"),
)
INFO = (*UNJOINED, "severity", "owner")
"""Labels that `connectivity_rule_info` has besides those that identify a target."""
QUIET = "certificate|interception|partial_addresses|clock|feed|exporter"
"""Causes that have alerts of their own while they break nothing."""

HEADLINES: Mapping[str, str] = {
    "this_host": "Something on the host itself keeps connections from working.",
    "resolver": "Resolvers give no usable answer.",
    "name": "A name cannot be resolved.",
    "proxy": "The proxy keeps connections from working.",
    "path": "Connections end on the path, before their destination.",
    "destination": "A host does not answer as it should.",
    "service": "A service does not answer as it should.",
    "path_mtu": "Large packets are lost on the path.",
    "certificate": "A certificate is not valid, or soon will not be.",
    "interception": "A device shows its own certificates for other services.",
    "middlebox": "A device answers in the name of others.",
    "forbidden_path": "A connection that must be blocked was let through.",
    "clock": "A clock is wrong.",
    "feed": "A feed was not fetched, or is out of date.",
    "partial_addresses": "Some addresses of a host do not answer.",
    "never_proven": "Connections that are required were never proven.",
    "unproven": "Whether connections work cannot be told at present.",
    "exporter": "An exporter failed by itself.",
    "alert_test": "This is a test of alerting: nothing is wrong.",
}
"""What a finding's alert begins with, by its cause."""

DEFAULTS: Mapping[str, str] = {
    "objective": "0.999",
    "burn_min_failures": "10",
    "egress_down_ratio": "0.2",
    "egress_down_min_targets": "3",
    "dns_broken_ratio": "0.5",
    "path_broken_min_destinations": "3",
    "usage_down_min_destinations": "2",
    "destination_down_min_sources": "2",
    "tls_expiry_days, critical": "1",
    "tls_expiry_days, warning": "21",
    "flaps_per_3h": "6",
    "flaps_held": "4",
    "rule_slow_seconds": "2",
    "syn_retransmits_per_probe": "0.2",
    "clock_skew_seconds, critical": "240",
    "clock_skew_seconds, warning": "1",
    "probe_age_seconds": "1800",
    "lateness_seconds": "5",
    "skipped_ratio": "0.05",
    "exporter_flaps_per_hour": "4",
    "restarts_per_hour": "3",
    "mirror_list_age_seconds": "172800",
}
"""Numbers by name, some by severity: what holds where no site says otherwise."""

_LINK = '{{{{ with query "connectivity:links:info" }}}}{{{{ . | first | label "{}" }}}}{{{{ end }}}}'
_OTHER_CAUSE = "One cause keeps connections from working."
_HEAD = "# Made from alerts/source/ by `python -m alerts.build`: change it there.\n\n"
_LIMIT = re.compile(r"\$limit\(([^)]*)\)")


def limit(name: str) -> str:
    """The number of that name: the site's record, or the default."""
    record, _, severity = name.partition(", ")
    series = f"connectivity:threshold:{record}"
    if record == "objective":
        series = "connectivity:objective:ratio"
    if severity:
        series += f'{{severity="{severity}"}}'
    return f"scalar(max({series}) or vector({DEFAULTS[name]}))"


def headline() -> str:
    """The template of a finding's first sentence."""
    known = [
        f'if eq $labels.cause "{cause}" }}}}{text}{{{{ else '
        for cause, text in HEADLINES.items()
    ]
    return f"{{{{ {''.join(known)}}}}}{_OTHER_CAUSE}{{{{ end }}}}"


def matchers(labels: Sequence[str]) -> str:
    """The template of `$here`, by which a text asks for what is at the alert's place."""
    asked = ",".join(f"{each}=%q" for each in labels)
    values = " ".join(f"$labels.{each}" for each in labels)
    return f'{{{{ $here := printf "{asked}" {values} -}}}}'


def expanded(
    text: str,
    host_labels: Sequence[str] = HOST_LABELS,
    place_labels: Sequence[str] = PLACE_LABELS,
) -> str:
    """A source with its words replaced by what they stand for."""
    words = {
        "host": ", ".join(host_labels),
        "place": ", ".join(("job", *place_labels)),
        "exporter": ", ".join(("job", *host_labels, *place_labels)),
        "scraped": ", ".join(
            ("job", *host_labels, *(one for one in place_labels if one != "site"))
        ),
        "flow": ", ".join(FLOW),
        "info": ", ".join(INFO),
        "unjoined": ", ".join(UNJOINED),
        "quiet": QUIET,
        "headline": headline(),
        "place_matchers": matchers(("job", *place_labels)),
        "runbook": _LINK.format("runbook"),
        "grafana": _LINK.format("dashboards"),
    }
    text = _LIMIT.sub(lambda found: limit(found[1]), text)
    pattern = rf"\$({'|'.join(words)})\b"
    return _HEAD + re.sub(pattern, lambda found: words[found[1]], text)


def sources() -> list[Path]:
    """What is expanded: each is a rule file but for its words and its last suffix."""
    return sorted(SOURCE.glob("*.yml.in"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes every file anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--host-labels",
        default=",".join(HOST_LABELS),
        help="labels in which exporters of one role at one site differ",
    )
    parser.add_argument(
        "--place-labels",
        default=",".join(PLACE_LABELS),
        help="labels, besides the job, in which exporters differ otherwise",
    )
    parser.add_argument("--output", type=Path, default=HERE)
    options = parser.parse_args(arguments)
    for source in sources():
        text = expanded(
            source.read_text(),
            options.host_labels.split(","),
            options.place_labels.split(","),
        )
        (options.output / source.stem).write_text(text)


if __name__ == "__main__":
    main()
