"""Real servers, each started once, and a prober to ask them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.probing import ISSUED, Prober
from tests.servers.coturn import coturn
from tests.servers.dovecot import dovecot
from tests.servers.krb5kdc import krb5kdc
from tests.servers.nginx import nginx
from tests.servers.postfix import postfix
from tests.servers.postgresql import postgresql
from tests.servers.rpcd import rpcd
from tests.servers.slapd import slapd
from tests.servers.smbd import smbd
from tests.servers.sshd import sshd
from tests.servers.unbound import unbound
from tests.servers.xrdp import xrdp


@pytest.fixture
def probe(tmp_path):
    return Prober(tmp_path)


@pytest.fixture(scope="session")
def folder():
    """A folder that servers may enter after they have given up being root."""
    path = Path(tempfile.mkdtemp(prefix="protocols-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def postfix_port(folder):
    with postfix(folder / "postfix", ISSUED) as port:
        yield port


@pytest.fixture(scope="session")
def nginx_ports(folder):
    with nginx(folder / "nginx", ISSUED) as ports:
        yield ports


@pytest.fixture(scope="session")
def dovecot_ports(folder):
    """The plain port and the one over TLS."""
    with dovecot(folder / "dovecot", ISSUED) as ports:
        yield ports


@pytest.fixture(scope="session")
def slapd_port(folder):
    with slapd(folder / "slapd", ISSUED) as port:
        yield port


@pytest.fixture(scope="session")
def slapd_plain_port(folder):
    with slapd(folder / "slapd-plain", ISSUED, scheme="ldap") as port:
        yield port


@pytest.fixture(scope="session")
def kdc_port(folder):
    with krb5kdc(folder / "kdc") as port:
        yield port


@pytest.fixture(scope="session")
def smbd_port(folder):
    with smbd(folder / "smbd") as port:
        yield port


@pytest.fixture(scope="session")
def sshd_port(folder):
    with sshd(folder / "sshd") as port:
        yield port


@pytest.fixture(scope="session")
def unbound_port(folder):
    records = {
        "www.uni.example": ["60 IN A 192.0.2.1", "60 IN A 192.0.2.2"],
        "refused.example": "always_refuse",
    }
    with unbound(folder / "unbound", records) as port:
        yield port


@pytest.fixture(scope="session")
def rpcd_address(folder):
    with rpcd(folder / "rpcd") as address:
        yield address


@pytest.fixture(scope="session")
def postgres_port(folder):
    with postgresql(folder / "database", ISSUED) as port:
        yield port


@pytest.fixture(scope="session")
def xrdp_port(folder):
    with xrdp(folder / "desktop", ISSUED) as port:
        yield port


@pytest.fixture(scope="session")
def coturn_port(folder):
    """The same port over UDP and TCP."""
    with coturn(folder / "coturn") as port:
        yield port
