"""Whole commands: input files, command lines, and what they print, in one file each.

A script in `tests/scripts/` is a title, files (`-- name --` above each), and commands:

    $ rules --config site.yaml --format csv
    what goes to standard output
    ! what goes to standard error
    [0]

`UPDATE_SCRIPTS=1` (`make scripts-update`) writes down what is printed now. Ports of
`PEERS` are written by their names, and durations as `N`, so that nothing varies.
"""

from __future__ import annotations

import contextlib
import difflib
import os
import platform
import re
import shutil
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from exporter.cli.main import main
from tests.servers.process import free_port
from tests.servers.threaded import says, scripted

SCRIPTS = sorted((Path(__file__).parent / "scripts").rglob("*.txt"))
GOOD = Path(__file__).parent / "config" / "good"
"""A catalogue and a site file without a mistake; scripts name them by `../good/`."""
_FILE = re.compile(r"^-- (\S+) --$", re.MULTILINE)
_VARYING = (
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)? (?:µs|ms)"), "N ms"),
    (re.compile(r"(?<![\w.])0\.0\d{4,}(?:e-\d+)?|\b\d\.\d+e-\d+"), "N"),
    (re.compile(r'(time=")\d+\.\d+'), r"\1N"),
    (re.compile(r'("(?:resolve|connect|tls|exchange)": )[\d.e-]+'), r"\1N"),
    (re.compile(r'("(?:latency_seconds|rtt_seconds)": )[\d.e-]+'), r"\1N"),
    (re.compile(r'("(?:finding|since|timestamp)": )(?:"\w+"|[\d.]+)'), r"\1N"),
    (re.compile(r"(From: )[^\s\\]+"), r"\1N"),
    (re.compile(r"(Since: )\d[\d: -]+ UTC"), r"\1N"),
)


@dataclass(frozen=True)
class Script:
    """A script taken apart: its title, its files, its commands as they stand there."""

    title: str
    files: dict[str, str]
    commands: list[str]

    @classmethod
    def read(cls, path):
        text = path.read_text(encoding="utf-8")
        head, _, tail = text.partition("\n$ ")
        title, *parts = _FILE.split(head)
        files = {
            name: content.removeprefix("\n").rstrip("\n") + "\n"
            for name, content in zip(parts[::2], parts[1::2], strict=True)
        }
        commands = re.findall(r"^\$ (.*)$", f"$ {tail}", re.MULTILINE)
        return cls(title.strip(), files, commands)

    def text(self, told):
        files = [f"-- {name} --\n{text}" for name, text in self.files.items()]
        return "\n".join([f"{self.title}\n", *files, *told])


@pytest.fixture
def peers():
    """Ports by the names that scripts call them by."""
    with contextlib.ExitStack() as stack:
        ports = {
            "CLOSED": free_port("::1"),
            "DNS": stack.enter_context(resolver_that_knows_nothing()),
            "SSH": stack.enter_context(scripted(says(b"SSH-2.0-Peer\r\n"))),
        }
        yield ports


@contextlib.contextmanager
def resolver_that_knows_nothing():
    """The port of a resolver on loopback that answers NXDOMAIN (RFC 1035 4.1.1)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]

        def answer():
            while (asked := server.recvfrom(4096))[0] != b"":
                question, client = asked
                server.sendto(question[:2] + b"\x81\x83" + question[4:], client)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", port))
        thread.join(10)


def _named(text, ports, folder):
    for name, port in ports.items():
        text = re.sub(rf"(?<!\d){port}(?!\d)", f"%{name}%", text)
    for pattern, name in _VARYING:
        text = pattern.sub(name, text)
    text = re.sub(
        rf"^{re.escape(platform.node())},", "%HOST%,", text, flags=re.MULTILINE
    )
    return text.replace(f"{folder}/", "")


def _run(command, ports, folder):
    done = CliRunner().invoke(main, command.split(), prog_name="connectivity-exporter")
    out = _named(done.stdout, ports, folder)
    wrong = _named(done.stderr, ports, folder)
    said = [f"$ {command}", *out.splitlines()]
    said += [f"! {line}" for line in wrong.splitlines()]
    return "\n".join([*(line.rstrip() for line in said), f"[{done.exit_code}]", ""])


@pytest.mark.parametrize(
    "path", SCRIPTS, ids=lambda path: str(path.relative_to(SCRIPTS[0].parents[1]))
)
def test_a_command_prints_what_its_script_says(
    path, peers, tmp_path, monkeypatch, request
):
    script = Script.read(path)
    if "stand-in probers" in script.title:
        request.getfixturevalue("stand_ins")
    shutil.copytree(GOOD, tmp_path / "good")
    folder = tmp_path / "script"
    folder.mkdir()
    for name, text in script.files.items():
        (folder / name).write_bytes(_as_bytes(text, peers))
    monkeypatch.chdir(folder)
    said = script.text([_run(one, peers, folder) for one in script.commands])
    if os.environ.get("UPDATE_SCRIPTS"):
        path.write_text(said, encoding="utf-8")
    expected = path.read_text(encoding="utf-8")
    diff = difflib.unified_diff(
        expected.splitlines(), said.splitlines(), "script", "printed", lineterm=""
    )
    assert said == expected, "\n".join(diff)


def _as_bytes(text, ports):
    """A file of a script; `%xNN%` stands for a byte that no text file can hold."""
    for name, port in ports.items():
        text = text.replace(f"%{name}%", str(port))
    return re.sub(
        rb"%x([0-9a-f]{2})%", lambda found: bytes([int(found[1], 16)]), text.encode()
    )


def test_the_walk_through_a_page_is_what_its_script_does():
    """Each block of it stands in the script, whose port 22 is that of a peer."""
    script = (
        SCRIPTS[0].parents[1] / "import/a-page-becomes-a-rule-set.txt"
    ).read_text()
    docs = (Path(__file__).parents[1] / "docs/importing.md").read_text()
    walk = docs.partition("## Ten minutes with a real page")[2].partition("\n## The")[0]
    blocks = re.findall(r"^```\w*\n(.*?)^```$", walk, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 8
    lines = {line.removeprefix("! ").strip() for line in script.splitlines()}
    lines |= {line.removeprefix("$ ") for line in lines}
    for line in (line for block in blocks for line in block.splitlines()):
        assert line.replace("<td>22<", "<td>%SSH%<").strip() in lines, line
