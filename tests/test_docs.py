"""What the documentation claims is true."""

from __future__ import annotations

import os
import re
import sys
import textwrap
import types

import pytest

from exporter.model.outcome import Icmp, Origin, Reason
from exporter.model.rule import Severity
from exporter.present.formats import table
from exporter.present.formats.interface import CheckOutcome
from exporter.probes.protocols import PROBERS
from tests.diagnose import scenes
from tests.probing import Prober
from tests.quoting import DOCUMENTS, ROOT, kept
from tests.servers.threaded import mute, says, scripted

TEST_LINE = "apt-get update && apt-get install -y make python3-venv && make test"
RUN_LINE = "apt-get update && apt-get install -y make python3-venv && make run"


@pytest.fixture
def example(monkeypatch):
    """The worked example of adding-a-prober.md, registered."""
    text = (ROOT / "docs/adding-a-prober.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    module = types.ModuleType("exporter.probes.protocols.pop3")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "pop3.py", "exec"), module.__dict__)  # noqa: S102 - our own docs
    monkeypatch.setitem(PROBERS, "pop3", module.Pop3)


def pop3(greeting):
    def treat(sock):
        sock.sendall(greeting)
        if sock.recv(100) == b"QUIT\r\n":
            sock.sendall(b"+OK bye\r\n")
        mute(sock)

    return treat


@pytest.mark.parametrize(
    ("treatment", "reason"),
    [
        (pop3(b"+OK ready\r\n"), Reason.ANSWERED),
        (pop3(b"-ERR too busy\r\n"), Reason.REJECTED),
        (says(b"SSH-2.0-test\r\n"), Reason.MALFORMED),
        (mute, Reason.TIMEOUT),
    ],
)
async def test_the_worked_example_is_a_prober(example, tmp_path, treatment, reason):
    with scripted(treatment) as port:
        seen = await Prober(tmp_path)("pop3", port, timeout=0.5)
    assert seen.reason is reason


def test_ci_runs_the_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert TEST_LINE in readme
    assert RUN_LINE in readme
    assert TEST_LINE in (ROOT / ".ci/run").read_text().splitlines()


def anchors(path):
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", path.read_text()):
        name, anchor = link
        if "://" in name:
            continue
        target = (path.parent / name) if name else path
        assert target.exists(), f"{path.name} links to {name}"
        if anchor:
            assert anchor in anchors(target), f"{path.name} links to {name}#{anchor}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_of_the_code_that_a_document_names_is_there(path):
    rooms = ("exporter", "tests", "config", "alerts", "dashboards")
    files = (one for room in rooms for one in (ROOT / room).rglob("*.py"))
    known = [f"/{one.relative_to(ROOT)}" for one in files]
    known.append("/exporter/probes/protocols/pop3.py")  # of the worked example
    for name in re.findall(r"`((?:\w+/)*\w+\.py)`", path.read_text(encoding="utf-8")):
        assert any(one.endswith(f"/{name}") for one in known), f"there is no {name}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_quotes_of_a_script_is_what_the_script_says(path):
    text = path.read_text(encoding="utf-8")
    said = kept(text)
    if os.environ.get("UPDATE_SCRIPTS"):
        path.write_text(said, encoding="utf-8")
    assert said == path.read_text(encoding="utf-8"), "see `make scripts-update`"


def prohibited(name, role, host):
    """A rule that a firewall on the path stops, and says so."""
    seen = scenes.seen(
        scenes.address_of(host),
        Reason.PROHIBITED,
        origin=Origin.PATH,
        icmp=Icmp(3, 13, "10.9.2.2"),
        detail="a device on the path (10.9.2.2) says: administratively prohibited",
    )
    facts = {"id": name, "source": role, "severity": Severity.CRITICAL}
    return scenes.record(scenes.target(host, 1433, **facts), seen)


def test_the_first_example_of_the_readme_is_what_a_check_prints():
    refused = [
        prohibited("appsanywhere-mssql", "appsanywhere", "sql01.example.ac.uk"),
        prohibited("jump-mssql", "jump-host", "sql01.example.ac.uk"),
        prohibited("analytics-mssql", "analytics", "sql02.example.ac.uk"),
    ]
    others = [
        scenes.holds(scenes.target("files.example.ac.uk", 445, id="file-share")),
        scenes.holds(scenes.target("dc1.example.ac.uk", 636, id="directory")),
    ]
    outcome = CheckOutcome([*refused, *others], scenes.explain(*refused, *others))
    readme = (ROOT / "README.md").read_text()
    example = re.search(
        r"(?:^    .*\n|^\n)+", readme[readme.index("    ") :], re.MULTILINE
    )
    assert textwrap.dedent(example[0]).strip() == table.check(outcome).strip()


def test_what_the_architecture_says_is_where_it_says():
    text = (ROOT / "docs/architecture.md").read_text()
    _, _, rest = text.partition("## Where is …?")
    index, _, _ = rest.partition("\n## ")
    cells = re.findall(r"^\|[^|]+\|([^|]+)\|$", index, re.MULTILINE)
    named = re.findall(r"`([\w./-]+[/.][\w]*)`", "".join(cells))
    assert len(named) > 40
    gone = [
        path
        for path in named
        if not ((ROOT / "exporter" / path).exists() or (ROOT / path).exists())
    ]
    assert gone == []
