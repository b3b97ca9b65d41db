"""OpenSSH at every address of the plan that offers port 22; nobody can log in."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.lab import plan
from tests.lab.cell import require

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.net import Host
    from tests.lab.process import Process

_CONFIGURATION = """
{listen}
HostKey {folder}/key
PidFile none
UsePAM no
PasswordAuthentication no
LogLevel INFO
"""


def start(host: Host, folder: Path) -> Process:
    """Starts sshd; its log tells of every connection."""
    require("sshd ssh-keygen")
    folder.mkdir(parents=True)
    host.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key")
    listen = [
        f"ListenAddress {f'[{address}]' if ':' in address else address}:22"
        for place in plan.living_at(host.name, 22).values()
        for address in place.addresses
    ]
    file = folder / "sshd.conf"
    file.write_text(_CONFIGURATION.format(listen="\n".join(listen), folder=folder))
    # sshd starts itself again for every connection and wants its full path
    program = shutil.which("sshd", path="/usr/sbin:/usr/bin") or "/usr/sbin/sshd"
    process = host.start("ssh", program, "-D", "-e", "-f", file)
    process.wait_until(lambda: host.listens("tcp", 22), "listens")
    return process
