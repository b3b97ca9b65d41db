"""A real OpenLDAP server, inside TLS or with StartTLS."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running

_CONFIG = """
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
{tls}
pidfile {folder}/pid
{settings}
database mdb
suffix "dc=uni,dc=example"
directory {folder}/data
"""


@contextlib.contextmanager
def slapd(folder: Path, issued, settings="", scheme="ldaps"):
    """Yields the port; `folder`/log has a line for every operation.

    With the scheme `ldap` it knows StartTLS, unless `issued` is None.
    """
    port = free_port()
    (folder / "data").mkdir(parents=True)
    tls = _certificate(folder, issued) if issued is not None else ""
    config = folder / "slapd.conf"
    config.write_text(_CONFIG.format(folder=folder, tls=tls, settings=settings))
    urls = f"{scheme}://127.0.0.1:{port}/"
    argv = [binary("slapd"), "-d", "stats", "-h", urls, "-f", str(config)]
    with running(argv, lambda: listens(port), folder / "log"):
        yield port


def _certificate(folder, issued):
    (folder / "cert.pem").write_bytes(issued.pem)
    (folder / "key.pem").write_bytes(issued.key_pem)
    files = {"Certificate": "cert.pem", "CertificateKey": "key.pem"}
    return "\n".join(f"TLS{name}File {folder}/{file}" for name, file in files.items())
