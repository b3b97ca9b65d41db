"""The other shipped catalogues: every row holds where a server stands, and only there.

Two rounds for all of them together: with the way open, and with a firewall that refuses
all that their rows ask for. Active Directory is Samba's; for hosts of a vendor or a farm
one web server stands in, beside plain listeners where nothing of its protocol is known.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.lab import firewall, plan
from tests.lab.lab import PYTHON

pytestmark = pytest.mark.lab

CATALOGUES = Path(__file__).parents[2] / "config/catalogues"
OTHERS = sorted(file.stem for file in CATALOGUES.iterdir())
OTHERS.remove("appsanywhere")
FARM, DIRECTORY, TIME = "farm.uni.edu", "ad.uni.edu", "2.rocky.pool.ntp.org"
REAL = {
    **dict.fromkeys(("domain_controllers", "ras_ad"), DIRECTORY),
    "domain_time": TIME,
    "global_catalogs": DIRECTORY,
    "cloudpaging_licence_port": 9999,
}
"""Placeholders that a server of their own stands for; for the rest the farm does."""
MAIL = "smtp.sendgrid.net"
FEED = "endpoints.office.com"
SETS = [
    ("Common", "login.microsoftonline.com", "80,443", FARM),
    ("Exchange", "outlook.office365.com", "80,443", FARM),
    ("Exchange", "smtp.office365.com", "587", MAIL),
    ("SharePoint", "contoso.sharepoint.com", "80,443", FARM),
    ("Skype", "teams.microsoft.com", "80,443", FARM),
]
"""Of the feed: service area, host, ports, and whose address stands in for it."""
LISTENERS = {3389: "desktop-without-tls"}
"""Ports of the farm where a listener has to say something."""
NAMES = {"looker-marketplace-installs": {"names": ["codeload.github.com"]}}


def read(name):
    return yaml.safe_load((CATALOGUES / f"{name}.yaml").read_text())


def every(key):
    return [one for name in OTHERS for one in read(name).get(key, ())]


def standing_in():
    """Placeholders with their values; one that has a default is left to it."""
    names = [name for name in every("placeholders") if name != "domain_dns"]
    return {name: REAL.get(name, FARM) for name in names}


@pytest.fixture(scope="module")
def check(complete_lab):
    """Checks all rows of all roles; gives each target by rule, host and port."""
    site = complete_lab.site(
        "others.yaml",
        catalogues=OTHERS,
        roles=every("roles"),
        placeholders=standing_in(),
        features=dict.fromkeys(every("features"), True),
        overrides=NAMES,
        feeds={"allow_private": True},
        schedule={"timeout": "5s"},
    )

    def run():
        done = complete_lab.prober.run(
            *(PYTHON, "-m", "exporter", "check", "--config", site, "--format=json"),
            unprivileged=True,
            check=False,
        )
        assert done.returncode in {0, 1, 3}, done.stderr
        found = json.loads(done.stdout)["targets"]
        return {(one["rule"], one["destination"], one["port"]): one for one in found}

    return run


@pytest.fixture(scope="module")
def standins(complete_lab):
    """Names that lead to the farm, and a listener on each port that it has no server for."""
    lab, web, farm = complete_lab, complete_lab.hosts["web"], plan.NAMES[FARM]
    hosts = {rule["destination"].get("host") for rule in every("rules")} - {None}
    hosts |= {name for one in NAMES.values() for name in one["names"]}
    led = dict.fromkeys(sorted(hosts - plan.NAMES.keys()), FARM)
    led |= {host: place for _, host, _, place in SETS}
    ports = sorted(plain_ports() - {*farm.ports})
    with contextlib.ExitStack() as stack:
        stack.callback(publish(lab.folder / "web/www" / FEED).unlink)
        for name, place in led.items():
            records = records_of(plan.NAMES[place].addresses)
            stack.enter_context(lab.dns.records(name, *records))
        for address in farm.addresses:
            for kind in sorted({LISTENERS.get(port, "mute") for port in ports}):
                own = [port for port in ports if LISTENERS.get(port, "mute") == kind]
                words = ("-m", "tests.lab.misbehave", kind, address, *map(str, own))
                process = web.start(f"farm-{kind}-{address}", PYTHON, *words)
                process.wait_until(partial(web.listens, "tcp", own[-1]), "listens")
        yield


def records_of(addresses):
    return [f"{'AAAA' if ':' in one else 'A'} {one}" for one in addresses]


def publish(folder):
    """Writes the feed where the web server has it; its file."""
    entries = [
        {
            "id": n,
            "serviceArea": area,
            "urls": [host],
            "tcpPorts": ports,
            "required": True,
        }
        for n, (area, host, ports, _) in enumerate(SETS, 1)
    ]
    file = folder / "endpoints/worldwide"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(entries))
    return file


def plain_ports():
    """Ports of the rules over TCP that lead to no server of their own."""
    found = set()
    for rule in every("rules"):
        place = rule["destination"].get("placeholder")
        fixed = not isinstance(rule.get("port"), dict)
        if rule.get("transport", "tcp") == "tcp" and place not in REAL and fixed:
            found.update(rule.get("ports") or [rule["port"]])
    return found


@pytest.fixture(scope="module")
def rounds(check, standins, complete_lab):
    """What is seen with the way open, and with it refused."""
    told = check()
    found = itertools.chain.from_iterable(one["addresses"] for one in told.values())
    addresses = {one["address"] for one in found}
    with contextlib.ExitStack() as stack:
        for address in sorted(addresses):
            for transport in ("tcp", "udp"):
                change = firewall.reject(complete_lab.fw, address, None, transport)
                stack.enter_context(change)
        return told, check()


UNVERIFIABLE = {"ad-password-udp"}
# What only a server of this protocol can have said.
PROOF = {
    "ad-dns": r"\w+ to A of localhost, .*",
    "ad-dns-tcp": r"\w+ to A of localhost, .*",
    "ad-kerberos": r"KRB-ERROR 6 \(client unknown\), realm UNI\.EDU",
    "ad-ldap": r"dnsHostName ad\.uni\.edu, .*",
    "ad-ldap-udp": r"dnsHostName ad\.uni\.edu, .*",
    "ad-global-catalog": r"dnsHostName ad\.uni\.edu, .*",
    "ad-global-catalog-tls": r"dnsHostName ad\.uni\.edu, .*",
    "ad-rpc-mapper": "RPC endpoint mapper",
    "ad-smb": "SMB 3.*",
}


def due(verdict):
    """A verdict for each rule that is probed; of some nothing can be concluded."""
    asked = {rule["id"] for rule in every("rules")}
    return {one: "unknown" if one in UNVERIFIABLE else verdict for one in asked}


def verdicts(told):
    """The verdict of each rule: that of all its targets, else what they were."""
    found = {}
    for (name, _, _), one in told.items():
        found.setdefault(name, set()).add(one["verdict"])
    return {name: " ".join(sorted(seen)) for name, seen in found.items()}


def test_every_row_holds_while_the_way_is_open(rounds):
    assert verdicts(rounds[0]) == due("holds")


def test_every_row_is_violated_while_a_firewall_refuses(rounds):
    assert verdicts(rounds[1]) == due("violated")
    assert rounds[0].keys() == rounds[1].keys()


def test_every_port_answers_in_its_own_protocol(rounds):
    told = {(rule, port): one for (rule, _, port), one in rounds[0].items()}
    for (name, _), one in told.items():
        assert re.fullmatch(PROOF.get(name, ".*"), one["detail"]), one
    assert told["ras-client-gateway", 80]["detail"].startswith("HTTP 200")
    assert told["ras-client-gateway", 443]["detail"].startswith("HTTP 200")
    assert told["ras-client-gateway", 443]["tls"]["verified"]
    assert told["ad-ldap", 389]["tls"]["verified"]


def test_the_rows_of_every_ledger_are_rules_that_were_probed(rounds):
    ledgers = {rule for one in every("requirements") for rule in one.get("rules", ())}
    assert ledgers == verdicts(rounds[0]).keys()
