"""Devices on the path that answer in somebody else's name.

    with Middlebox(lab, "mute") as box, box.takes("api.software2.com", 443):
        ...

A peer of misbehave.py, or one with a certificate, listens on the firewall; the
connections to a destination, or to all there are, are turned to it (nftables), so
that every SYN is answered whether or not the destination exists. It answers as the
same kind of device does outside: `re-signing` is TLS inspection, the others are named
as in misbehave.py.

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
from tests.lab.misbehave import TCP, peer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.lab.lab import Lab

RE_SIGNING = "re-signing"
_FIRST_PORT = 7100


class Middlebox:
    """One device on the lab's firewall.

    Args:
        lab: where.
        behaviour: how it answers, by a name in `misbehave.TCP`.
        certificate: files of a chain and its key, to do so over TLS.
    """

    _running = 0

    def __init__(
        self, lab: Lab, behaviour: str, certificate: Sequence[Path] = ()
    ) -> None:
        self._lab = lab
        self._behaviour = behaviour
        self._certificate = certificate
        Middlebox._running += 1
        self._port = _FIRST_PORT + Middlebox._running

    def __enter__(self) -> Self:
        words = [self._behaviour, str(self._port), *map(str, self._certificate)]
        self._process = self._lab.fw.start(
            f"middlebox-{self._port}", PYTHON, "-m", "tests.lab.middlebox", *words
        )
        self._process.wait_until(
            lambda: self._lab.fw.listens("tcp", self._port), "listens", 30
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def takes(self, to: str, port: int | None = None):
        """Meanwhile answers what is meant for a destination."""
        return firewall.redirect(self._lab.fw, to, port, self._port)


async def main(name: str, port: str, *certificate: str) -> None:
    """Answers on every address until it is killed."""
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
    async with contextlib.AsyncExitStack() as listening:
        for every in ("0.0.0.0", "::"):  # noqa: S104 - inside a namespace of its own
            await listening.enter_async_context(peer(TCP[name], every, int(port), tls))
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
