import ssl

import pytest

from exporter.probes.tls import TlsEngine
from tests.certificates import NOW
from tests.tlspeers import ROOT


@pytest.fixture
def engine(tmp_path):
    (tmp_path / "public.pem").write_bytes(ROOT.pem)
    clock = NOW.timestamp
    return TlsEngine(public_roots=tmp_path / "public.pem", clock=clock)


@pytest.fixture
def context(tmp_path):
    """An ssl server context that presents a chain, leaf first."""

    def make_context(*chain):
        file = tmp_path / "chain.pem"
        file.write_bytes(chain[0].key_pem + b"".join(one.pem for one in chain))
        server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server_side.set_ciphers("ALL:@SECLEVEL=0")
        server_side.load_cert_chain(file)
        return server_side

    return make_context
