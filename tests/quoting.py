"""What documents quote of the scripts in `tests/scripts/`, kept as the commands print it.

A comment above a fenced block says what the block is:

    <!-- tests/scripts/docs/import-a-page.txt: page.md -->
    <!-- tests/scripts/docs/import-a-page.txt: command 1 -->
    <!-- tests/scripts/docs/import-a-page.txt: command 1 > shop.yaml -->
    <!-- tests/scripts/docs/import-a-page.txt: output 1 -->

That is a file of the script, its first command with all that it prints, the same with
standard output gone into a file, and standard output alone.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
_QUOTED = re.compile(
    r"^(?P<head><!-- (?P<script>tests/scripts/\S+\.txt): (?P<part>.+?) -->\n```\w*\n)"
    r"(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_FILE = re.compile(r"^-- (\S+) --\n", re.MULTILINE)
_CODE = re.compile(r"^\[\d+\]$", re.MULTILINE)


def kept(text: str) -> str:
    """A document with all that it quotes as the scripts have it now."""
    return _QUOTED.sub(
        lambda found: f"{found['head']}{quoted(found['script'], found['part'])}```",
        text,
    )


def quoted(script: str, part: str) -> str:
    """One part of a script, as a document shows it."""
    head, _, tail = (ROOT / script).read_text(encoding="utf-8").partition("\n$ ")
    names = _FILE.split(head)
    files = dict(zip(names[1::2], names[2::2], strict=True))
    if part in files:
        return files[part].strip("\n") + "\n"
    kind, number, _, target = (*part.split(" ", 3), "", "")[:4]
    command, *said = _CODE.split(f"$ {tail}")[int(number) - 1].strip("\n").split("\n")
    out = [line for line in said if not line.startswith("! ")]
    wrong = [line.removeprefix("! ") for line in said if line not in out]
    if kind == "output":
        return "\n".join(out).strip("\n") + "\n"
    prompt = command.replace("$ ", "$ connectivity-exporter ", 1)
    shown = [f"{prompt} > {target}", *wrong] if target else [prompt, *out, *wrong]
    return "\n".join(shown) + "\n"
