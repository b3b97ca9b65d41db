"""Ways from one dashboard to the next, keeping variables and time.

Only variables that every dashboard has are passed on as they are; what a link is
about, a row's rule or a matrix's role, comes from the data of its row.
"""

from __future__ import annotations

OVERVIEW = "connectivity-overview"
ROLE = "connectivity-role"
RULE = "connectivity-rule"
EXPORTER = "connectivity-exporter"
_KEPT = (
    "${__url_time_range}&${datasource:queryparam}&${job:queryparam}"
    "&${site:queryparam}&${owner:queryparam}&${severity:queryparam}"
)


def _link(title: str, url: str, *, blank: bool = False) -> list[dict[str, object]]:
    return [{"title": title, "url": url, "targetBlank": blank}]


def to_selected(uid: str) -> list[dict[str, object]]:
    """From a number to what it counts, on another dashboard."""
    url = (
        f"/d/{uid}?{_KEPT}&${{instance:queryparam}}&${{source_role:queryparam}}"
        "&${usage:queryparam}"
    )
    return _link("Open what is counted", url)


def to_rule(rule: str, destination: str = "") -> list[dict[str, object]]:
    """From a row to its rule; the arguments name the row's columns.

    Without a destination, all that the rule has.
    """
    url = (
        f"/d/{RULE}?{_KEPT}&${{instance:queryparam}}"
        f"&var-rule=${{__data.fields.{rule}:percentencode}}"
    )
    if destination:
        url += f"&var-destination=${{__data.fields.{destination}:percentencode}}"
    return _link("Open this rule", url)


def to_runbook() -> list[dict[str, object]]:
    """From an alert to what it means and what to do."""
    return _link("Open the runbook", "${runbook}", blank=True)


def to_role(role: str) -> list[dict[str, object]]:
    """From a row to its source role; `role` names the column."""
    url = f"/d/{ROLE}?{_KEPT}&${{instance:queryparam}}&${{usage:queryparam}}"
    field = f"${{__data.fields.{role}:percentencode}}"
    return _link("Open this source role", f"{url}&var-source_role={field}")


def to_matrix_cell() -> list[dict[str, object]]:
    """From a cell of the matrix: the row's role, the column's usage."""
    url = (
        f"/d/{ROLE}?{_KEPT}&${{instance:queryparam}}"
        "&var-source_role=${__data.fields[0]:percentencode}"
        "&var-usage=${__field.name:percentencode}"
    )
    return _link("Open this role and usage", url)


def to_exporter_page(instance: str) -> list[dict[str, object]]:
    """From a row to the rule's page in the exporter itself."""
    field = f"${{__data.fields.{instance}}}"
    url = f"http://{field}/rules/${{rule:percentencode}}"
    return _link("The exporter's own page of this rule", url, blank=True)


def to_exporter(instance: str) -> list[dict[str, object]]:
    """From a row to the first page of the exporter that saw it."""
    url = f"http://${{__data.fields.{instance}}}/"
    return _link("The exporter's own page", url, blank=True)
