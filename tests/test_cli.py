"""What the commands print and exit with."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from exporter.app import oneshot
from exporter.app import serve as process
from exporter.cli.main import main
from exporter.config.diagnostics import ConfigError, Problem
from exporter.config.sharding import Shard
from exporter.config.site import load_site
from exporter.model.endpoint import Endpoint
from tests.servers.process import free_port
from tests.servers.threaded import answers, mute, says, scripted

RULE = """
  - id: {id}
    source: web
    destination: {{host: 127.0.0.1}}
    port: {port}
    transport: {transport}
    probe: {probe}
    usage: {usage}
    owner: network
    rows: [{row}]
    description: Rule {id}
"""


@pytest.fixture
def ports():
    with (
        scripted(says(b"SSH-2.0-test\r\n")) as ssh,
        scripted(answers(b"HTTP/1.1 200 OK\r\n\r\n")) as http,
    ):
        yield {"ssh": ssh, "http": http, "closed": free_port()}


@pytest.fixture
def site(tmp_path):
    def write(*rules):
        text = "catalogue: test\ntitle: Test\nroles: {web: {title: Web}}\nrules:\n"
        (tmp_path / "catalogue.yaml").write_text(text + "".join(rules))
        path = tmp_path / "site.yaml"
        path.write_text("catalogues: [catalogue.yaml]\nroles: [web]\n")
        return str(path)

    return write


def rule(name, port, probe="tcp", usage="vendor-api", transport="tcp", row="A1"):
    return RULE.format(
        id=name, port=port, probe=probe, usage=usage, transport=transport, row=row
    )


def run(*words):
    return CliRunner().invoke(main, words, catch_exceptions=False)


def test_all_that_holds_exits_with_0(site, ports):
    path = site(rule("one", ports["ssh"], "ssh"), rule("two", ports["http"], "http"))
    done = run("check", "--config", path)
    assert done.exit_code == 0
    assert "2 targets: 2 holds" in done.stdout


def test_one_violated_exits_with_1_and_says_what_to_ask(site, ports):
    path = site(rule("fine", ports["ssh"], "ssh"), rule("broken", ports["closed"]))
    done = run("check", "--config", path)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert "broken" in lines[0]
    assert "refuses connections" in done.stdout
    assert "Please check that the service at" in " ".join(done.stdout.split())


def test_only_unknown_exits_with_3(site, ports):
    path = site(rule("odd", ports["ssh"], "ssh") + "    unverifiable: nobody knows\n")
    done = run("check", "--config", path)
    assert done.exit_code == 3
    assert "1 unknown" in done.stdout


def test_nothing_selected_is_not_a_pass(site, ports):
    path = site(rule("one", ports["ssh"], "ssh"))
    assert run("check", "--config", path, "--usage", "mail").exit_code == 3


def test_rules_and_usages_can_be_selected(site, ports):
    path = site(
        rule("one", ports["ssh"], "ssh", "administration"),
        rule("two", ports["http"], "http"),
    )
    done = run("check", "--config", path, "--rule", "two", "--format", "json")
    assert [t["rule"] for t in json.loads(done.stdout)["targets"]] == ["two"]
    done = run("check", "--config", path, "--usage", "administration", "--format=json")
    assert [t["rule"] for t in json.loads(done.stdout)["targets"]] == ["one"]


def test_rules_can_be_named_without_an_option(site, ports):
    path = site(
        *(rule(name, ports["ssh"], "ssh") for name in ("one", "two", "three")),
    )
    words = ("check", "--config", path, "--format", "csv")
    done = run(*words, "one", "three")
    assert [line.split(",")[0] for line in done.stdout.splitlines()[1:]] == [
        "one",
        "three",
    ]
    assert "1 target" in run("check", "two", "--config", path).stdout


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("serverside", "did you mean server-side?"),
        ("SERVER-SIDE", "did you mean server-side?"),
        ("side", "did you mean client-side or server-side?"),
        ("zzz", "see `rules --all-roles`"),
    ],
)
@pytest.mark.parametrize("words", [("check",), ("check", "--rule"), ("trace",)])
def test_an_id_that_is_none_is_met_with_what_may_be_meant(
    site, ports, words, word, said
):
    path = site(*(rule(f"{x}-side", ports["ssh"]) for x in ("server", "client")))
    done = run(*words, word, "--config", path)
    assert done.exit_code == 2
    assert f"no rule has the id {word}: {said}" in done.stderr


def test_rows_are_asked_for(site, ports):
    path = site(rule("fine", ports["ssh"], "ssh"), rule("broken", ports["closed"]))
    for word, there in ((), False), (("--all",), True), (("--failed",), False):
        done = run("check", "--config", path, *word)
        assert ("✓ holds     fine" in done.stdout) is there
        assert ("✗ violated  broken  web" in done.stdout) is bool(word)


def test_a_result_is_put_in_a_files_place_whole(site, ports, tmp_path):
    path = site(rule("one", ports["ssh"], "ssh"))
    out = tmp_path / "out.json"
    words = ("check", "--config", path, "--format", "json", "--output", str(out))
    assert run(*words).stdout == ""
    assert json.loads(out.read_text())["targets"][0]["rule"] == "one"
    mask = os.umask(0)
    os.umask(mask)
    assert out.stat().st_mode & 0o777 == 0o666 & ~mask
    out.chmod(0o640)
    run(*words)
    assert out.stat().st_mode & 0o777 == 0o640
    assert run(*words[:-1], os.devnull).exit_code == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "catalogue.yaml",
        "out.json",
        "site.yaml",
    ]


def test_a_file_that_cannot_be_written_stays_as_it_was(
    site, ports, tmp_path, monkeypatch
):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = site(rule("one", ports["ssh"], "ssh"))
    out = tmp_path / "out.txt"
    out.write_text("before")
    monkeypatch.setattr(os, "fsync", full)
    done = run("check", "--config", path, "--output", str(out))
    assert (done.exit_code, out.read_text()) == (2, "before")
    assert "No space left" in done.stderr
    assert not list(tmp_path.glob(".out*"))
    missing = str(tmp_path / "nowhere" / "out.txt")
    assert run("check", "--config", path, "--output", missing).exit_code == 2


def test_json_has_the_documented_shape(site, ports):
    done = run(
        "check", "--config", site(rule("one", ports["ssh"], "ssh")), "--format=json"
    )
    (target,) = json.loads(done.stdout)["targets"]
    assert (
        target.items()
        >= {
            "rule": "one",
            "source_role": "web",
            "destination": "127.0.0.1",
            "port": ports["ssh"],
            "protocol": "tcp",
            "usage": "vendor-api",
            "expect": "allow",
            "verdict": "holds",
            "stage": "exchange",
            "reason": "answered",
        }.items()
    )
    assert target["phases"].keys() == {"resolve", "connect", "exchange"}
    (address,) = target["addresses"]
    assert (address["address"], address["verdict"]) == ("127.0.0.1", "holds")


def test_a_round_is_put_where_a_textfile_collector_reads_it(site, ports, tmp_path):
    path = site(rule("fine", ports["ssh"], "ssh"), rule("broken", ports["closed"]))
    out = tmp_path / "connectivity.prom"
    done = run(
        *("check", "--config", path, "--format", "prometheus", "--output", str(out))
    )
    assert (done.exit_code, done.stdout) == (1, "")
    samples = {
        (sample.name, sample.labels.get("rule", "")): sample
        for family in text_string_to_metric_families(out.read_text())
        for sample in family.samples
    }
    assert samples["connectivity_rule_satisfied", "fine"].value == 1
    assert samples["connectivity_rule_satisfied", "broken"].value == 0
    failure = samples["connectivity_rule_failure", "broken"]
    assert failure.labels["reason"] == "refused"
    finding = samples["connectivity_rule_info", "broken"].labels["finding"]
    assert samples["connectivity_finding", ""].labels["finding"] == finding != ""
    assert samples["connectivity_exporter_targets", ""].value >= 0
    assert ("connectivity_rule_probes_total", "fine") not in samples


def test_csv_and_junit_say_the_same(site, ports):
    path = site(rule("fine", ports["ssh"], "ssh"), rule("broken", ports["closed"]))
    rows = list(
        csv.DictReader(
            io.StringIO(run("check", "--config", path, "--format=csv").stdout)
        )
    )
    assert [(r["rule"], r["verdict"], r["reason"]) for r in rows] == [
        ("broken", "violated", "refused"),
        ("fine", "holds", "answered"),
    ]
    suite = ET.fromstring(run("check", "--config", path, "--format=junit").stdout)  # noqa: S314 - our own output
    assert suite.attrib == {
        "name": "connectivity",
        "tests": "2",
        "failures": "1",
        "skipped": "0",
    }
    assert suite[0].find("failure").get("message").startswith("refused at connect")


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "json"])
def test_rules_are_listed_in_every_form(form):
    done = run("rules", "--config", "config/connectivity.yaml", "--format", form)
    assert done.exit_code == 0
    assert "appsanywhere-mssql" in done.stdout
    assert ("client-appsanywhere-https" in done.stdout) is (form == "json")


def test_a_wiki_table_tells_provenance_and_owner():
    path = "config/connectivity.yaml"
    done = run("rules", "--config", path, "--format=markdown")
    lines = [line[2:-2].split(" | ") for line in done.stdout.splitlines()]
    (told,) = [
        dict(zip(lines[0], line, strict=True))
        for line in lines
        if "appsanywhere-mssql" in line
    ]
    assert (told["status"], told["owner"], told["rows"]) == ("unset", "dba", "C1")
    assert told["section"] == "AppsAnywhere / Outbound Traffic (Internal)"


def test_rules_of_other_roles_on_request():
    done = run(
        "rules",
        "--config",
        "config/connectivity.yaml",
        "--all-roles",
        "--format=csv",
        "--role",
        "analytics-centos",
    )
    statuses = {row["status"] for row in csv.DictReader(io.StringIO(done.stdout))}
    assert {"active", "unset", "other_role", "retired"} <= statuses


def test_every_listed_rule_has_the_documented_keys():
    done = run("rules", "--config", "config/connectivity.yaml", "--format=json")
    for entry in json.loads(done.stdout)["rules"]:
        assert list(entry)[:16] == [
            "rule",
            "source_role",
            "destination",
            "port",
            "protocol",
            "usage",
            "probe",
            "expect",
            "status",
            "severity",
            "owner",
            "catalogue",
            "section",
            "rows",
            "description",
            "notes",
        ]


def test_validate_tells_what_is_not_probed():
    done = run("validate", "--config", "config/connectivity.yaml")
    assert done.exit_code == 0
    assert "fine" in done.stdout
    assert "placeholder mssql" in done.stderr


def test_a_file_to_validate_is_named_as_it_is_found(site, ports):
    done = run("validate", site(rule("one", ports["ssh"], "ssh")))
    assert (done.exit_code, "1 targets probed" in done.stdout) == (0, True)
    assert run("validate", "nowhere.yaml").exit_code == 2


def test_validate_tells_every_problem(site):
    path = site(rule("one", 0), rule("one", 99999))
    done = run("validate", "--config", path)
    assert done.exit_code == 2
    folder = path.rpartition("/")[0]
    lines = done.stderr.splitlines()
    assert [line.split(" ")[0] for line in lines] == [
        f"{folder}/catalogue.yaml:{number}:" for number in (9, 17, 20)
    ]


def test_the_schema_is_a_json_schema():
    document = json.loads(run("schema").stdout)
    assert document["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize(
    ("words", "path", "given"),
    [
        ((), "config/connectivity.yaml", (None, None)),
        (
            ("--config", "a.yaml", "--web.listen-address=:1"),
            "a.yaml",
            (None, Endpoint("", 1)),
        ),
        (("--config", "a.yaml", "--shard=2/5"), "a.yaml", (Shard(2, 5), None)),
    ],
)
def test_without_a_command_it_serves(monkeypatch, words, path, given):
    seen = []

    async def serve(path, roles, **options):
        seen.append((str(path), tuple(roles), options))

    monkeypatch.setattr(process, "serve", serve)
    assert run(*words).exit_code == 0
    shard, address = given
    options = {"shard": shard, "web_config": None, "listen_address": address}
    assert seen == [(path, (), options)]


@pytest.mark.parametrize(
    ("cause", "code", "said"),
    [
        (
            OSError(errno.EADDRNOTAVAIL, "cannot listen on 192.0.2.1:1: …"),
            75,
            "cannot l",
        ),
        (RuntimeError("odd"), 2, "unexpected error: RuntimeError: odd"),
        (ValueError("odd"), 2, "unexpected error: ValueError: odd"),
        (
            PermissionError(errno.EACCES, "cannot listen on :1: …"),
            2,
            "cannot listen on",
        ),
        (ConfigError([Problem("site.yaml", 1, "a", "b")]), 2, "site.yaml:1: a: b"),
    ],
)
def test_what_the_system_did_not_do_yet_is_worth_another_start(
    monkeypatch, cause, code, said
):
    async def serve(*_args, **_options):
        raise cause

    monkeypatch.setattr(process, "serve", serve)
    done = run("serve")
    assert done.exit_code == code
    assert said in done.stderr


def test_an_output_that_links_to_itself_is_replaced(site, ports, tmp_path):
    path = site(rule("one", ports["ssh"], "ssh"))
    output = tmp_path / "rules.csv"
    output.symlink_to(output)
    done = run("rules", "--config", path, "--format", "csv", "--output", output)
    assert done.exit_code == 0, done.stderr
    assert output.read_text().startswith("rule,")


@pytest.mark.parametrize("address", ["nonsense", ""])
def test_an_address_that_is_none_is_told_with_its_option(site, ports, address):
    path = site(rule("one", ports["ssh"], "ssh"))
    done = run("serve", "--config", path, "--web.listen-address", address)
    assert done.exit_code == 2
    assert "--web.listen-address: must be such as 127.0.0.1:9842" in done.stderr


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_a_check_that_did_not_end_is_no_violation(
    site, ports, monkeypatch, cause, said
):
    async def check(*_):
        raise cause

    monkeypatch.setattr(oneshot, "check", check)
    done = run("check", "--config", site(rule("one", ports["ssh"], "ssh")))
    assert done.exit_code == 2
    assert said in done.stderr


async def test_whoever_will_not_wait_is_told_what_was_seen_so_far(site, ports):
    with scripted(mute) as silent:
        path = site(rule("one", ports["ssh"], "ssh"), rule("two", silent, "ssh"))
        loaded = load_site(Path(path))
        seen = asyncio.Event()

        class Someone(oneshot.Onlooker):
            def done(self, _record):
                seen.set()

        check = asyncio.create_task(oneshot.check(loaded, loaded.targets, Someone()))
        await seen.wait()
        check.cancel()
        report = await check
    assert [record.target.rule.id for record in report.records] == ["one"]
    assert check.cancelling() == 0


def test_what_was_not_probed_to_the_end_is_no_pass(site, ports, monkeypatch):
    async def check(*_):
        return oneshot.Report((), ())

    monkeypatch.setattr(oneshot, "check", check)
    done = run("check", "--config", site(rule("one", ports["ssh"], "ssh")))
    assert done.exit_code == 3
    assert "not probed: 1 interrupted" in done.stdout


def test_a_trace_lists_the_hops_to_each_address(site, ports):
    path = site(rule("one", ports["ssh"], "ssh"))
    done = run("trace", "--config", path, "one", "--format", "json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert told["targets"][0]["paths"]["127.0.0.1"]["answered_ttl"] == 1
    said = "answered by this host itself: the address is its own"
    assert said in run("trace", "--config", path, "one").stdout


def test_only_what_is_probed_from_here_can_be_traced(site, ports):
    path = site(rule("one", ports["ssh"], "ssh"))
    done = run("trace", "--config", path, "other")
    assert (done.exit_code, "other" in done.stderr) == (2, True)
    shipped = ("trace", "--config", "config/connectivity.yaml", "appsanywhere-mssql")
    done = run(*shipped)
    assert done.exit_code == 2
    assert "not probed from here" in done.stderr


LISTED = """catalogue: test
title: Test
roles: {{web: {{title: Web}}}}
feeds:
  os: {{title: OS, url: "http://127.0.0.1:{port}/list", format: mirrorlist}}
