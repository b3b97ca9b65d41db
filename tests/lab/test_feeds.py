"""Feeds under their real names: what they name is probed, and nothing worse."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.lab import command, firewall, plan
from tests.lab.lab import PYTHON
from tests.lab.process import wait_until
from tests.lab.servers import proxy

pytestmark = pytest.mark.lab

ROCKY, REMI, EPEL = (
    *("mirrors.rockylinux.org", "cdn.remirepo.net", "mirrors.fedoraproject.org"),
)
PULSANT, FCIX, VINTERS = "mirror.pulsant.com", "ask4.mm.fcix.net", "mirrors.vinters.com"
FILES = {
    ROCKY: "mirrorlist",
    REMI: "enterprise/9/safe/x86_64/mirror",
    EPEL: "metalink",
}
LISTS = {
    ROCKY: f"""# repo = rocky-BaseOS-9 arch = x86_64 country = GB
https://{PULSANT}/sites/rocky/9/BaseOS/x86_64/os/
https://{FCIX}/rocky/9/BaseOS/x86_64/os/
http://{VINTERS}/rocky/9/BaseOS/x86_64/os/
""",
    REMI: f"http://{PULSANT}/remi/\nhttp://rpms.remirepo.net/enterprise/9/\n",
    EPEL: f"""<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="repomd.xml">
<resources maxconnections="1">
<url protocol="https" preference="99">https://{FCIX}/epel/9/repodata/repomd.xml</url>
<url protocol="https" preference="100">https://{PULSANT}/epel/9/repodata/repomd.xml</url>
</resources></file></files></metalink>
""",
}
PORTAL = f"<html><body>Please log in.\nhttps://{VINTERS}/\n</body></html>\n"
HTTPS, HTTP = "appsanywhere-rocky-mirrors-https", "appsanywhere-rocky-mirrors-http"


@pytest.fixture
def publish(lab):
    """Publishes lists by the names of their hosts, and takes them back in the end."""
    root = lab.folder / "web" / "www"
    folders = [root / host for host in FILES]

    def write(lists=LISTS):
        for host, text in lists.items():
            file = root / host / FILES[host]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    yield write
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def check(lab):
    def run(*rules, allow_private=True, **more):
        site = lab.site(
            "feeds.yaml",
            feeds={"allow_private": allow_private},
            schedule={"timeout": "1500ms"},
            **more,
        )
        chosen = [word for rule in rules for word in ("--rule", rule)]
        words = ["check", "--config", site, *chosen, "--format", "json"]
        for _ in range(BUSY):
            done = lab.prober.run(
                *(PYTHON, "-m", "exporter", *words), unprivileged=True, check=False
            )
            assert "Traceback" not in done.stderr
            targets = json.loads(done.stdout)["targets"]
            if not command.too_busy(targets):
                break
        told = {(t["rule"], t["destination"], t["port"]): t for t in targets}
        return done, told

    return run


def ends(told):
    return {key: (t["verdict"], t["reason"]) for key, t in told.items()}


BUSY = 10
"""Rounds after which a host that is too busy for one is given up."""
ANSWERED = ("holds", "answered")


def test_every_mirror_on_the_lists_is_probed_in_its_own_way(publish, check):
    publish()
    rules = [
        f"appsanywhere-{name}-mirrors-{scheme}"
        for name in ("rocky", "remi", "epel")
        for scheme in ("https", "http")
    ]
    done, told = check(*rules)
    assert ends(told) == {
        (HTTPS, PULSANT, 443): ANSWERED,
        (HTTPS, FCIX, 443): ANSWERED,
        (HTTP, VINTERS, 80): ANSWERED,
        ("appsanywhere-remi-mirrors-http", PULSANT, 80): ANSWERED,
        ("appsanywhere-remi-mirrors-http", "rpms.remirepo.net", 80): ANSWERED,
        ("appsanywhere-epel-mirrors-https", PULSANT, 443): ANSWERED,
        ("appsanywhere-epel-mirrors-https", FCIX, 443): ANSWERED,
    }
    assert done.returncode == 0


def test_one_blocked_mirror_is_seen_among_open_ones(lab, publish, check):
    publish()
    with firewall.reject(lab.fw, FCIX, 443, with_="admin-prohibited"):
        done, told = check(HTTPS)
    assert ends(told) == {
        (HTTPS, PULSANT, 443): ANSWERED,
        (HTTPS, FCIX, 443): ("violated", "prohibited"),
    }
    assert done.returncode == 1


def test_a_mirror_that_leads_inside_is_not_touched_unless_the_site_says_so(
    lab, publish, check
):
    # Every address of the lab is private, so by default none of them may be probed.
    publish()
    with firewall.reject(lab.fw, PULSANT, 443, with_="admin-prohibited"):
        done, told = check(HTTPS, allow_private=False)
    assert ends(told) == {
        (HTTPS, name, 443): ("unknown", "untested") for name in (PULSANT, FCIX)
    }
    blocked = told[HTTPS, PULSANT, 443]
    v4, v6 = plan.NAMES[PULSANT].addresses
    assert blocked["stage"] == "resolve"
    assert [one["address"] for one in blocked["addresses"]] == [v4, v6]
    assert blocked["detail"].startswith(f"refused to probe {v4}: not public")
    assert done.returncode == 3


@pytest.mark.parametrize("text", [PORTAL, "", "# repo = x error: invalid repo\n"])
def test_without_a_usable_list_nothing_is_said_to_hold(publish, check, text):
    publish(dict.fromkeys(LISTS, text))
    done, told = check(HTTPS)
    assert told == {}
    assert done.returncode == 3
    assert "feed rocky from https://mirrors.rockylinux.org" in done.stderr
    assert "is not usable" in done.stderr


def test_a_list_that_is_not_needed_is_not_fetched(lab, publish, check):
    publish()
    log = lab.folder / "web" / "access.log"
    before = len(log.read_text())
    _, told = check("appsanywhere-icon-api")
    assert len(told) == 1
    fetched = log.read_text()[before:]
    assert "GET / " in fetched
    assert "mirrorlist" not in fetched


def test_lists_and_mirrors_go_through_the_proxy(proxied_lab, publish, check):
    publish()
    rules = (HTTPS, "appsanywhere-remi-mirrors-http")
    done, told = check(*rules, proxy=f"http://proxy.uni.edu:{proxy.PORT}")
    assert done.returncode == 0
    assert len(told) == 4
    squid = set(plan.NAMES["proxy.uni.edu"].addresses)
    for target in told.values():
        assert {one["address"] for one in target["addresses"]} == squid
    log = (proxied_lab.folder / "proxy" / "access.log").read_text()
    for asked in (
        *(f"CONNECT {ROCKY}:443", f"GET http://{REMI}/{FILES[REMI]}"),
        *(f"CONNECT {PULSANT}:443", f"CONNECT {PULSANT}:80"),
    ):
        assert asked in log


TWICE = """
import asyncio, sys
from pathlib import Path
from exporter.monitor.feed_refresh import FeedRefresher, FeedSource, feeds_for
from exporter.probes.resolver import Resolver
from exporter.probes.protocols import PROBERS
from exporter.config.site import load_site
async def main():
    site = load_site(Path(sys.argv[1]))
    lists = feeds_for(site, site.targets)
    resolver = Resolver(site.dns.servers)
    keeper = FeedRefresher(FeedSource.of(site, resolver))
    for answer in sys.argv[3:]:
        Path(sys.argv[2]).write_text(answer)
        await keeper.fetch_once(lists)
        rocky, = [one for one in keeper.states() if one.known.name == "rocky"]
        print(rocky.failures, *(mirror.host for mirror in rocky.in_force))
    await resolver.close()
