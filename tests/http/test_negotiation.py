from __future__ import annotations

import pytest

from exporter.http.negotiation import accepts_gzip, exposition_format, prefers_html
from exporter.metrics.text_format import ExpositionFormat

PROMETHEUS_2 = (
    "application/openmetrics-text; version=1.0.0,"
    "application/openmetrics-text; version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", ExpositionFormat.TEXT),
        ("*/*", ExpositionFormat.TEXT),
        (BROWSER, ExpositionFormat.TEXT),
        (PROMETHEUS_2, ExpositionFormat.OPENMETRICS),
        (PROMETHEUS_3, ExpositionFormat.OPENMETRICS),
        ("application/openmetrics-text", ExpositionFormat.OPENMETRICS),
        ("APPLICATION/OpenMetrics-Text; Version=1.0.0", ExpositionFormat.OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"', ExpositionFormat.OPENMETRICS),
        ("application/openmetrics-text; version=0.0.1", ExpositionFormat.TEXT),
        ("application/openmetrics-text; version=2.0.0", ExpositionFormat.TEXT),
        ("application/openmetrics-text; q=0", ExpositionFormat.TEXT),
        (
            "application/openmetrics-text; q=0.4, text/plain; q=0.5",
            ExpositionFormat.TEXT,
        ),
        (
            "application/openmetrics-text; q=0.5, text/plain; q=0.4",
            ExpositionFormat.OPENMETRICS,
        ),
        ("application/openmetrics-text; q=0.5, */*; q=0.9", ExpositionFormat.TEXT),
        ("application/openmetrics-text; q=0.5, text/*; q=0.9", ExpositionFormat.TEXT),
        (
            "application/openmetrics-text; q=0.5, text/*; q=0.1",
            ExpositionFormat.OPENMETRICS,
        ),
        ("application/openmetrics-text; q=two", ExpositionFormat.TEXT),
        ("application/openmetrics-text; q=nan", ExpositionFormat.TEXT),
        ("application/openmetrics-text; q=-1", ExpositionFormat.TEXT),
        ("text/plain; version=0.0.4", ExpositionFormat.TEXT),
        ("image/png", ExpositionFormat.TEXT),
        (",;,=;q=,;;;", ExpositionFormat.TEXT),
        ("text/plain," * 1000 + "application/openmetrics-text", ExpositionFormat.TEXT),
    ],
)
def test_the_format_follows_the_accept_header(accept, expected):
    assert exposition_format(accept) is expected


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("gzip;q=0.5", True),
        ("gzip, deflate, br", True),
        ("deflate, br", False),
        ("*", True),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
        ("identity", False),
        ("identity, gzip;q=0.5", False),
        ("identity;q=0.5, gzip;q=0.5", True),
        ("gzip;q=1.5", False),
        ("gzip;q=", False),
    ],
)
def test_gzip_is_used_where_it_is_welcome(accept, expected):
    assert accepts_gzip(accept) is expected


def test_browsers_are_told_from_programs():
    assert prefers_html(BROWSER)
    assert not prefers_html("*/*")
    assert not prefers_html("text/html;q=0, application/json")
