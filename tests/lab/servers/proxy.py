"""Squid: a proxy that lets the lab through, but for two names.

`DENIED` is against its policy, `LOCKED` wants a password that nobody has. It forgets
names at once, so that the resolver's faults are felt, and gives up on a silent host
after a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab import plan
from tests.lab.cell import require

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.lab.net import Host
    from tests.lab.process import Process

PORT = 3128
DENIED = "license.looker.com"
LOCKED = "bitbucket.org"
_CONFIGURATION = """
{ports}
visible_hostname {name}
pid_filename {folder}/pid
cache_log {folder}/cache.log
access_log stdio:{folder}/access.log
coredump_dir {folder}
dns_nameservers {dns}
cache deny all
netdb_filename none
pinger_enable off
positive_dns_ttl 1 second
negative_dns_ttl 1 second
connect_timeout 1 second
shutdown_lifetime 0 seconds
auth_param basic program /bin/cat
acl lab src 10.9.0.0/16 fd09::/16
acl denied dstdomain {denied}
acl locked dstdomain {locked}
acl known proxy_auth REQUIRED
http_access deny denied
http_access deny locked !known
http_access allow lab
http_access deny all
"""


def start(host: Host, dns: Sequence[str], folder: Path) -> Process:
    """Starts Squid, which becomes another user, under its one name of the plan."""
    require("squid")
    ((name, place),) = plan.living_at(host.name, PORT).items()
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    v4, v6 = place.addresses
    file = folder / "squid.conf"
    file.write_text(
        _CONFIGURATION.format(
            ports=f"http_port {v4}:{PORT}\nhttp_port [{v6}]:{PORT}",
            name=name,
            folder=folder,
            dns=" ".join(dns),
            denied=DENIED,
            locked=LOCKED,
        )
    )
    process = host.start("proxy", "squid", "-N", "-f", file)
    process.wait_until(lambda: host.listens("tcp", PORT), "listens")
    return process
