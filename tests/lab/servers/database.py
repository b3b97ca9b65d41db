"""The stand-in for SQL Server and its Browser (tests/servers/sqlserver.py); PostgreSQL."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tests.lab import plan
from tests.servers import postgresql

if TYPE_CHECKING:
    from pathlib import Path

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


def start_postgresql(host: Host, ca: Authority, folder: Path) -> Process:
    """Starts PostgreSQL under the one name of the plan that has it on this host."""
    ((name, place),) = plan.living_at(host.name, 5432).items()
    files = ca.write(name)
    command = postgresql.configure(
        folder,
        listen=",".join(place.addresses),
        port=5432,
        certificate=(files.chain.read_bytes(), files.key.read_bytes()),
    )
    process = host.start("postgresql", *command)
    process.wait_until(lambda: host.listens("tcp", 5432), "listens")
    return process
