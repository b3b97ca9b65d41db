"""A real coturn that answers Binding requests over UDP and TCP, and relays nothing."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running


def configure(folder: Path, *, addresses, port):
    """The command line that runs it; its log goes to standard output."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        *(binary("turnserver"), "-n", "--stun-only", "--no-cli", "--no-tls"),
        *("--no-dtls", "--listening-port", str(port), "--log-file=stdout"),
        *(f"--pidfile={folder}/pid", f"--userdb={folder}/db", "--verbose"),
        *(f"--listening-ip={one}" for one in addresses),
    ]


@contextlib.contextmanager
def coturn(folder: Path):
    """Yields the port, the same over UDP and TCP; its log is `folder`/log."""
    port = free_port()
    argv = configure(folder, addresses=["127.0.0.1"], port=port)
    with running(argv, lambda: listens(port) and _bound(port), folder / "log"):
        yield port


def _bound(port):
    """Whether the port is taken for datagrams too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
