"""The unmodified catalogue: every row of every role is answered in its own protocol.

Each role's round runs once, for all tests here; each test looks at one side of it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import pytest

from tests.lab import page, plan
from tests.lab.page import OWN, RETIRED, TLS, UNVERIFIABLE
from tests.lab.process import wait_until

pytestmark = pytest.mark.lab

# What only a server of this protocol can have said.
PROOF = {
    "http": r"HTTP 200, server: nginx/.*",
    "https": r"HTTP 200, server: nginx/.*",
    "kerberos": r"KRB-ERROR 6 \(client unknown\), realm UNI\.EDU",
    "ldaps": r"dnsHostName ad\.uni\.edu, defaultNamingContext DC=uni,DC=edu, .*",
    "mssql": r"SQL Server 16\.0\.4200, encryption .*",
    "ntp": r".*",  # its proof, the stratum, is a metric
    "smb": r"SMB 3\.1\.1, signing required",
    "smtp": r"220 smtp\.sendgrid\.net ESMTP Postfix.*",
    "sqlbrowser": r"MSSQLSERVER \(tcp 1433\); tcp 1433 is open",
    "ssh": r"SSH-2\.0-OpenSSH_.*",
}
LOOKER = {9999: "/alive", 19999: "/versions"}
# What a portal cannot have asked for in its place: a file.
EPEL = "/sites/epel/9/Everything/x86_64/repodata/repomd.xml"
FILES = {
    "appsanywhere-pulsant-http": EPEL,
    "analytics-rocky-pulsant-http": EPEL,
    "appsanywhere-vinters-http": "/rocky/9/BaseOS/x86_64/os/repodata/repomd.xml",
} | {
    f"{source}-remi-{name}": f"/enterprise/9/safe/x86_64/{file}"
    for source in ("appsanywhere", "analytics")
    for name, file in (("list", "mirror"), ("http", "repodata/repomd.xml"))
}
LOGS = ("database", "directory", "mail", "ssh", "web")
KEYS = [
    *("rule", "source_role", "destination", "port", "protocol", "usage", "expect"),
    *("severity", "owner", "rows", "verdict", "instead", "stage", "reason", "origin"),
    *("detail", "timestamp", "source_address", "latency_seconds"),
    *("phases", "addresses", "untested", "tls", "path", "conversation"),
]
ADDRESS_KEYS = [
    *("address", "verdict", "stage", "reason", "origin", "latency_seconds"),
    *("answer_hops", "icmp", "tls"),
]
TLS_KEYS = [
    *("expiry", "chain_expiry", "chain_expiry_subject", "verified", "error"),
    *(
        "trust",
        "intercepted",
        "version",
        "cipher",
        "issuer",
        "subject",
        "fingerprint_sha256",
    ),
]
every_role = pytest.mark.parametrize("role", page.ROLES)


@dataclass
class Runs:
    """The rounds of all roles, and the servers' new lines because of them."""

    pages: dict[str, page.Page]
    logs: dict[str, page.News]

    def addresses(self, *probes):
        """How many addresses were probed in these ways, over all roles."""
        told = (run.probed_with(*probes) for run in self.pages.values())
        return sum(len(target["addresses"]) for run in told for target in run)


@pytest.fixture(scope="module")
def runs(complete_lab):
    """All rounds; once more from the start if this host was too busy for one."""
    with page.mirror_lists(complete_lab):
        for _ in range(3):
            told = run_all(complete_lab)
            if all(run.undisturbed() for run in told.pages.values()):
                break
    return told


def run_all(lab):
    logs = {name: page.News(lab.servers[name].log) for name in LOGS}
    logs["requests"] = page.News(lab.folder / "web/access.log")
    logs["dns"] = page.News(lab.dns.process.log)
    return Runs({role: page.check(lab, role) for role in page.ROLES}, logs)


def outcome(target):
    return target["verdict"], target["stage"], target["reason"]


@every_role
def test_every_row_of_a_role_is_answered(runs, role):
    run = runs.pages[role]
    told = {(one["rule"], one["destination"]): outcome(one) for one in run.targets}
    holds = ("holds", "exchange", "answered")
    unknown = ("unknown", "connect", "port_unreachable")
    assert told == {
        due: unknown if due[0] in UNVERIFIABLE else holds for due in run.due()
    }
    assert run.code == (3 if unknown in told.values() else 0)


@every_role
def test_every_address_of_a_row_answers(runs, role):
    for target in runs.pages[role].targets:
        found = {one["address"] for one in target["addresses"]}
        assert found == set(plan.NAMES[target["destination"]].addresses)
        assert {outcome(one) for one in target["addresses"]} == {outcome(target)}


@every_role
def test_no_row_is_probed_by_a_weaker_probe_than_its_own(runs, role):
    mine = runs.pages[role].active() + runs.pages[role].waiting()
    rows = [one for one in mine if one["rule"] not in UNVERIFIABLE]
    told = {one["rule"]: one["probe"] for one in rows}
    assert told == {one["rule"]: OWN[one["protocol"], one["port"]] for one in rows}


