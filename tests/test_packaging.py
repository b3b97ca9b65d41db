"""The unit, the container and the compose file, as far as they can be read."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import ipaddress
import re
import ssl
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import bcrypt
import pytest
import trustme
import yaml

from exporter.cli.exit_codes import EXIT_CANNOT_RUN
from exporter.cli.main import main
from exporter.config.sharding import Shard
from exporter.http import handlers, server
from exporter.http.web_config import read_web_config
from tests.exposing import Scene

ROOT = Path(__file__).parent.parent
UNITS = [
    ROOT / f"config/systemd/connectivity-exporter{name}.service" for name in ("", "@")
]
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
CHECK = ROOT / "config/healthcheck.py"


def settings(unit, name):
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


@each_unit
def test_the_unit_waits_for_what_the_process_tells(unit):
    assert settings(unit, "Type") == ["notify", "notify-reload"]
    assert settings(unit, "ExecReload") == []  # it is sent SIGHUP
    assert settings(unit, "WatchdogSec")
    assert settings(unit, "RestartPreventExitStatus") == [str(EXIT_CANNOT_RUN)]


@each_unit
@pytest.mark.parametrize(
    "name",
    [
        *("NoNewPrivileges", "PrivateUsers", "PrivateDevices", "PrivateMounts"),
        *("MemoryDenyWriteExecute", "RestrictNamespaces", "LockPersonality"),
        *("ProtectKernelModules", "ProtectClock", "DynamicUser"),
    ],
)
def test_the_unit_takes_away_what_a_probe_does_not_need(unit, name):
    assert settings(unit, name) == ["yes"]


@each_unit
def test_the_unit_has_no_capability_and_may_tell_systemd(unit):
    assert settings(unit, "CapabilityBoundingSet") == [""]
    (families,) = settings(unit, "RestrictAddressFamilies")
    assert "AF_UNIX" in families.split()


@each_unit
def test_the_unit_may_speak_to_any_single_address_and_to_no_group(unit):
    assert settings(unit, "IPAddressDeny") == ["any"]
    allowed = [
        ipaddress.ip_network(one)
        for line in settings(unit, "IPAddressAllow")
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


def test_an_instance_of_the_unit_plays_its_role_with_options_that_there_are():
    plain, template = UNITS
    (command,) = settings(template, "ExecStart")
    (whole,) = settings(plain, "ExecStart")
    assert command.startswith(f"{whole} --role %i ")
    assert settings(template, "EnvironmentFile") == [
        "/etc/connectivity-exporter/%i.env"
    ]
    said = dict(
        re.findall(
            r"^#.*?\b(LISTEN|OPTIONS)=(\S+)$", template.read_text(), re.MULTILINE
        )
    )
    words = command.replace("${LISTEN}", said["LISTEN"]).replace(
        "$OPTIONS", said["OPTIONS"]
    )
    _, *arguments = words.replace("%i", "web").split()
    assert arguments[0] == "serve"
    context = main.commands["serve"].make_context("serve", arguments[1:])
    assert context.params["roles"] == ("web",)
    assert context.params["shard"] == Shard(2, 5)
    assert context.params["listen"] == (":9843",)


def test_the_unit_that_watches_a_page_runs_a_command_there_is():
    unit = (ROOT / "config/systemd/connectivity-watch@.service").read_text()
    (line,) = re.findall(r"^ExecStart=\S+ import (.*)$", unit, re.MULTILINE)
    filled = {"CATALOGUE": "shop.yaml", "OPTIONS": "--map shop.map.yaml"}
    words = re.sub(r"\$\{?(\w+)\}?", lambda one: filled.get(one[1], one[1]), line)
    given = main.commands["import"].make_context("import", words.split()).params
    assert (given["document"], given["known"]) == ("DOCUMENT", "shop.yaml")
    assert given["config"] == Path("/etc/connectivity-exporter/connectivity.yaml")


def test_the_container_may_write_nothing_and_do_nothing_special():
    compose = yaml.safe_load((ROOT / "config/compose.yaml").read_text())
    exporter = compose["services"]["exporter"]
    assert exporter["read_only"] is True
    assert exporter["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in exporter["security_opt"]
    assert re.search(r"^USER 65534", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_the_container_is_built_with_all_that_the_package_carries():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [*wheel["packages"], *wheel["force-include"], project["project"]["readme"]]
    first, _ = (ROOT / "Dockerfile").read_text().split("\nFROM ")
    copied = [
        Path(one)
        for line in re.findall(r"^COPY (.*) \S+$", first, re.MULTILINE)
        for one in line.split()
    ]
    for one in needed:
        assert {Path(one), *Path(one).parents} & set(copied), one


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


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_health_check_shows_what_the_server_asks_for(tmp_path, scheme):
    """A password, a client certificate and the other path, against the real server."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.crt")
    ca.issue_cert("exporter.example").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "tls.pem"
    )
    client = ca.issue_cert("probe.example")
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "username").write_text("prometheus")
    (folder / "password").write_text("correct horse\n")
    (folder / "client.key").write_bytes(client.private_key_pem.bytes())
    (folder / "client.crt").write_bytes(client.cert_chain_pems[0].bytes())
    hashed = bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)).decode()
    config = f"basic_auth_users: {{prometheus: {hashed}}}\n"
    if scheme == "https":
        config += (
            "tls_server_config: {cert_file: tls.pem, key_file: tls.pem,"
            " client_ca_file: ca.crt, client_auth_type: RequireAndVerifyClientCert}\n"
        )
    (tmp_path / "web.yaml").write_text(config)
    scene = Scene()
    found = read_web_config(tmp_path / "web.yaml")
    parts = handlers.Parts(
        store=scene.store,
        exposition=scene.exposition,
        targets=lambda: (),
        reload=lambda: asyncio.sleep(0, ()),
        probe_now=lambda _: asyncio.sleep(0, False),
        protection=lambda: found,
    )

    async def says_well(*words):
        argv = [sys.executable, str(CHECK), f"127.0.0.1:{port}", *words]
        process = await asyncio.create_subprocess_exec(*argv)
        return await process.wait() == 0

    async with server.serve(parts, "127.0.0.1", 0) as port:
        ready = "--path=/-/ready"
        assert await says_well(ready, f"--credentials={folder}")
        assert await says_well(f"--credentials={folder}")
        assert not await says_well(ready)
        assert await says_well() is (scheme == "http")
        (folder / "password").write_text("wrong")
        assert not await says_well(ready, f"--credentials={folder}")


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


def test_every_python_that_is_promised_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    script = (ROOT / "tests/other-pythons").read_text()
    later = re.findall(r"\((3\.\d+)\)", script)
    oldest = project["requires-python"].removeprefix(">=")
    assert sorted(promised) == sorted([oldest, *later])
