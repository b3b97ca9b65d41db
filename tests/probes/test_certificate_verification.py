import shutil
import subprocess
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import _util, crypto

from exporter.model.tls_facts import TlsError, Trust
from exporter.probes import trust_store
from exporter.probes.certificate import Certificate
from exporter.probes.certificate_verification import Judge
from exporter.probes.pem import load
from tests.certificates import CLIENT, DAY, NOW, authority, issue, openssl, server

NAME = "web.uni.example"

ROOT = authority("Root")
INTERMEDIATE = authority("Intermediate", ROOT)
STRANGER = authority("Stranger")
BARE = authority("Bare root", bare=True)
SHORT = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose

GOOD = server(INTERMEDIATE, NAME)
EXPIRED = server(INTERMEDIATE, NAME, start=-9 * DAY, end=-DAY)
LATER = server(INTERMEDIATE, NAME, start=DAY)
OTHER_NAME = server(INTERMEDIATE, "other.example")
ODD_NAMES = server(INTERMEDIATE, "*.*.odd", "192.0.2.1.", NAME)
OLD_INTERMEDIATE = authority("Old", ROOT, start=-9 * DAY, end=-DAY)
SHALLOW = authority("Shallow", ROOT, most_below=0)
TOO_DEEP = authority("Too deep", SHALLOW)
REKEYED = authority("Root")


def signed_by(issuer):
    key = issuer.key.public_key()
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


UNHEARD_OF = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


def limited(permitted=None, excluded=None):
    subtrees = [one and [x509.DNSName(one)] for one in (permitted, excluded)]
    return authority("Limited", ROOT, also=[(x509.NameConstraints(*subtrees), True)])


LIMITED = limited(permitted="other.example")
BARRED = limited(excluded="uni.example")

ANY_PURPOSE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
FOR_ANYTHING = authority(
    "For anything", ROOT, also=[(x509.ExtendedKeyUsage([ANY_PURPOSE]), False)]
)
_USES = (
    *("digital_signature", "content_commitment", "key_encipherment"),
    *("data_encipherment", "key_agreement", "key_cert_sign", "crl_sign"),
    *("encipher_only", "decipher_only"),
)


def key_usage(*allowed):
    return x509.KeyUsage(**{one: one in allowed for one in _USES})


def named(*names):
    return server(ROOT, also=[(x509.SubjectAlternativeName(names), False)])


