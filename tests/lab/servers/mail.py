"""Postfix, which offers TLS and relays nothing, and Dovecot, into which nobody can log."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.lab import plan
from tests.lab.cell import require
from tests.servers import dovecot

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.ca import Authority
    from tests.lab.net import Host
    from tests.lab.process import Process

_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
myhostname = {name}
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = {addresses}
maillog_file = /dev/stdout
smtpd_tls_chain_files = {key}, {chain}
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
"""
_MASTER = """
587 inet n - n - - smtpd
25 inet n - n - - smtpd
465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
postlog unix-dgram n - n - 1 postlogd
anvil unix - - n - 1 anvil
rewrite unix - - n - - trivial-rewrite
cleanup unix n - n - 0 cleanup
tlsmgr unix - - n 1000? 1 tlsmgr
"""


def start_imap(host: Host, ca: Authority, folder: Path) -> Process:
    """Starts Dovecot under the one name of the plan that has mailboxes on this host."""
    require("dovecot")
    ((name, place),) = plan.living_at(host.name, 143).items()
    files = ca.write(name)
    command = dovecot.configure(
        folder,
        listen=", ".join(place.addresses),
        ports=place.ports,
        certificate=(files.chain.read_bytes(), files.key.read_bytes()),
    )
    process = host.start("imap", *command)
    process.wait_until(
        lambda: all(host.listens("tcp", p) for p in place.ports), "listens"
    )
    return process


def start(host: Host, ca: Authority, folder: Path) -> Process:
    """Starts Postfix under the one name of the plan that takes mail on this host."""
    require("postfix")
    ((name, place),) = plan.living_at(host.name, 587).items()
    for part in ("etc", "queue", "data"):
        (folder / part).mkdir(parents=True)
    shutil.chown(folder / "data", "postfix")
    files = ca.write(name)
    (folder / "etc/main.cf").write_text(
        _MAIN.format(
            folder=folder,
            name=name,
            addresses=", ".join(place.addresses),
            key=files.key,
            chain=files.chain,
        )
    )
    (folder / "etc/master.cf").write_text(_MASTER)
    process = host.start("mail", "postfix", "-c", folder / "etc", "start-fg")
    process.wait_until(lambda: host.listens("tcp", 587), "listens")
    return process
