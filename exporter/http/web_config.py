"""The file of `--web.config.file`, in the format that Prometheus' own exporters use.

TLS for the server and its clients, and users with bcrypt hashes. A key of that
format which is not supported here is an error like any other unknown one: whoever
writes it relies on it. Paths in the file are relative to the file. Everything is read
once, and used as it was read: nothing is opened a second time.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import os
import re
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field

from exporter.config.diagnostics import ConfigError, unsaid
from exporter.config.regular_files import read_regular
from exporter.config.validation import validate
from exporter.config.yamlfile import read_yaml
from exporter.http.redaction import BCRYPT_HASH, without_secrets
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from exporter.config.diagnostics import Location, Problem
    from exporter.config.yamlfile import YamlFile

_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}")
_COSTS = range(4, 17)
"""Powers of two of work; a log-in at 16 takes seconds of CPU already."""
_MAX_PEM_BYTES = 1 << 22
_CLIENTS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_REQUIRED = "RequireAndVerifyClientCert"
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _TlsModel(_Model):
    cert_file: str | None = Field(None, min_length=1)
    key_file: str | None = Field(None, min_length=1)
    client_ca_file: str | None = Field(None, min_length=1)
    cert: str | None = None
    key: str | None = None
    client_ca: str | None = None
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    client_allowed_sans: tuple[str, ...] = ()
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"
    prefer_server_cipher_suites: bool = True


class _HttpModel(_Model):
    http2: bool | None = None


class _FileModel(_Model):
    tls_server_config: _TlsModel | None = None
    http_server_config: _HttpModel = Field(default_factory=_HttpModel)
    basic_auth_users: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How the server is protected; the default is not at all.

    Attributes:
        tls: what to serve TLS with, or None for plain HTTP.
        users: bcrypt hashes by user name; empty asks for no password.
        allowed_sans: names of which a client's certificate must have one, if any is here.
        certificate_expiry: Unix time at which our own certificate ends, if there is one.
        digest: tells it from one that says something else.
        notes: what of the file has no effect.
    """

    tls: ssl.SSLContext | None = None
    users: Mapping[str, bytes] = field(default_factory=dict)
    allowed_sans: Collection[str] = ()
    certificate_expiry: float | None = None
    digest: bytes = b""
    notes: tuple[str, ...] = ()

    @property
    def guards(self) -> tuple[str, ...]:
        """What keeps strangers out, each by the key that asks for it."""
        required = self.tls is not None and self.tls.verify_mode is ssl.CERT_REQUIRED
        asked = {
            "tls_server_config": self.tls is not None,
            "client_auth_type": required,
            "client_allowed_sans": bool(self.allowed_sans),
            "basic_auth_users": bool(self.users),
        }
        return tuple(key for key, there in asked.items() if there)

    def lets_in(self, names: Collection[str]) -> bool:
        """Whether a client whose certificate has these alternative names may come in."""
        return not self.allowed_sans or not set(names).isdisjoint(self.allowed_sans)


def read_web_config(path: Path) -> WebConfig:
    """Reads the file and the certificates it names.

    Raises:
        ConfigError: with every problem of the file.
    """
    file = read_yaml(path)
    shape = list(file.problems)
    model = validate(_FileModel, file.value or {}, file, (), shape)
    if model is None:
        raise ConfigError(map(without_secrets, shape))
    problems: list[Problem] = []
    for user, hashed in model.basic_auth_users.items():
        problems += _bad_user(file, user, hashed)
    tls = model.tls_server_config
    read = _Pem(file, tls, problems) if tls is not None else None
    context = _context(file, tls, read.content, problems) if tls and read else None
    if shape or problems:
        told = (*shape, *unsaid(problems, shape))
        raise ConfigError(map(without_secrets, told))
    return WebConfig(
        tls=context,
        users={name: text.encode() for name, text in model.basic_auth_users.items()},
        allowed_sans=frozenset(map(san, tls.client_allowed_sans if tls else ())),
        certificate_expiry=_expiry(read.content["cert"]) if read else None,
        digest=_digest(model, read.content if read else {}),
        notes=tuple(_notes(file, model)),
    )


