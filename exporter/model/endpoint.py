"""A host with a port, as a site file, a URL or a mirror list names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host with a port; `tls` tells an https URL, None where no URL was written.

    An empty host, in an address to listen on, means every address of this machine.
    """

    host: str
    port: int
    tls: bool | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
