"""Samba: an Active Directory domain controller, and the file share beside it.

The domain is the one that the controller's name lies in, made anew for every lab.
It shows a certificate of the lab's authority, and its log has a line for every
attempt to authenticate, whatever came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab import plan
from tests.lab.cell import require

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.ca import Authority
    from tests.lab.net import Host
    from tests.lab.process import Process

NAME = "ad.uni.edu"
PORTS = (53, 88, 135, 389, 445, 464, 636, 3268, 3269)
# What a lone controller has nobody for: replication, NetBIOS, updates of its own DNS.
_SERVICES = "s3fs, rpc, ldap, cldap, kdc, winbindd, dns"
# On a busy machine making the domain takes ten times its usual few seconds.
_PATIENCE = 180.0


def start(host: Host, ca: Authority, folder: Path) -> Process:
    """Makes the domain and starts its controller on all addresses of the host."""
    require("samba samba-tool smbd")
    own, _, domain = NAME.partition(".")
    v4, v6 = plan.NAMES[NAME].addresses
    files = ca.write(NAME)
    # Else its name server answers datagrams from another address than was asked.
    own_addresses = [
        a for place in plan.living_at(host.name).values() for a in place.addresses
    ]
    settings = {
        "interfaces": f"lo {' '.join(map(_on_link, own_addresses))}",
        "bind interfaces only": "yes",
        "server services": _SERVICES,
        "tls certfile": files.chain,
        "tls keyfile": files.key,
        "tls cafile": ca.root_file,
    }
    host.run(
        *("samba-tool", "domain", "provision", "--server-role=dc"),
        *(f"--realm={domain.upper()}", f"--domain={domain.partition('.')[0].upper()}"),
        *(f"--host-name={own}", f"--host-ip={v4}", f"--host-ip6={v6}"),
        *("--dns-backend=SAMBA_INTERNAL", f"--targetdir={folder}"),
        *(f"--option={key} = {value}" for key, value in settings.items()),
        timeout=_PATIENCE,
    )
    process = host.start(
        "directory",
        *("samba", "--foreground", "--no-process-group", "--debug-stdout"),
        *("-s", folder / "etc/smb.conf", "--option=log level = 0 auth_audit:3"),
    )
    process.wait_until(lambda: _serves(host), "serves", _PATIENCE)
    return process


def _on_link(address: str) -> str:
    return f"{address}/{64 if ':' in address else 24}"


def _serves(host: Host) -> bool:
    sockets = host.run("ss", "-Hlntu").stdout
    ends = [f":{port} " for port in PORTS]
    # The KDC adds a socket for each address, to answer datagrams from there.
    for v4, v6 in (place.addresses for place in plan.living_at(host.name).values()):
        ends += [f"{v4}:88 ", f"[{v6}]:88 "]
    return all(end in sockets for end in ends)
