"""nginx: every web name of the plan, each at its own address and with its own
certificate; http on port 80, https on the others. A file put under
`www/NAME/` is served; any other path answers 200 with the name, and the two
Looker paths answer as a Looker does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab import plan
from tests.lab.cell import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.ca import Authority
    from tests.lab.net import Host
    from tests.lab.process import Process

PORTS = (80, 443, 9999, 19999)
_CONFIGURATION = """
daemon off;
user root;
worker_processes 1;
pid {folder}/pid;
error_log stderr notice;
events {{ worker_connections 4096; }}
http {{
  access_log {folder}/access.log combined;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server_names_hash_bucket_size 256;
  default_type text/plain;
{servers}
}}
"""
_SERVER = """
  server {{
    server_name {name};
    listen {v4}:{port}{ssl};
    listen [{v6}]:{port}{ssl};
    {certificate}
    root {folder}/www/{name};
    location / {{ try_files $uri @any; }}
    location @any {{ return 200 "{name}\\n"; }}
    {special}
  }}
"""
_SPECIAL = {
    9999: "location = /alive { return 200 ''; }",
    19999: "location = /versions { default_type application/json; return 200"
    ' \'{"looker_release_version": "24.6.50"}\'; }',
}

_AZURE = "add_header x-ms-request-id 1 always;"


def start(host: Host, ca: Authority, folder: Path) -> Process:
    """Starts nginx; its access log is `access.log` in the folder."""
    require("nginx")
    (folder / "www").mkdir(parents=True)
    servers = "\n".join(_servers(host.name, ca, folder))
    file = folder / "nginx.conf"
    file.write_text(_CONFIGURATION.format(folder=folder, servers=servers))
    process = host.start("web", "nginx", "-c", file, "-e", "stderr")
    process.wait_until(lambda: host.listens("tcp", 443), "listens")
    return process


def _servers(host: str, ca: Authority, folder: Path) -> Iterator[str]:
    for name, place in plan.living_at(host, *PORTS).items():
        files = ca.write(name)
        keys = f"ssl_certificate {files.chain}; ssl_certificate_key {files.key};"
        v4, v6 = place.addresses
        for port in sorted({*PORTS} & {*place.ports}):
            yield _SERVER.format(
                name=name,
                v4=v4,
                v6=v6,
                port=port,
                ssl="" if port == 80 else " ssl",
                certificate="" if port == 80 else keys,
                folder=folder,
                special=_SPECIAL.get(port, _AZURE if ".blob." in name else ""),
            )
