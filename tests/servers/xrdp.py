"""A real xrdp. Nothing stands behind it: no session can be had."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running

_CONFIG = """
[Globals]
ini_version=1
fork=true
port={listen}
tcp_nodelay=true
use_vsock=false
security_layer={security}
certificate={folder}/cert.pem
key_file={folder}/key.pem
ssl_protocols=TLSv1.2, TLSv1.3
runtime_user=
[Logging]
LogFile={folder}/log
LogLevel=INFO
EnableSyslog=false
"""


def configure(folder: Path, *, listen, certificate, security="negotiate"):
    """Writes its files into `folder`; the command line that runs it.

    Args:
        folder: for its files.
        listen: as xrdp writes where it listens: `tcp://ADDRESS:PORT ...`.
        certificate: the chain and its key, in PEM.
        security: `negotiate`, `tls`, or `rdp`: none but RDP's own.
    """
    folder.mkdir(parents=True)
    for name, pem in zip(("cert.pem", "key.pem"), certificate, strict=True):
        (folder / name).write_bytes(pem)
    config = folder / "xrdp.ini"
    text = _CONFIG.format(folder=folder, listen=listen, security=security)
    config.write_text(text)
    return [binary("xrdp"), "--nodaemon", "--config", str(config)]


@contextlib.contextmanager
def xrdp(folder: Path, issued, security="negotiate"):
    """Yields the port; its log is `folder`/log."""
    port = free_port()
    argv = configure(
        folder,
        listen=f"tcp://127.0.0.1:{port}",
        certificate=(issued.pem, issued.key_pem),
        security=security,
    )
    with running(argv, lambda: listens(port), folder / "out"):
        yield port
