"""Files that somebody spoilt: each is loaded, or told with its line, and soon.

`MUTATIONS=10000` makes more of them than CI has time for.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from exporter.config.diagnostics import ConfigError
from exporter.config.site import load_site
from exporter.http.web_config import read_web_config

GOOD = Path(__file__).parents[1] / "config" / "good"
SHIPPED = Path(__file__).parents[2] / "config"
WEB = """
tls_server_config:
  cert_file: cert.pem
  key_file: key.pem
  client_allowed_sans: [a.example]
http_server_config: {http2: false}
basic_auth_users:
  alice: $2b$04$abcdefghijklmnopqrstuu9Jc0FXkLJ5bV1hYk3Zr0ZrZrZrZrZrZ
"""
MUTATIONS = int(os.environ.get("MUTATIONS", "800"))
SLOW = 20.0
"""Seconds for one file: far more than any takes on a busy host."""
_PIECES = (
    *(
        "\0",
        "\x1b[2J",
        "\u202e",
        "\ud800",
        "\t",
        "\n",
        "\r\n",
        "\ufeff",
        "\x85",
        "\u2028",
    ),
    *(
        "'",
        '"',
        "{",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "#",
        "&a ",
        "*a ",
        "!!python/object:os ",
        "|",
    ),
    *(
        "<<: ",
        "? ",
        "--- ",
        "...",
        "%YAML 9.9",
        "~",
        "no",
        "0o17",
        "22:22",
        "1e999",
        ".nan",
    ),
    *(
        "9" * 400,
        "a" * 70_000,
        "-1",
        "2024-07-01",
        "\U0001f600",
        "{" * 200,
        "&x [*x, *x]",
    ),
)


def mutated(text, chance):
    """The text with some of it spoilt."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(text) + 1)
        match chance.randrange(5):
            case 0:
                text = text[:at] + chance.choice(_PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randrange(1, 40) :]
            case 2:
                piece = text[at : at + chance.randrange(1, 200)]
                text = text[:at] + piece * chance.randrange(2, 5) + text[at:]
            case 3:
                lines = text.split("\n")
                chance.shuffle(lines)
                text = "\n".join(lines)
            case _:
                there = chance.randrange(len(text) + 1)
                text = text[:at] + text[there : there + 30] + text[at + 30 :]
    return text


def spoilt(path, text, chance):
    raw = bytearray(mutated(text, chance).encode("utf-8", "surrogatepass"))
    if raw and chance.random() < 0.2:
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    path.write_bytes(raw)


def problems(read, path):
    """What is wrong with the file, none if it is taken."""
    try:
        read(path)
    except ConfigError as error:
        return error.problems
    return ()


def told_or_taken(read, path):
    """Reads the file; what is wrong must be told at a line, in visible characters."""
    began = time.monotonic()
    for problem in problems(read, path):
        assert problem.line >= 1
        assert str(problem).isprintable()
        assert len(str(problem)) < 20_000
    assert time.monotonic() - began < SLOW


@pytest.mark.parametrize("block", range(8))
@pytest.mark.parametrize("kind", ["catalogue", "site", "shipped", "web"])
def test_a_spoilt_file_is_told_or_taken(tmp_path, kind, block):
    chance = random.Random(f"{kind} {block}")  # noqa: S311 - no secret, and the same again
    (site,) = GOOD.glob("site.yaml")
    folder = SHIPPED if kind == "shipped" else GOOD
    for file in folder.rglob("*.yaml"):
        there = tmp_path / file.relative_to(folder)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(file.read_bytes())
    catalogues = [
        file for file in sorted(tmp_path.rglob("*.yaml")) if file.name != site.name
    ]
    target = {
        "catalogue": catalogues[0],
        "site": tmp_path / "site.yaml",
        "shipped": tmp_path / "connectivity.yaml",
        "web": tmp_path / "web.yaml",
    }[kind]
    text = WEB if kind == "web" else target.read_text(encoding="utf-8")
    main = tmp_path / ("connectivity.yaml" if kind == "shipped" else "site.yaml")
    for _ in range(max(1, MUTATIONS // 32)):
        spoilt(target, text, chance)
        if kind == "web":
            told_or_taken(read_web_config, target)
        else:
            told_or_taken(load_site, main)
