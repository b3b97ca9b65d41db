"""CSV as a page: tables with an empty line between, titles in lines of their own."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from exporter.vendor.columns import layout_of
from exporter.vendor.headings import is_heading_row, meaning_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.vendor.page import PageBuilder

_DELIMITERS = (",", ";", "\t", "|")


def read(text: str, page: PageBuilder) -> None:
    """Puts a page in CSV together, whatever delimits its cells.

    A line with one cell alone is the title of the table below it, `A / B` for a part
    B of A; inside a table it stays a row.
    """
    title: tuple[int, str] | None = None
    for line, cells in _records(text, _delimiter(text), page):
        filled = [cell for cell in cells if cell.strip()]
        begins = is_heading_row(cells) if page.in_table else _are_headings(cells)
        if begins or not filled:
            page.end_table()
        if begins and title:
            _section(*title, page)
            title = None
        if len(filled) != 1 or page.in_table:
            page.row(line, cells)
        if len(filled) == 1:
            _keep(title, page)
            title = (line, page.called(filled[0]))
    _keep(title, page)


def _are_headings(cells: Sequence[str]) -> bool:
    """Whether cells are the headings of requirements, with ports under `TCP` perhaps."""
    named = {meaning_of(words_of(cell)) for cell in cells}
    transports = {"tcp", "udp"} & {cell.strip().lower() for cell in cells}
    split = {"source", "destination"} <= named and transports
    return bool(split) or layout_of(cells) is not None


def _keep(title: tuple[int, str] | None, page: PageBuilder) -> None:
    """A line that no table followed is mere text."""
    if title:
        page.text(*title)


def _section(line: int, text: str, page: PageBuilder) -> None:
    parts = [page.titled(part, line) for part in text.split(" / ")[-2:]]
    page.sections = tuple(filter(None, parts))


def _delimiter(text: str) -> str:
    """The one with which a line is the headings of requirements, else the comma."""
    for delimiter in _DELIMITERS:
        for line in text.split("\n", 200)[:200]:
            cells = tuple(cell.strip(' "') for cell in line.split(delimiter))
            if _are_headings(cells):
                return delimiter
    return ","


def _records(
    text: str, delimiter: str, page: PageBuilder
) -> Iterator[tuple[int, list[str]]]:
    """Records with the lines they begin on."""
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        page.loss(line, f"is not CSV from here on: {error}")
