"""What somebody sees who waits for a check at a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from exporter.app import diagnosis_loop, oneshot
from exporter.cli.check_progress import CheckProgress
from exporter.config.site import load_site
from exporter.model.outcome import Verdict
from tests.diagnose.scenes import record, seen, target
from tests.exposing import finding
from tests.servers.process import free_port

SITE = """
roles: [web]
rules:
  - {{id: shut, source: web, destination: {{host: 127.0.0.1}}, port: {port}, probe: tcp}}
"""


async def test_whoever_looks_is_told_what_explains_what_was_seen_so_far(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(diagnosis_loop, "DEBOUNCE", 0.0)
    port = free_port()
    (tmp_path / "site.yaml").write_text(SITE.format(port=port))
    site = load_site(tmp_path / "site.yaml")
    heard = []

    class Someone(oneshot.Onlooker):
        @property
        def is_seen(self):
            return True

        def done(self, one):
            heard.append(one.verdict)

        def tracing(self):
            heard.append("tracing")

        def found(self, findings):
            heard.append("causes")

    report = await oneshot.check(site, site.targets, Someone())
    assert [one.subject for one in report.findings] == [f"127.0.0.1:{port}"]
    assert "causes" in heard
    assert [one for one in heard if one != "causes"] == [Verdict.VIOLATED, "tracing"]


def drawn(progress):
    console = Console(file=io.StringIO(), width=80)
    console.print(progress.shown())
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_terminal_shows_how_far_a_check_is_and_why_so_far():
    progress = CheckProgress(3)
    assert not progress.is_seen
    gone = record(target(), seen("10.0.0.1"), verdict=Verdict.VIOLATED)
    progress.done(gone)
    many = "rules " * 30
    progress.found([finding(summary=f"Cause {n}\x1b[2J: {many}") for n in range(5)])
    bar, *causes = drawn(progress)
    assert "probing (1 violated)" in bar
    assert "1/3" in bar
    assert [line[:15] for line in causes[:3]] == [
        f"so far: Cause {n}" for n in range(3)
    ]
    assert causes[3] == "so far: 2 more"
    assert not any("\x1b" in line or len(line) > 80 for line in causes)
    progress.tracing()
    assert "tracing what failed" in drawn(progress)[0]
    with progress:
        assert not progress.is_seen
