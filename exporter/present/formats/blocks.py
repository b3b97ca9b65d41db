"""Findings, and what no finding explains, as blocks of lines: what, what of, why, whose.

A block is made to be read at once. What goes to somebody else, with every destination
and row, is the whole request: `--format request`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from exporter.diagnose.explanation import counted
from exporter.model.outcome import Verdict
from exporter.model.rule import Severity
from exporter.present import explain
from exporter.present.formats import layout
from exporter.present.humanize import folded
from exporter.present.verdicts import MARKS, STYLES, concern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.model.finding import Finding
    from exporter.model.outcome import Observation
    from exporter.model.rule import Key
    from exporter.monitor.store import Record

_LABEL = 12
"""Columns of a label, its indent included."""
_FEW = 3
"""Targets up to which a finding is told in full."""
_EVIDENCE, _COUNTER = 2, 1
"""Lines for what says so, and for what rules others out, where a finding has more targets
than `_FEW`: a total outage is read on one screen."""
_MORE = " …"
_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.WARNING: "red",
    Severity.INFO: "yellow",
}


def finding(
    one: Finding,
    records: Mapping[Key, Record],
    width: int,
) -> list[Text]:
    """One cause, with all that it explains.

    Args:
        one: the finding.
        records: what was seen, by `Target.key`.
        width: columns of a line.
    """
    explained = [records[key] for key in one.targets if key in records]
    mark = _mark(explained)
    lines = [
        Text(line, _STYLES[one.severity])
        for line in layout.wrapped(one.summary, f"{mark} ", "  ", width)
    ]
    probed = [key for key in one.targets if key in records]
    waiting = [key for key in one.targets if key not in records] if probed else []
    room = width - _LABEL
    told = _facts(
        [
            ("explains", scope(probed or one.targets, room)),
            ("explains", _waiting(waiting, room)),
        ],
        width,
    )
    evidence = _facts([("evidence", said) for said in one.evidence], width)
    counter = _facts([("rules out", said) for said in one.counter_evidence], width)
    if len(one.targets) > _FEW:
        evidence = _cut(evidence, _EVIDENCE, width)
        counter = _cut(counter, _COUNTER, width)
    request = one.ask.splitlines()
    ask = [
        ("owner", f"{one.owner or 'nobody named'} ({one.severity})"),
        ("ask", request[0] if request else ""),
    ]
    return [*lines, *told, *evidence, *counter, *_facts(ask, width)]


def unexplained(record: Record, width: int) -> list[Text]:
    """What was seen of a rule that is not in order, who refused, what to ask for."""
    target = record.target
    seen = observed(record)
    but = concern(record)
    said = "holds, but" if but else str(record.verdict)
    head = Text(f"{MARKS[record.verdict]} {said}  ", STYLES[record.verdict])
    head.append(target.rule.id, "bold")
    facts = [
        ("flow", explain.flow(target)),
        ("but", but),
        ("seen", explain.seen(seen)),
        ("detail", seen.detail),
        ("refused by", explain.refused_by(seen)),
        ("address", seen.address),
        ("path", explain.stops(record.path) if record.path else ""),
        ("ask", "" if but else explain.ask(target, seen)),
        ("owner", target.rule.owner),
        ("rows", ", ".join(target.rule.rows)),
    ]
    return [head, *_facts(facts, width)]


def scope(targets: Sequence[Key], room: int) -> str:
    """What a finding explains, folded: `22 rules of 2 roles: …`; one target it names."""
    rules = list(dict.fromkeys(key[0] for key in targets))
    if len(targets) <= 1:
        return ""
    roles = {key[1] for key in targets}
    of = f" of {counted(len(roles), 'role')}" if len(roles) > 1 else ""
    more = len(targets) - len(rules)
    towards = f", {len(targets)} targets" if more else ""
    begin = f"{counted(len(rules), 'rule')}{of}{towards}: "
    return begin + folded(rules, room - len(begin))


def _waiting(targets: Sequence[Key], room: int) -> str:
    """What a finding keeps from being probed at all, beside what it explains."""
    if not targets:
        return ""
    rules = list(dict.fromkeys(key[0] for key in targets))
    wait = "waits" if len(rules) == 1 else "wait"
    begin = f"and {counted(len(rules), 'rule')} that {wait} for a feed: "
    return begin + folded(rules, room - len(begin))


def observed(record: Record) -> Observation:
    """What was seen of a target that has been probed."""
    if record.latest is None:
        message = f"{record.target} has not been probed"
        raise ValueError(message)
    return record.latest.observation


def _mark(explained: Sequence[Record]) -> str:
    """The worst verdict of what is explained; a concern where all of it holds."""
    verdicts = {record.verdict for record in explained}
    worst = (v for v in (Verdict.VIOLATED, Verdict.UNKNOWN) if v in verdicts)
    return (
        MARKS.get(next(worst, Verdict.HOLDS), "") if verdicts - {Verdict.HOLDS} else "!"
    )


def _facts(facts: Sequence[tuple[str, str]], width: int) -> list[Text]:
    lines: list[Text] = []
    last = ""
    for label, said in facts:
        if not said:
            continue
        shown = "" if label == last else label
        last = label
        first, *more = layout.wrapped(
            said, f"  {shown:<{_LABEL - 2}}", " " * _LABEL, width
        )
        text = Text(first)
        text.stylize("dim", 0, _LABEL)
        lines += [text, *map(Text, more)]
    return lines


def _cut(lines: Sequence[Text], most: int, width: int) -> list[Text]:
    """The first lines, whole words, and a sign that there is more."""
    if len(lines) <= most:
        return list(lines)
    last = lines[most - 1].copy()
    if last.cell_len + len(_MORE) > width:
        last.right_crop(last.cell_len - last.plain.rindex(" "))
    return [*lines[: most - 1], last.append(_MORE)]
