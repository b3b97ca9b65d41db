"""The whole lab: the network of plan.py with its servers running.

    with Lab() as lab:
        lab.prober.run("curl", "https://api.software2.com", unprivileged=True)
        with firewall.drop(lab.fw, "api.software2.com", 443):
            ...

All files are in `lab.folder`, which everybody may enter: what a command inside
shall read belongs there.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.lab import net, site
from tests.lab.ca import Authority
from tests.lab.cell import Cell, LabUnavailableError
from tests.lab.servers import (
    database,
    desktop,
    directory,
    mail,
    media,
    proxy,
    ssh,
    time,
    web,
)
from tests.lab.servers.dns import Dns

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON = sys.executable
"""The interpreter of these tests, which every host can run."""


class Lab:
    """A running lab.

    Args:
        icmp_rate_limit: see `net.build`.

    Attributes:
        folder: its files and logs.
        hosts: all hosts by name; `prober`, `r1`, `fw`, `r3` for short.
        ca: its certificate authority.
        dns: its resolver.
        servers: the other servers by name; `complete` adds to them.

    Raises:
        LabUnavailableError: if this machine cannot run it.
        LabError: if a part of it does not start.
    """

    def __init__(self, *, icmp_rate_limit: int = 0) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="connectivity-lab-")).resolve()
        self.folder.chmod(0o755)
        try:
            self.cell = Cell(self.folder)
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        try:
            self._build(icmp_rate_limit)
        except BaseException:
            self.close()
            raise

    def _build(self, icmp_rate_limit: int) -> None:
        self.hosts = net.build(self.cell, icmp_rate_limit=icmp_rate_limit)
        self.prober = self.hosts["prober"]
        self.r1, self.fw, self.r3 = (self.hosts[name] for name in net.ROUTERS)
        self.ca = Authority(self.folder / "ca")
        self.dns = Dns(self.hosts["dns"], self.folder / "dns")
        self._use_resolver()
        self.servers = {
            "web": web.start(self.hosts["web"], self.ca, self.folder / "web"),
            "ssh": ssh.start(self.hosts["web"], self.folder / "ssh"),
            "time": time.start(self.hosts["time"], self.folder / "time"),
        }

    def complete(self) -> None:
        """Starts the rest of the plan's servers, where that has not been done.

        They are not there from the start because a domain controller takes longer
        than all the others together.

        Raises:
            LabUnavailableError: if this machine cannot run them.
            LabError: if one does not start.
        """
        if "directory" in self.servers:
            return
        if not self.cell.privileged:
            text = "Postfix and Samba become other users, which takes root"
            raise LabUnavailableError(text)
        hosts, folder = self.hosts, self.folder
        self.servers |= {
            "database": database.start(hosts["mssql"], self.ca),
            "mail": mail.start(hosts["mail"], self.ca, folder / "mail"),
            "imap": mail.start_imap(hosts["mail"], self.ca, folder / "imap"),
            "desktop": desktop.start(hosts["mssql"], self.ca, folder / "desktop"),
            "postgresql": database.start_postgresql(
                hosts["mssql"], self.ca, folder / "postgresql"
            ),
            "media": media.start(hosts["time"], folder / "media"),
            "directory": directory.start(hosts["ad"], self.ca, folder / "directory"),
        }

    def add_proxy(self) -> None:
        """Starts Squid, which no row of the catalogue asks for, unless it runs.

        Raises:
            LabUnavailableError: if this machine cannot run it.
            LabError: if it does not start.
        """
        if "proxy" in self.servers:
            return
        if not self.cell.privileged:
            raise LabUnavailableError("Squid becomes another user, which takes root")
        host, folder = self.hosts["proxy"], self.folder / "proxy"
        self.servers["proxy"] = proxy.start(host, self.dns.addresses, folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def site(
        self,
        name: str = "site.yaml",
        roles: Sequence[str] = (),
        **more: Any,
    ) -> Path:
        """Writes a site file into the folder; see site.py."""
        return site.write(
            self.folder / name,
            dns=self.dns.addresses,
            ca_file=self.ca.root_file,
            roles=roles or ("appsanywhere",),
            **more,
        )

    def close(self, *, keep: bool = False) -> None:
        """Ends everything; removes the folder unless it shall be kept."""
        self.cell.close()
        if not keep:
            shutil.rmtree(self.folder)

    def _use_resolver(self) -> None:
        """What programs of the system ask, on all hosts alike."""
        file = self.folder / "resolv.conf"
        file.write_text("".join(f"nameserver {own}\n" for own in self.dns.addresses))
        self.cell.run("mount", "--bind", file, "/etc/resolv.conf")
