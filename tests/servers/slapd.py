"""A real OpenLDAP server, over TLS only."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running

_CONFIG = """
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
pidfile {folder}/pid
{settings}
database mdb
suffix "dc=uni,dc=example"
directory {folder}/data
"""


@contextlib.contextmanager
def slapd(folder: Path, issued, settings=""):
    """Yields the port; `folder`/log has a line for every operation."""
    port = free_port()
    (folder / "data").mkdir(parents=True)
    (folder / "cert.pem").write_bytes(issued.pem)
    (folder / "key.pem").write_bytes(issued.key_pem)
    config = folder / "slapd.conf"
    config.write_text(_CONFIG.format(folder=folder, settings=settings))
    urls = f"ldaps://127.0.0.1:{port}/"
    argv = [binary("slapd"), "-d", "stats", "-h", urls, "-f", str(config)]
    with running(argv, lambda: listens(port), folder / "log"):
        yield port
