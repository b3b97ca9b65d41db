"""Who lives where in the lab: fixed addresses for every name of the catalogue.

    prober --1-- r1 --2-- fw --3-- r3 --10-- dns
                                      --20-- web
                                      --30-- time   ... one link per server host

Link n is 10.9.n.0/24 and fd09:0:0:n::/64; on it the end nearer to the prober is
.1 (the prober itself is .2, r1 .1) and both families use the same last number, in
the same digits: 10.9.20.31 is fd09:0:0:20::31. Every destination name has an
address of its own, so a firewall rule for it hits exactly that destination. The
names are real; only the lab's own DNS server answers them this way.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

PROBER = 1
R1_FW = 2
FW_R3 = 3
# Server hosts by the number of their link with r3; a new one is a new line here.
SERVERS = {
    "dns": 10,
    "web": 20,
    "time": 30,
    "mssql": 40,
    "ad": 50,
    "mail": 60,
    "proxy": 70,
}
DEVICES = 40
"""Names for devices to answer for."""


@dataclass(frozen=True)
class Name:
    """Where a destination name lives.

    Attributes:
        host: the server host that has the address.
        number: the last number of its addresses.
        ports: what is offered there; each server of the host takes its own.
    """

    host: str
    number: int
    ports: tuple[int, ...]

    @property
    def addresses(self) -> tuple[str, str]:
        """The IPv4 and the IPv6 address."""
        return addresses(SERVERS[self.host], self.number)


def addresses(link: int, number: int) -> tuple[str, str]:
    """The IPv4 and the IPv6 address with a last number on a link."""
    return f"10.9.{link}.{number}", f"fd09:0:0:{link}::{number}"


def addresses_of(destination: str) -> tuple[str, ...]:
    """The addresses meant by a name of the plan or by an address."""
    if destination in NAMES:
        return NAMES[destination].addresses
    return (str(ipaddress.ip_address(destination)),)


def living_at(host: str, *ports: int) -> dict[str, Name]:
    """The names of a host that offer at least one of the ports (any, if none)."""
    return {
        name: place
        for name, place in NAMES.items()
        if place.host == host and (not ports or set(ports) & set(place.ports))
    }


_RACKSPACE = "ssl.cf3.rackcdn.com"

NAMES = {
    # a university's own, as the document's examples spell them
    "appsanywhere.uni.edu": Name("web", 10, (443,)),
    "appsanywhere01.uni.edu": Name("web", 11, (22, 80)),
    "appsanywhere02.uni.edu": Name("web", 12, (22, 80)),
    "appsanywhere03.uni.edu": Name("web", 13, (22, 80)),
    "analytics.uni.edu": Name("web", 14, (22, 9999, 19999)),
    "cloudpaging.uni.edu": Name("web", 15, (80, 443)),
    "parallels.uni.edu": Name("web", 16, (443,)),
    "farm.uni.edu": Name("web", 17, (22, 80, 443, 9999)),
    "mssql.uni.edu": Name("mssql", 10, (1433, 1434)),
    "ad.uni.edu": Name("ad", 10, (53, 88, 135, 389, 445, 464, 636, 3268, 3269)),
    "myfileshare.uni.edu": Name("ad", 11, (445,)),
    # vendors and their content networks
    f"1bdb4cc9b0722bc205a377fabbc4511a62a47f7610ad5c7c4e62.{_RACKSPACE}": Name(
        "web", 30, (443,)
    ),
    f"b12228822d08f4925072-e23aef5ecad0f6168507017a4f5869f1.{_RACKSPACE}": Name(
        "web", 31, (443,)
    ),
    "ajax.googleapis.com": Name("web", 32, (443,)),
    "api.appsanywhere.com": Name("web", 33, (80,)),
    "api.software2.com": Name("web", 34, (443,)),
    "appsanywhereresources.blob.core.windows.net": Name("web", 35, (80, 443)),
    "appsanywhereresources.azureedge.net": Name("web", 36, (443,)),
    "s2public.blob.core.windows.net": Name("web", 37, (443,)),
    "software2-public.azureedge.net": Name("web", 38, (443,)),
    "files.software2.com": Name("web", 39, (443,)),
    "files.appsanywhere.com": Name("web", 40, (443,)),
    "bitbucket.org": Name("web", 41, (443,)),
    "license.looker.com": Name("web", 42, (443,)),
    "smtp.sendgrid.net": Name("mail", 10, (25, 465, 587)),
    # what no row of the catalogue asks for
    "imap.uni.edu": Name("mail", 11, (143, 993)),
    "desktop.uni.edu": Name("mssql", 11, (3389,)),
    "postgres.uni.edu": Name("mssql", 12, (5432,)),
    "stun.uni.edu": Name("time", 20, (3478,)),
    # package repositories and their mirrors
    "cdn.remirepo.net": Name("web", 50, (80,)),
    "rpms.remirepo.net": Name("web", 51, (80,)),
    "mirror.pulsant.com": Name("web", 52, (80, 443)),
    "mirrors.fedoraproject.org": Name("web", 53, (443,)),
    "mirrors.rockylinux.org": Name("web", 54, (443,)),
    "mirrors.vinters.com": Name("web", 55, (80,)),
    "packages.microsoft.com": Name("web", 56, (443,)),
    "mirrorlist.centos.org": Name("web", 57, (80,)),
    "ask4.mm.fcix.net": Name("web", 58, (443,)),
    "rocky-linux-europe-west2.production.gcp.mirrors.ctrliq.cloud": Name(
        "web", 59, (443,)
    ),
    # feeds
    "endpoints.office.com": Name("web", 60, (443,)),
    # time
    "2.rocky.pool.ntp.org": Name("time", 10, (123,)),
    "0.centos.pool.ntp.org": Name("time", 11, (123,)),
    "1.centos.pool.ntp.org": Name("time", 12, (123,)),
    "2.centos.pool.ntp.org": Name("time", 13, (123,)),
    "3.centos.pool.ntp.org": Name("time", 14, (123,)),
    # web servers whose certificates are wrong in one way each (ca.py)
    "expired.uni.edu": Name("web", 100, (443,)),
    "not-yet-valid.uni.edu": Name("web", 101, (443,)),
    "wrong-name.uni.edu": Name("web", 102, (443,)),
    "self-signed.uni.edu": Name("web", 103, (443,)),
    "unknown-ca.uni.edu": Name("web", 104, (443,)),
    "incomplete.uni.edu": Name("web", 105, (443,)),
    # the way out for those who may not go by themselves
    "proxy.uni.edu": Name("proxy", 10, (3128,)),
    # addresses that no machine has; devices on the path answer for some
    "nobody-home.uni.edu": Name("web", 250, ()),
    **{f"nobody-{n}.uni.edu": Name("web", 200 + n, ()) for n in range(DEVICES)},
}