# case: (presented, openssl's own verdict on it is the same, what we say)
CASES = {
    "a good chain": ([GOOD, INTERMEDIATE], ""),
    "the root is sent too": ([GOOD, INTERMEDIATE, ROOT], ""),
    "the wrong way round": ([GOOD, ROOT, INTERMEDIATE], ""),
    "a stranger is sent too": ([GOOD, STRANGER, INTERMEDIATE], ""),
    "signed by the root": ([server(ROOT, NAME)], ""),
    "a bare private root": ([server(BARE, NAME)], ""),
    "no extended key usage": ([server(ROOT, NAME, purposes=())], ""),
    "a wildcard": ([server(ROOT, "*.uni.example")], ""),
    "an odd name beside the right one": ([ODD_NAMES, INTERMEDIATE], ""),
    "the intermediate is missing": ([GOOD], "incomplete_chain"),
    "expired": ([EXPIRED, INTERMEDIATE], "expired"),
    "an expired intermediate": (
        [server(OLD_INTERMEDIATE, NAME), OLD_INTERMEDIATE],
        "issuer_expired",
    ),
    "both expired": (
        [server(OLD_INTERMEDIATE, NAME, end=-DAY / 2), OLD_INTERMEDIATE],
        "expired",
    ),
    "an issuer limited to other names": (
        [server(LIMITED, NAME), LIMITED],
        "name_constraint",
    ),
    "an issuer barred from the name": (
        [server(BARRED, NAME), BARRED],
        "name_constraint",
    ),
    "one issuer too many": (
        [server(TOO_DEEP, NAME), TOO_DEEP, SHALLOW],
        "path_length",
    ),
    "a critical extension": (
        [server(ROOT, NAME, also=[(UNHEARD_OF, True)])],
        "critical_extension",
    ),
    "an extension that may be ignored": (
        [server(ROOT, NAME, also=[(UNHEARD_OF, False)])],
        "",
    ),
    "an authority with another key": ([server(REKEYED, NAME)], "issuer_key_mismatch"),
    "an authority with another key, which is named": (
        [server(REKEYED, NAME, also=[(signed_by(REKEYED), False)])],
        "issuer_key_mismatch",
    ),
    "not signed by whom it says": (
        [server(REKEYED, NAME, also=[(signed_by(ROOT), False)])],
        "invalid",
    ),
    "not yet valid": ([LATER, INTERMEDIATE], "not_yet_valid"),
    "another name": ([OTHER_NAME, INTERMEDIATE], "name_mismatch"),
    "a wildcard too high": ([server(ROOT, "*.web.uni.example")], "name_mismatch"),
    "a name with a space before it": (
        [named(x509.DNSName(f" {NAME}"))],
        "name_mismatch",
    ),
    "a name for mail alone": (
        [named(x509.RFC822Name("web@uni.example"))],
        "no_alternative_name",
    ),
    "self-signed": ([server(None, NAME)], "self_signed"),
    "self-signed and expired": ([server(None, NAME, end=-DAY / 2)], "self_signed"),
    "an unknown root": ([server(STRANGER, NAME), STRANGER], "unknown_issuer"),
    "an unknown root, not sent": ([server(STRANGER, NAME)], "incomplete_chain"),
    "a client's certificate": (
        [server(ROOT, NAME, purposes=(CLIENT,))],
        "invalid_purpose",
    ),
    "for any purpose": (
        [server(ROOT, NAME, purposes=(ANY_PURPOSE,))],
        "invalid_purpose",
    ),
    "for servers, by an issuer for any purpose": (
        [server(FOR_ANYTHING, NAME), FOR_ANYTHING],
        "invalid_purpose",
    ),
    "with a key for lists only": (
        [server(ROOT, NAME, also=[(key_usage("crl_sign"), True)])],
        "invalid_purpose",
    ),
    "with a key for agreements": (
        [server(ROOT, NAME, also=[(key_usage("key_agreement"), True)])],
        "",
    ),
    "signed by a server": (
        [server(GOOD, NAME, common="x"), GOOD, INTERMEDIATE],
        "invalid_purpose",
    ),
    "a short key": ([server(ROOT, NAME, key=SHORT)], "weak"),
    "expired, another name": (
        [server(ROOT, "other.example", end=-DAY / 2)],
        "expired",
    ),
    "another name, weak": ([server(ROOT, "other.example", key=SHORT)], "name_mismatch"),
}
UNTRUSTED = {
    *("incomplete_chain", "unknown_issuer", "self_signed", "issuer_key_mismatch"),
    *("name_constraint", "path_length", "critical_extension", "invalid"),
}


@pytest.fixture(autouse=True)
def no_system_roots(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "absent"))


@pytest.fixture
def pem(tmp_path):
    def write(name, *certificates):
        path = tmp_path / name
        path.write_bytes(b"".join(one.pem for one in certificates))
        return path

    return write


@pytest.fixture
def judge(pem):
    return Judge(pem("public.pem", ROOT, BARE), pem("site.pem"))


def chain(*issued):
    return [
        Certificate(crypto.X509.from_cryptography(one.certificate)) for one in issued
    ]


def verdict(judge, issued, name=NAME, now=NOW):
    return judge.judge(chain(*issued), name, now.timestamp())


def openssl_accepts(pem, presented, name=NAME):
    leaf, *others = presented
    untrusted = ("-untrusted", pem("others.pem", *others)) if others else ()
    command = (
        *("verify", "-purpose", "sslserver", "-auth_level", "2"),
        *("-attime", int(NOW.timestamp()), "-no-CApath", "-no-CAstore"),
        *("-CAfile", pem("roots.pem", ROOT, BARE), "-partial_chain"),
        *(*untrusted, "-verify_hostname", name),
        pem("leaf.pem", leaf),
    )
    try:
        openssl(*command)
    except subprocess.CalledProcessError:
        return False
    return True


@pytest.mark.parametrize("case", CASES)
def test_a_chain_gets_the_error_that_describes_it(judge, case):
    presented, error = CASES[case]
    assert verdict(judge, presented).error == error


@pytest.mark.parametrize("case", CASES)
def test_openssl_itself_accepts_the_same_chains(pem, case):
    presented, error = CASES[case]
    assert openssl_accepts(pem, presented) is (error == "")


def test_a_common_name_alone_is_no_name_although_openssl_takes_it(judge, pem):
    presented = [server(ROOT, common=NAME)]
    assert openssl_accepts(pem, presented)
    assert verdict(judge, presented).error is TlsError.NO_ALTERNATIVE_NAME


