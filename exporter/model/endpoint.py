"""A host with a port, as a site file, a URL or a feed names it."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PORT = 65535
"""The highest port of TCP and UDP (RFC 9293 3.1, RFC 768)."""
DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host with a port; `tls` tells an https URL, None where no URL was written.

    An empty host, in an address to listen on, means every address of this machine.
    """

    host: str
    port: int
    tls: bool | None = None

    def __str__(self) -> str:
        return place(self.host, self.port)


def name_server(written: str) -> tuple[str, int]:
    """Address and port of `address`, `address:port` or `[address]:port`, 53 if not said."""
    if written.startswith("["):
        address, _, port = written[1:].partition("]")
        return address, int(port.removeprefix(":") or DNS_PORT)
    if written.count(":") == 1:
        address, _, port = written.partition(":")
        return address, int(port)
    return written, DNS_PORT


def place(host: str, port: int | str, transport: str = "") -> str:
    """`db.example.org:1433/tcp`, `[2001:db8::1]:443`, `db.example.org/icmp`, for people."""
    if transport == "icmp":
        return f"{host}/{transport}"
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}/{transport}" if transport else f"{shown}:{port}"
