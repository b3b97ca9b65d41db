"""The stand-in for SQL Server and its Browser (tests/servers/sqlserver.py)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.lab import plan

if TYPE_CHECKING:
    from tests.lab.ca import Authority
    from tests.lab.net import Host
    from tests.lab.process import Process


def start(host: Host, ca: Authority) -> Process:
    """Starts it under the one name of the plan that is a database on this host.

    Its log has a line for every connection, with what came to pass on it.
    """
    ((name, place),) = plan.living_at(host.name, 1433).items()
    files = ca.write(name)
    process = host.start(
        "database",
        *(sys.executable, "-m", "tests.servers.sqlserver"),
        *("--listen", *place.addresses, "--cert", files.chain, "--key", files.key),
    )
    process.wait_until(lambda: host.listens("tcp", 1433), "listens")
    return process
