"""What a firewall has to let through, as a list to hand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.lib import links, words
from dashboards.lib.panels import COLORED, cell, columns, sorted_by, table, widths
from dashboards.lib.query import KEY, MANY, WHOSE, rows, target
from dashboards.lib.seen import info_last, joined
from exporter.model.outcome import Reason

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.table import Panel

MOST = 200
_NOT_LET_THROUGH = "|".join(
    (
        Reason.TIMEOUT,
        Reason.PROHIBITED,
        Reason.REFUSED,
        Reason.PORT_UNREACHABLE,
        Reason.HOST_UNREACHABLE,
        Reason.NETWORK_UNREACHABLE,
        Reason.RESET,
        Reason.CLOSED,
    )
)
"""What a filter may have done; a name or a service at fault needs no opening."""
_COLUMNS = {
    "severity": "Severity",
    "source_role": "From",
    "destination": "To",
    "port": "Port",
    "protocol": "Protocol",
    "seen": "Reason",
    "rule": "Rule",
    "owner": "Owner",
    "Value": "Hosts",
}


def table_to_open(title: str, *, height: int) -> Panel:
    """One row for each flow, over all exporters that miss it."""
    failure = target("failure", MANY, f', reason=~"{_NOT_LET_THROUGH}"')
    wanted = target("info", MANY, f', expect="allow"{WHOSE}')
    blocked = (
        f"{failure} and on ({KEY}) {target('satisfied')} == 0"
        f" unless on ({KEY}) {target('muted')} == 1"
    )
    told = f"topk({MOST}, {blocked}) * on ({KEY}) group_left (severity, owner) {wanted}"
    by = ", ".join(name for name in _COLUMNS if name != "Value")
    flows = f"count by ({by}) ({joined(told, 'seen', '@', 'reason', 'stage')})"
    panel = (
        table(
            title,
            "Flows that a rule requires and that do not get through: from where, to"
            f" where, why, whose, and from how many hosts; at most {MOST} targets. What"
            " a name or a service is at fault for is not listed, nor what is muted.",
            rows(info_last(flows)),
            height=height,
        )
        .transformations(columns(_COLUMNS))
        .no_value("Nothing is known to be blocked")
        .sort_by(sorted_by("Severity", "From", "To"))
        .override_by_name(
            "Severity", cell(mappings=words.SEVERITY, custom_cellOptions=COLORED)
        )
        .override_by_name("From", cell(links=links.to_role("From")))
        .override_by_name("Rule", cell(links=links.to_rule("Rule", "To")))
        .override_by_name("Reason", cell(mappings=words.seen()))
    )
    sizes = {"Severity": 74, "From": 140, "Port": 64, "Protocol": 76, "Owner": 90}
    return widths(panel, sizes | {"Hosts": 60})
