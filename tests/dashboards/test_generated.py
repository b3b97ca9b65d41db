"""The committed JSON is what the builders write, and what Grafana's model can hold."""

import json
import re

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.build import BOARDS, HERE
from dashboards.lib import words
from dashboards.lib.certificates import VERIFIED
from dashboards.lib.finish import encoded
from exporter.model.outcome import Origin, Reason, Stage
from exporter.model.rule import Severity
from exporter.model.tls_facts import TlsError


@pytest.mark.parametrize("name", BOARDS)
def test_the_committed_file_is_what_its_builder_writes(name):
    assert (HERE / name).read_text() == encoded(BOARDS[name]()), "run `make dashboards`"


@pytest.mark.parametrize("name", BOARDS)
def test_no_key_is_lost_on_the_way_through_the_sdk(name):
    board = json.loads((HERE / name).read_text())
    parsed = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    assert _without_added(parsed, board) == board


def _without_added(parsed, board):
    """The SDK writes back what `finish` took out on purpose; nothing else may differ."""
    for link in parsed["links"]:
        assert link.pop("placement") == "inControlsMenu"
    for variable, ours in zip(
        parsed["templating"]["list"], board["templating"]["list"], strict=True
    ):
        for key in set(variable) - set(ours):
            assert key in {"auto", "auto_count", "auto_min"}, key
            del variable[key]
    return parsed


def _said(mappings, value):
    """The text that a list of value mappings gives a text value, as Grafana picks it."""
    for mapping in mappings:
        options = mapping.options
        if mapping.type_val == "value" and value in options:
            return options[value].text
        if mapping.type_val == "regex" and re.search(options.pattern.strip("/"), value):
            return options.result.text
    return None


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("stage", Stage)
def test_every_way_to_end_has_words_and_someone_to_ask(reason, stage):
    assert _said(words.seen(), f"{reason}@{stage}")
    assert _said(words.ask(), f"{reason}@{stage}")


@pytest.mark.parametrize("cause", [words.UNPROBED, words.DOWN])
def test_every_way_to_have_no_result_has_words(cause):
    assert _said(words.seen(), f"{cause}@")


def test_silence_before_and_after_connecting_is_told_apart():
    early, late = "timeout@connect", "timeout@exchange"
    assert _said(words.seen(), early) == "silence: no answer"
    assert _said(words.seen(), late) == "connected, then silence"
    assert (_said(words.ask(), early), _said(words.ask(), late)) == (
        "firewall",
        "inspection device",
    )


@pytest.mark.parametrize("origin", [o for o in Origin if o])
def test_every_origin_has_words(origin):
    assert _said(words.ORIGIN, origin)


@pytest.mark.parametrize("severity", Severity)
def test_every_severity_has_words(severity):
    assert _said(words.SEVERITY, severity)


@pytest.mark.parametrize("error", [e for e in TlsError if e])
def test_every_certificate_error_has_words(error):
    assert _said(VERIFIED, error).startswith("no: ")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_one_colour_in_graphs_and_it_is_not_green(reason):
    colors = [
        c for kind, c in words.REASON_COLORS.items() if re.fullmatch(kind, reason)
    ]
    assert len(colors) == 1
    assert "green" not in colors[0]
