"""chrony: an NTP server that takes the machine's clock for right and leaves it be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.cell import require

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.net import Host
    from tests.lab.process import Process

_CONFIGURATION = """
port 123
local stratum 10
allow all
cmdport 0
bindcmdaddress /
pidfile {folder}/pid
"""


def start(host: Host, folder: Path) -> Process:
    """Starts chronyd on all addresses of the host."""
    require("chronyd")
    folder.mkdir(parents=True)
    file = folder / "chrony.conf"
    file.write_text(_CONFIGURATION.format(folder=folder))
    process = host.start("time", "chronyd", "-d", "-x", "-u", "root", "-f", file)
    process.wait_until(lambda: host.listens("udp", 123), "listens")
    return process
