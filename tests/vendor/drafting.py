"""A page's text on its way through the importer."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.config.catalogue import Catalogue, load_catalogue
from exporter.vendor.catalogue_writer import written
from exporter.vendor.draft import draft_of
from exporter.vendor.readers import read_page


@dataclass
class Imported:
    catalogue: Catalogue
    text: str
    remarks: list[str]

    @property
    def flows(self):
        """(row, source, destination, port, transport), placeholders as examples."""
        places = self.catalogue.placeholders
        return {
            (
                row,
                ", ".join(entry.written.source),
                entry.written.destination.host
                or places[entry.written.destination.placeholder].example.host,
                entry.written.port,
                str(entry.written.transport),
            )
            for entry in self.catalogue.definitions
            for row in entry.written.rows
        }


def imported(path, folder, internal=()):
    """What is made of a page, loaded again as a catalogue."""
    draft = draft_of(read_page(path), path.name, internal)
    out = folder / "draft.yaml"
    out.write_text(written(draft, path.name, "draft", "", ""), encoding="utf-8")
    return Imported(
        load_catalogue(out),
        out.read_text(encoding="utf-8"),
        [str(remark.problem) for remark in draft.remarks],
    )
