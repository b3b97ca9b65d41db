"""Rules of which one is enough: what each of their results stands for beside the others.

A document that says "one of these" is kept while one of them holds. What fails then is
shown and violates nothing; and while one of them may hold that was not seen to fail,
nobody can say that the document's wish is violated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.model.outcome import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from exporter.model.outcome import Result

_NOT_NEEDED = "not needed, since {rule} holds: {detail}"
_MAY_HOLD = "not known to be needed, since {rule} may hold: {detail}"


def beside(result: Result, others: Mapping[str, Collection[Verdict]]) -> Result:
    """A rule's result as it stands beside its alternatives.

    Args:
        result: of one target, as it was judged by itself.
        others: the verdicts on all targets of each other rule, as they were judged
            by themselves; a rule holds if all of its targets do.
    """
    if result.verdict is Verdict.HOLDS:
        return result
    for rule, verdicts in others.items():
        if verdicts and set(verdicts) == {Verdict.HOLDS}:
            told = _told(result, _NOT_NEEDED, rule)
            return replace(told, verdict=Verdict.UNKNOWN, instead=rule)
    for rule, verdicts in others.items():
        if verdicts and Verdict.VIOLATED not in verdicts:
            return replace(_told(result, _MAY_HOLD, rule), verdict=Verdict.UNKNOWN)
    return result


def _told(result: Result, words: str, rule: str) -> Result:
    seen = result.observation
    detail = words.format(rule=rule, detail=seen.detail or seen.reason)
    return replace(result, observation=replace(seen, detail=detail))
