"""The fake SQL Server against clients that others wrote: what they accept, it is."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from functools import partial

import pytest
from pytds.instance_browser_client import parse_instances_response

from tests.lab.misbehave import udp_peer
from tests.probing import ISSUED, ROOT, server_tls
from tests.servers.process import binary, free_port, listens, running
from tests.servers.scripted import peer
from tests.servers.sqlserver import (
    NOT_SUPPORTED,
    OFF,
    ON,
    SqlServer,
    tls_context,
)

BROWSER = "127.14.34.1"
FREETDS = """
[global]
    tds version = 7.4
    encryption = {encryption}
    ca file = {folder}/ca.pem
"""


@pytest.fixture
def context(tmp_path):
    (tmp_path / "ca.pem").write_bytes(ROOT.pem)
    server_tls(tmp_path, ISSUED)
    return tls_context(tmp_path / "cert.pem", tmp_path / "key.pem")


# Its check of the name needs an older pyOpenSSL; the chain is checked.
LOG_IN = """
import sys, pytds
folder, port, login_only = sys.argv[1:]
try:
    pytds.connect(
        "127.0.0.1", port=int(port), user="nobody", password="wrong", login_timeout=5,
        cafile=folder + "/ca.pem", validate_host=False, enc_login_only=login_only == "True",
    )
except pytds.LoginError as error:
    print(error)
"""
LOGGED = ["prelogin", "tls", "login"]


@pytest.mark.parametrize("login_only", [True, False])
@pytest.mark.parametrize("encryption", [OFF, ON])
async def test_python_tds_gets_through_tls_to_the_login_answer(
    tmp_path, context, encryption, login_only
):
    fake = SqlServer(context, encryption)
    async with peer(fake.serve) as port:
        script = [sys.executable, "-c", LOG_IN, tmp_path, port, login_only]
        said = await _run([str(word) for word in script], {})
    assert "Login failed for user." in said
    assert fake.events == LOGGED


@pytest.mark.parametrize(
    ("encryption", "asked", "events"),
    [
        (OFF, "request", LOGGED),
        (OFF, "require", LOGGED),
        (ON, "request", LOGGED),
        (ON, "require", LOGGED),
        (NOT_SUPPORTED, "off", ["prelogin", "login"]),
    ],
)
async def test_freetds_gets_to_the_login_answer(
    tmp_path, context, encryption, asked, events
):
    config = tmp_path / "freetds.conf"
    config.write_text(FREETDS.format(encryption=asked, folder=tmp_path))
    fake = SqlServer(context, encryption)
    async with peer(fake.serve) as port:
        tsql = [binary("tsql"), "-H", "127.0.0.1", "-p", str(port), "-U", "nobody"]
        said = await _run([*tsql, "-P", "wrong"], {"FREETDSCONF": str(config)})
    assert "Login failed for user." in said
    assert fake.events == events


async def test_freetds_finds_the_port_of_an_instance_through_the_browser():
    fake = SqlServer(instances={"MSSQLSERVER": 1433, "ANALYTICS": 51234})
    # It asks port 1434 whatever it is told, so this is an address of our own.
    async with udp_peer(fake.browse, BROWSER, 1434):
        said = await _run([binary("tsql"), "-L", "-H", BROWSER], {})
    assert "ANALYTICS" in said
    assert "51234" in said


async def test_python_tds_reads_the_list_of_instances():
    fake = SqlServer(instances={"MSSQLSERVER": 1433, "ANALYTICS": 51234})
    (reply,) = fake.browse(b"\x03")
    read = parse_instances_response(reply)
    assert {name: int(one["tcp"]) for name, one in read.items()} == fake.instances


async def test_it_runs_as_a_process_of_its_own(tmp_path, context):
    port, browser_port = free_port(), free_port()
    script = [sys.executable, "-m", "tests.servers.sqlserver"]
    files = ["--cert", str(tmp_path / "cert.pem"), "--key", str(tmp_path / "key.pem")]
    ports = ["--port", str(port), "--browser-port", str(browser_port)]
    log = tmp_path / "log"
    ready = partial(listens, port)
    with running([*script, *files, *ports], ready, log):
        argv = [sys.executable, "-c", LOG_IN, str(tmp_path), str(port), "False"]
        assert "Login failed for user." in await _run(argv, {})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.sendto(b"\x03", ("127.0.0.1", browser_port))
            reply = await asyncio.to_thread(sock.recv, 4096)
    assert parse_instances_response(reply)["MSSQLSERVER"]["tcp"] == str(port)
    assert "prelogin tls login" in log.read_text()


async def _run(argv, settings):
    """What a client prints, run beside the server; it must end by itself."""
    done = await asyncio.to_thread(
        subprocess.run,
        argv,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=15,
    )
    return done.stdout + done.stderr
