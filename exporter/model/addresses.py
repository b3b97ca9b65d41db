"""Addresses: which are public, and which are likely to be neighbours.

A list from outside may send us to public ones only.

Loopback, private, link-local (where clouds keep their metadata), shared, reserved,
documentation and multicast addresses are none of the Internet's business. An IPv6
address that carries an IPv4 one is as public as the one it carries.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

UNSPECIFIED = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, never bound to
"""What names no host (RFC 1122 3.2.1.3, RFC 4291 2.5.2)."""
# RFC 4291 2.4: what hosts on the Internet have. Not every Python knows that each old or
# new special range outside it (IPv4-compatible, site-local, SRv6) is none.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# RFC 9637, younger than some Pythons.
_DOCUMENTATION = ipaddress.IPv6Network("3fff::/20")
# RFC 6052 2.1: the well-known prefix, with the IPv4 address in the last 32 bits.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NEIGHBOURS = {4: 24, 6: 64}
"""Bits that neighbours share: the longest prefix that is routed between providers
(IPv4), and one link (RFC 4291 2.5.4)."""
_SITE = {4: 16, 6: 48}
"""Bits that addresses of one organisation share as a rule (RFC 4193 3.1 for IPv6)."""


def family_of(address: str) -> str:
    """`IPv4` or `IPv6`."""
    return "IPv6" if ":" in address else "IPv4"


def is_loopback(address: str) -> bool:
    """Whether an address, if it is one, is always the host's own."""
    return bool(address) and ipaddress.ip_address(address).is_loopback


@lru_cache(1 << 16)
def neighbourhood(address: str) -> str:
    """The network that an address is likely to share with its neighbours.

    Raises:
        ValueError: it is not an IP address.
    """
    return _prefix(address, _NEIGHBOURS)


@lru_cache(1 << 16)
def site_of(address: str) -> str:
    """The network that an address is likely to share with its organisation.

    Raises:
        ValueError: it is not an IP address.
    """
    return _prefix(address, _SITE)


def _prefix(address: str, bits: Mapping[int, int]) -> str:
    """The network of an address: `ip_network` would take three times as long."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    length = bits[ip.version]
    rest = ip.max_prefixlen - length
    return f"{type(ip)(int(ip) >> rest << rest)}/{length}"


def is_public(address: str) -> bool:
    """Whether an address belongs to the Internet at large.

    Raises:
        ValueError: it is not an IP address.
    """
    found = _carried(ipaddress.ip_address(address))
    if isinstance(found, ipaddress.IPv6Address) and not _is_unicast(found):
        return False
    return found.is_global and not found.is_multicast


def _is_unicast(address: ipaddress.IPv6Address) -> bool:
    return address in _UNICAST and address not in _DOCUMENTATION


def _carried(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, if there is one (RFC 4291, RFC 3056).

    Teredo addresses need no looking into: none of them is public.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
