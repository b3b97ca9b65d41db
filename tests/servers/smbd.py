"""A real Samba file server without shares."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running

_CONFIG = """
[global]
    smb ports = {port}
    interfaces = 127.0.0.1
    bind interfaces only = yes
    disable netbios = yes
    log level = 3
    log file = {folder}/log
    {settings}
"""
_FOLDERS = ("private", "state", "cache", "lock", "pid", "ncalrpc")


@contextlib.contextmanager
def smbd(folder: Path, settings=""):
    """Yields the port; its log is `folder`/log."""
    port = free_port()
    folder.mkdir(parents=True)
    config = _CONFIG.format(folder=folder, port=port, settings=settings)
    for one in _FOLDERS:
        (folder / one).mkdir()
        key = "ncalrpc dir" if one == "ncalrpc" else f"{one} directory"
        config += f"    {key} = {folder}/{one}\n"
    file = folder / "smb.conf"
    file.write_text(config)
    # In a process group of its own: at its end it terminates all of its group.
    argv = [binary("smbd"), "-F", "-s", str(file)]
    with running(argv, lambda: listens(port), folder / "out"):
        yield port
