"""A real NTP server on loopback."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from exporter.probes.wire import ntp
from tests.servers.process import binary, free_port, needs_root, running


@contextlib.contextmanager
def chrony(folder: Path, *directives: str):
    """Runs chronyd; yields its port. `local stratum 10` makes it synchronised."""
    needs_root("chronyd")
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "chrony.conf"
    lines = [
        f"port {port}",
        "bindaddress 127.0.0.1",
        "allow 127.0.0.0/8",
        "cmdport 0",
        "bindcmdaddress /",
        f"pidfile {folder}/pid",
        *directives,
    ]
    config.write_text("\n".join(lines) + "\n")
    argv = [binary("chronyd"), "-d", "-x", "-u", "root", "-f", str(config)]
    with running(argv, lambda: _replies(port), folder / "log"):
        yield port


def _replies(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.connect(("127.0.0.1", port))
        try:
            sock.send(ntp.request(bytes(8)))
            return sock.recv(100)
        except OSError:
            return b""
