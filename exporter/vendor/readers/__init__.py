"""A file of unknown form and encoding as a page; one file a form, one line here."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from exporter.config.diagnostics import ConfigError, Problem
from exporter.vendor.page import PageBuilder
from exporter.vendor.readers import asciidoc, csv, html, json, markdown
from exporter.vendor.readers import text as text_reader

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.vendor.page import Page

MAX_BYTES = 4 << 20
FORMS: dict[str, html.Reader] = {
    ".html": html.read,
    ".htm": html.read,
    ".xhtml": html.read,
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".csv": csv.read,
    ".tsv": csv.read,
    ".adoc": asciidoc.read,
    ".asciidoc": asciidoc.read,
    ".json": json.read,
}
"""Readers by the end of a file's name; other files are looked into."""
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_CHARSET = re.compile(
    rb"""<meta[^<>]{0,200}charset=["']?([A-Za-z0-9_-]{1,40})""", re.IGNORECASE
)
_HTML = re.compile(r"<(!doctype html|html|table|body)\b", re.IGNORECASE)
_LOOKED_AT = 4096


def read_page(path: Path) -> Page:
    """Reads one page of at most 4 MiB.

    Raises:
        ConfigError: it cannot be read, has too many bytes or rows, or is not text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(str(path), f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise _refused(
            str(path), f"is larger than {MAX_BYTES} bytes, which is the limit"
        )
    return page_from(data, str(path))


def page_from(data: bytes, file: str) -> Page:
    """The page in the bytes of a file or a URL, whose name tells its form if it can.

    Raises:
        ConfigError: it has too many rows, or is no text.
    """
    text, loss = _decoded(data)
    if "\0" in text:
        raise _refused(file, "is not text: save the page as HTML, text or CSV")
    builder = PageBuilder()
    if loss:
        builder.loss(1, loss)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        _reader(file, text)(text, builder)
    except ValueError as error:
        raise _refused(file, str(error)) from error
    return builder.page()


def _refused(file: str, message: str) -> ConfigError:
    return ConfigError([Problem(file, 1, "", message)])


def _reader(file: str, text: str) -> html.Reader:
    name = re.split(r"[?#]", file)[0] if "://" in file else file
    form = FORMS.get(PurePath(name).suffix.lower())
    if form is not None:
        return form
    if _HTML.search(text[:_LOOKED_AT]):
        return html.read
    if asciidoc.is_asciidoc(text):
        return asciidoc.read
    if re.match(r"\s*[\[{]\s*[\[{\"]", text[:_LOOKED_AT]):
        return json.read
    return markdown.read if markdown.is_markdown(text) else text_reader.read


def _decoded(data: bytes) -> tuple[str, str]:
    """The text, and what to tell if its encoding had to be guessed."""
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), ""
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    found = _CHARSET.search(data[:_LOOKED_AT])
    named = found[1].decode("ascii") if found else ""
    try:
        return data.decode(named), ""
    except (LookupError, UnicodeError):
        said = "is not in UTF-8: read as windows-1252, look for wrong letters"
        return data.decode("windows-1252", errors="replace"), said
