"""Samba's real endpoint mapper, with what it serves beside it."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from exporter.probes.wire import rpc
from tests.servers.process import binary, needs_root, running
from tests.servers.smbd import configured

PORT = 135
MANAGEMENT = 49152
"""Where the first of its other services listens."""
_SERVER = "/usr/libexec/samba/samba-dcerpcd"


@contextlib.contextmanager
def rpcd(folder: Path):
    """Yields its address on loopback: the port is fixed, so each has one of its own."""
    needs_root("samba-dcerpcd")
    pid = os.getpid()
    address = f"127.135.{pid >> 8 & 0xFF}.{pid & 0xFF}"
    settings = {
        "interfaces": f"{address}/8",
        "bind interfaces only": "yes",
        "rpc start on demand helpers": "no",
        # Else those who answer end, and starting them again takes seconds at times.
        "rpcd_epmapper:idle_seconds": "600",
    }
    file = configured(folder, settings)
    argv = [binary(_SERVER), "--libexec-rpcds", "-F", "-s", str(file), "--debug-stdout"]
    with running(argv, lambda: _answers(address), folder / "out"):
        yield address


def _answers(address):
    try:
        with socket.create_connection((address, PORT), 1) as sock:
            sock.sendall(rpc.bind())
            return sock.recv(100)
    except OSError:
        return b""