asyncio.run(main())
"""


def test_a_list_that_becomes_a_login_page_keeps_the_last_good_one(lab, publish):
    publish()
    file = lab.folder / "web" / "www" / ROCKY / FILES[ROCKY]
    answers = [LISTS[ROCKY], PORTAL, "", f"https://{FCIX}/\nhttps://{VINTERS}/\n"]
    site = lab.site("twice.yaml", feeds={"allow_private": True})
    done = lab.prober.run(PYTHON, "-c", TWICE, site, file, *answers)
    assert done.stdout.splitlines() == [
        f"0 {PULSANT} {FCIX} {VINTERS}",
        f"1 {PULSANT} {FCIX} {VINTERS}",
        f"2 {PULSANT} {FCIX} {VINTERS}",
        f"2 {PULSANT} {FCIX} {VINTERS} {VINTERS}",
    ]


def test_the_service_probes_mirrors_and_tells_how_old_the_list_is(lab, publish):
    publish(LISTS | {EPEL: PORTAL})
    site = lab.site("serve.yaml", feeds={"allow_private": True})
    words = ["serve", "--config", site, "--web.listen-address", "127.0.0.1:9842"]
    server = lab.prober.start("serve", PYTHON, "-m", "exporter", *words)

    def scrape(path="metrics", *more):
        url = f"http://127.0.0.1:9842/{path}"
        return lab.prober.run("curl", "-s", *more, url, check=False).stdout

    def has(*parts):
        return any(all(p in line for p in parts) for line in scrape().splitlines())

    prefix = "connectivity_exporter_mirror_list"
    wait_until(lambda: has(f'{prefix}_targets{{list="rocky"}} 3'), "the list is had")
    wait_until(lambda: has(f'{prefix}_targets{{list="remi"}} 2'), "so is another")
    wait_until(
        lambda: has(f'{prefix}_fetch_failures_total{{list="epel"}} 1'), "one fails"
    )
    assert not has(f'{prefix}_targets{{list="epel"}}')
    assert has(f'{prefix}_last_success_timestamp_seconds{{list="rocky"}}')
    satisfied = ("connectivity_rule_satisfied", f'rule="{HTTPS}"', PULSANT)
    scrape(f"api/v1/rules/{HTTPS}/probe", "-X", "POST")
    wait_until(lambda: has(*satisfied), "a mirror is probed")
    assert has(*satisfied, 'port="443"', "} 1")
    server.stop()