def san(name: str) -> str:
    """An alternative name as it is compared: an IP address in its one spelling."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _notes(file: YamlFile, model: _FileModel) -> Iterator[str]:
    """What is taken and has no effect, which whoever wrote it should know."""
    at: Location = ("tls_server_config",)
    if model.tls_server_config is None and not model.basic_auth_users:
        said = "it has neither tls_server_config nor basic_auth_users"
        yield str(file.problem((), f"protects nothing: {said}"))
    elif model.tls_server_config is None and at in file.lines:
        yield str(file.problem(at, "is empty: no TLS is spoken"))
    if model.http_server_config.http2:
        at = ("http_server_config", "http2")
        yield str(file.problem(at, "has no effect: HTTP/1.1 is spoken here"))
    tls = model.tls_server_config
    if tls is not None and "prefer_server_cipher_suites" in tls.model_fields_set:
        at = ("tls_server_config", "prefer_server_cipher_suites")
        yield str(file.problem(at, "has no effect: the library's own order is used"))


def _bad_user(file: YamlFile, user: str, hashed: str) -> Iterator[Problem]:
    at = ("basic_auth_users", user)
    found = _BCRYPT.fullmatch(hashed)
    if not user or ":" in user:
        yield file.problem(at, "a user name must not be empty nor contain a colon")
    if found is None:
        # The value is not shown: it may be a password in the clear.
        yield file.problem(at, BCRYPT_HASH)
    elif int(found["cost"]) not in _COSTS:
        said = f"from {_COSTS[0]} to {_COSTS[-1]}, not {found['cost']}"
        yield file.problem(at, f"the cost of the bcrypt hash must be {said}")


def _bad_policy(file: YamlFile, tls: _TlsModel) -> Iterator[Problem]:
    verifies = _CLIENTS[tls.client_auth_type] is not ssl.CERT_NONE
    authority = tls.client_ca_file is not None or tls.client_ca is not None
    at = ("tls_server_config", "client_auth_type")
    if verifies and not authority:
        yield file.problem(at, f"{tls.client_auth_type} needs a client_ca_file")
    if authority and not verifies:
        said = "client_ca_file has no effect with NoClientCert: set client_auth_type"
        yield file.problem(at, said)
    if tls.client_allowed_sans and tls.client_auth_type != _REQUIRED:
        at = ("tls_server_config", "client_allowed_sans")
        yield file.problem(at, f"needs client_auth_type: {_REQUIRED}")
    if tls.min_version > tls.max_version:
        at = ("tls_server_config", "min_version")
        yield file.problem(at, "must not be above max_version")


class _Pem:
    """The certificates and the key, each from its file or from the text itself.

    Attributes:
        content: by the key's name; what could not be read is left out.
    """

    def __init__(self, file: YamlFile, tls: _TlsModel, problems: list[Problem]) -> None:
        self.content: dict[str, bytes] = {}
        for key in ("cert", "key", "client_ca"):
            problems += self._read(file, tls, key)

    def _read(self, file: YamlFile, tls: _TlsModel, key: str) -> Iterator[Problem]:
        at = ("tls_server_config", f"{key}_file")
        text, name = getattr(tls, key), getattr(tls, f"{key}_file")
        if text is not None and name is not None:
            yield file.problem(at, f"is given as {key} as well: only one may be")
        elif text is not None:
            self.content[key] = text.encode()
        elif name is not None and "-----BEGIN" in name:
            yield file.problem(at, f"is the text itself: write it as {key}")
        elif name is not None:
            try:
                self.content[key] = read_regular(file.beside(name), _MAX_PEM_BYTES)
            except OSError as error:
                said = f"{printable(name)} cannot be read: {error.strerror}"
                yield file.problem(at, said)
        elif key != "client_ca":
            yield file.problem(at, "is required")


def _context(
    file: YamlFile,
    tls: _TlsModel,
    content: Mapping[str, bytes],
    problems: list[Problem],
) -> ssl.SSLContext | None:
    """A server's context, or None with the reasons added to `problems`."""
    problems += _bad_policy(file, tls)
    if "cert" not in content or "key" not in content:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    context.verify_mode = _CLIENTS[tls.client_auth_type]
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An encrypted key would ask for its passphrase on the terminal.
        with _as_file(content["cert"]) as cert, _as_file(content["key"]) as key:
            context.load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        said = "must be a PEM certificate chain that fits the unencrypted key_file"
        at = ("tls_server_config", "cert" if tls.cert is not None else "cert_file")
        problems.append(file.problem(at, f"{said}: {_why(error)}"))
    if "client_ca" in content:
        try:
            with _as_file(content["client_ca"]) as authorities:
                context.load_verify_locations(authorities)
        except ssl.SSLError as error:
            inline = tls.client_ca is not None
            at = ("tls_server_config", "client_ca" if inline else "client_ca_file")
            said = f"must be PEM certificates: {_why(error)}"
            problems.append(file.problem(at, said))
    return context


@contextlib.contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path of what is in memory, for OpenSSL, which takes keys from files only."""
    with os.fdopen(os.memfd_create("pem"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"


def _digest(model: _FileModel, content: Mapping[str, bytes]) -> bytes:
    read = repr((model, sorted(content.items())))
    return hashlib.sha256(read.encode()).digest()


def _expiry(pem: bytes) -> float | None:
    """The end of validity of a chain's first certificate; None if it is not to be read."""
    try:
        return x509.load_pem_x509_certificates(pem)[0].not_valid_after_utc.timestamp()
    except ValueError:
        return None


def _why(error: ssl.SSLError) -> str:
    reason = error.reason or "its content is something else"
    return reason.replace("_", " ").lower()
