"""xrdp: a remote desktop server with no session behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab import plan
from tests.lab.cell import require
from tests.servers import xrdp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.ca import Authority
    from tests.lab.net import Host
    from tests.lab.process import Process


def start(host: Host, ca: Authority, folder: Path) -> Process:
    """Starts it under the one name of the plan that is a desktop on this host."""
    require("xrdp")
    ((name, place),) = plan.living_at(host.name, 3389).items()
    files = ca.write(name)
    v4, v6 = place.addresses
    command = xrdp.configure(
        folder,
        listen=f"tcp://{v4}:3389 tcp6://{{{v6}}}:3389",
        certificate=(files.chain.read_bytes(), files.key.read_bytes()),
    )
    process = host.start("desktop", *command)
    process.wait_until(lambda: host.listens("tcp", 3389), "listens")
    return process
