"""The table of everything violated now: the first thing to read at night.

What is known of each target, since when it is violated, what ended its last probe, how
far a trace came and whose it is, is joined by a recording rule. At most `MOST` rows are
fetched, the latest changes, so that an outage of thousands stays readable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.lib import links, words
from dashboards.lib.panels import COLORED, cell, columns, sorted_by, table, widths
from dashboards.lib.query import KEY, MANY, WHOSE, rows
from dashboards.lib.seen import in_words, info_last, joined

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.table import Panel

MOST = 200

_COLUMNS = {
    "severity": "Severity",
    "Value": "For",
    "rule": "Rule",
    "source_role": "From",
    "destination": "To",
    "service": "Port",
    "seen": "Seen",
    "origin": "Refused by",
    "last_hop": "Path ends at",
    "ask": "Ask first",
    "owner": "Owner",
    "host": "Seen from",
}
_WIDTHS = {
    "Severity": 74,
    "For": 64,
    "Rule": 216,
    "From": 116,
    "Port": 72,
    "Seen": 162,
    "Refused by": 108,
    "Path ends at": 98,
    "Ask first": 126,
    "Owner": 70,
    "Seen from": 78,
}
_HOST = r"(\\[.+\\]|\\d+\\.\\d+\\.\\d+\\.\\d+|[^.:]+).*"
"""The short name of an instance, or its address; in PromQL backslashes are double."""


def violated() -> str:
    """Age in seconds of each violated target, with what there is to know of it."""
    told = f"target:connectivity_rule_violated:seen{{{MANY}{WHOSE}}}"
    muted = f"target:connectivity_rule:muted{{{MANY}}}"
    loud = f"{told} unless on ({KEY}) {muted}"
    quiet = f'label_replace({told} and on ({KEY}) {muted}, "severity", "{words.MUTED_LAST}", "", "")'
    latest = in_words(f"time() - topk({MOST}, {loud} or {quiet})")
    told = joined(latest, "ask", "@", "seen")
    return info_last(f'label_replace({told}, "host", "$1", "instance", "{_HOST}")')


def table_of_violated(title: str, *, height: int, width: int = 24) -> Panel:
    """The table itself; each rule leads to its own dashboard."""
    panel = table(
        title,
        "Every rule that is violated now, critical ones first, of each severity the"
        f" latest change first, at most {MOST}: what the last probe saw, who refused"
        " it, the last router that answered before, whom to ask first, and for how"
        " long. What maintenance mutes stands last. Empty too when nothing is known, and"
        " where the rules of alerts/ are not loaded: the numbers above tell.",
        rows(violated()),
        width=width,
        height=height,
    )
    panel = (
        panel.transformations(columns(_COLUMNS))
        .no_value("Nothing is known to be violated")
        .sort_by(sorted_by("Severity", "For"))
        .override_by_name(
            "Severity", cell(mappings=words.SEVERITY, custom_cellOptions=COLORED)
        )
        .override_by_name("For", cell(unit="s", decimals=0))
        .override_by_name("Rule", cell(links=links.to_rule("Rule", "To")))
        .override_by_name("From", cell(links=links.to_role("From")))
        .override_by_name("Seen", cell(mappings=words.seen()))
        .override_by_name("Ask first", cell(mappings=words.ask()))
        .override_by_name("Refused by", cell(mappings=words.ORIGIN))
    )
    return widths(panel, _WIDTHS)
