"""The exporter as a process: what a sysadmin starts, reloads and stops."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import bcrypt
import pytest

from tests.servers.nameserver import scripted_names
from tests.servers.process import free_port
from tests.servers.threaded import says, scripted

CATALOGUE = """
catalogue: test
title: Test requirements
roles:
  web: {title: Web server}
  batch: {title: Batch server}
placeholders:
  database: {title: Database, example: db.example.org}
rules:
  - id: web-ssh
    source: web
    destination: {host: 127.0.0.1}
    port: %(port)d
    transport: tcp
    probe: ssh
    usage: administration
    severity: critical
    description: Administration
  - id: web-closed
    source: web
    destination: {host: 127.0.0.1}
    port: %(closed)d
    transport: tcp
    usage: vendor-api
    description: Nothing listens here
  - id: web-database
    source: web
    destination: {placeholder: database}
    port: 1433
    transport: tcp
    usage: database
    description: Never probed without a host
  - id: batch-http
    source: batch
    destination: {host: 127.0.0.1}
    port: %(port)d
    transport: tcp
    probe: tcp
    usage: vendor-api
    description: Another role's
"""
SITE = """
catalogues: [catalogue.yaml]
roles: [web]
schedule: {interval: 5s, timeout: 1s}
dns: {servers: ["127.0.0.1:%d"]} # each is asked by itself, and nobody else's may be
overrides:
  web-ssh: {interval: 6h} # so that it is probed only when asked for