def test_what_a_judgement_dropped_is_no_error_of_the_next_handshake(judge):
    for presented, _ in CASES.values():
        verdict(judge, presented)
        assert _util.lib.ERR_peek_error() == 0


def test_what_builds_to_a_public_root_is_public_whatever_else_is_wrong(judge):
    for presented, error in CASES.values():
        expected = Trust.PUBLIC
        if error in UNTRUSTED or (
            presented[-1] is INTERMEDIATE and presented[1] is GOOD
        ):
            expected = Trust.NONE
        assert verdict(judge, presented).trust is expected, error


def test_an_address_is_matched_with_addresses_only(judge):
    right = [server(ROOT, "192.0.2.7", "2001:db8::7")]
    assert verdict(judge, right, "192.0.2.7").error == ""
    assert verdict(judge, right, "2001:DB8:0::7").error == ""
    assert verdict(judge, right, "192.0.2.8").error is TlsError.NAME_MISMATCH
    assert verdict(judge, right, NAME).error is TlsError.NAME_MISMATCH


@pytest.mark.parametrize(
    ("wildcard", "name", "right"),
    [
        ("*.uni.example", "xn--bcher-kva.uni.example", True),
        ("*.UNI.example", "XN--bcher-kva.uni.example", True),
        ("*.uni.example", "xn--bcher-kva.web.uni.example", False),
        ("*.uni.example", "xn--bcher-kva.example", False),
        ("xn--*.uni.example", "xn--bcher-kva.uni.example", False),
        ("x*.uni.example", "xn--bcher-kva.uni.example", False),
    ],
)
def test_a_wildcard_stands_for_international_labels_too(
    judge, pem, wildcard, name, right
):
    presented = [server(ROOT, wildcard)]
    assert openssl_accepts(pem, presented, name) is right
    assert (verdict(judge, presented, name).error == "") is right


@pytest.mark.parametrize("name", ["two words", "", "a..b", "-", "café.example"])
def test_a_name_nobody_can_have_matches_nothing(judge, name):
    presented = [server(ROOT, NAME)]
    assert verdict(judge, presented, name).error is TlsError.NAME_MISMATCH


def test_a_chain_to_the_site_authority_is_verified_but_not_public(pem):
    judge = Judge(pem("public.pem", ROOT), pem("site.pem", STRANGER))
    finding = verdict(judge, [server(STRANGER, NAME)])
    assert (finding.trust, finding.error) == (Trust.SITE, "")
    assert [one.subject for one in finding.path] == ["CN=server", "CN=Stranger"]


def test_the_system_roots_belong_to_the_site(pem, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(pem("system.pem", STRANGER)))
    judge = Judge(pem("public.pem", ROOT), None)
    assert verdict(judge, [server(STRANGER, NAME)]).trust is Trust.SITE


def test_the_system_directory_of_roots_is_looked_up(pem, monkeypatch, tmp_path):
    directory = tmp_path / "certs"
    directory.mkdir()
    shutil.copy(pem("stranger.pem", STRANGER), directory)
    openssl("rehash", directory)
    monkeypatch.setenv("SSL_CERT_DIR", str(directory))
    judge = Judge(pem("public.pem", ROOT), None)
    expired = [server(STRANGER, NAME, start=-9 * DAY, end=-DAY)]
    assert verdict(judge, [server(STRANGER, NAME)]).error == ""
    assert verdict(judge, expired).trust is Trust.SITE


def test_an_unreadable_system_store_leaves_the_other_roots(pem, monkeypatch, tmp_path):
    monkeypatch.setattr(
        Path,
        "read_bytes",
        _unreadable(tmp_path / "system.pem"),
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem("system.pem", STRANGER)))
    judge = Judge(pem("public.pem", ROOT), pem("site.pem", BARE))
    assert verdict(judge, [server(BARE, NAME)]).trust is Trust.SITE
    assert verdict(judge, [server(STRANGER, NAME)]).trust is Trust.NONE


def _unreadable(forbidden):
    read = Path.read_bytes

    def read_bytes(path):
        if path == forbidden:
            raise PermissionError(13, "Permission denied")
        return read(path)

    return read_bytes


