"""What is probed: one nginx on many loopback addresses, plain and inside TLS.

Many addresses, because the exporter probes one host with few probes at a time and
because a pair of addresses has but 28 000 ports for short connections.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import DAY, authority, server
from tests.servers.process import binary, free_port, listens, running

ADDRESSES = tuple(f"127.0.77.{number}" for number in range(1, 251))
DOMAIN = "bench.example"

_NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {folder}/pid;
error_log stderr;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_protocols TLSv1.3;
    ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/key.pem;
    server {{
{listens}
        location / {{ return 200 "here\\n"; }}
    }}
}}
"""


@dataclass(frozen=True)
class Peers:
    """The ports of nginx and the authority of its certificate."""

    plain: int
    secure: int
    ca_file: Path


@contextlib.contextmanager
def peers(folder: Path):
    """Runs nginx; it presents a leaf and an intermediate, both ECDSA P-256."""
    root = authority("Bench root", start=-1000 * DAY, end=9000 * DAY)
    lasting = {"start": -900 * DAY, "end": 8000 * DAY}
    issuing = authority("Bench issuing authority", root, **lasting)
    leaf = server(issuing, DOMAIN, f"*.{DOMAIN}", common=DOMAIN, **lasting)
    (folder / "chain.pem").write_bytes(leaf.pem + issuing.pem)
    (folder / "key.pem").write_bytes(leaf.key_pem)
    ca_file = folder / "root.pem"
    ca_file.write_bytes(root.pem)
    plain, secure = free_port(), free_port()
    lines = [
        f"        listen {address}:{port}{tls} backlog=4096;"
        for address in ADDRESSES
        for port, tls in ((plain, ""), (secure, " ssl"))
    ]
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, listens="\n".join(lines)))
    argv = [binary("nginx"), "-c", str(config), "-e", "stderr"]
    ready = lambda: listens(secure, ADDRESSES[-1])  # noqa: E731 - one word for a name
    with running(argv, ready, folder / "nginx.log"):
        yield Peers(plain, secure, ca_file)
