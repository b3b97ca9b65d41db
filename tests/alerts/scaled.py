"""The shipped files with every duration divided, to see hours in minutes.

Nothing else changes, except where things are: receivers become webhooks of the same
names, since nobody is to be paged.
"""

from __future__ import annotations

import copy
import re

import yaml

from tests.alerts.shipped import ALERTMANAGER, RULE_FILES, TEMPLATES, load

FACTOR = 12
"""Of rules: probes come every five seconds at least, for a minute as shipped."""
ROUTES_FACTOR = 60
"""Of routes, whose grouping has nothing to wait for here but other alerts."""
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_IN_PROMQL = re.compile(r"(\[|offset )(\d+(?:ms|[smhd]))")
_OF_RULES = ("for", "keep_firing_for")
_OF_ROUTES = ("group_wait", "group_interval")


def seconds(duration):
    parts = re.findall(r"(\d+)(ms|[smhd])", duration)
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def shorter(duration, factor=FACTOR):
    """Divided, and a whole second at least, unless it is nothing."""
    full = seconds(duration)
    return f"{max(1, round(full / factor))}s" if full else "0s"


def write_rules(folder):
    """Writes the rule files, and returns their names."""
    for path in RULE_FILES:
        content = copy.deepcopy(load(path))
        for group in content["groups"]:
            _shorten(group, ("interval",))
            for rule in group["rules"]:
                _shorten(rule, _OF_RULES)
                rule["expr"] = _IN_PROMQL.sub(
                    lambda found: found[1] + shorter(found[2]), rule["expr"]
                )
        (folder / path.name).write_text(yaml.safe_dump(content, sort_keys=False))
    return [path.name for path in RULE_FILES]


def write_alertmanager(file, port):
    """Writes the Alertmanager's file, with webhooks on a port of loopback."""
    content = copy.deepcopy(load(ALERTMANAGER))
    _shorten_routes(content["route"])
    content["templates"] = [f"{TEMPLATES}/*.tmpl"]
    for receiver in content["receivers"]:
        name = receiver["name"]
        hook = {"url": f"http://127.0.0.1:{port}/{name}", "send_resolved": True}
        receiver.clear()
        receiver["name"] = name
        if name != "nobody":
            receiver["webhook_configs"] = [hook]
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def _shorten_routes(route):
    _shorten(route, _OF_ROUTES, ROUTES_FACTOR)
    for child in route.get("routes", ()):
        _shorten_routes(child)


def _shorten(mapping, names, factor=FACTOR):
    for name in names:
        if name in mapping:
            mapping[name] = shorter(mapping[name], factor)