@every_role
def test_every_answer_proves_its_protocol(runs, role):
    run = runs.pages[role]
    for probe, proof in PROOF.items():
        for target in run.probed_with(probe):
            assert re.fullmatch(proof, target["detail"]), target


def test_all_roles_together_probe_the_whole_page_but_what_is_retired(runs):
    rules = runs.pages["appsanywhere"].rules
    assert {rule["source_role"] for rule in rules} <= {*page.ROLES, page.OUTSIDE}
    wanted = {rule["rule"] for rule in rules if rule["expect"] == "allow"}
    probed = {t["rule"] for run in runs.pages.values() for t in run.targets}
    assert wanted - probed == set(RETIRED)
    statuses = {r["rule"]: r["status"] for r in runs.pages["analytics-centos"].rules}
    assert {statuses[rule] for rule in RETIRED} == {"retired"}


def test_what_is_retired_is_not_even_looked_up(runs):
    assert runs.logs["dns"].lines("0.centos.pool.ntp.org")
    assert not runs.logs["dns"].lines(*RETIRED.values())


@every_role
def test_the_output_has_the_documented_keys(runs, role):
    for target in runs.pages[role].targets:
        assert list(target) == KEYS
        assert {tuple(one) for one in target["addresses"]} == {tuple(ADDRESS_KEYS)}
        assert list(target["tls"] or TLS_KEYS) == TLS_KEYS
        ends = {"resolve", "connect"}
        if target["reason"] == "answered":
            ends |= {"exchange"} | ({"tls"} if target["tls"] else set())
            assert target["latency_seconds"] > 0
        assert target["phases"].keys() == ends


@every_role
def test_every_protocol_with_tls_shows_the_servers_own_certificate(
    complete_lab, runs, role
):
    run = runs.pages[role]
    public = {"https", "smtp"}
    for target in run.targets:
        probe = run.probes()[target["rule"]]
        assert (target["tls"] is not None) == (probe in TLS)
        if not target["tls"]:
            continue
        told = dict(target["tls"])
        assert told.pop("version") in {"TLSv1.2", "TLSv1.3"}
        assert told.pop("cipher")
        outside = not target["destination"].endswith(".uni.edu")
        assert not outside or probe in public
        assert told == page.certificate(complete_lab, target["destination"]) | {
            "verified": True,
            "error": "",
            "trust": "site",
            # what the lab does to public names is what an inspecting device does
            "intercepted": True if outside else None,
        }


def soon(lines, count):
    """The lines, once there are so many: a log may lag behind the probe."""
    wait_until(lambda: len(lines()) >= count, f"{count} lines in the log")
    return lines()


def test_the_web_servers_log_one_request_a_probe_and_no_complaint(runs):
    due = Counter()
    for run in runs.pages.values():
        mirrors = {rule["rule"] for rule in run.waiting()}
        for target in run.probed_with("http", "https"):
            method = "HEAD" if target["rule"] in mirrors else "GET"
            path = FILES.get(target["rule"]) or LOOKER.get(target["port"], "/")
            due[f"{method} {path}"] += len(target["addresses"])
        due.update(f"GET /{page.LISTS[host]}" for host in run.lists())
    lines = soon(runs.logs["requests"].lines, due.total())
    request = re.compile(r'"([A-Z]+ [^ ?]+)\S* HTTP/1.1" 200 ')
    assert Counter(request.search(line)[1] for line in lines) == due
    assert not runs.logs["web"].lines("[warn]", "[error]", "[crit]")


def test_sshd_logs_one_line_a_probe(runs):
    count = runs.addresses("ssh")
    lines = soon(runs.logs["ssh"].lines, count)
    assert len(lines) == count > 0
    assert {re.sub(r"by \S+ port \d+", "", line) for line in lines} == {
        "Connection closed  [preauth]"
    }


def test_postfix_has_nothing_to_complain_of(runs):
    count = runs.addresses("smtp")
    ends = soon(lambda: runs.logs["mail"].lines("disconnect from"), count)
    assert len(ends) == count > 0
    assert {re.search(r"\] (.*)", end.partition("from")[2])[1] for end in ends} == {
        "ehlo=2 starttls=1 quit=1 commands=4"
    }
    complaints = ("warning", "error", "fatal", "lost", "timeout", "improper")
    assert not runs.logs["mail"].lines(*complaints)


def test_the_database_sees_no_login(runs):
    told, tried = runs.addresses("mssql"), runs.addresses("sqlbrowser")
    lines = soon(runs.logs["database"].lines, told + tried)
    counted = Counter(lines)
    # Without a word: the port that the Browser named is tried, and how far the host is
    # is measured where it says that another port is unreachable.
    assert counted.keys() == {"prelogin tls closed", ""}
    assert counted["prelogin tls closed"] == told
    assert counted[""] >= tried


def test_the_directory_sees_the_one_telling_name_and_no_login(runs):
    lines = soon(runs.logs["directory"].lines, runs.addresses("kerberos"))
    seen = {re.search(r"^Auth: \[(.*?)\] user .*?\\\[(.*?)\]", line) for line in lines}
    assert {found and found.groups() for found in seen} == {
        ("Kerberos KDC,AS-REQ", "fwprobe-reachability@UNI.EDU")
    }
