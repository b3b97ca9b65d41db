"""A real MIT Kerberos KDC for the realm UNI.EXAMPLE, on UDP and TCP."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

from tests.servers.process import binary, free_port, listens, running

REALM = "UNI.EXAMPLE"
KNOWN, OPEN = "appliance", "trusting"
"""Principals: one that must authenticate first, and one that need not."""

_CLIENT = """
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
"""
_KDC = """
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
    }}
[logging]
    kdc = FILE:{folder}/log
"""


@contextlib.contextmanager
def krb5kdc(folder: Path):
    """Yields the port, the same for UDP and TCP; its log is `folder`/log."""
    port = free_port()
    folder.mkdir(parents=True)
    (folder / "krb5.conf").write_text(_CLIENT.format(realm=REALM))
    kdc = _KDC.format(folder=folder, port=port, realm=REALM)
    (folder / "kdc.conf").write_text(kdc)
    environment = {
        **os.environ,
        "KRB5_CONFIG": str(folder / "krb5.conf"),
        "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
    }
    util, local = binary("kdb5_util"), binary("kadmin.local")
    commands = [
        [util, "create", "-s", "-r", REALM, "-P", "master"],
        [local, "-q", f"addprinc -pw secret +requires_preauth {KNOWN}"],
        [local, "-q", f"addprinc -pw secret -requires_preauth {OPEN}"],
    ]
    for command in commands:
        subprocess.run(command, env=environment, capture_output=True, check=True)
    argv = [binary("env"), *_settings(environment), binary("krb5kdc"), "-n"]
    pid = ["-P", str(folder / "pid")]
    with running([*argv, *pid], lambda: listens(port), folder / "out"):
        yield port


def _settings(environment):
    return [f"{name}={environment[name]}" for name in environment if "KRB5_" in name]
