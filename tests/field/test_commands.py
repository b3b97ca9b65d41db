"""What people give to the commands: odd keys, tables, terminals and spreadsheets.

A mistake is told with its file and line, no row is lost in silence, and what a peer or a
file says can do no harm where it is shown.
"""

from __future__ import annotations

import csv
import io
import json
import re
import struct

import pytest
import yaml

from tests.certificates import authority
from tests.field.situation import Case, nobody, run, tcp, udp
from tests.servers.threaded import answers

_CATALOGUE = """\
catalogue: keys
title: Keys
roles: {here: {title: This host}}
rules:
  - id: one
    source: here
    destination: {host: 127.0.0.1}
    port: 9
    transport: tcp
    usage: vendor-api
    description: One
"""
_SITE = "catalogues: [keys.yaml]\nroles: [here]\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "keys.yaml").write_text(_CATALOGUE)
    (tmp_path / "site.yaml").write_text(_SITE)
    return tmp_path


# --- Keys --------------------------------------------------------------------------

_SOURCE = "    source: here\n"
_KEYS = {
    "merge-key": "    <<: {source: here}\n",
    "number": "    5: x\n",
    "nothing": "    null: x\n",
    "nothing-by-a-tilde": "    ~: x\n",
    "date": "    2024-07-01: x\n",
    "truth": "    yes: x\n",
    "fraction": "    1.5: x\n",
    "sequence": "    ? [a, b]\n    : x\n",
    "mapping": "    ? {a: b}\n    : x\n",
}


@pytest.mark.parametrize("key", _KEYS)
def test_a_key_that_a_rule_cannot_have_is_told_with_its_line(folder, key):
    text = _CATALOGUE.replace(_SOURCE, _KEYS[key])
    (folder / "keys.yaml").write_text(text)
    done = run("validate", "--config", folder / "site.yaml")
    assert done.exit_code == 2
    assert re.search(r"keys\.yaml:\d+: ", done.output)


def test_the_damaged_block_of_a_file_of_authorities_is_named(folder):
    block = b"-----BEGIN CERTIFICATE-----\nMIIBszCCAVmg\n-----END CERTIFICATE-----\n"
    good = authority("Good").pem
    (folder / "ca.pem").write_bytes(good + block)
    (folder / "site.yaml").write_text(_SITE + "tls: {ca_file: ca.pem}\n")
    done = run("validate", "--config", folder / "site.yaml")
    assert done.exit_code == 2
    line = good.count(b"\n") + 1
    assert f"ca.pem line {line}: certificate 2 of 2 is damaged" in done.output


# --- Tables ------------------------------------------------------------------------

_ROWS = {
    "api": "App,api.vendor.test,443,TCP,API",
    "a-server": "Web server,lic.vendor.test,8443,TCP,License server port",
    "a-destination": "Source server,dst.vendor.test,8444,TCP,Destination port",
    "database": "App,db.vendor.test,1433,TCP,Database",
    "directory": "App,ad.vendor.test,636,TCP,Directory",
}


def drafted(done):
    catalogue = yaml.safe_load(done.stdout)
    named = {
        name: one.get("example")
        for name, one in catalogue.get("placeholders", {}).items()
    }
    for rule in catalogue["rules"]:
        to = rule["destination"]
        for port in rule.get("ports") or [rule.get("port")]:
            yield to.get("host") or named.get(to.get("placeholder")), port


_HEADING = "Source,Destination,Port,Protocol,Description"


def test_a_row_that_reads_like_a_heading_is_a_row(tmp_path):
    file = tmp_path / "table.csv"
    file.write_text("\n".join([_HEADING, *_ROWS.values()]) + "\n")
    found = set(drafted(run("import", file)))
    for row in _ROWS.values():
        _, host, port, _, _ = row.split(",")
        assert (host, int(port)) in found


def test_a_port_in_words_is_a_rule_or_a_remark_and_hides_no_other_row(tmp_path):
    file = tmp_path / "words.csv"
    lines = [
        _HEADING,
        *(_ROWS["api"], "App,web.vendor.test,HTTPS,,In words"),
        *(_ROWS["database"], _ROWS["directory"]),
    ]
    file.write_text("\n".join(lines) + "\n")
    done = run("import", file)
    assert "web.vendor.test" in done.output
    assert {("db.vendor.test", 1433), ("ad.vendor.test", 636)} <= set(drafted(done))


