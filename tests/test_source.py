"""What no linter looks for in the source: docstrings that drifted, merges half done."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
WRITTEN = ("exporter", "tests", "docs", "alerts", "dashboards", "deploy", "config")
CODE = ("exporter", "alerts", "dashboards", "deploy")
MERGED = re.compile(rb"^ *(?:<{7}|>{7}) ", re.MULTILINE)


def test_no_merge_was_left_half_done():
    files = [
        *(one for folder in WRITTEN for one in (ROOT / folder).rglob("*")),
        *ROOT.glob("*.*"),
    ]
    assert [
        str(one) for one in files if one.is_file() and MERGED.search(one.read_bytes())
    ] == []


def test_docstrings_name_arguments_and_attributes_that_exist():
    wrong = [
        f"{file.relative_to(ROOT)}: {node.name}: {name}"
        for folder in CODE
        for file in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if (told := described(node))
        for name in told - existing(node)
    ]
    assert wrong == []


def described(node):
    """The names under `Args:` and `Attributes:` of a docstring in Google's style."""
    text = ast.get_docstring(node) or ""
    sections = re.findall(
        r"^(?:Args|Attributes):\n((?:    .*\n?|\n)*)", text, re.MULTILINE
    )
    return {
        name
        for one in sections
        for name in re.findall(r"^    (\S+?):", one, re.MULTILINE)
    }


def existing(node):
    """The parameters of a function; of a class, its own names and its constructor's."""
    if not isinstance(node, ast.ClassDef):
        arguments = node.args
        return {
            one.arg
            for one in (
                *arguments.posonlyargs,
                *arguments.args,
                *arguments.kwonlyargs,
                *filter(None, (arguments.vararg, arguments.kwarg)),
            )
        }
    found = set()
    for part in ast.walk(node):
        match part:
            case ast.FunctionDef(name="__init__"):
                found |= existing(part)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                found.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case _:
                pass
    return found
