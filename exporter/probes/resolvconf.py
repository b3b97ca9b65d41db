"""What this host's files say about names: resolv.conf(5) and hosts(5).

Both change under a running process, and often in ways that leave no trace on the path:
a link's target is written anew, a file is mounted over another. So contents are compared,
not dates.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# resolv.h: MAXNS, RES_MAXNDOTS
_DEFAULT_SERVERS = ("127.0.0.1",)
_MAX_SERVERS = 3
_DEFAULT_NDOTS = 1
_MAX_NDOTS = 15


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """How the host resolves names.

    Attributes:
        servers: name servers in the order in which they are asked.
        search: domains that names are completed with.
        ndots: dots from which on a name is tried as it stands before the domains.
        tcp_only: never asks over UDP (`options use-vc`).
        ipv4_only: never asks for IPv6 addresses (`options no-aaaa`).
    """

    servers: tuple[str, ...] = _DEFAULT_SERVERS
    search: tuple[str, ...] = ()
    ndots: int = _DEFAULT_NDOTS
    tcp_only: bool = False
    ipv4_only: bool = False

    def candidates(self, name: str) -> tuple[str, ...]:
        """What a name may stand for, in the order in which it is tried."""
        bare = name.removesuffix(".")
        if bare != name:
            return (bare,)
        completed = [f"{name}.{one}" if one else name for one in self.search]
        first = name.count(".") >= self.ndots
        order = [name, *completed] if first else [*completed, name]
        return tuple(dict.fromkeys(order))


class Watched:
    """A text file, read again and again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._content = b""
        self._gone = False

    @property
    def text(self) -> str:
        """What it said when it was last read; a file that is not there is empty."""
        return self._content.decode("utf-8", "replace")

    def changed(self) -> bool:
        """Reads the file; whether it says anything else than before.

        One that is suddenly empty may be about to be written: it is believed the
        second time.
        """
        try:
            content = self._path.read_bytes()
        except OSError:
            content = b""
        if not content and self._content and not self._gone:
            self._gone = True
            return False
        self._gone = False
        before, self._content = self._content, content
        return content != before


def parse_resolv_conf(text: str) -> ResolvConf:
    """resolv.conf(5); what it does not know is left out, as the C library does."""
    servers: list[str] = []
    search = _own_domain()
    options: list[str] = []
    for line in text.splitlines():
        # A keyword stands at the very beginning of its line.
        word, *values = line.split() if line[:1].strip() else [""]
        if word == "nameserver" and values and literal(values[0]) is not None:
            servers.append(values[0])
        elif word in {"search", "domain"} and values:
            search = values if word == "search" else values[:1]
        elif word == "options":
            options += values
    return ResolvConf(
        servers=tuple(servers[:_MAX_SERVERS]) or _DEFAULT_SERVERS,
        search=tuple(domain.strip(".").lower() for domain in search),
        ndots=_ndots(options),
        tcp_only="use-vc" in options,
        ipv4_only="no-aaaa" in options,
    )


def parse_hosts(text: str) -> Mapping[str, tuple[str, ...]]:
    """hosts(5): addresses by name, in lower case and without a last dot."""
    names: dict[str, list[str]] = {}
    for line in text.splitlines():
        fields = line.split("#", 1)[0].split()
        address = literal(fields[0]) if fields else None
        if address is None:
            continue
        for name in fields[1:]:
            names.setdefault(name.lower().rstrip("."), []).append(address)
    return {name: tuple(dict.fromkeys(found)) for name, found in names.items()}


def literal(host: str) -> str | None:
    """An IP address in its usual form; None for anything else."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _own_domain() -> list[str]:
    """The domain of the host's own name, which is searched unless a file says more."""
    _, _, domain = os.uname().nodename.partition(".")
    return [domain] if domain else []


def _ndots(options: list[str]) -> int:
    said = [one.removeprefix("ndots:") for one in options if one.startswith("ndots:")]
    number = said[-1] if said else ""
    return min(int(number[:9]), _MAX_NDOTS) if number.isdecimal() else _DEFAULT_NDOTS