web: {listen: "127.0.0.1:%d"}
"""


@pytest.fixture
def sshd():
    with scripted(says(b"SSH-2.0-test\r\n")) as port:
        yield port


@pytest.fixture
def files(tmp_path, sshd):
    web = free_port()
    (tmp_path / "catalogue.yaml").write_text(
        CATALOGUE % {"port": sshd, "closed": free_port()}
    )
    (tmp_path / "site.yaml").write_text(SITE % (free_port(), web))
    return tmp_path, web


def command(*words):
    return [sys.executable, "-m", "exporter", *map(str, words)]


def run(*words):
    return finished(command(*words))


def finished(argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


@contextlib.contextmanager
def serving(site, port, *options):
    argv = command("serve", "--config", site, *options)
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: get(port, "/-/healthy")[0] == 200)
            yield process
        finally:
            process.kill()


def until(condition, patience=30.0):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.1)


def get(port, path, method="GET", **headers):
    url = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(url, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - http
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def hashed(password):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def as_basic(password):
    return "Basic " + base64.b64encode(f"prometheus:{password}".encode()).decode()


def sample(port, name, rule=None):
    for line in get(port, "/metrics")[1].splitlines():
        if line.startswith(name) and (rule is None or f'rule="{rule}"' in line):
            return float(line.rpartition(" ")[2])
    return None


def test_hangups_at_the_end_do_not_kill(files):
    folder, web = files
    with serving(folder / "site.yaml", web) as process:
        process.terminate()
        while process.poll() is None:
            process.send_signal(signal.SIGHUP)
        assert process.returncode == 0


def test_a_rule_is_served_reloaded_and_ended(files):
    folder, port = files
    site = folder / "site.yaml"
    with serving(site, port) as process:
        closed = "connectivity_rule_satisfied"
        until(lambda: sample(port, closed, "web-closed") == 0)
        assert sample(port, 'connectivity_exporter_targets{status="unset"}') == 1
        assert sample(port, 'connectivity_exporter_targets{status="other_role"}') == 1
        assert sample(port, closed, "web-database") is None
        assert get(port, "/api/v1/rules/web-ssh/probe", "POST")[0] == 202
        until(lambda: sample(port, closed, "web-ssh") == 1)
        until(lambda: get(port, "/-/ready")[0] == 200)
        told = json.loads(get(port, "/api/v1/targets")[1])["targets"]
        assert {one["rule"] for one in told} == {"web-ssh", "web-closed"}

        good = site.read_text()
        site.write_text(good.replace("roles: [web]", "roles: [wbe]"))
        process.send_signal(signal.SIGHUP)
        reload = "connectivity_exporter_config_last_reload_successful"
        until(lambda: sample(port, reload) == 0)
        assert sample(port, closed, "web-ssh") == 1
        status, said = get(port, "/-/reload", "POST")
        assert status == 500
        assert "site.yaml:3: roles[0]" in said

        site.write_text(good.replace("roles: [web]", "roles: [batch]"))
        assert get(port, "/-/reload", "POST")[0] == 200
        assert sample(port, reload) == 1
        assert sample(port, closed, "web-ssh") is None
        until(lambda: sample(port, closed, "batch-http") == 1)

        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert "Traceback" not in process.stderr.read()


def test_a_port_in_use_is_a_clear_error_and_worth_another_start(files):
    folder, port = files
    with socket.create_server(("127.0.0.1", port)):
        done = run("serve", "--config", folder / "site.yaml")
    assert done.returncode == 75
    said = f"cannot listen on 127.0.0.1:{port}: Address already in use"
    assert done.stderr.splitlines()[-1] == f"connectivity-exporter: {said}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["serve", "--config", "none.yaml"], "none.yaml"),
        (["validate", "--config", "none.yaml"], "none.yaml"),
        (["check", "--config", "{site}", "--role", "wbe"], "did you mean 'web'"),
        (["check", "--config", "{site}", "--rule", "web-shh"], "web-shh"),
        (["serve", "--config", "{site}", "--web.listen-address", "here"], "here"),
    ],
)
def test_what_cannot_run_says_why_and_exits_with_2(files, words, said):
    folder, _ = files
    done = run(*(word.format(site=folder / "site.yaml") for word in words))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_changed_passwords_are_taken_without_a_reload_and_by_one(files):
    folder, port = files
    file = folder / "web.yaml"
    old, new = ({"Authorization": as_basic(word)} for word in ("old", "new"))
    file.write_text("")
    with serving(folder / "site.yaml", port, "--web.config.file", file):
        assert get(port, "/-/ready")[0] != 401
        file.write_text(f"basic_auth_users: {{prometheus: {hashed('old')}}}\n")
        until(lambda: get(port, "/-/ready")[0] == 401)
        assert get(port, "/-/healthy")[0] == 200
        file.write_text("basic_auth_users: {prometheus: new}\n")
        status, said = get(port, "/-/reload", "POST", **old)
        assert status == 500
        assert f"{file}:1: basic_auth_users.prometheus: must be a bcrypt hash" in said
        name = "connectivity_exporter_config_last_reload_successful 0"
        assert name in get(port, "/metrics", **old)[1]
        file.write_text(f"basic_auth_users: {{prometheus: {hashed('new')}}}\n")
        get(port, "/-/reload", "POST", **old)  # 401 if it was taken in this moment
        assert get(port, "/-/ready", **old)[0] == 401
        assert get(port, "/-/reload", "POST", **new)[0] == 200


def test_names_that_resolve_again_are_probed_at_once(files):
    folder, port = files
    catalogue, site = folder / "catalogue.yaml", folder / "site.yaml"
    healed = []

    def script(query):
        return query.addresses("127.0.0.1") if healed else query.answer(rcode=2)

    with scripted_names(script, tcp=False) as names:
        catalogue.write_text(
            catalogue.read_text().replace("{host: 127.0.0.1}", "{host: www.test}", 1)
        )
        lines = site.read_text().splitlines()
        # Without its override the rule has the floor of ssh for an interval, 30 s.
        mine = ("dns:", "overrides:", "  web-ssh:")
        lines = [line for line in lines if not line.startswith(mine)]
        site.write_text("\n".join([*lines, f"dns: {{servers: ['{names.address}']}}"]))
        with serving(site, port):
            satisfied = "connectivity_rule_satisfied"
            assert get(port, "/api/v1/rules/web-ssh/probe", "POST")[0] == 202
            until(lambda: sample(port, satisfied, "web-ssh") == 0)
            up = f'connectivity_resolver_up{{server="{names.address}",transport='
            until(lambda: sample(port, f'{up}"udp"}}') == 1)
            until(lambda: sample(port, f'{up}"tcp"}}') == 0)
            healed.append(True)
            until(lambda: sample(port, satisfied, "web-ssh") == 1, patience=20)
    assert {one.name for one in names.asked} == {"www.test", ""}
