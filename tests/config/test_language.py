"""What the rule language stands for: flows, members and fates, and nothing besides."""

from __future__ import annotations

import ipaddress
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import destination, ports
from exporter.config.catalogue import load_catalogue
from exporter.config.diagnostics import ConfigError
from exporter.config.ports import PortRange, of_range, rotated
from exporter.config.site import load_site
from exporter.model.ledger import Fate, Requirement, digest, ledger_of
from exporter.model.rule import Proof, Status, Target
from tests import make
from tests.config.standins import STEADY


@pytest.fixture
def load(tmp_path):
    def load_text(rules, more="", **options):
        path = tmp_path / "site.yaml"
        lines = "".join(f"  - {{{rule}}}\n" for rule in rules)
        path.write_text(f"rules:\n{lines}{more}", encoding="utf-8")
        return load_site(path, **options)

    return load_text


HERE = "source: here, destination: {host: a.example.com}"


def test_a_rule_of_four_keys_has_all_others_by_default(load):
    site = load([f"id: x, {HERE}, port: 443"])
    (rule,) = site.rules
    assert (rule.source, rule.port, rule.transport, rule.probe) == (
        "here",
        443,
        "tcp",
        "https",
    )
    assert (rule.usage, rule.description) == (
        "other",
        "here to a.example.com on 443/tcp",
    )
    assert site.roles == ("here",)
    assert [target.status for target in site.targets] == [Status.ACTIVE]


def test_each_source_and_each_port_is_a_target_of_its_own(load):
    site = load(
        ["id: x, source: [a, b], destination: {host: h.example.com}, ports: [80, 443]"]
    )
    told = [(one.rule.source, one.port, one.rule.probe) for one in site.targets]
    assert told == [
        ("a", 80, "http"),
        ("a", 443, "https"),
        ("b", 80, "http"),
        ("b", 443, "https"),
    ]
    assert len({target.key for target in site.targets}) == 4


def test_a_ping_has_no_port(load):
    site = load(
        [
            f"id: x, {HERE}, transport: icmp",
            "id: y, source: here, destination: {host: h.example.com}, transport: icmp, expect: deny",
        ]
    )
    told = [(one.port, one.rule.probe, one.status, one.place) for one in site.targets]
    assert told == [
        (0, "icmp", Status.ACTIVE, "a.example.com/icmp"),
        (0, "icmp", Status.ACTIVE, "h.example.com/icmp"),
    ]
    assert site.rules[0].description == "here to a.example.com over ICMP"
    assert len({target.key for target in site.targets}) == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("port: 7", "port: does not go with transport: icmp, which has no ports"),
        ("ports: [7]", "ports: does not go with transport: icmp, which has no ports"),
        ("probe: tcp", "probe: tcp runs over tcp, not icmp"),
    ],
)
def test_what_does_not_go_with_a_ping_is_told(load, more, said):
    with pytest.raises(ConfigError) as caught:
        load([f"id: x, {HERE}, transport: icmp, {more}"])
    assert str(caught.value).endswith(said)


def test_a_ping_needs_its_transport_said(load):
    with pytest.raises(ConfigError) as caught:
        load([f"id: x, {HERE}, port: 7, probe: icmp"])
    assert str(caught.value).endswith("probe: icmp runs over icmp, not tcp")


def test_what_a_file_says_by_default_gives_way_to_each_rule(load):
    site = load(
        [f"id: x, {HERE}", f"id: y, {HERE}, ports: [7], usage: mail"],
        "defaults: {port: 9, transport: udp, usage: time, severity: info}\n",
    )
    told = [(rule.port, rule.transport, rule.usage) for rule in site.rules]
    assert told == [(9, "udp", "time"), (7, "udp", "mail")]
    assert {rule.severity for rule in site.rules} == {"info"}


def test_a_site_without_a_catalogue_plays_all_sources_or_those_it_names(load):
    rules = [f"id: x, {HERE}, port: 1", f"id: y, {HERE}, port: 2".replace("here", "b")]
    assert load(rules).roles == ("b", "here")
    site = load(rules, "roles: [b]\n")
    assert [one.status for one in site.targets] == [Status.OTHER_ROLE, Status.ACTIVE]


@pytest.mark.parametrize(
    ("features", "status"),
    [
        ("", Status.UNSET),
        ("features: {saml: true}\n", Status.ACTIVE),
        ("features: {saml: false}\n", Status.NOT_APPLICABLE),
    ],
)
def test_a_condition_is_decided_or_waits(features, status, load):
    site = load([f"id: x, {HERE}, port: 443, when: saml"], features)
    assert [target.status for target in site.targets] == [status]
    assert len(site.warnings) == (status is Status.UNSET)


