from __future__ import annotations

import pytest

from exporter.model.outcome import Instance
from exporter.probes.wire import sqlbrowser
from tests.probes.wire.codec import every_cut_is_malformed, malformed, never_surprised


def response(text):
    return b"\x05" + len(text).to_bytes(2, "little") + text


def entry(name, *more):
    return b";".join([b"ServerName", b"SQL01", b"InstanceName", name, *more]) + b";;"


BOTH = response(
    entry(b"MSSQLSERVER", b"IsClustered", b"No", b"np", b"", b"tcp", b"1433")
    + entry(b"ANALYTICS", b"Version", b"16.0.4200.1", b"TCP", b"51234")
)


def parse_one(*more):
    (found,) = sqlbrowser.parse(response(entry(b"ONE", *more)))
    return found


def test_the_request_asks_for_all_instances():
    assert sqlbrowser.REQUEST == b"\x03"


def test_every_instance_is_told_with_its_port():
    assert sqlbrowser.parse(BOTH) == (
        Instance("MSSQLSERVER", 1433),
        Instance("ANALYTICS", 51234),
    )


def test_an_instance_may_have_no_port():
    assert parse_one(b"np", b"pipe") == Instance("ONE", None)


@pytest.mark.parametrize("port", [1, 65535])
def test_the_first_and_the_last_port_are_ports(port):
    assert parse_one(b"tcp", b"%d" % port).tcp_port == port


def test_as_many_instances_as_a_computer_has_are_read():
    assert len(sqlbrowser.parse(response(entry(b"ONE") * 64))) == 64


@pytest.mark.parametrize(
    "port", [b"0", b"65536", b"-1", b"99999999", b"14 33", b"\xb2"]
)
def test_a_port_out_of_range_is_none(port):
    assert parse_one(b"tcp", port).tcp_port is None


def test_names_are_printable_and_bounded():
    text = response(entry(b"\x1b[2J" + b"x" * 100))
    (found,) = sqlbrowser.parse(text)
    assert found.name == r"\x1b[2J" + "x" * 57 + "…"


def test_an_answer_cut_anywhere_or_followed_by_more_is_malformed():
    every_cut_is_malformed(sqlbrowser.parse, BOTH)
    malformed(sqlbrowser.parse, BOTH + b"x")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x04" + BOTH[1:], id="another kind"),
        pytest.param(response(b""), id="no text"),
        pytest.param(response(b";;;;"), id="no instance"),
        pytest.param(response(b"ServerName;SQL01;;"), id="no name"),
        pytest.param(response(entry(b"ONE") + entry(b"TWO")[:-2]), id="no end"),
        pytest.param(response(entry(b"ONE") * 65), id="65 instances"),
    ],
)
def test_anything_else_is_malformed(data):
    malformed(sqlbrowser.parse, data)


def test_no_bytes_surprise_the_reader():
    never_surprised(sqlbrowser.parse, BOTH)
    never_surprised(lambda data: sqlbrowser.parse(response(data)), BOTH[3:])
