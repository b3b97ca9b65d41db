"""A real DNS server with the records a test names, and all the ways to fail."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running

_CONFIG = """
server:
    directory: "{folder}"
    chroot: ""
    username: ""
    pidfile: "{folder}/pid"
    interface: 127.0.0.1@{port}
    do-daemonize: no
    do-ip6: no
    use-syslog: no
    module-config: "iterator"
    local-zone: "." {otherwise}
{records}
remote-control:
    control-enable: no
"""


@contextlib.contextmanager
def unbound(folder: Path, records: dict[str, list[str]], otherwise="always_nxdomain"):
    """Serves `records`, name -> lines such as "60 IN A 192.0.2.1"; yields the port.

    A name with one word instead of lines is a zone of that kind: `always_refuse`,
    `always_nodata`, `deny` (silence). Anything else gets `otherwise`.
    """
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "unbound.conf"
    lines = [line for name, data in records.items() for line in _lines(name, data)]
    config.write_text(
        _CONFIG.format(
            folder=folder, port=port, otherwise=otherwise, records="\n".join(lines)
        )
    )
    argv = [binary("unbound"), "-d", "-c", str(config)]
    with running(argv, lambda: listens(port), folder / "log"):
        yield port


def _lines(name, data):
    if isinstance(data, str):
        return [f'    local-zone: "{name}." {data}']
    return [
        f'    local-zone: "{name}." static',
        *(f'    local-data: "{name}. {record}"' for record in data),
    ]
