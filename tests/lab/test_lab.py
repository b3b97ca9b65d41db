"""The lab itself: names, servers, users, and what is left when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.lab import ca, plan
from tests.lab.cell import CHECKOUT
from tests.lab.lab import PYTHON
from tests.lab.process import wait_until

pytestmark = pytest.mark.lab

SITE = "api.software2.com"

RESOLVE = """
import asyncio, sys, aiodns
async def ask(resolver, name, kind):
    try:
        answer = (await resolver.query_dns(name, kind)).answer
    except aiodns.error.DNSError as error:
        return str(error.args[0])
    return " ".join(sorted(getattr(r.data, "addr", "alias") for r in answer))
async def main():
    server, *names = sys.argv[1:]
    resolver = aiodns.DNSResolver(nameservers=[server], timeout=1.5, tries=1)
    questions = [(name, kind) for name in names for kind in ("A", "AAAA")]
    print(*await asyncio.gather(*(ask(resolver, *one) for one in questions)), sep="\\n")
asyncio.run(main())
"""
NODATA, SERVFAIL, NXDOMAIN, REFUSED, TIMEOUT = "1", "3", "4", "6", "12"


def resolve(lab, *names, server=None):
    """What the resolver says of each name: (A, AAAA), an answer or an error code."""
    server = server or lab.dns.addresses[0]
    done = lab.prober.run(PYTHON, "-c", RESOLVE, server, *names, unprivileged=True)
    lines = done.stdout.splitlines()
    return dict(zip(names, zip(lines[::2], lines[1::2], strict=True), strict=True))


def curl(lab, url, *more):
    words = ["curl", "-sS", "-m", "10", "--cacert", lab.ca.root_file, *more, url]
    return lab.prober.run(*words, unprivileged=True, check=False)


@pytest.mark.parametrize("family", [0, 1], ids=["v4", "v6"])
def test_every_name_of_the_plan_resolves_to_its_addresses(lab, family):
    found = resolve(lab, *plan.NAMES, server=lab.dns.addresses[family])
    assert found == {name: place.addresses for name, place in plan.NAMES.items()}


def test_no_two_names_share_an_address():
    everything = [own for place in plan.NAMES.values() for own in place.addresses]
    assert len(set(everything)) == len(everything)


def test_a_name_outside_the_plan_does_not_exist(lab):
    assert resolve(lab, "example.com") == {"example.com": (NXDOMAIN, NXDOMAIN)}


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        (lambda dns: dns.nxdomain(SITE), NXDOMAIN),
        (lambda dns: dns.no_address(SITE), NODATA),
        (lambda dns: dns.servfail(SITE), SERVFAIL),
        (lambda dns: dns.refused(SITE), REFUSED),
        (lambda dns: dns.silent(SITE), TIMEOUT),
    ],
    ids=["nxdomain", "no-address", "servfail", "refused", "silent"],
)
def test_a_name_can_fail_in_the_resolver_and_heals(lab, fault, answer):
    healthy = {name: plan.NAMES[name].addresses for name in (SITE, "bitbucket.org")}
    assert resolve(lab, *healthy) == healthy
    with fault(lab.dns):
        assert resolve(lab, *healthy) == healthy | {SITE: (answer, answer)}
    assert resolve(lab, *healthy) == healthy


def test_a_name_can_have_several_addresses(lab):
    with lab.dns.resolves_to(SITE, "10.9.20.33", "10.9.20.34", "fd09:0:0:20::9"):
        found = resolve(lab, SITE)
    assert found == {SITE: ("10.9.20.33 10.9.20.34", "fd09:0:0:20::9")}


def test_an_alias_is_followed(lab):
    with lab.dns.cname(SITE, "bitbucket.org"):
        found = resolve(lab, SITE)
    v4, v6 = plan.NAMES["bitbucket.org"].addresses
    assert found == {SITE: (f"{v4} alias", f"alias {v6}")}


def test_every_web_name_answers_with_its_own_certificate(lab):
    odd = tuple(f"{kind}.uni.edu" for kind in ca.ODD)
    urls = [
        f"{'http' if port == 80 else 'https'}://{name}:{port}/"
        for name, place in plan.living_at("web", 80, 443, 9999, 19999).items()
        for port in place.ports
        if port != 22 and name not in odd
    ]
    config = "".join(f'url = "{url}"\n' for url in urls)
    for family in "-4", "-6":
        words = ["curl", family, "-sS", "-m", "20", "--cacert", lab.ca.root_file]
        done = lab.prober.run(*words, "-K", "-", text=config, unprivileged=True)
        names = [url.split("/")[2].split(":")[0] for url in urls]
        assert done.stdout.split() == names


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        ("expired", "certificate has expired"),
        ("not-yet-valid", "not yet valid"),
        ("wrong-name", "no alternative certificate subject name"),
        ("self-signed", "self-signed certificate"),
        ("unknown-ca", "self-signed certificate in certificate chain"),
        ("incomplete", "unable to get local issuer certificate"),
    ],
)
def test_an_odd_certificate_is_wrong_in_its_own_way(lab, kind, complaint):
    done = curl(lab, f"https://{kind}.uni.edu/")
    assert done.returncode == 60
    assert complaint in done.stderr


def test_looker_answers_on_its_two_ports(lab):
    alive = curl(lab, "https://analytics.uni.edu:9999/alive", "-w", "%{http_code}")
    versions = curl(lab, "https://analytics.uni.edu:19999/versions")
    assert alive.stdout == "200"
    assert "looker_release_version" in versions.stdout


def test_a_file_put_into_the_web_folder_is_served(lab):
    folder = lab.folder / "web" / "www" / "mirrors.rockylinux.org"
    folder.mkdir(parents=True)
    (folder / "mirrorlist").write_text("a list")
    assert curl(lab, "https://mirrors.rockylinux.org/mirrorlist?a=b").stdout == "a list"


def test_sshd_greets_at_every_ssh_name(lab):
    greet = 'exec 3<>"/dev/tcp/$0/22"; read -r line <&3; echo "$line"'
    for name in plan.living_at("web", 22):
        done = lab.prober.run("bash", "-c", greet, name, unprivileged=True)
        assert done.stdout.startswith("SSH-2.0-OpenSSH")


def test_the_time_servers_answer(lab, knock):
    doors = [
        ("udp", own, 123)
        for place in plan.living_at("time", 123).values()
        for own in place.addresses
    ]
    assert knock(*doors) == [{"end": "reply", "queue": []}] * len(doors)


def test_an_unprivileged_command_has_no_power(lab):
    script = "grep -E '^(CapEff|CapBnd)' /proc/self/status; nft list ruleset"
    done = lab.prober.run("sh", "-c", script, unprivileged=True, check=False)
    assert done.stdout.split() == ["CapEff:", "0" * 16, "CapBnd:", "0" * 16]
    assert done.returncode != 0
    assert "not permitted" in done.stderr


def test_an_unprivileged_command_runs_these_tests_python(lab):
    # an interpreter that may not see its home quietly takes the system's library
    script = "import os, exporter; print(os.__file__, exporter.__file__)"
    done = lab.prober.run(PYTHON, "-c", script, unprivileged=True)
    assert done.stdout.split() == [os.__file__, str(CHECKOUT / "exporter/__init__.py")]


def test_nothing_outside_the_plan_is_reached(lab, knock):
    router = plan.addresses(plan.R1_FW, 2)
    answers = knock(("tcp", "10.8.0.1", 80), ("tcp", "2001:db8::1", 80))
    assert answers == [
        {"end": "ENETUNREACH", "queue": [["icmp", 3, 0, router[0]]]},
        {"end": "ENETUNREACH", "queue": [["icmp", 1, 0, router[1]]]},
    ]


def test_the_site_file_names_the_lab(lab):
    content = yaml.safe_load(lab.site(roles=["analytics"]).read_text())
    assert content["roles"] == ["analytics"]
    assert content["dns"]["servers"] == list(lab.dns.addresses)
    assert Path(content["tls"]["ca_file"]).read_bytes().startswith(b"-----BEGIN CERT")
    assert set(content["placeholders"].values()) <= set(plan.NAMES)


def test_a_server_can_be_stopped_for_good(lab):
    server = lab.prober.start("sleeper", "sleep", "1000")
    wait_until(lambda: server.pid is not None, "starts")
    pid = server.pid
    assert server.stop(signal.SIGTERM) == -signal.SIGTERM
    assert not Path(f"/proc/{pid}").exists()


CRASHING = """
import sys, tempfile, pathlib, time
from tests.lab.cell import Cell
from tests.lab.process import wait_until
cell = Cell(pathlib.Path(tempfile.mkdtemp(dir=sys.argv[1])))
cell.run("ip", "netns", "add", "one")
server = cell.start("sleeper", "sleep", "1000", net="one")
wait_until(lambda: server.pid is not None, "starts")
print(server.pid, flush=True)
time.sleep(1000)
"""


def test_nothing_outlives_a_crash(lab, tmp_path):
    crashing = subprocess.Popen(
        [sys.executable, "-c", CRASHING, str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
    )
    with crashing, crashing.stdout:
        server = Path(f"/proc/{int(crashing.stdout.readline())}")
        assert server.exists()
        os.kill(crashing.pid, signal.SIGKILL)
        wait_until(lambda: not server.exists(), "the kernel ends the server")


def test_two_labs_do_not_meet(lab):
    words = [
        sys.executable,
        "-m",
        "tests.lab",
        "curl",
        "-sS",
        "http://cdn.remirepo.net",
    ]
    done = subprocess.run(
        words, cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "cdn.remirepo.net\n"
    assert curl(lab, "http://cdn.remirepo.net").stdout == done.stdout


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_a_lab_that_cannot_run_is_no_silent_skip(tmp_path, ci, code):
    unshare = tmp_path / "unshare"
    unshare.write_text("#!/bin/sh\necho unshare: not for you\nexit 1\n")
    unshare.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    test = f"{__file__}::test_the_site_file_names_the_lab"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test],
        cwd=CHECKOUT,
        env=os.environ | {"PATH": path, "CI": ci, "LAB_LANE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "THE LAB DID NOT RUN" in done.stdout
    assert "unshare: not for you" in done.stdout
