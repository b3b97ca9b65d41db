"""A real Samba file server without shares."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running

_CONFIG = """
[global]
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
    bound = {"smb ports": port, "interfaces": "127.0.0.1"}
    bound["bind interfaces only"] = "yes"
    file = configured(folder, bound, settings)
    # In a process group of its own: at its end it terminates all of its group.
    argv = [binary("smbd"), "-F", "-s", str(file)]
    with running(argv, lambda: listens(port), folder / "out"):
        yield port


def configured(folder: Path, settings, more="") -> Path:
    """Writes Samba's configuration, with every folder of it inside `folder`."""
    folder.mkdir(parents=True)
    for one in _FOLDERS:
        (folder / one).mkdir()
        key = "ncalrpc dir" if one == "ncalrpc" else f"{one} directory"
        settings = {**settings, key: f"{folder}/{one}"}
    lines = "\n".join(f"    {key} = {value}" for key, value in settings.items())
    file = folder / "smb.conf"
    file.write_text(_CONFIG.format(folder=folder, settings=f"{lines}\n    {more}"))
    return file
