"""A page's text on its way through the importer."""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from exporter.config.catalogue import Catalogue, load_catalogue
from exporter.vendor.catalogue_writer import written
from exporter.vendor.draft import draft_of
from exporter.vendor.readers import read_page

FATES = ("rules", "unprovable", "open", "not_a_requirement", "elsewhere")


@dataclass
class Imported:
    catalogue: Catalogue
    text: str
    remarks: list[str]
    raw: dict[str, object] = field(default_factory=dict)

    @property
    def rules(self):
        return self.raw["rules"]

    @property
    def flows(self):
        """(row, source, destination, port, transport), placeholders as examples."""
        return {
            (
                row,
                rule["source"],
                self._end(rule["destination"]),
                _ports(rule),
                rule["transport"],
            )
            for rule in self.rules
            for row in rule["rows"]
        }

    def _end(self, destination):
        [(key, name)] = destination.items()
        places = self.raw.get("placeholders") or {}
        example = places[name]["example"] if key == "placeholder" else name
        return example.removeprefix("https://")

    @property
    def fates(self):
        """Row to its fate and what it says, such as ("open", "names no port")."""
        return {
            entry["row"]: (fate, entry[fate])
            for entry in self.raw["requirements"]
            for fate in FATES
            if fate in entry
        }


def _ports(rule):
    return rule.get("port") or next(iter(rule.get("ports", ())), None)


def imported(path, folder, internal=(), answers=None):
    """What is made of a page, loaded again as a catalogue."""
    draft = draft_of(read_page(path), path.name, internal, answers)
    text = written(draft, path.name, "draft", "", "")
    out = folder / "draft.yaml"
    out.write_text(text, encoding="utf-8")
    remarks = [str(remark.problem) for remark in draft.remarks]
    return Imported(load_catalogue(out), text, remarks, yaml.safe_load(text))