def test_twenty_thousand_rules_are_read_in_seconds(tmp_path):
    lines = "".join(
        f"  - id: rule-{i}\n    source: here\n    destination: {{host: h{i}.example}}\n"
        f"    port: {1 + i}\n    transport: tcp\n    usage: mail\n    section: S / T\n"
        f"    description: What rule {i} is for\n    rows: [A{i}]\n"
        for i in range(20_000)
    )
    path = tmp_path / "site.yaml"
    path.write_text(f"rules:\n{lines}", encoding="utf-8")
    began = time.process_time()
    site = load_site(path)
    # Of this process alone, and thrice what it takes: other tests run beside it.
    assert time.process_time() - began < 15
    assert len(site.targets) == 20_000


networks = st.one_of(
    st.ip_addresses(network="10.0.0.0/8").flatmap(
        lambda one: st.integers(8, 32).map(lambda bits: f"{one}/{bits}")
    ),
    st.ip_addresses(network="2001:db8::/32").flatmap(
        lambda one: st.integers(32, 128).map(lambda bits: f"{one}/{bits}")
    ),
).map(lambda text: str(ipaddress.ip_network(text, strict=False)))


@STEADY
@given(networks, st.integers(0, 20))
def test_a_sample_of_a_network_is_in_it_and_always_the_same(network, count):
    found = destination.sampled(network, count)
    whole = ipaddress.ip_network(network)
    assert found == destination.sampled(network, count)
    assert len(set(found)) == len(found) <= count
    assert len(found) == count or len(found) >= whole.num_addresses - 2
    assert all(ipaddress.ip_address(one) in whole for one in found)
    if whole.num_addresses > 2:
        ends = {str(whole.network_address), str(whole.broadcast_address)}
        assert not ends & set(found)


def ranged(first, last, sample, destination="h.example"):
    whole = PortRange(first, last)
    rule = make.rule(proof=Proof.PATH, ports=str(whole), sample=sample, port=first)
    return [
        Target(rule, destination, port, slot=s) for port, s in of_range(rule, whole)
    ]


@STEADY
@given(st.integers(1, 65535), st.integers(1, 3000), st.integers(0, 20))
def test_the_ends_of_a_range_stay_and_every_port_between_has_its_turn(
    first, length, sample
):
    last = min(65535, first + length)
    targets = ranged(first, last, sample)
    assert {first, last} <= {one.port for one in targets}
    assert len({one.key for one in targets}) == len(targets) <= sample + 2
    seen = set()
    turns = -(-max(0, last - first - 1) // max(1, sample))
    for turn in range(turns if sample else 0):
        now = rotated(targets, turn * ports.TURN)
        seen |= {one.port for one in now}
        assert all(first <= one.port <= last for one in now)
    assert not sample or not turns or seen == set(range(first, last + 1))


def test_a_port_that_fails_stays_while_others_take_turns():
    targets = ranged(5000, 5100, 2)
    failing = targets[1]
    later = rotated(targets, 7 * ports.TURN, kept=[failing])
    assert failing in later
    assert [one.slot for one in later] == [None, 0, 1, None]
    assert later[2].port != targets[2].port
    assert rotated(targets, 7 * ports.TURN, kept=later)[1:3] == later[1:3]
    shorter = ranged(5000, 5010, 2)
    assert max(one.port for one in rotated(shorter, 0, kept=[failing])) == 5010


def test_a_ledger_counts_what_is_proven_and_what_only_looks_so():
    entries = [
        Requirement(Fate.RULES, ("a",)),
        Requirement(Fate.RULES, ("retired", "a")),
        Requirement(Fate.RULES, ("retired",)),
        Requirement(Fate.OPEN, why="which port"),
        Requirement(Fate.ELSEWHERE, why="other"),
        Requirement(Fate.NOT_A_REQUIREMENT, why="a version"),
    ]
    ledger = ledger_of("c", entries, ["a"])
    assert str(ledger) == "2 of 5 proven, 1 unprovable, 1 open, 1 elsewhere"
    assert sum(ledger.fates.values()) == len(entries)


def test_a_digest_sees_words_and_no_layout():
    told = digest(["Web ", "", "443\n  TCP"])
    assert told == digest(["Web 443 TCP"])
    assert told != digest(["Web 444 TCP"])


def test_an_entry_keeps_all_that_it_says(tmp_path):
    path = tmp_path / "c.yaml"
    sha = digest(["x"])
    path.write_text(
        f"catalogue: c\nrules:\n  - {{id: x, {HERE}, port: 1}}\nrequirements:\n"
        f"  - {{row: A1, line: 3, text: x, sha256: {sha}, rules: [x]}}\n"
        "  - {row: B, elsewhere: https://vendor.example/ras}\n",
        encoding="utf-8",
    )
    assert load_catalogue(Path(path)).requirements == (
        Requirement(Fate.RULES, ("x",), row="A1", line=3, text="x", sha256=sha),
        Requirement(Fate.ELSEWHERE, why="https://vendor.example/ras", row="B"),
    )