rules:
  - id: packages
    source: web
    destination: {{feed: os}}
    port: 80
    transport: tcp
    usage: package-repository
    description: Packages
  - id: plain
    source: web
    destination: {{host: 127.0.0.1}}
    port: {port}
    transport: tcp
    probe: tcp
    usage: vendor-api
    description: No list needed
"""


@pytest.fixture
def listed(tmp_path):
    """A site whose rule leads to a list; its server answers everything with `body`."""

    @contextlib.contextmanager
    def serving(body):
        def treat(sock):
            asked.extend(sock.recv(65536).split()[1:2])
            text = body.format(port=port)
            sock.sendall(
                f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
            )

        asked = []
        with scripted(treat) as port:
            (tmp_path / "catalogue.yaml").write_text(LISTED.format(port=port))
            path = tmp_path / "site.yaml"
            path.write_text(
                "catalogues: [catalogue.yaml]\nroles: [web]\n"
                "feeds: {allow_private: true}\n"
            )
            yield str(path), port, asked

    return serving


def test_a_check_fetches_the_feed_and_probes_the_mirrors_it_names(listed):
    with listed("http://127.0.0.1:{port}/os\nhttp://127.0.0.2:{port}/os\n") as site:
        path, port, asked = site
        done = run("check", "--config", path, "--rule", "packages", "--format=json")
        targets = json.loads(done.stdout)["targets"]
    assert {(t["destination"], t["port"], t["verdict"]) for t in targets} == {
        ("127.0.0.1", port, "holds"),
        ("127.0.0.2", port, "violated"),
    }
    assert asked == [b"/list", b"/"]


def test_a_list_that_cannot_be_had_is_told_and_is_no_pass(listed):
    with listed("<html>Log in</html>") as (path, _, _):
        done = run("check", "--config", path)
        assert done.exit_code == 3
        assert "1 target: 1 holds" in done.stdout
        assert "not probed: 1 without 1 feed" in done.stdout
        assert "without a value" not in done.stdout
        assert run("check", "--config", path, "--rule", "plain").exit_code == 0


@pytest.mark.parametrize("words", [("rules",), ("validate",)])
def test_listing_and_validating_fetch_nothing(listed, words):
    with listed("http://127.0.0.1:{port}/os\n") as (path, _, asked):
        assert run(*words, "--config", path).exit_code == 0
    assert asked == []


def test_a_check_of_other_rules_fetches_nothing(listed):
    with listed("http://127.0.0.1:{port}/os\n") as (path, _, asked):
        run("check", "--config", path, "--rule", "plain")
    assert b"/list" not in asked


DOCUMENTS = {
    "m365-endpoints": '[{{"ips": ["127.0.0.1/32"], "tcpPorts": "{port}"}}]',
    "azure-service-tags": (
        '{{"values": [{{"properties": {{"addressPrefixes": ["127.0.0.1/32"]}}}}]}}'
    ),
    "aws-ip-ranges": '{{"prefixes": [{{"ip_prefix": "127.0.0.1/32"}}]}}',
    "github-meta": '{{"hooks": ["127.0.0.1/32"], "keys": ["x y"]}}',
}


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_check_probes_the_members_of_a_feed_of_any_form(listed, form):
    with listed(DOCUMENTS[form]) as (path, port, asked):
        catalogue = Path(path).with_name("catalogue.yaml")
        text = catalogue.read_text().replace("mirrorlist", form)
        text = text.replace("port: 80", f"port: {port}\n    probe: tcp")
        catalogue.write_text(text)
        done = run("check", "--config", path, "--rule", "packages", "--format", "json")
        [target] = json.loads(done.stdout)["targets"]
        assert (target["destination"], target["verdict"]) == ("127.0.0.1", "holds")
        assert asked == [b"/list"]


def test_a_trace_to_a_mirror_knows_the_list(listed):
    with listed("http://127.0.0.1:{port}/os\n") as (path, _, _):
        done = run("trace", "packages", "--config", path)
    assert done.exit_code == 0
    assert "to 127.0.0.1" in done.stdout


def separately(*words, **settings):
    """A command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "exporter", *words],
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        **settings,
    )


def test_json_is_json_in_whatever_encoding_the_terminal_has(site, ports):
    path = site(rule("one", ports["ssh"], "ssh") + "    notes: café\n")
    words = ("rules", "--config", path, "--format", "json")
    done = separately(
        *words,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONIOENCODING": "koi8-r"},
    )
    assert json.loads(done.stdout)["rules"][0]["notes"] == "café"


def test_a_reader_who_has_gone_is_no_violation(site, ports):
    gone, pipe = os.pipe()
    os.close(gone)
    path = site(rule("one", ports["ssh"], "ssh"))
    done = separately("check", "--config", path, stdout=pipe)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (2, b"")
