"""The file of `--web.config.file`, in the format that Prometheus' own exporters use.

TLS for the server and its clients, and users with bcrypt hashes. A key of that
format which is not supported here is an error like any other unknown one: whoever
writes it relies on it. Paths in the file are relative to the file.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from exporter.config.diagnostics import ConfigError
from exporter.config.files import read_regular
from exporter.config.validation import validate
from exporter.config.yamlfile import read_yaml
from exporter.probes.wire.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from exporter.config.diagnostics import Problem
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
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _TlsModel(_Model):
    cert_file: str = Field(min_length=1)
    key_file: str = Field(min_length=1)
    client_ca_file: str | None = None
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"


class _FileModel(_Model):
    tls_server_config: _TlsModel | None = None
    basic_auth_users: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How the server is protected; the default is not at all.

    Attributes:
        tls: what to serve TLS with, or None for plain HTTP.
        users: bcrypt hashes by user name; empty asks for no password.
    """

    tls: ssl.SSLContext | None = None
    users: Mapping[str, bytes] = field(default_factory=dict)


def read_web_config(path: Path) -> WebConfig:
    """Reads the file and the certificates it names.

    Raises:
        ConfigError: with every problem of the file.
    """
    file = read_yaml(path)
    problems = list(file.problems)
    model = validate(_FileModel, file.value or {}, file, (), problems)
    if model is None:
        raise ConfigError(problems)
    for user, hashed in model.basic_auth_users.items():
        problems += _bad_user(file, user, hashed)
    tls = None
    if model.tls_server_config is not None:
        problems += _bad_policy(file, model.tls_server_config)
        tls = _context(file, model.tls_server_config, problems)
    if problems:
        raise ConfigError(problems)
    users = {name: text.encode() for name, text in model.basic_auth_users.items()}
    return WebConfig(tls, users)


def _bad_user(file: YamlFile, user: str, hashed: str) -> Iterator[Problem]:
    at = ("basic_auth_users", user)
    found = _BCRYPT.fullmatch(hashed)
    if not user or ":" in user:
        yield file.problem(at, "a user name must not be empty nor contain a colon")
    if found is None:
        # The value is not shown: it may be a password in the clear.
        yield file.problem(at, "must be a bcrypt hash such as htpasswd -nB prints")
    elif int(found["cost"]) not in _COSTS:
        said = f"from {_COSTS[0]} to {_COSTS[-1]}, not {found['cost']}"
        yield file.problem(at, f"the cost of the bcrypt hash must be {said}")


def _bad_policy(file: YamlFile, tls: _TlsModel) -> Iterator[Problem]:
    verifies = _CLIENTS[tls.client_auth_type] is not ssl.CERT_NONE
    at = ("tls_server_config", "client_auth_type")
    if verifies and tls.client_ca_file is None:
        yield file.problem(at, f"{tls.client_auth_type} needs a client_ca_file")
    if tls.client_ca_file is not None and not verifies:
        said = "client_ca_file has no effect with NoClientCert: set client_auth_type"
        yield file.problem(at, said)
    if tls.min_version > tls.max_version:
        at = ("tls_server_config", "min_version")
        yield file.problem(at, "must not be above max_version")


def _context(
    file: YamlFile, tls: _TlsModel, problems: list[Problem]
) -> ssl.SSLContext | None:
    """A server's context, or None with the reasons added to `problems`."""
    unreadable = list(_unreadable(file, tls))
    if unreadable:
        problems += unreadable
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    context.verify_mode = _CLIENTS[tls.client_auth_type]
    context.set_alpn_protocols(["http/1.1"])
    try:
        # An encrypted key would ask for its passphrase on the terminal.
        context.load_cert_chain(
            file.beside(tls.cert_file), file.beside(tls.key_file), password=""
        )
    except ssl.SSLError as error:
        said = "must be a PEM certificate chain that fits the unencrypted key_file"
        at = ("tls_server_config", "cert_file")
        problems.append(file.problem(at, f"{said}: {_why(error)}"))
    if tls.client_ca_file is not None:
        try:
            context.load_verify_locations(file.beside(tls.client_ca_file))
        except ssl.SSLError as error:
            at = ("tls_server_config", "client_ca_file")
            said = f"must be PEM certificates: {_why(error)}"
            problems.append(file.problem(at, said))
    return context


def _unreadable(file: YamlFile, tls: _TlsModel) -> Iterator[Problem]:
    for key in ("cert_file", "key_file", "client_ca_file"):
        name = getattr(tls, key)
        if name is None:
            continue
        try:
            read_regular(file.beside(name), _MAX_PEM_BYTES)
        except OSError as error:
            at = ("tls_server_config", key)
            said = f"{printable(name)} cannot be read: {error.strerror}"
            yield file.problem(at, said)


def _why(error: ssl.SSLError) -> str:
    reason = error.reason or "its content is something else"
    return reason.replace("_", " ").lower()
