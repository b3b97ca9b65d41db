"""A real Postfix that takes submissions, with STARTTLS."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

from tests.servers.process import (
    PATIENCE,
    binary,
    free_port,
    listens,
    needs_root,
    running,
)

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
myhostname = mail.uni.example
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
smtpd_tls_cert_file = {folder}/etc/cert.pem
smtpd_tls_key_file = {folder}/etc/key.pem
smtpd_tls_loglevel = 1
smtpd_tls_security_level = {tls}
{settings}
"""
_MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
anvil unix - - n - 1 anvil
rewrite unix - - n - - trivial-rewrite
cleanup unix n - n - 0 cleanup
tlsmgr unix - - n 1000? 1 tlsmgr
"""


@contextlib.contextmanager
def postfix(folder: Path, issued, tls="may", settings=""):
    """Yields the port; its log is `folder`/log. `issued` is its certificate."""
    needs_root("Postfix")
    port = free_port()
    etc = folder / "etc"
    argv = [binary("postfix"), "-c", str(etc), "start-fg"]
    for one in ("etc", "queue", "data"):
        (folder / one).mkdir(parents=True)
    shutil.chown(folder / "data", "postfix")
    (etc / "cert.pem").write_bytes(issued.pem)
    (etc / "key.pem").write_bytes(issued.key_pem)
    main = _MAIN.format(folder=folder, tls=tls, settings=settings)
    (etc / "main.cf").write_text(main)
    (etc / "master.cf").write_text(_MASTER.format(port=port))
    with running(argv, lambda: listens(port), folder / "out"):
        try:
            yield port
        finally:
            _end(int((folder / "queue/pid/master.pid").read_text()))


def _end(master):
    """Ends the master process: what was started is a script that waits for it."""
    os.kill(master, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{master}").exists():
        assert time.monotonic() < end, "Postfix does not end"
        time.sleep(0.02)