def test_a_root_that_cannot_be_read_is_skipped_and_told(pem, caplog):
    file = pem("public.pem", STRANGER, ROOT)
    good = ROOT.pem.splitlines()
    broken = b"\n".join([good[0], b"AAAA" + good[1][4:], *good[2:]])
    file.write_bytes(broken + b"\n" + file.read_bytes())
    judge = Judge(file, None)
    assert verdict(judge, [GOOD, INTERMEDIATE]).error == ""
    assert f"{file}: certificate 1 cannot be read" in caplog.text


def test_a_public_chain_that_the_site_completes_is_still_a_public_one(pem):
    judge = Judge(pem("public.pem", ROOT), pem("site.pem", INTERMEDIATE))
    finding = verdict(judge, [GOOD])
    assert (finding.trust, finding.error, len(finding.path)) == (Trust.PUBLIC, "", 3)


def test_verified_by_the_site_beats_expired_in_public(pem):
    renewed = authority("Old", ROOT, key=OLD_INTERMEDIATE.key)
    presented = [server(OLD_INTERMEDIATE, NAME), OLD_INTERMEDIATE]
    judge = Judge(pem("public.pem", ROOT), pem("site.pem", renewed))
    finding = verdict(judge, presented)
    assert (finding.trust, finding.error) == (Trust.SITE, "")


def test_an_intermediate_or_the_leaf_itself_can_be_trusted(pem):
    alone = server(None, NAME)
    judge = Judge(pem("public.pem", ROOT), pem("site.pem", INTERMEDIATE, alone))
    assert verdict(judge, [GOOD]).error == ""
    assert verdict(judge, [alone]).error == ""
    assert verdict(judge, [alone], "other.example").error is TlsError.NAME_MISMATCH


def test_the_renewed_root_counts_although_the_expired_one_is_still_there(pem):
    old = authority("Site CA", start=-9 * DAY, end=-DAY)
    new = authority("Site CA", key=old.key)
    leaf = server(new, NAME)
    for order in ((old, new), (new, old)):
        judge = Judge(pem("public.pem", *order), None)
        assert verdict(judge, [leaf]).error == ""


def test_an_expired_cross_signature_is_not_in_the_way_of_a_known_root(judge):
    cross = authority("Root", STRANGER, key=ROOT.key, start=-9 * DAY, end=-DAY)
    assert verdict(judge, [GOOD, INTERMEDIATE, cross]).error == ""


def other_ways():
    """Chains with two certificates of one intermediate, of which one does not help."""
    ended = authority("Ended", start=-9 * DAY, end=-DAY)
    upper = limited(excluded="uni.example")
    return {
        "under a root that nobody knows": (STRANGER, [STRANGER]),
        "under a root that nobody knows, not sent": (STRANGER, []),
        "under one that must not vouch for the name": (upper, [upper]),
        "under a root that ended": (ended, [ended]),
    }


@pytest.mark.parametrize("way", other_ways())
@pytest.mark.parametrize("good_first", [True, False])
def test_the_way_that_works_counts_wherever_it_comes(pem, way, good_first):
    dead_end, sent = other_ways()[way]
    other = authority("Intermediate", dead_end, key=INTERMEDIATE.key)
    both = [INTERMEDIATE, other] if good_first else [other, INTERMEDIATE]
    known = [ROOT, dead_end] if "ended" in way else [ROOT]
    finding = verdict(Judge(pem("public.pem", *known), None), [GOOD, *both, *sent])
    assert (finding.trust, finding.error) == (Trust.PUBLIC, "")


def test_with_no_way_that_works_the_one_that_leads_to_a_root_is_told(pem):
    elsewhere = authority("Intermediate", STRANGER, key=INTERMEDIATE.key)
    ended = authority("Intermediate", ROOT, key=INTERMEDIATE.key, end=-DAY / 2)
    judge = Judge(pem("public.pem", ROOT), None)
    for both in ([elsewhere, ended], [ended, elsewhere]):
        finding = verdict(judge, [GOOD, *both])
        assert (finding.trust, finding.error) == (Trust.PUBLIC, TlsError.ISSUER_EXPIRED)


def test_a_root_that_ended_is_not_in_the_way_of_its_cross_signed_form(pem):
    old = authority("Site CA", start=-9 * DAY, end=-DAY)
    cross = authority("Site CA", ROOT, key=old.key)
    judge = Judge(pem("public.pem", old, ROOT), None)
    assert verdict(judge, [server(cross, NAME), cross]).error == ""


