"""What is told of certificates: the truth about each, and never that a rule failed.

Every server is a web server of the lab that answers, so every rule holds. What is
wrong with its certificate, whose it is and when it ends is told beside that. The
lab's own authority stands for a site's private one, since nobody can be given a
certificate of a public one.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import trustme
from cryptography import x509

from tests.lab import command, plan
from tests.lab.middlebox import Middlebox

pytestmark = pytest.mark.lab

GOOD = "api.software2.com"
# Name of the server: trust, error, intercepted for a public service.
KNOWN = {
    GOOD: ("site", "", True),
    "expired.uni.edu": ("site", "expired", True),
    "not-yet-valid.uni.edu": ("site", "not_yet_valid", True),
    "wrong-name.uni.edu": ("site", "name_mismatch", True),
    "self-signed.uni.edu": ("none", "self_signed", True),
    "unknown-ca.uni.edu": ("none", "unknown_issuer", True),
    "incomplete.uni.edu": ("none", "incomplete_chain", True),
}
# To a site that does not know the lab's authority, whose root nobody presents.
UNKNOWN = dict.fromkeys(KNOWN, ("none", "incomplete_chain", True)) | {
    name: KNOWN[name] for name in ("self-signed.uni.edu", "unknown-ca.uni.edu")
}


def identifier(name):
    return f"tls-{name.partition('.')[0]}"


def rule(name, **more):
    return {
        "id": identifier(name),
        "source": "appsanywhere",
        "destination": {"host": name},
        "port": 443,
        "transport": "tcp",
        "usage": "vendor-api",
        "description": "A service with a certificate",
        "public": True,
        **more,
    }


def look(lab, names, more=(), **site):
    """The target of each name, by one round."""
    rules = [rule(name, **dict(more)) for name in names]
    file = lab.site("tls.yaml", rules=rules, **site)
    told = command.check(lab, file, *map(identifier, names))
    return {name: told[identifier(name)] for name in names}


def told(target):
    return tuple(target["tls"][key] for key in ("trust", "error", "intercepted"))


def ends(lab, name):
    chain = x509.load_pem_x509_certificates(
        (lab.folder / "ca" / f"{name}.chain.pem").read_bytes()
    )
    times = [one.not_valid_after_utc.timestamp() for one in chain]
    return times[0], min(times)


@pytest.fixture(scope="module")
def known(lab):
    return look(lab, KNOWN)


@pytest.fixture(scope="module")
def unknown(lab):
    return look(lab, UNKNOWN, tls={"ca_file": None})


@pytest.mark.parametrize("name", KNOWN)
def test_every_kind_of_certificate_is_told_as_what_it_is(known, name):
    assert told(known[name]) == KNOWN[name]
    assert known[name]["tls"]["verified"] is (name == GOOD)


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_authority_that_the_site_does_not_know_is_not_trusted(unknown, name):
    assert told(unknown[name]) == UNKNOWN[name]
    assert unknown[name]["tls"]["verified"] is False


@pytest.mark.parametrize("name", KNOWN)
def test_a_certificate_that_does_not_verify_makes_no_rule_fail(known, unknown, name):
    for target in (known[name], unknown[name]):
        assert (target["verdict"], target["reason"]) == ("holds", "answered")


@pytest.mark.parametrize("name", KNOWN)
def test_the_end_of_every_certificate_is_told_whether_or_not_it_verifies(
    lab, known, unknown, name
):
    for target in (known[name], unknown[name]):
        tls = target["tls"]
        assert (tls["expiry"], tls["chain_expiry"]) == ends(lab, name)


def test_an_expired_certificate_ended_in_the_past(known):
    now = datetime.now(UTC).timestamp()
    assert known["expired.uni.edu"]["tls"]["expiry"] < now
    assert known[GOOD]["tls"]["expiry"] > now


def test_without_a_public_rule_a_private_authority_is_no_interception(lab):
    (target,) = look(lab, [GOOD], {"public": False}).values()
    assert told(target) == ("site", "", None)


@pytest.fixture(scope="module")
def inspection(lab):
    """A device that re-signs, and the authority that a site may know it by."""
    authority = trustme.CA(organization_name="Inspection")
    leaf = authority.issue_cert(GOOD, common_name=GOOD)
    folder = lab.folder / "inspection"
    folder.mkdir()
    chain, key, root = (folder / name for name in ("chain.pem", "key.pem", "ca.pem"))
    presented = [part.bytes() for part in leaf.cert_chain_pems]
    chain.write_bytes(b"".join([*presented, authority.cert_pem.bytes()]))
    key.write_bytes(leaf.private_key_pem.bytes())
    both = [lab.ca.root_file.read_bytes(), authority.cert_pem.bytes()]
    root.write_bytes(b"".join(both))
    with Middlebox(lab, "block-page", (chain, key)) as box:
        yield box, root


def test_inspection_by_an_authority_the_site_knows_verifies_and_is_told(
    lab, inspection
):
    box, authorities = inspection
    with box.takes(GOOD, 443):
        (target,) = look(lab, [GOOD], tls={"ca_file": str(authorities)}).values()
    assert told(target) == ("site", "", True)
    assert target["tls"]["verified"] is True
    assert "Inspection" in target["tls"]["issuer"]


def test_inspection_by_an_authority_the_site_does_not_know_is_told(lab, inspection):
    with inspection[0].takes(GOOD, 443):
        (target,) = look(lab, [GOOD]).values()
    assert told(target) == ("none", "unknown_issuer", True)


def test_inspection_shows_in_a_private_service_by_the_issuer_it_should_have(
    lab, inspection
):
    expected = {"public": False, "tls": {"expected_issuer": "Lab intermediate"}}
    (straight,) = look(lab, [GOOD], expected).values()
    with inspection[0].takes(GOOD, 443):
        (inspected,) = look(lab, [GOOD], expected).values()
    assert told(straight) == ("site", "", False)
    assert told(inspected) == ("none", "unknown_issuer", True)


def test_the_facts_are_exported_as_they_were_told(lab):
    name = "expired.uni.edu"
    more = {"schedule": {"interval": "5s", "timeout": "2s"}, "web": command.WEB}
    site = lab.site("tls.yaml", rules=[rule(name)], **more)
    with command.serving(lab, site) as service:

        def value(metric):
            return service.of_rule(f"connectivity_rule_{metric}", identifier(name))

        service.until(lambda: value("satisfied") == 1)
        assert value("reachable") == 1
        assert value("tls_verified") == 0
        assert value("tls_intercepted") == 1
        assert value("tls_expiry_timestamp_seconds") == ends(lab, name)[0]
        entry = json.loads(service.get(f"/api/v1/rules/{identifier(name)}"))
    assert entry["targets"][0]["tls"]["error"] == "expired"


def test_every_odd_certificate_of_the_lab_is_looked_at():
    odd = {
        name for name, place in plan.NAMES.items() if place.number in range(100, 200)
    }
    assert odd == set(KNOWN) - {GOOD}
