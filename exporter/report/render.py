"""A report as Markdown, as HTML and as CSV."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from exporter.model.endpoint import place
from exporter.present.formats.csv import table as csv_table
from exporter.present.formats.markdown import table
from exporter.report.availability import IDENTITY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.report.availability import Group, Incident, Measured
    from exporter.report.gather import Report

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border:1px solid #aaa;padding:.2rem .6rem}"
)


def markdown(report: Report) -> str:
    """For a wiki, a ticket or a change board."""
    parts = [
        f"# Connectivity from {_time(report.start)} to {_time(report.end)}",
        (
            f"One sample every {report.step:.0f} seconds. Availability is the share of the "
            "known samples at which a rule held; coverage is the share of the samples at "
            "which anything was known."
        ),
        f"## Availability by {report.by}",
        _groups(report),
        "## Incidents",
        _incidents(report.incidents),
        "## What must stay shut",
        _denials(report.denials),
        "## Requirements in force",
        _catalogues(report.catalogues),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def html_page(report: Report) -> str:
    """The same for a browser or a printer; it loads nothing from elsewhere."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table")
    title = html.escape(f"Connectivity until {_time(report.end)}")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>\n"
        f"{body.render(markdown(report))}</body></html>\n"
    )


def csv(report: Report) -> str:
    """One line a target."""
    columns = [*IDENTITY, "owner", "severity", "expect"]
    rows = [
        [
            *(one.labels.get(name, "") for name in columns),
            "" if one.availability is None else f"{one.availability:.6f}",
            f"{one.coverage:.6f}",
        ]
        for one in (*_targets(report.groups), *report.denials)
    ]
    return csv_table([*columns, "availability", "coverage"], rows)


def _targets(groups: Iterable[Group]) -> Iterable[Measured]:
    return (one for group in groups for one in group.targets)


def _groups(report: Report) -> str:
    if not report.groups:
        return "Nothing was measured in this time."
    rows = [
        [
            one.name,
            str(len(one.targets)),
            _share(one.availability),
            _share(one.coverage),
        ]
        for one in report.groups
    ]
    return table([report.by, "targets", "availability", "coverage"], rows)


def _incidents(incidents: Iterable[Incident]) -> str:
    rows = [
        [
            _time(one.began),
            "lasts" if one.ended is None else _span(one.ended - one.began),
            one.cause,
            one.subject,
            one.owner,
            ", ".join(one.hurt),
        ]
        for one in incidents
    ]
    columns = ["began", "lasted", "cause", "subject", "owner", "hurt"]
    return table(columns, rows) if rows else "None was found in this time."


def _denials(denials: Iterable[Measured]) -> str:
    rows = [
        [
            one.labels.get("rule", ""),
            one.labels.get("source_role", ""),
            _place(one),
            _share(one.availability),
            _share(one.coverage),
            "shut" if one.last else "open",
        ]
        for one in denials
    ]
    columns = ["rule", "from", "to", "shut for", "coverage", "at the end"]
    return table(columns, rows) if rows else "No rule denies anything."


def _catalogues(catalogues: Iterable[tuple[str, str]]) -> str:
    rows = [[name, sha256] for name, sha256 in catalogues]
    return table(["catalogue", "SHA-256"], rows) if rows else "Not recorded."


def _place(one: Measured) -> str:
    labels = one.labels
    port = labels.get("port", "")
    number = int(port) if port.isdigit() else 0
    return place(labels.get("destination", ""), number, labels.get("protocol", ""))


def _share(share: float | None) -> str:
    """A percentage; never 100 where anything is missing."""
    if share is None:
        return "unknown"
    return "100 %" if share == 1 else f"{min(share * 100, 99.999):.3f} %"


def _span(seconds: float) -> str:
    minutes = round(seconds / _MINUTE)
    if minutes < 1:
        return "under a minute"
    if seconds < _HOUR:
        return f"{minutes} min"
    if seconds < 2 * _DAY:
        return f"{seconds / _HOUR:.1f} h"
    return f"{seconds / _DAY:.1f} days"


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
