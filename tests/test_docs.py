"""What the documentation claims is true."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from exporter.model.outcome import Reason
from exporter.probes.protocols import PROBERS
from tests.probing import Prober
from tests.servers.threaded import mute, says, scripted

ROOT = Path(__file__).parent.parent
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


DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


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
