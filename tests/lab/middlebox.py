"""Devices on the path that answer in somebody else's name.

    with Middlebox(lab, "mute") as box, box.takes("api.software2.com", 443):
        ...

A peer of misbehave.py, or one with a certificate, listens on the firewall; the
connections to a destination are turned to it (nftables), so that every SYN is answered
whether or not the destination exists. With a certificate of its own for the
destination's name it is a device that inspects TLS.

    python -m tests.lab.middlebox NAME PORT [CHAIN KEY]
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from typing import TYPE_CHECKING, Self

from tests.lab import firewall
from tests.lab.lab import PYTHON
from tests.lab.misbehave import TCP, UDP, peer, udp_peer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.lab.lab import Lab

_FIRST_PORT = 7100


class Middlebox:
    """One device on the lab's firewall.

    Args:
        lab: where.
        behaviour: how it answers, by a name in `misbehave.TCP` or `misbehave.UDP`.
        certificate: files of a chain and its key, to do so over TLS.
    """

    _running = 0

    def __init__(
        self, lab: Lab, behaviour: str, certificate: Sequence[Path] = ()
    ) -> None:
        self._lab = lab
        self._behaviour = behaviour
        self._transport = "udp" if behaviour in UDP else "tcp"
        self._certificate = certificate
        Middlebox._running += 1
        self._port = _FIRST_PORT + Middlebox._running

    def __enter__(self) -> Self:
        words = [self._behaviour, str(self._port), *map(str, self._certificate)]
        self._process = self._lab.fw.start(
            f"middlebox-{self._port}", PYTHON, "-m", "tests.lab.middlebox", *words
        )
        # It listens on the addresses of IPv6 last.
        self._process.wait_until(
            lambda: self._lab.fw.listens(self._transport, self._port, v6=True),
            "listens",
            30,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def takes(self, to: str, port: firewall.Ports = None):
        """Meanwhile answers what is meant for a destination."""
        return firewall.redirect(self._lab.fw, to, port, self._port, self._transport)


async def main(name: str, port: str, *certificate: str) -> None:
    """Answers on every address until it is killed."""
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
    async with contextlib.AsyncExitStack() as listening:
        if name in UDP:
            await listening.enter_async_context(udp_peer(UDP[name], "::", int(port)))
        for every in ("0.0.0.0", "::") if name in TCP else ():  # noqa: S104 - inside a namespace of its own
            await listening.enter_async_context(peer(TCP[name], every, int(port), tls))
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
