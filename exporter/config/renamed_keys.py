"""Keys that were called otherwise: `mirrors`, of catalogue, site and destination, is `feeds`.

Files of sites and vendors outlive a version of the exporter, so the older word goes on
being taken, with its own line in messages. Only the newer one is documented.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.config.diagnostics import Location
    from exporter.config.yamlfile import Value, YamlFile

_OLD, _OF_FILE, _OF_DESTINATION = "mirrors", "feeds", "feed"


def in_current_words(file: YamlFile) -> YamlFile:
    """The file as if its author knew the newer words; a file with both keeps both."""
    if not isinstance(file.value, dict):
        return file
    value = _renamed(file.value, _OF_FILE)
    rules = value.get("rules")
    if isinstance(rules, tuple):
        value["rules"] = tuple(map(_rule, rules))
    lines = {_place(at): line for at, line in file.lines.items()}
    return replace(file, value=value, lines={**file.lines, **lines})


def _rule(written: Value) -> Value:
    if not isinstance(written, dict):
        return written
    destination = written.get("destination")
    if not isinstance(destination, dict):
        return written
    return {**written, "destination": _renamed(destination, _OF_DESTINATION)}


def _renamed(written: Mapping[str, Value], word: str) -> dict[str, Value]:
    if word in written:
        return dict(written)
    return {word if key == _OLD else key: one for key, one in written.items()}


def _place(at: Location) -> Location:
    match at:
        case (first, *rest) if first == _OLD:
            return (_OF_FILE, *rest)
        case ("rules", index, "destination", last, *rest) if last == _OLD:
            return ("rules", index, "destination", _OF_DESTINATION, *rest)
        case _:
            return at
