"""The unit, the container and the compose file, as far as they can be read."""

from __future__ import annotations

import contextlib
import http.server
import ipaddress
import re
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import trustme
import yaml

from exporter.cli.common import EXIT_CANNOT_RUN

ROOT = Path(__file__).parent.parent
UNIT = (ROOT / "config/systemd/connectivity-exporter.service").read_text()
CHECK = ROOT / "config/healthcheck.py"


def settings(name):
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def test_the_unit_waits_for_what_the_process_tells():
    assert settings("Type") == ["notify-reload"]
    assert settings("ExecReload") == []  # it is sent SIGHUP
    assert settings("WatchdogSec")
    assert settings("RestartPreventExitStatus") == [str(EXIT_CANNOT_RUN)]


@pytest.mark.parametrize(
    "name",
    [
        *("NoNewPrivileges", "PrivateUsers", "PrivateDevices", "PrivateMounts"),
        *("MemoryDenyWriteExecute", "RestrictNamespaces", "LockPersonality"),
        *("ProtectKernelModules", "ProtectClock", "DynamicUser"),
    ],
)
def test_the_unit_takes_away_what_a_probe_does_not_need(name):
    assert settings(name) == ["yes"]


def test_the_unit_has_no_capability_and_may_tell_systemd():
    assert settings("CapabilityBoundingSet") == [""]
    (families,) = settings("RestrictAddressFamilies")
    assert "AF_UNIX" in families.split()


def test_the_unit_may_speak_to_any_single_address_and_to_no_group():
    assert settings("IPAddressDeny") == ["any"]
    allowed = [
        ipaddress.ip_network(one)
        for line in settings("IPAddressAllow")
        for one in line.split()
    ]
    for text, may in [
        *(("0.0.0.1", True), ("127.0.0.53", True), ("191.255.255.255", True)),
        *(("192.0.0.0", True), ("223.255.255.255", True), ("224.0.0.1", False)),
        *(("239.1.2.3", False), ("255.255.255.255", False), ("::1", True)),
        *(("64:ff9b::1", True), ("2001:db8::1", True), ("fd00::1", True)),
        *(("fe80::1", True), ("feff::1", True), ("ff02::1", False), ("ff0e::1", False)),
    ]:
        address = ipaddress.ip_address(text)
        assert any(address in one for one in allowed) is may, text


def test_the_container_may_write_nothing_and_do_nothing_special():
    compose = yaml.safe_load((ROOT / "config/compose.yaml").read_text())
    exporter = compose["services"]["exporter"]
    assert exporter["read_only"] is True
    assert exporter["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in exporter["security_opt"]
    assert re.search(r"^USER 65534", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


class _Healthy(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self):
        self.send_response(self.status if self.path == "/-/healthy" else 404)
        self.end_headers()
        self.wfile.write(b"healthy\n")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def answering(context=None, status=200):
    handler = type("Handler", (_Healthy,), {"status": status})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def healthy(address):
    argv = [sys.executable, str(CHECK), address]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode == 0


def test_the_health_check_takes_plain_and_tls_and_nothing_else():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("exporter.example").configure_cert(context)
    with answering() as address:
        assert healthy(address)
    with answering(context) as address:
        assert healthy(address)
    with answering(status=503) as address:
        assert not healthy(address)
    assert not healthy(address)
