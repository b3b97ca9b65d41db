"""What a site file may say and most likely does not mean is told at start."""

from __future__ import annotations

import pytest

from exporter.config.site import load_site

HOST = "destination: {host: db.example.ac.uk}"


@pytest.fixture
def warnings(tmp_path):
    def load(rules, more=""):
        path = tmp_path / "site.yaml"
        path.write_text(f"rules:\n{rules}\n{more}\n", encoding="utf-8")
        return [line.removeprefix(f"{tmp_path}/") for line in load_site(path).warnings]

    return load


def a_rule(extra="", port="port: 5555", name="a"):
    return f"  - {{id: {name}, source: web, {HOST}, {port}{extra}}}"


@pytest.mark.parametrize(
    ("extra", "port", "probe"),
    [
        (", tls: {verify: true}", "port: 5555", "tcp"),
        (", tls: {expected_issuer: X}", "port: 22", "ssh"),
        (", tls: {server_name: a.example}", "ports: [80, 8080]", "http, tcp"),
        (", tls: {verify: false}, transport: udp", "port: 53", "dns"),
    ],
)
def test_a_certificate_that_is_never_shown(warnings, extra, port, probe):
    assert warnings(a_rule(extra, port)) == [
        f"a: tls has no effect, since {probe} speaks none (probe: tls does)"
    ]


@pytest.mark.parametrize(
    "port",
    ["port: 443", "ports: [80, 443]", "port: 5555, probe: tls"]
    + [f"port: {one}" for one in (25, 143, 389, 636, 1433, 3389, 5432)],
)
def test_a_certificate_that_is_shown(warnings, port):
    assert warnings(a_rule(", tls: {verify: true}", port)) == []


def test_a_certificate_of_an_override(warnings):
    override = "overrides: {a: {tls: {verify: false}}}"
    assert warnings(a_rule(), override) == [
        "a: tls has no effect, since tcp speaks none (probe: tls does)"
    ]
    probe = "overrides: {a: {tls: {verify: false}, probe: tls}}"
    assert warnings(a_rule(), probe) == []


def test_an_alternative_to_nothing(warnings):
    one = a_rule(", any_of: cdn")
    assert warnings(one) == [
        "a: no other rule of web in site has any_of: cdn: it has no alternative"
    ]
    assert warnings(f"{one}\n{a_rule(', any_of: cnd', name='b')}") == [
        "a: no other rule of web in site has any_of: cdn: it has no alternative",
        "b: no other rule of web in site has any_of: cnd: it has no alternative",
    ]
    assert warnings(f"{one}\n{a_rule(', any_of: cdn', name='b')}") == []
    assert warnings(a_rule(", any_of: cdn", "ports: [443, 8443]")) == []


@pytest.mark.parametrize("timeout", ["1ms", "500ms", "999ms"])
def test_a_timeout_that_no_second_packet_sees(warnings, timeout):
    [told] = warnings(a_rule(), f"schedule: {{timeout: {timeout}}}")
    assert told == (
        "timeout under 1s: TCP sends what was lost again after 1s, which is too late: a"
    )
    assert len(warnings(a_rule(f", timeout: {timeout}"))) == 1
    assert warnings(a_rule(", transport: udp", f"timeout: {timeout}, port: 53")) == []
    assert warnings(a_rule(), "schedule: {timeout: 1s}") == []


def test_more_probes_than_may_start(warnings):
    two = a_rule(port="ports: [5555, 5556]")
    assert warnings(two, "schedule: {interval: 5s, timeout: 1s, rate: 0.25/s}") == [
        (
            "schedule.rate: 0.4 probes are due per second, and 0.25 may start: "
            "targets are probed late"
        )
    ]
    assert warnings(two, "schedule: {interval: 5s, timeout: 1s, rate: 0.4/s}") == []
    seven = a_rule(port="ports: [5551, 5552, 5553, 5554, 5555, 5556, 5557]")
    assert warnings(seven, "schedule: {interval: 10s, timeout: 1s, rate: 0.7/s}") == []


def test_a_key_whose_value_is_a_comment(warnings):
    override = "overrides:\n  a:\n    owner: #dba\n    severity: info\n    probe: ~"
    said = "is empty and changes nothing (# begins a comment: quote it)"
    assert warnings(a_rule(), override) == [
        f"site.yaml:5: overrides.a.owner: {said}",
        f"site.yaml:7: overrides.a.probe: {said}",
    ]
