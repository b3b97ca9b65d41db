"""A real nginx: HTTP on one port, HTTPS on another."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running

_CONFIG = """
daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
events {{ }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{secure} ssl;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    location / {{ return 200 "here"; }}
  }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, issued):
    """Yields the ports for HTTP and HTTPS; `folder`/access.log has the requests."""
    plain, secure = free_port(), free_port()
    folder.mkdir(parents=True)
    (folder / "cert.pem").write_bytes(issued.pem)
    (folder / "key.pem").write_bytes(issued.key_pem)
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, plain=plain, secure=secure))
    argv = [binary("nginx"), "-c", str(config), "-e", "stderr"]
    with running(argv, lambda: listens(secure), folder / "log"):
        yield plain, secure
