"""JUnit XML, for CI: what is violated or of concern fails, what is unknown is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET  # only writes XML, so nothing hostile is parsed

from exporter.model.outcome import Verdict
from exporter.present import explain
from exporter.present.verdicts import concern, worst_first
from exporter.probes.wire.text import visible

if TYPE_CHECKING:
    from exporter.monitor.store import Record
    from exporter.present.formats.interface import CheckOutcome


def check(outcome: CheckOutcome) -> str:
    """A report with one test case a target."""
    suite = ET.Element("testsuite", name="connectivity")
    for record in worst_first(outcome.records):
        target = record.target
        case = ET.SubElement(
            suite,
            "testcase",
            classname=visible(f"{target.rule.source}.{target.rule.usage}"),
            name=visible(str(target)),
            time=f"{record.latest.duration if record.latest else 0:.3f}",
        )
        _judge(case, record)
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _judge(case: ET.Element, record: Record) -> None:
    if record.latest is None:
        ET.SubElement(case, "skipped", message="not probed")
        return
    seen, target = record.latest.observation, record.target
    message = visible(f"{seen.reason} at {seen.stage}: {seen.detail}")
    but = concern(record)
    if record.verdict is Verdict.VIOLATED:
        failure = ET.SubElement(case, "failure", message=message)
        failure.text = visible(f"{explain.seen(seen)} {explain.ask(target, seen)}")
    elif record.verdict is Verdict.UNKNOWN:
        ET.SubElement(case, "skipped", message=message)
    elif but:
        ET.SubElement(case, "failure", message=visible(f"holds, but {but}"))
