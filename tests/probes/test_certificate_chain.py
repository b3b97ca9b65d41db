import pytest
from cryptography import x509
from OpenSSL import crypto

from exporter.model.rule import TlsPolicy
from exporter.model.tls_facts import TlsError, Trust
from exporter.probes import certificate_chain
from exporter.probes.certificate_chain import Examiner, Session
from exporter.probes.certificate_verification import Judge
from tests import make
from tests.certificates import (
    DAY,
    NOW,
    PUBLICLY_ISSUED,
    authority,
    openssl,
    server,
)

NAME = "web.uni.example"
SESSION = Session("TLSv1.3", "TLS_AES_128_GCM_SHA256")
PUBLIC = authority("Public CA")
SITE = authority("Site CA")
INSPECTION = authority("Inspection CA")
INTERMEDIATE = authority("Intermediate", PUBLIC, end=7 * DAY)
LOGGED = x509.UnrecognizedExtension(
    x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2"), b"\x04\x00"
)


class Clock:
    def __init__(self):
        self.now = NOW.timestamp()

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def examiner(tmp_path, monkeypatch, clock):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "absent"))
    (tmp_path / "public.pem").write_bytes(PUBLIC.pem)
    (tmp_path / "site.pem").write_bytes(SITE.pem)
    judge = Judge(tmp_path / "public.pem", tmp_path / "site.pem")
    return Examiner(judge, clock)


def facts(examiner, *presented, **policy):
    target = make.target("tls", NAME, **policy)
    natives = [crypto.X509.from_cryptography(one.certificate) for one in presented]
    return examiner.facts(natives, SESSION, target)


def test_the_facts_are_those_of_the_leaf_and_the_shortest_life_in_the_chain(examiner):
    leaf = server(INTERMEDIATE, NAME, common="Web")
    seen = facts(examiner, leaf, INTERMEDIATE)
    assert (seen.version, seen.cipher) == (SESSION.version, SESSION.cipher)
    assert (seen.subject, seen.issuer) == ("CN=Web", "CN=Intermediate")
    assert seen.expiry_timestamp == (NOW + 30 * DAY).timestamp()
    assert seen.chain_expiry_timestamp == (NOW + 7 * DAY).timestamp()
    assert seen.chain_expiry_subject == "CN=Intermediate"
    assert (seen.verified, seen.error, seen.trust) == (True, "", Trust.PUBLIC)


@pytest.mark.parametrize(
    ("presented", "public", "private"),
    [
        pytest.param([server(PUBLIC, NAME)], False, None, id="public root"),
        pytest.param([server(PUBLIC, NAME, end=-DAY / 2)], False, None, id="expired"),
        pytest.param([server(PUBLIC, "x.example")], False, None, id="wrong name"),
        pytest.param([server(SITE, NAME)], True, None, id="site root"),
        pytest.param([server(SITE, NAME), SITE], True, None, id="site root sent"),
        pytest.param([server(None, NAME)], True, None, id="self-signed"),
        pytest.param(
            [server(INSPECTION, NAME), INSPECTION], True, None, id="unknown root"
        ),
        pytest.param([server(INSPECTION, NAME)], True, None, id="nothing but a leaf"),
        pytest.param(
            [server(INTERMEDIATE, NAME, also=[(PUBLICLY_ISSUED, False)])],
            None,
            None,
            id="intermediate missing",
        ),
        pytest.param(
            [server(INTERMEDIATE, NAME, also=[(LOGGED, False)])],
            None,
            None,
            id="intermediate missing, in the logs",
        ),
    ],
)
def test_interception_is_told_of_public_services_only(
    examiner, presented, public, private
):
    assert facts(examiner, *presented, public=True).intercepted is public
    assert facts(examiner, *presented).intercepted is private


def test_an_expected_issuer_settles_it_for_any_rule(examiner):
    expecting = {"tls": TlsPolicy(expected_issuer="Public CA")}
    for public in (True, False):
        policy = {"public": public, **expecting}
        assert facts(examiner, server(PUBLIC, NAME), **policy).intercepted is False
        assert facts(examiner, server(SITE, NAME), **policy).intercepted is True
        leaf_alone = facts(examiner, server(INSPECTION, NAME), **policy)
        assert leaf_alone.intercepted is True


def test_another_name_in_the_policy_is_the_one_that_must_match(examiner):
    leaf = server(PUBLIC, "real.example")
    assert facts(examiner, leaf).error is TlsError.NAME_MISMATCH
    assert facts(examiner, leaf, tls=TlsPolicy(server_name="real.example.")).verified


def test_facts_are_remembered_per_chain_name_and_policy(examiner):
    leaf = server(PUBLIC, NAME)
    first = facts(examiner, leaf, public=True)
    assert facts(examiner, leaf, public=True) is first
    assert facts(examiner, leaf, public=False) is not first
    assert facts(examiner, leaf, public=True) is first
    assert facts(examiner, server(PUBLIC, NAME), public=True) is not first


def test_dates_are_judged_again_when_one_of_them_passes(examiner, clock):
    presented = server(INTERMEDIATE, NAME), INTERMEDIATE
    assert facts(examiner, *presented).verified
    clock.now = (NOW + 7 * DAY).timestamp() - 1
    before = facts(examiner, *presented)
    assert before.verified
    clock.now += 2
    after = facts(examiner, *presented)
    assert (after.error, after.trust) == (TlsError.ISSUER_EXPIRED, Trust.PUBLIC)


def test_a_clock_set_back_is_believed(examiner, clock):
    presented = server(PUBLIC, NAME)
    assert facts(examiner, presented).verified
    clock.now = (NOW - 2 * DAY).timestamp()
    assert facts(examiner, presented).error is TlsError.NOT_YET_VALID


def test_a_root_that_was_not_sent_is_judged_by_its_dates_too(examiner, clock):
    presented = server(PUBLIC, NAME, end=99 * DAY)
    clock.now = (NOW + 30 * DAY).timestamp() - 10
    assert facts(examiner, presented).verified
    clock.now += 20
    assert facts(examiner, presented).error is TlsError.ISSUER_EXPIRED


def test_a_root_the_system_learns_of_counts_within_the_hour(
    tmp_path, monkeypatch, clock
):
    (tmp_path / "public.pem").write_bytes(PUBLIC.pem)
    directory = tmp_path / "certs"
    directory.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(directory))
    examiner = Examiner(Judge(tmp_path / "public.pem", None), clock)
    presented = server(SITE, NAME)
    assert facts(examiner, presented).trust is Trust.NONE
    (directory / "site.pem").write_bytes(SITE.pem)
    openssl("rehash", directory)
    clock.now += 3601
    assert facts(examiner, presented).trust is Trust.SITE


def test_what_is_remembered_is_bounded_and_the_least_used_goes(examiner, monkeypatch):
    monkeypatch.setattr(certificate_chain, "_REMEMBERED", 2)
    one, two, three = (server(PUBLIC, NAME) for _ in range(3))
    first, second = facts(examiner, one), facts(examiner, two)
    assert facts(examiner, one) is first
    facts(examiner, three)
    assert facts(examiner, one) is first
    assert facts(examiner, two) is not second