@pytest.mark.parametrize("later_first", [True, False])
def test_a_way_lasts_as_long_as_any_does(pem, later_first):
    long = {"key": INTERMEDIATE.key, "end": 25 * DAY}
    sooner = authority("Intermediate", ROOT, key=INTERMEDIATE.key, end=5 * DAY)
    later = authority("Intermediate", ROOT, **long)
    both = [later, sooner] if later_first else [sooner, later]
    for presented, known in (([GOOD, *both], [ROOT]), ([GOOD], [ROOT, *both])):
        finding = verdict(Judge(pem("public.pem", *known), None), presented)
        ends = {one.not_after for one in finding.path}
        assert (finding.error, min(ends)) == ("", (NOW + 25 * DAY).timestamp())


def test_many_namesakes_are_not_all_tried(judge, monkeypatch):
    tried = []
    build = trust_store._build
    monkeypatch.setattr(
        trust_store,
        "_build",
        lambda *given: tried.append(given) or build(*given),
    )
    many = [authority(f"Of {n % 6}", STRANGER) for n in range(36)]
    assert verdict(judge, [server(many[0], NAME), *many]).error
    assert len(tried) < 100


def test_a_forged_signature_is_by_another_key_and_never_trusted_even_if_expired(judge):
    past = {"start": -9 * DAY, "end": -DAY}
    impostor = authority("Intermediate", STRANGER)
    old_impostor = authority("Old", STRANGER)
    for presented in (
        [server(impostor, NAME), INTERMEDIATE],
        [server(impostor, NAME, **past), INTERMEDIATE],
        [server(old_impostor, NAME), OLD_INTERMEDIATE],
    ):
        finding = verdict(judge, presented)
        assert (finding.trust, finding.error) == (
            Trust.NONE,
            TlsError.ISSUER_KEY_MISMATCH,
        )


def test_a_signature_over_sha1_is_weak_except_the_roots_own(pem, tmp_path):
    def sha1_signed(one, signer):
        key, signed = tmp_path / "key.pem", tmp_path / "signed.pem"
        key.write_bytes(signer.key_pem)
        openssl(
            *("x509", "-sha1", "-in", pem("in.pem", one), "-out", signed),
            *("-CA", pem("ca.pem", signer), "-CAkey", key),
            *("-set_serial", 7, "-preserve_dates"),
        )
        (native,) = load(signed)
        return Certificate(native)

    long = 36500 * DAY
    root = authority("Root of old", end=long)
    file = tmp_path / "public.pem"
    native = sha1_signed(root, root).native
    file.write_bytes(crypto.dump_certificate(crypto.FILETYPE_PEM, native))
    old, new = sha1_signed(server(None, NAME, end=long), root), server(root, NAME)
    judge = Judge(file, None)
    assert judge.judge([old], NAME, NOW.timestamp()).error is TlsError.WEAK
    assert verdict(judge, [new]).error == ""


def test_the_judgement_is_of_the_time_asked_for(judge):
    presented = [GOOD, INTERMEDIATE]
    assert verdict(judge, presented, now=NOW + 31 * DAY).error is TlsError.EXPIRED
    assert verdict(judge, presented, now=NOW - 2 * DAY).error is TlsError.NOT_YET_VALID
    assert verdict(judge, presented).error == ""


def test_an_intermediate_for_other_purposes_cannot_vouch_for_a_server(judge):
    limited = issue(
        "Mail only",
        ROOT,
        extensions=[
            *(
                (extension.value, extension.critical)
                for extension in INTERMEDIATE.certificate.extensions
                if extension.oid.dotted_string == "2.5.29.19"
            ),
            (server(purposes=(CLIENT,)).certificate.extensions[0].value, False),
        ],
    )
    presented = [server(limited, NAME), limited]
    assert verdict(judge, presented).error is TlsError.INVALID_PURPOSE


def test_a_certificate_of_no_known_version_is_what_openssl_takes_it_for(tmp_path):
    der = server(None, NAME).certificate.public_bytes(Encoding.DER)
    der = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x08")
    odd = crypto.load_certificate(crypto.FILETYPE_ASN1, der)
    file = tmp_path / "site.pem"
    file.write_bytes(crypto.dump_certificate(crypto.FILETYPE_PEM, odd))
    finding = Judge(file, None).judge([Certificate(odd)], NAME, NOW.timestamp())
    assert (finding.trust, finding.error) == (Trust.PUBLIC, TlsError.NONE)


def test_every_public_root_that_comes_along_can_be_read(caplog):
    roots = list(load(Path(certifi.where())))
    assert len(roots) > 100
    assert not caplog.records
