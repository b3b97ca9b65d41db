"""TLS and passwords of the server are taken anew when their files change."""

from __future__ import annotations

import asyncio
import logging

import bcrypt
import pytest
import trustme

from exporter.app import web_config_watch
from exporter.app.web_config_watch import WebConfigWatch
from exporter.config.diagnostics import ConfigError

TLS = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"


def issue(folder, *names):
    issued = trustme.CA().issue_cert("127.0.0.1")
    if "cert" in names:
        issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    if "key" in names:
        issued.private_key_pem.write_to_path(folder / "key.pem")
    return issued


@pytest.fixture
def file(tmp_path):
    issue(tmp_path, "cert", "key")
    path = tmp_path / "web.yaml"
    path.write_text(TLS, encoding="utf-8")
    return path


@pytest.fixture
async def kept(file, monkeypatch):
    monkeypatch.setattr(web_config_watch, "LOOK", 0.005)
    kept = WebConfigWatch(file)
    kept.keep_looking()
    yield kept
    await kept.close()


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a change of a file is no event
            await asyncio.sleep(0.002)


async def test_a_renewed_certificate_is_in_force_without_a_reload(kept, file, caplog):
    caplog.set_level(logging.INFO)
    before = kept.in_force.tls
    issue(file.parent, "cert", "key")
    await until(lambda: kept.in_force.tls is not before)
    await until(lambda: "certificates and users taken anew" in caplog.text)


async def test_a_changed_password_is_in_force_without_a_reload(kept, file):
    hashed = bcrypt.hashpw(b"new", bcrypt.gensalt(4))
    users = f"basic_auth_users: {{alice: {hashed.decode()!r}}}\n"
    file.write_text(TLS + users, encoding="utf-8")
    await until(lambda: kept.in_force.users == {"alice": hashed})


async def test_what_is_seen_for_a_moment_only_is_not_taken(file):
    kept = WebConfigWatch(file)
    before = kept.in_force
    for text in ("", TLS, "", TLS):  # as a file that is written while it is read
        file.write_text(text, encoding="utf-8")
        kept._take(kept.read())
        assert kept.in_force.digest == before.digest


STRICT = (
    "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [a.example]"
)
USERS = f"basic_auth_users: {{alice: '{bcrypt.hashpw(b'old', bcrypt.gensalt(4)).decode()}'}}\n"


@pytest.mark.parametrize(
    ("shorter", "gone"),
    [
        (
            "",
            (
                "tls_server_config, client_auth_type, client_allowed_sans, "
                "basic_auth_users"
            ),
        ),
        (TLS, "client_auth_type, client_allowed_sans, basic_auth_users"),
        (TLS + USERS, "client_auth_type, client_allowed_sans"),
        (USERS, "tls_server_config, client_auth_type, client_allowed_sans"),
    ],
)
async def test_a_protection_is_taken_away_by_a_reload_only(file, shorter, gone, caplog):
    tls = TLS.replace("}", f", client_ca_file: cert.pem, {STRICT}}}")
    file.write_text(tls + USERS, encoding="utf-8")
    kept = WebConfigWatch(file)
    before = kept.in_force
    file.write_text(shorter, encoding="utf-8")
    for _ in range(3):  # as one that stays cut short, since the disk is full
        kept._take(kept.read())
    assert kept.in_force is before
    (record,) = caplog.records
    assert record.getMessage() == (
        f"not taken, what was in force stays: {file}: says no more of {gone}: "
        "a reload puts that in force"
    )
    kept.use(kept.read_to_tell())
    assert not set(gone.split(", ")) & set(kept.in_force.guards)


async def test_what_does_not_change_is_left_alone(kept, file, caplog):
    caplog.set_level(logging.INFO)
    before = kept.in_force
    file.write_text(TLS + "# nothing new\n", encoding="utf-8")
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert kept.in_force is before
    assert not caplog.records


async def test_what_cannot_be_used_is_told_once_and_the_old_stays(kept, file, caplog):
    before = kept.in_force
    issue(file.parent, "cert")
    await until(lambda: "not taken, what was in force stays" in caplog.text)
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert kept.in_force is before
    (record,) = caplog.records
    assert "web.yaml:1: tls_server_config.cert_file: " in record.getMessage()
    issue(file.parent, "cert", "key")
    await until(lambda: kept.in_force is not before)


async def test_what_a_reload_has_told_is_not_told_again(kept, file, caplog):
    file.write_text("tls_server_config: {}\n", encoding="utf-8")
    with pytest.raises(ConfigError):
        kept.read_to_tell()
    for _ in range(20):
        await asyncio.sleep(0.005)
    assert not caplog.records
    file.write_text("tls_server_config: 5\n", encoding="utf-8")
    await until(lambda: "not taken, what was in force stays" in caplog.text)


async def test_looking_goes_on_whatever_goes_wrong(kept, file, monkeypatch, caplog):
    def fails(_path):
        raise RuntimeError("odd\x1b")

    before = kept.in_force
    with monkeypatch.context() as patch:
        patch.setattr(web_config_watch, "read_web_config", fails)
        await until(lambda: "odd" in caplog.text)
        assert "\x1b" not in caplog.text
    issue(file.parent, "cert", "key")
    await until(lambda: kept.in_force is not before)


def test_what_cannot_be_used_at_the_start_is_an_error(file):
    (file.parent / "key.pem").unlink()
    with pytest.raises(ConfigError, match=r"key_file: key\.pem cannot be read"):
        WebConfigWatch(file)


async def test_without_a_file_nothing_is_protected_nor_looked_at():
    kept = WebConfigWatch(None)
    kept.keep_looking()
    assert kept.in_force.tls is None
    await kept.close()


def test_what_has_no_effect_is_told_once(file, caplog):
    file.write_text(TLS + "http_server_config: {http2: true}\n", encoding="utf-8")
    kept = WebConfigWatch(file)
    kept.use(kept.read())
    (record,) = caplog.records
    assert "http_server_config.http2: has no effect" in record.getMessage()
