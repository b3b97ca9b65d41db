from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime

import bcrypt
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from exporter.config.diagnostics import ConfigError
from exporter.http.web_config import read_web_config

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
TLS = "tls_server_config: {cert_file: cert.pem, key_file: key.pem"


@pytest.fixture
def folder(tmp_path):
    ca = trustme.CA()
    issued = ca.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    other = trustme.CA().issue_cert("127.0.0.1")
    other.private_key_pem.write_to_path(tmp_path / "other-key.pem")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    sealed = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
    (tmp_path / "sealed-key.pem").write_bytes(sealed)
    (tmp_path / "nonsense.pem").write_text("nonsense")
    return tmp_path


def read(folder, text):
    path = folder / "web.yaml"
    path.write_text(text, encoding="utf-8")
    return read_web_config(path)


def problems(folder, text):
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    start = f"{folder / 'web.yaml'}:"
    return [str(problem).removeprefix(start) for problem in caught.value.problems]


def test_an_empty_file_protects_nothing(folder):
    config = read(folder, "")
    assert (config.tls, config.users, config.certificate_expiry) == (None, {}, None)
    assert config.lets_in([])


def test_users_and_tls_are_read(folder):
    config = read(folder, f"{TLS}}}\nbasic_auth_users: {{alice: {HASH!r}}}")
    assert config.users == {"alice": HASH.encode()}
    assert config.tls.minimum_version is ssl.TLSVersion.TLSv1_2
    assert config.tls.maximum_version is ssl.TLSVersion.TLSv1_3
    assert config.tls.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("VerifyClientCertIfGiven", ssl.CERT_OPTIONAL),
        ("RequireAndVerifyClientCert", ssl.CERT_REQUIRED),
    ],
)
def test_client_certificates_and_versions_are_asked_for(folder, kind, mode):
    text = (
        f"{TLS}, client_ca_file: ca.pem, client_auth_type: {kind}, min_version: TLS13}}"
    )
    config = read(folder, text)
    assert config.tls.verify_mode is mode
    assert config.tls.minimum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "basic_auth_user: {}",
            (
                "1: basic_auth_user: unknown key 'basic_auth_user'; did you mean "
                "'basic_auth_users'? allowed: basic_auth_users, http_server_config, "
                "tls_server_config"
            ),
        ),
        (
            "basic_auth_users:\n  alice: secret",
            (
                "2: basic_auth_users.alice: must be a bcrypt hash such as htpasswd -nB "
                "prints"
            ),
        ),
        (
            f"basic_auth_users:\n  alice: '{HASH[:4]}31{HASH[6:]}'",
            (
                "2: basic_auth_users.alice: the cost of the bcrypt hash must be from 4 to "
                "16, not 31"
            ),
        ),
        (
            f"basic_auth_users:\n  'a:b': '{HASH}'",
            "2: basic_auth_users.a: a user name must not be empty nor contain a colon",
        ),
        (
            "tls_server_config: {cert_file: cert.pem}",
            "1: tls_server_config.key_file: is required",
        ),
        (
            "tls_server_config: {cert_file: gone.pem, key_file: key.pem}",
            (
                "1: tls_server_config.cert_file: gone.pem cannot be read: No such file or "
                "directory"
            ),
        ),
        (
            "tls_server_config: {cert_file: nonsense.pem, key_file: key.pem}",
            (
                "1: tls_server_config.cert_file: must be a PEM certificate chain that fits "
                "the unencrypted key_file: its content is something else"
            ),
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: other-key.pem}",
            (
                "1: tls_server_config.cert_file: must be a PEM certificate chain that fits "
                "the unencrypted key_file: key values mismatch"
            ),
        ),
        (
            f"{TLS}, client_auth_type: RequireAndVerifyClientCert}}",
            (
                "1: tls_server_config.client_auth_type: RequireAndVerifyClientCert needs a "
                "client_ca_file"
            ),
        ),
        (
            f"{TLS}, client_ca_file: ca.pem}}",
            (
                "1: tls_server_config.client_auth_type: client_ca_file has no effect with "
                "NoClientCert: set client_auth_type"
            ),
        ),
        (
            (
                f"{TLS}, client_ca_file: nonsense.pem, "
                "client_auth_type: VerifyClientCertIfGiven}"
            ),
            (
                "1: tls_server_config.client_ca_file: must be PEM certificates: no "
                "certificate or crl found"
            ),
        ),
        (
            f"{TLS}, min_version: TLS13, max_version: TLS12}}",
            "1: tls_server_config.min_version: must not be above max_version",
        ),
        (
            f"{TLS}, min_version: TLS10}}",
            (
                "1: tls_server_config.min_version: unknown word 'TLS10'; did you mean "
                "'TLS13'? allowed: TLS12, TLS13"
            ),
        ),
        (
            f"{TLS}, cipher_suites: [a]}}",
            (
                "1: tls_server_config.cipher_suites: unknown key 'cipher_suites'; did you "
                "mean 'prefer_server_cipher_suites'? allowed: cert, cert_file, "
                "client_allowed_sans, client_auth_type, client_ca, client_ca_file, key, "
                "key_file, max_version, min_version, prefer_server_cipher_suites"
            ),
        ),
        (
            f"{TLS}, client_allowed_sans: [a.example]}}",
            (
                "1: tls_server_config.client_allowed_sans: needs client_auth_type: "
                "RequireAndVerifyClientCert"
            ),
        ),
        (
            f"{TLS}, cert: text}}",
            "1: tls_server_config.cert_file: is given as cert as well: only one may be",
        ),
        (
            "tls_server_config: {key_file: key.pem, cert: nonsense}",
            (
                "1: tls_server_config.cert: must be a PEM certificate chain that fits "
                "the unencrypted key_file: its content is something else"
            ),
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(folder, text, expected):
    assert problems(folder, text) == [expected]


def test_an_encrypted_key_is_refused_without_asking_for_its_passphrase(folder):
    text = "tls_server_config: {cert_file: cert.pem, key_file: sealed-key.pem}"
    (said,) = problems(folder, text)
    assert "must be a PEM certificate chain that fits the unencrypted key_file" in said


def test_all_mistakes_are_told_at_once_and_no_password_is_shown(folder):
    said = problems(
        folder,
        "basic_auth_users:\n  alice: hunter2\n  bob: letmein\n"
        "tls_server_config: {cert_file: gone.pem, key_file: lost.pem}\n",
    )
    assert len(said) == 4
    assert not [line for line in said if "hunter2" in line or "letmein" in line]


def test_certificates_and_key_may_stand_in_the_file_itself(folder):
    def inline(key, name):
        text = (folder / name).read_text().replace("\n", "\n    ")
        return f"  {key}: |\n    {text}\n"

    text = "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n"
    text += inline("cert", "cert.pem") + inline("key", "key.pem")
    config = read(folder, text + inline("client_ca", "ca.pem"))
    assert config.tls.verify_mode is ssl.CERT_REQUIRED
    assert len(config.tls.get_ca_certs()) == 1
    assert config.certificate_expiry > time.time()


def test_the_expiry_is_that_of_the_first_certificate(folder):
    issued = trustme.CA().issue_cert(
        "127.0.0.1", not_after=datetime(2041, 5, 6, tzinfo=UTC)
    )
    chain = issued.cert_chain_pems[0].bytes() + (folder / "ca.pem").read_bytes()
    (folder / "cert.pem").write_bytes(chain)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    config = read(folder, f"{TLS}}}")
    assert datetime.fromtimestamp(config.certificate_expiry, UTC).year == 2041


def test_what_has_no_effect_is_taken_and_told(folder):
    text = f"{TLS}, prefer_server_cipher_suites: true}}\nhttp_server_config: {{http2: true}}"
    notes = [note.partition(": ")[2] for note in read(folder, text).notes]
    assert notes == [
        "http_server_config.http2: has no effect: HTTP/1.1 is spoken here",
        (
            "tls_server_config.prefer_server_cipher_suites: has no effect: the library's "
            "own order is used"
        ),
    ]
    assert read(folder, f"{TLS}}}\nhttp_server_config: {{http2: false}}").notes == ()


@pytest.mark.parametrize(
    ("shown", "allowed"),
    [
        (["other.example", "a.example"], True),
        (["::1"], True),
        (["192.0.2.1"], False),
        (["A.example"], False),
        ([], False),
    ],
)
def test_one_of_the_names_allowed_must_be_shown(folder, shown, allowed):
    text = (
        f"{TLS}, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert,"
        ' client_allowed_sans: [a.example, "0:0:0:0:0:0:0:1"]}'
    )
    assert read(folder, text).lets_in(shown) is allowed


def test_the_digest_tells_what_is_read_apart(folder):
    seen = {
        read(folder, text).digest for text in ("", f"{TLS}}}", f"{TLS}}}\n# again\n")
    }
    assert len(seen) == 2
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    assert read(folder, f"{TLS}}}").digest not in seen


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("basic_auth_users:\n  alice:hunter2", "1: basic_auth_users: "),
        ("basic_auth_users: hunter2", "1: basic_auth_users: "),
        ("basic_auth_users:\n  alice: [hunter2]", "2: basic_auth_users.alice: "),
        ("basic_auth_users:\n  alice: 47110815", "2: basic_auth_users.alice: "),
        ("basic_auth_users:\n  alice: 0x47110815", "2: basic_auth_users.alice: "),
        ("basic_auth_users:\n  alice: 47:11", "2: basic_auth_users.alice: "),
        ("basic_auth_users:\n  alice: !hunter2", "2: basic_auth_users.alice: "),
        ("basic_auth_users: {alice:hunter2, bob: 5}", "1: basic_auth_users.alice: "),
        (
            (
                "tls_server_config:\n  cert_file: cert.pem\n  key_file: |\n"
                "    -----BEGIN PRIVATE KEY-----\n    hunter2\n"
            ),
            "3: tls_server_config.key_file: is the text itself: write it as key",
        ),
    ],
)
def test_no_secret_is_shown_wherever_it_stands(folder, text, place):
    found = problems(folder, text)
    assert found[0].startswith(place)
    assert not any("hunter" in one or "47" in one for one in found)


def test_one_mistake_is_told_once(folder):
    unread = "tls_server_config: {cert_file: 5, key_file: key.pem}"
    assert problems(folder, unread) == [
        "1: tls_server_config.cert_file: must be text, not the number 5"
    ]
    [told] = problems(
        folder, f"{TLS}, client_ca_file: ca.pem, client_auth_type: Require}}"
    )
    assert told.startswith("1: tls_server_config.client_auth_type: ")
    assert "RequireAndVerifyClientCert" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "protects nothing: it has neither tls_server_config nor basic_auth_users"),
        (
            "basic_auth_users: {}\ntls_server_config:",
            "protects nothing: it has neither tls_server_config nor basic_auth_users",
        ),
        (
            f"basic_auth_users: {{alice: '{HASH}'}}\ntls_server_config:",
            "tls_server_config: is empty: no TLS is spoken",
        ),
    ],
)
def test_a_section_whose_lines_are_commented_out_is_told(folder, text, told):
    assert any(note.endswith(told) for note in read(folder, text).notes)
