"""The rule files with only what a unit test can notice.

promtool evaluates every rule at every step; most have no part in what one file of
tests asks for. What does is found by reading: an alert by its name, a recorded series
by its own, and so on for all that those read, in expressions and texts.
"""

from __future__ import annotations

import re

from tests.alerts.shipped import RULE_FILES, load, rules

_WORD = re.compile(r"[A-Za-z_][\w:]*")
_TOLD = re.compile(r'alertname=~?"([^"]*)"')


def asked_for(content):
    """Names of the alerts and recorded series that a file of unit tests looks at."""
    found = set()
    for test in content["tests"]:
        found |= {case["alertname"] for case in test.get("alert_rule_test", ())}
        for case in test.get("promql_expr_test", ()):
            found |= _reads(case["expr"])
    return found


def rule_files(wanted, paths=RULE_FILES):
    """By file name, its groups with the rules that have a part in what is wanted."""
    needed = _closure(set(wanted))
    return {
        path.name: {
            "groups": [
                group | {"rules": kept}
                for group in load(path)["groups"]
                if (kept := [each for each in group["rules"] if _name(each) in needed])
            ]
        }
        for path in paths
    }


def _closure(wanted):
    reads = {}
    for rule in (*rules("record"), *rules("alert")):
        said = [rule["expr"], *rule.get("annotations", {}).values()]
        reads.setdefault(_name(rule), set()).update(*map(_reads, said))
    found = set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted |= reads.get(name, set()) - found
    return found


def _reads(text):
    """Whatever is a word may be a series; an alert is read by its name alone."""
    told = "|".join(_TOLD.findall(text))
    alerts = {rule["alert"] for rule in rules("alert")}
    return {
        *_WORD.findall(text),
        *(name for name in alerts if re.fullmatch(told, name)),
    }


def _name(rule):
    return rule.get("record") or rule["alert"]
