"""A real OpenSSH server into which nobody can log."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running

_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile {folder}/pid
UsePAM no
LogLevel INFO
"""


@contextlib.contextmanager
def sshd(folder: Path):
    """Yields the port; its log is `folder`/log."""
    port = free_port()
    folder.mkdir(parents=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    key = str(folder / "host_key")
    make_key = [binary("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", key]
    subprocess.run(make_key, check=True)
    config = folder / "sshd_config"
    config.write_text(_CONFIG.format(folder=folder, port=port))
    argv = [binary("sshd"), "-D", "-e", "-f", str(config)]
    with running(argv, lambda: listens(port), folder / "log"):
        yield port
