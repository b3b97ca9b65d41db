"""The exporter as a service in the lab: a first round of all roles, scraped.

It runs as an unprivileged user on the prober, asked as Prometheus and a sysadmin
would ask it, from there.
"""

from __future__ import annotations

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.lab import command, page
from tests.lab.cell import require
from tests.lab.page import OWN, RETIRED, TLS, UNVERIFIABLE

pytestmark = pytest.mark.lab

LABELS = {"rule", "source_role", "destination", "port", "protocol", "usage"}


@pytest.fixture(scope="module")
def site(complete_lab):
    return complete_lab.site("service.yaml", roles=page.ROLES, web=command.WEB)


@pytest.fixture(scope="module")
def rules(site):
    """The rules in force from the start, one entry a target."""
    return [rule for rule in page.list_rules(site) if rule["status"] == "active"]


@pytest.fixture(scope="module")
def service(complete_lab, site):
    require("promtool")
    with command.serving(complete_lab, site) as running:
        yield running


@pytest.fixture(scope="module")
def scrape(service, rules):
    """What /metrics says once every target has had its turn.

    Some protocols wait minutes between rounds, to be polite, and begin at a place
    of their own in that time: so each rule is asked for once, as a person may.
    """
    before = readiness(service)
    asked = [f"/api/v1/rules/{rule['rule']}/probe" for rule in rules]
    urls = [f"http://127.0.0.1:{command.PORT}{path}" for path in asked[1:]]
    told = service.get(asked[0], "--request", "POST", *urls)
    assert told.count("is probed next") > len(rules) / 2, told
    service.until(lambda: all(one["stage"] for one in targets(service)), 60)
    assert (before, readiness(service)) == ("503", "200")
    return service.get("/metrics")


def targets(service):
    return json.loads(service.get("/api/v1/targets"))["targets"]


def readiness(service):
    return service.get("/-/ready", "--write-out", "%{http_code}").split()[-1]


@pytest.fixture(scope="module")
def samples(scrape):
    """Values by metric, and by the labels that are not every target's own."""
    found = {}
    for family in text_string_to_metric_families(scrape):
        for sample in family.samples:
            mine = {k: v for k, v in sample.labels.items() if k not in LABELS}
            key = (sample.labels.get("rule"), *sorted(mine.items()))
            found.setdefault(sample.name, {})[key] = sample.value
    return found


def by_rule(samples, name):
    return {rule: value for (rule, *_), value in samples.get(name, {}).items()}


def test_promtool_finds_nothing_to_object_to(complete_lab, scrape):
    done = complete_lab.prober.run("promtool", "check", "metrics", text=scrape)
    assert done.stdout + done.stderr == ""


def test_every_rule_is_satisfied_and_what_is_unverifiable_has_no_verdict(
    samples, rules
):
    known = dict.fromkeys({rule["rule"] for rule in rules} - UNVERIFIABLE, 1.0)
    assert by_rule(samples, "connectivity_rule_satisfied") == known
    reachable = known | dict.fromkeys(UNVERIFIABLE, 0.0)
    assert by_rule(samples, "connectivity_rule_reachable") == reachable


def test_only_what_is_unverifiable_tells_what_it_ran_into(samples):
    (rule,) = UNVERIFIABLE
    told = {"stage": "connect", "reason": "port_unreachable", "origin": "destination"}
    key = (rule, *sorted(told.items()))
    assert samples["connectivity_rule_failure"] == {key: 1.0}


def test_every_rule_is_measured_in_its_own_protocol(samples, rules):
    own = {rule["rule"]: OWN.get((rule["protocol"], rule["port"])) for rule in rules}
    verifiable = {
        rule: probe for rule, probe in own.items() if rule not in UNVERIFIABLE
    }
    web = {rule for rule, probe in verifiable.items() if probe in {"http", "https"}}
    clocks = {r for r, probe in verifiable.items() if probe in {"kerberos", "smb"}}
    time = {rule for rule, probe in verifiable.items() if probe == "ntp"}
    told = {key[0]: dict(key[1:])["probe"] for key in samples["connectivity_rule_info"]}
    assert told == verifiable | dict.fromkeys(UNVERIFIABLE, "udp")
    latencies = by_rule(samples, "connectivity_rule_latency_seconds")
    assert latencies.keys() == verifiable.keys()
    assert all(0 < latency < 5 for latency in latencies.values())
    status = by_rule(samples, "connectivity_rule_http_status_code")
    assert status == dict.fromkeys(web, 200.0)
    stratum = by_rule(samples, "connectivity_rule_ntp_stratum")
    assert stratum == dict.fromkeys(time, 10.0)
    offsets = by_rule(samples, "connectivity_rule_ntp_offset_seconds")
    assert offsets.keys() == time
    assert all(abs(offset) < 1 for offset in offsets.values())
    skews = by_rule(samples, "connectivity_rule_clock_offset_seconds")
    assert skews.keys() == clocks
    assert all(abs(skew) < 5 for skew in skews.values())


def test_every_protocol_with_tls_exports_its_certificate(complete_lab, samples, rules):
    places = {r["rule"]: r["destination"] for r in rules if r["probe"] in TLS}
    expected = {
        rule: page.certificate(complete_lab, host) for rule, host in places.items()
    }
    infos = {k[0]: dict(k[1:]) for k in samples["connectivity_rule_tls_info"]}
    for name in ("issuer", "subject", "fingerprint_sha256"):
        told = {rule: info[name] for rule, info in infos.items()}
        assert told == {rule: facts[name] for rule, facts in expected.items()}
    assert {(i["trust"], i["error"]) for i in infos.values()} == {("site", "")}
    for name in ("expiry", "chain_expiry"):
        told = by_rule(samples, f"connectivity_rule_tls_{name}_timestamp_seconds")
        assert told == {rule: facts[name] for rule, facts in expected.items()}
    verified = by_rule(samples, "connectivity_rule_tls_verified")
    assert verified == dict.fromkeys(places, 1.0)
    outside = {r for r, host in places.items() if not host.endswith(".uni.edu")}
    intercepted = by_rule(samples, "connectivity_rule_tls_intercepted")
    assert intercepted == dict.fromkeys(outside, 1.0)


def test_both_addresses_of_every_rule_are_counted(samples, rules):
    states = {rule["rule"]: "reachable" for rule in rules}
    states |= dict.fromkeys(UNVERIFIABLE, "unreachable")
    told = samples["connectivity_rule_addresses"]
    assert {k for k, count in told.items() if count} == {
        (rule, ("state", state)) for rule, state in states.items()
    }
    assert set(told.values()) <= {0.0, 2.0}


def test_the_exporter_tells_of_itself(samples, rules):
    counts = {
        dict(key[1:])["status"]: count
        for key, count in samples["connectivity_exporter_targets"].items()
    }
    assert counts["active"] == len(rules)
    assert counts["retired"] == len(RETIRED)
    assert set(by_rule(samples, "connectivity_rule_probe_failures_total").values()) == {
        0.0
    }
    assert samples["connectivity_exporter_config_last_reload_successful"] == {
        (None,): 1.0
    }


def test_the_same_facts_come_as_json(service, scrape, rules):
    verdicts = {one["rule"]: one["verdict"] for one in targets(service)}
    assert verdicts == {
        one["rule"]: "unknown" if one["rule"] in UNVERIFIABLE else "holds"
        for one in rules
    }


def test_it_ends_cleanly_when_told_to(service, scrape):
    assert service.process.stop() == 0
    assert "Traceback" not in service.process.log.read_text()
