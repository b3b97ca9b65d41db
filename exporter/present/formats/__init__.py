"""The formats that commands offer: one file a format, one line here for each command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.present.formats import csv, json, junit, markdown, request, table

if TYPE_CHECKING:
    from exporter.present.formats.interface import (
        CheckFormat,
        RulesFormat,
        TraceFormat,
    )

CHECK: dict[str, CheckFormat] = {
    "table": table.check,
    "json": json.check,
    "csv": csv.check,
    "junit": junit.check,
    "request": request.check,
}
RULES: dict[str, RulesFormat] = {
    "table": table.rules,
    "json": json.rules,
    "csv": csv.rules,
    "markdown": markdown.rules,
}
FLOWS = csv.flows
TRACE: dict[str, TraceFormat] = {
    "table": table.trace,
    "json": json.trace,
}
