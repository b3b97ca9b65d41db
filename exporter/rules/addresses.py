"""Which addresses a list from outside may send us to: public ones only.

Loopback, private, link-local (where clouds keep their metadata), shared, reserved,
documentation and multicast addresses are none of the Internet's business. An IPv6
address that carries an IPv4 one is as public as the one it carries.
"""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# RFC 6052 2.1: the well-known prefix, with the IPv4 address in the last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an address belongs to the Internet at large.

    Raises:
        ValueError: it is not an IP address.
    """
    found = _carried(ipaddress.ip_address(address))
    return found.is_global and not found.is_multicast


def _carried(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, if there is one (RFC 4291, RFC 3056).

    Teredo addresses need no looking into: none of them is public.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
