"""What there is to know of one rule besides its state: panels of the Rule dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders.common import VizTextDisplayOptions
from grafana_foundation_sdk.models.common import BigValueTextMode

from dashboards.lib import links, panels, words
from dashboards.lib.panels import cell
from dashboards.lib.query import ONE, now, rows, target

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders import stat, table


def says() -> table.Panel:
    """What the rule requires, in the words of its catalogue."""
    names = {
        "description": "What for",
        "source_role": "From",
        "usage": "Usage",
        "probe": "Probe",
        "expect": "Expected",
        "severity": "Severity",
        "owner": "Owner",
        "section": "Section of the document",
    }
    by = ", ".join(names)
    sizes = {"From": 140, "Usage": 140, "Probe": 80, "Expected": 80, "Owner": 90}
    panel = (
        panels.table(
            "What must hold",
            "The rule as its catalogue states it, with what the site changed.",
            rows(f"max by ({by}) ({target('info', ONE)})"),
            height=4,
        )
        .transformations(panels.columns(names))
        .override_by_name("From", cell(links=links.to_role("From")))
        .override_by_name("Severity", cell(mappings=words.SEVERITY))
    )
    return panels.widths(panel, sizes | {"Severity": 80})


def path() -> table.Panel:
    """The last router on the way that gave a sign of life."""
    names = {
        "destination": "To",
        "last_hop": "Last router that answered",
        "ttl": "Hop",
        "instance": "Seen from",
    }
    panel = (
        panels.table(
            "Where the path stops",
            "The last router that answered before silence, or that refused; traced"
            " while the rule fails.",
            rows(target("path_break_info", ONE)),
            width=12,
            height=5,
        )
        .transformations(panels.columns(names))
        .no_value("No break was traced")
    )
    return panels.widths(
        panel, {"Last router that answered": 185, "Hop": 45, "Seen from": 190}
    )


def told() -> stat.Panel:
    """What protocol and kernel told in passing."""
    facts = {
        "HTTP status": ("http_status_code", "none"),
        "NTP offset": ("ntp_offset_seconds", "s"),
        "NTP stratum": ("ntp_stratum", "none"),
        "Clock ahead": ("clock_offset_seconds", "s"),
        "SYNs resent": ("syn_retransmits", "none"),
        "Hops": ("path_hops", "none"),
    }
    refs = dict(zip("ABCDEF", facts, strict=True))
    panel = panels.stat(
        "What else was told",
        "What the protocol and the kernel told besides: only what this rule has.",
        *(
            now(f"max({target(facts[title][0], ONE)})", title, ref)
            for ref, title in refs.items()
        ),
        width=12,
        height=5,
    ).text_mode(BigValueTextMode.VALUE_AND_NAME)
    panel = panel.text(VizTextDisplayOptions().title_size(14).value_size(28))
    for ref, title in refs.items():
        panel = panel.override_by_query(ref, cell(unit=facts[title][1]))
    return panel