# --- Two hosts ---------------------------------------------------------------------


def of_two_hosts(folder, hosts, **more):
    (folder / "keys.yaml").write_text(
        _CATALOGUE.replace(
            "roles:", "placeholders: {p: {title: P, example: a.test}}\nroles:"
        )
        .replace("{host: 127.0.0.1}", "{placeholder: p}")
        .replace("transport: tcp", "transport: tcp\n    probe: tcp")
    )
    site = {
        "catalogues": ["keys.yaml"],
        "roles": ["here"],
        "placeholders": {"p": hosts},
    }
    file = folder / "site.yaml"
    file.write_text(json.dumps(site | more))
    return file


def test_a_trace_to_two_hosts_is_one_document(folder):
    file = of_two_hosts(folder, ["127.0.0.1", "127.0.0.2"])
    done = run("trace", "one", "--config", file, "--format", "json")
    text = json.dumps(json.loads(done.stdout))
    assert "127.0.0.1" in text
    assert "127.0.0.2" in text


def test_a_host_that_does_not_resolve_hides_no_other(folder, field):
    server = field.names(lambda query: query.answer(rcode=3))
    hosts = ["nowhere.example.invalid", "127.0.0.2"]
    file = of_two_hosts(folder, hosts, dns={"servers": [server]})
    done = run("trace", "one", "--config", file)
    assert "127.0.0.2" in done.output
    assert "nowhere.example.invalid" in done.output


# --- Where it is shown -------------------------------------------------------------

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?[\d.e-]+")


def formulas(text):
    return [
        cell
        for row in csv.reader(io.StringIO(text))
        for cell in row
        if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    ]


@pytest.mark.parametrize("begins", "=+-@")
def test_what_a_peer_says_is_no_formula(field, begins):
    text = f"ServerName;A;InstanceName;{begins}cmd|' /C calc'!A0;tcp;22;;".encode()
    answer = b"\x05" + struct.pack("<H", len(text)) + text
    rule = field.rule("browser", Case(udp(lambda _: [answer]), "sqlbrowser", None))
    done = run("check", "--config", field.site([rule]), "--format", "csv")
    assert "calc" in done.stdout
    assert not formulas(done.stdout)


def test_what_a_file_says_is_no_formula(field):
    said = {"description": "@SUM(1+1)", "owner": "=1+1", "notes": "-2+cmd|'calc'!A0"}
    rule = field.rule("one", Case(nobody, "tcp", None, rule=said))
    done = run("rules", "--config", field.site([rule]), "--format", "csv")
    assert "SUM" in done.stdout
    assert not formulas(done.stdout)


def test_an_id_brings_no_escapes_to_the_terminal(folder):
    other = "expect: deny\n    witness: nobody\n    description"
    text = _CATALOGUE.replace("id: one", 'id: "\\e]0;own\\a\\e[2J"')
    (folder / "keys.yaml").write_text(text.replace("description", other))
    done = run("validate", "--config", folder / "site.yaml")
    assert done.exit_code == 2
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.output)


# --- What is no value --------------------------------------------------------------


@pytest.mark.parametrize("received", [0, 1])
@pytest.mark.parametrize("sent", [0, 1])
def test_a_time_of_zero_is_none(field, received, sent):
    def packet(asked):
        stamps = b"".join(
            struct.pack("!II", 3_990_000_000 if known else 0, 0)
            for known in (received, sent)
        )
        return [
            struct.pack("!BBbb", 0x24, 2, 6, -20) + bytes(20) + asked[40:48] + stamps
        ]

    rule = field.rule("clock", Case(udp(packet), "ntp", None))
    told = run("check", "--config", field.site([rule]), "--format", "prometheus").stdout
    assert "connectivity_rule_satisfied{" in told
    assert ("connectivity_rule_ntp_offset_seconds{" in told) is bool(received and sent)


def test_a_web_server_is_what_it_is_in_any_table(field):
    rule = field.rule("web", Case(tcp(answers(b"HTTP/1.1 200 OK\n\n")), "http", None))
    done = run("check", "--config", field.site([rule]))
    assert done.exit_code == 0
    assert "holds" in done.stdout
