"""A real PostgreSQL, with TLS or without; nobody who connects over TCP is let in."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

from tests.servers.process import binary, free_port, listens, needs_root, running

_USER = "postgres"
_INITDB = ("--no-sync", "--auth=reject", "--locale=C", "--encoding=UTF8")
_SETTINGS = """
listen_addresses = '{listen}'
port = {port}
unix_socket_directories = ''
shared_buffers = 1MB
max_connections = 10
autovacuum = off
max_wal_senders = 0
wal_level = minimal
fsync = off
ssl = {tls}
ssl_cert_file = 'cert.pem'
ssl_key_file = 'key.pem'
log_connections = on
log_disconnections = on
"""


def programs():
    """Where Debian has PostgreSQL's programs: not in anybody's path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else Path(binary("postgres")).parent


def configure(folder: Path, *, listen, port, certificate, tls=True):
    """Makes a cluster in `folder`; the command line that serves it, as its own user.

    `certificate` is the chain and its key, in PEM.
    """
    bin_ = programs()
    folder.mkdir(parents=True)
    shutil.chown(folder, _USER)
    data = folder / "data"
    run = [*_become(), str(bin_ / "initdb"), "-D", str(data), *_INITDB]
    subprocess.run(run, check=True, capture_output=True, cwd="/")
    for name, pem in zip(("cert.pem", "key.pem"), certificate, strict=True):
        (data / name).write_bytes(pem)
        shutil.chown(data / name, _USER)
        (data / name).chmod(0o600)
    settings = _SETTINGS.format(listen=listen, port=port, tls="on" if tls else "off")
    (data / "postgresql.conf").write_text(settings)
    return [*_become(), str(bin_ / "postgres"), "-D", str(data)]


def _become():
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]


@contextlib.contextmanager
def postgresql(folder: Path, issued, *, tls=True):
    """Yields the port; its log is `folder`/log."""
    needs_root("PostgreSQL")
    port = free_port()
    certificate = (issued.pem, issued.key_pem)
    argv = configure(
        folder, listen="127.0.0.1", port=port, certificate=certificate, tls=tls
    )
    with running(argv, lambda: listens(port), folder / "log"):
        yield port
