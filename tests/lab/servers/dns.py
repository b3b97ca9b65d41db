"""The lab's resolver: unbound, recursive, with a root zone of its own.

It resolves as a real one does (CNAMEs are followed), but all it knows is a zone
file made from plan.py, and all else does not exist; no question ever leaves it.
Faults are switched on through its control socket, so they hold when the call
returns: each is a context manager that takes itself back.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lab import plan
from tests.lab.cell import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.net import Host

TTL = 1
"""Seconds for which its answers may be kept."""

_CONFIGURATION = """
server:
  {interfaces}
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  log-queries: yes
  module-config: "iterator"
  qname-minimisation: no
  # forwarding to ourselves is how SERVFAIL is made: this keeps it at that
  do-not-query-localhost: yes
remote-control:
  control-enable: yes
  control-interface: "{folder}/control"
  control-use-cert: no
auth-zone:
  name: "."
  zonefile: "{folder}/zone"
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
"""


class Dns:
    """The running resolver.

    Attributes:
        addresses: where it listens, port 53.
        process: the server.
    """

    def __init__(self, host: Host, folder: Path) -> None:
        require("unbound unbound-control")
        folder.mkdir(parents=True)
        self.addresses = host.addresses
        self._host = host
        self._folder = folder
        self._records = {
            name: _records(place.addresses) for name, place in plan.NAMES.items()
        }
        self._write()
        interfaces = "\n  ".join(f"interface: {own}" for own in host.addresses)
        file = folder / "unbound.conf"
        file.write_text(_CONFIGURATION.format(folder=folder, interfaces=interfaces))
        self.process = host.start("dns", "unbound", "-d", "-p", "-c", file)
        self.process.wait_until(self._ready, "takes commands")

    def nxdomain(self, name: str):
        """The name does not exist."""
        return self.records(name)

    def no_address(self, name: str):
        """The name exists, but has no address."""
        return self.records(name, 'TXT "no address here"')

    def resolves_to(self, name: str, *addresses: str):
        """The name has these addresses, of either family, and no other."""
        return self.records(name, *_records(addresses))

    def cname(self, name: str, target: str):
        """The name is an alias."""
        return self.records(name, f"CNAME {target}.")

    def refused(self, name: str):
        """The resolver answers REFUSED."""
        return self._zone(name, "always_refuse")

    def silent(self, name: str):
        """The resolver does not answer."""
        return self._zone(name, "always_deny")

    @contextlib.contextmanager
    def servfail(self, name: str) -> Iterator[None]:
        """The resolver answers SERVFAIL: it knows nobody to ask."""
        self._control("forward_add", name, "127.0.0.1")
        self._control("flush_zone", name)
        try:
            yield
        finally:
            self._control("forward_remove", name)
            self._control("flush_zone", name)

    @contextlib.contextmanager
    def records(self, name: str, *records: str) -> Iterator[None]:
        """The name has exactly these records, each as `TYPE DATA`."""
        before = self._records.get(name)
        self._set(name, records)
        try:
            yield
        finally:
            self._set(name, before or ())

    @contextlib.contextmanager
    def _zone(self, name: str, kind: str) -> Iterator[None]:
        self._control("local_zone", name, kind)
        try:
            yield
        finally:
            self._control("local_zone_remove", name)

    def _set(self, name: str, records: tuple[str, ...]) -> None:
        self._records[name] = records
        self._write()
        self._control("auth_zone_reload", ".")
        self._control("flush_zone", ".")

    def _write(self) -> None:
        own = "ns.lab."
        lines = [f". {TTL} SOA {own} {own} 1 60 60 60 {TTL}", f". {TTL} NS {own}"]
        nameserver = {"ns.lab": _records(self.addresses)}
        for name, records in (nameserver | self._records).items():
            lines += [f"{name}. {TTL} {record}" for record in records]
        (self._folder / "zone").write_text("\n".join(lines) + "\n")

    def _ready(self) -> bool:
        command = self._command("status")
        return self._host.run(*command, check=False).returncode == 0

    def _control(self, *words: str) -> None:
        self._host.run(*self._command(*words))

    def _command(self, *words: str) -> list[str]:
        return ["unbound-control", "-c", f"{self._folder}/unbound.conf", *words]


def _records(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{'AAAA' if ':' in one else 'A'} {one}" for one in addresses)
