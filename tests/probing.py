"""One round of one prober against a port of this host."""

from __future__ import annotations

import ssl

from exporter.model.outcome import Reason
from exporter.model.rule import Transport
from exporter.probes.lookup import Resolved
from exporter.probes.runner import Runner
from exporter.probes.tls import TlsEngine
from tests import make
from tests.certificates import DAY, NOW, authority, server

_TRIES = 20
NAME = "server.uni.example"
ROOT = authority("Site root", start=-1000 * DAY, end=9000 * DAY)
# Valid by any clock, since foreign clients look at the real one.
ISSUED = server(ROOT, NAME, "127.0.0.1", start=-1000 * DAY, end=9000 * DAY)
EXPIRED = server(ROOT, NAME, start=-9 * DAY, end=-DAY)


class Here:
    """A resolver for which every name is this host."""

    def known(self, host):
        return Resolved((host if host.startswith("127.") else "127.0.0.1",))


class Prober:
    """Runs rounds as the exporter would, with the site's authority known."""

    def __init__(self, folder):
        file = folder / "site.pem"
        file.write_bytes(ROOT.pem)
        self._runner = Runner(Here(), TlsEngine(file, clock=NOW.timestamp))
        self._rounds = 0

    async def __call__(
        self,
        probe,
        port,
        *,
        timeout=5.0,  # noqa: ASYNC109 - the rule's own, which the runner keeps
        udp=False,
        host=NAME,
        public=False,
        **options,
    ):
        """The observation of one round; `options` are the prober's, as in YAML.

        A round in which this host was too busy says nothing and is run again.
        """
        for _ in range(_TRIES):
            self._rounds += 1
            target = make.target(
                probe,
                host,
                port,
                id=f"rule-{self._rounds}",
                transport=Transport.UDP if udp else Transport.TCP,
                timeout=timeout,
                public=public,
                options=options,
            )
            seen = (await self._runner.run(target)).observation
            if seen.reason is not Reason.LOCAL_FAULT:
                break
        return seen


def server_tls(folder, issued=ISSUED, alpn=()):
    """A TLS server context of the standard library that presents `issued`."""
    (folder / "cert.pem").write_bytes(issued.pem)
    (folder / "key.pem").write_bytes(issued.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
