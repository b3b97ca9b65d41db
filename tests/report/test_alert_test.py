"""`alert-test` against a real Alertmanager, and through a real Prometheus."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import threading

import pytest
import yaml
from click.testing import CliRunner

from exporter.cli import alert_test
from exporter.cli.main import main
from exporter.report import alert_trial
from exporter.report.alertmanager import Counted, Integration, Routed
from tests.alerts import scaled
from tests.servers.process import binary, free_port, listens, running
from tests.servers.threaded import answers, scripted


@contextlib.contextmanager
def web(get=lambda path: "", status=200):
    """A server that keeps what is posted: (port, bodies)."""
    posted = []

    class Keep(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            posted.append((self.path.strip("/"), json.loads(self.rfile.read(length))))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self):
            body = get(self.path).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keep)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def routes(hook, broken):
    tells = {"url": f"http://127.0.0.1:{hook}/oncall"}
    return {
        "route": {
            "receiver": "nobody",
            "group_by": ["subject"],
            "group_wait": "0s",
            "routes": [
                {"receiver": "late", "matchers": ["site = late"], "group_wait": "1h"},
                {"receiver": "broken", "matchers": ["site = broken"]},
                {
                    "receiver": "oncall",
                    "matchers": ["severity = critical"],
                    "continue": True,
                },
                {"receiver": "chat", "matchers": ["owner = dba"]},
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": ["alertname = Bigger"],
                "target_matchers": ["site = inhibited"],
            }
        ],
        "receivers": [
            {"name": "nobody"},
            {"name": "oncall", "webhook_configs": [tells]},
            {"name": "late", "webhook_configs": [tells]},
            {
                "name": "broken",
                "webhook_configs": [{"url": f"http://127.0.0.1:{broken}/secret"}],
            },
            {
                "name": "chat",
                "slack_configs": [
                    {
                        "api_url": f"http://127.0.0.1:{hook}/chat",
                        "channel": "#databases",
                    }
                ],
            },
        ],
    }


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory):
    """(URL, what its receivers were told)."""
    folder = tmp_path_factory.mktemp("alertmanager")
    port = free_port()
    with web() as (hook, posted), web(status=400) as (broken, _):
        config = folder / "alertmanager.yml"
        config.write_text(yaml.safe_dump(routes(hook, broken)))
        command = [
            binary("prometheus-alertmanager"),
            f"--config.file={config}",
            f"--storage.path={folder}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        ]
        with running(command, lambda: listens(port), folder / "log"):
            yield f"http://127.0.0.1:{port}", posted


def send(url, *words):
    return CliRunner().invoke(main, ["alert-test", "--alertmanager", url, *words])


def post(url, path, value):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    head = {"Content-Type": "application/json"}
    connection.request("POST", f"/api/v2/{path}", json.dumps(value), head)
    assert connection.getresponse().status == 200
    connection.close()


def test_who_is_told_is_said_and_they_are_told(alertmanager):
    url, posted = alertmanager
    words = ("--severity", "critical", "--owner", "dba", "--label", "site=north")
    done = send(url, *words, "--role", "web", "--usage", "database")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[1:] == [
        "  receiver oncall: webhook to 127.0.0.1",
        "  receiver chat: slack to #databases",
        "  webhook: sent",
        "  slack: sent",
    ]
    (body,) = [body for name, body in posted if name == "oncall"]
    (alert,) = body["alerts"]
    labels = dict(alert["labels"])
    assert labels.pop("subject").startswith("test-")
    assert labels == {
        "alertname": "ConnectivityFinding",
        "cause": "alert_test",
        "job": "connectivity",
        "owner": "dba",
        "scope": "finding",
        "severity": "critical",
        "site": "north",
        "test": "true",
    }
    assert "nothing is wrong" in alert["annotations"]["summary"]
    assert "web for database" in alert["annotations"]["description"]
    assert alert["annotations"]["runbook_url"].startswith(url)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 1, "  receiver nobody: tells nobody"),
        (("--label", "site=broken"), 1, "  webhook: FAILED"),
        (("--label", "site=late", "--wait", "1"), 3, "  webhook: nothing was sent yet"),
        (("--label", "site=late", "--wait", "0"), 0, "  receiver late: webhook"),
    ],
)
def test_what_reaches_nobody_or_not_yet_is_told_as_such(
    alertmanager, words, status, said
):
    done = send(alertmanager[0], *words)
    assert done.exit_code == status, done.output
    assert said in done.output
    assert "secret" not in done.output


def test_silence_and_inhibition_are_told(alertmanager):
    url, posted = alertmanager
    post(url, "alerts", [{"labels": {"alertname": "Bigger"}}])
    silence = {
        "matchers": [
            {"name": "site", "value": "silenced", "isRegex": False, "isEqual": True}
        ],
        "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2999-01-01T00:00:00Z",
        "createdBy": "operator",
        "comment": "work",
    }
    post(url, "silences", silence)
    before = len(posted)
    for site in ("silenced", "inhibited"):
        words = ("--severity", "critical", "--label", f"site={site}")
        done = send(url, *words)
        assert done.exit_code == 1, done.output
        assert f"  {site} by " in done.output
        assert "  receiver oncall: webhook" in done.output
    assert len(posted) == before


def test_through_prometheus_the_rules_are_tried_too(alertmanager, tmp_path):
    url, posted = alertmanager
    port = free_port()
    file = tmp_path / "test.prom"
    rules = scaled.write_rules(tmp_path)

    def scraped(_path):
        return file.read_text() if file.exists() else ""

    with web(scraped) as (node, _):
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": rules,
            "alerting": {
                "alertmanagers": [
                    {"static_configs": [{"targets": [url.removeprefix("http://")]}]}
                ]
            },
            "scrape_configs": [
                {
                    "job_name": "node",
                    "static_configs": [
                        {
                            "targets": [f"127.0.0.1:{node}"],
                            "labels": {"site": "through"},
                        }
                    ],
                }
            ],
        }
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
        command = [
            binary("prometheus"),
            f"--config.file={tmp_path}/prometheus.yml",
            f"--storage.tsdb.path={tmp_path}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with running(command, lambda: listens(port), tmp_path / "log"):
            words = ("--severity", "critical", "--owner", "systems")
            done = send(url, *words, "--textfile", str(file))
    assert done.exit_code == 0, done.output
    assert "site=through" in done.output
    assert "owner=systems" in done.output
    assert not file.exists()
    told = [
        body["commonLabels"]["alertname"]
        for name, body in posted
        if name == "oncall" and body["commonLabels"].get("site") == "through"
    ]
    assert told == ["ConnectivityFinding"]


def test_what_never_comes_is_told_and_the_file_is_gone(
    alertmanager, tmp_path, monkeypatch
):
    monkeypatch.setattr(alert_test, "_ROUND_TRIP", 1.0)
    file = tmp_path / "test.prom"
    done = send(alertmanager[0], "--textfile", str(file))
    assert done.exit_code == 1
    assert "never came to http://127.0.0.1" in done.output
    assert "are the rules of alerts/ loaded" in done.output
    assert not file.exists()


def test_a_file_that_is_there_is_left_alone(alertmanager, tmp_path):
    file = tmp_path / "node.prom"
    file.write_text("mine")
    done = send(alertmanager[0], "--textfile", str(file))
    assert done.exit_code == 2
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    "words",
    [
        ("--owner", 'a"b'),
        ("--label", "north"),
        ("--label", "si-te=north"),
        ("--label", "site="),
        ("--label", "site=north", "--textfile", "x.prom"),
        ("--severity", "none"),
        ("--ca-file", __file__),
    ],
)
def test_what_cannot_be_sent_is_refused(words):
    done = send("http://127.0.0.1:1", *words)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


@pytest.mark.parametrize("url", ["127.0.0.1:9093", "ftp://h", "http://u:pass@[", "x"])
def test_a_url_that_is_none_is_refused_without_its_password(url):
    done = send(url)
    assert done.exit_code == 2
    assert "such as https://host:9090" in done.output
    assert "pass@" not in done.output


def test_nobody_there_is_told_without_a_password():
    port = free_port()
    done = send(f"http://somebody:hidden@127.0.0.1:{port}")
    assert done.exit_code == 2
    assert f"http://127.0.0.1:{port}: " in done.output
    assert "hidden" not in done.output


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (b"401 Unauthorized", b"no \x1b[31mpassword", "HTTP status 401 no "),
        (b"404 Not Found", b"", "HTTP status 404"),
    ],
)
def test_a_refusal_is_told(status, body, said):
    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    with scripted(answers(head % (status, len(body)) + body)) as port:
        done = send(f"http://127.0.0.1:{port}")
    assert done.exit_code == 2
    assert said in done.output
    assert "\x1b" not in done.output


KNOWN = json.dumps(
    [
        {
            "labels": {"alertname": "ConnectivityFinding"},
            "receivers": [{"name": "oncall"}],
            "status": {"state": "active"},
        }
    ]
)
STATUS = "receivers: [{name: oncall, webhook_configs: [{url: <secret>}]}]"


def stub(path, **instead):
    """What an Alertmanager answers, some of it replaced."""
    told = {
        "alerts": KNOWN,
        "status": json.dumps({"config": {"original": STATUS}}),
        "metrics": "",
    }
    return (told | instead)[path.rpartition("/")[2].partition("?")[0]]


@pytest.mark.parametrize("metrics", ["", "<html>", "alertmanager_notification {"])
def test_counters_that_say_nothing_leave_it_unknown(metrics):
    with web(lambda path: stub(path, metrics=metrics)) as (port, _):
        done = send(f"http://127.0.0.1:{port}")
    assert done.exit_code == 3
    assert done.output.splitlines()[1:] == [
        "  receiver oncall: webhook",
        "  its counters cannot be read: whether they were told is not known",
    ]


@pytest.mark.parametrize(
    "instead",
    [
        {"alerts": "[1]"},
        {"alerts": "hello"},
        {"status": "{}"},
        {"status": json.dumps({"config": {"original": "receivers: ]"}})},
    ],
)
def test_an_answer_that_is_none_of_an_alertmanager_is_told(instead):
    with web(lambda path: stub(path, **instead)) as (port, _):
        done = send(f"http://127.0.0.1:{port}")
    assert done.exit_code == 2
    assert f"http://127.0.0.1:{port}: " in done.output
    assert "unexpected" not in done.output


class Busy:
    """An Alertmanager that tells of other alerts until this one comes."""

    turns = 0

    async def counted(self):
        return {"webhook": Counted(tried=min(self.turns, 2))}

    async def routed(self, _subject):
        self.turns += 1
        return Routed({}, ["oncall"], []) if self.turns > 4 else None

    async def receivers(self):
        return {"oncall": [Integration("webhook", "127.0.0.1")]}


async def test_what_others_were_told_before_it_came_counts_for_nothing(monkeypatch):
    monkeypatch.setattr(alert_trial, "_TURN", 0.01)
    server = Busy()
    before = await server.counted()
    outcome = await alert_trial.rehearse(server, "test", before, arrives=1, told=0.05)
    assert outcome.routed
    assert outcome.waiting == ["webhook"]
