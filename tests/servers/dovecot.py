"""A real Dovecot that offers IMAP, plain with STARTTLS and over TLS; nobody can log in."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.servers.process import binary, free_port, listens, needs_root, running

_CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = {listen}
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
passdb {{
  driver = static
  args = nopassword=y deny=y
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {over_tls}
    ssl = yes
  }}
}}
"""


def configure(folder: Path, *, listen, ports, certificate):
    """Writes its files into `folder`; the command line that runs it.

    `ports` are the plain one and the one over TLS, `certificate` the chain and its
    key, in PEM.
    """
    (folder / "run").mkdir(parents=True)
    for name, pem in zip(("cert.pem", "key.pem"), certificate, strict=True):
        (folder / name).write_bytes(pem)
    config = folder / "dovecot.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            listen=listen,
            port=ports[0],
            over_tls=ports[1],
        )
    )
    return [binary("dovecot"), "-F", "-c", str(config)]


@contextlib.contextmanager
def dovecot(folder: Path, issued):
    """Yields the two ports; its log is `folder`/log."""
    needs_root("Dovecot")
    ports = (free_port(), free_port())
    argv = configure(
        folder,
        listen="127.0.0.1",
        ports=ports,
        certificate=(issued.pem, issued.key_pem),
    )
    with running(argv, lambda: all(map(listens, ports)), folder / "out"):
        yield ports
