"""coturn: it tells by STUN from where it was asked, and relays nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab import plan
from tests.lab.cell import require
from tests.servers import coturn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.net import Host
    from tests.lab.process import Process


def start(host: Host, folder: Path) -> Process:
    """Starts it under the one name of the plan that speaks STUN on this host."""
    require("turnserver")
    ((_, place),) = plan.living_at(host.name, 3478).items()
    command = coturn.configure(folder, addresses=place.addresses, port=3478)
    process = host.start("media", *command)
    process.wait_until(lambda: _serves(host), "listens")
    return process


def _serves(host: Host) -> bool:
    return host.listens("tcp", 3478) and host.listens("udp", 3478)
