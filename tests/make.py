"""Small rules, targets and observations for tests, valid unless told otherwise."""

from __future__ import annotations

from exporter.model.outcome import Judged, Observation, Reason, Result, Stage, Verdict
from exporter.model.rule import Rule, Target, Transport, Usage
from exporter.model.verdict_case import Case


def rule(probe="tcp", **changes):
    facts = {
        "id": "web-api",
        "source": "web",
        "port": 443,
        "transport": Transport.TCP,
        "probe": probe,
        "usage": Usage.VENDOR_API,
        "description": "API of the vendor",
        "catalogue": "test",
        "interval": 60.0,
        "timeout": 5.0,
    }
    return Rule(**facts | changes)


def target(probe="tcp", destination="192.0.2.1", port=443, **changes):
    return Target(rule(probe, port=port, **changes), destination, port)


def seen(reason=Reason.ANSWERED, stage=Stage.CONNECT, **changes):
    return Observation("192.0.2.1", stage, reason, **changes)


def result(verdict=Verdict.HOLDS, at=1000.0, duration=0.01, **changes):
    if "reason" not in changes and verdict is Verdict.VIOLATED:
        changes["reason"] = Reason.TIMEOUT
    observation = seen(**changes)
    return Result(verdict, observation, (Judged(observation, verdict),), duration, at)


def case(rule, *sightings, **facts):
    """What may be concluded from sightings, at the time of the last, of their addresses."""
    given = {
        "now": max(one.ended for one in sightings),
        "members": tuple(one.address for one in sightings),
        "sightings": sightings,
    }
    return Case(rule, **given | facts)
