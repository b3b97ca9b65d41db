"""What the last probe of each target saw, whatever the verdict.

The joined queries behind the tables of violated rules and of one rule: as labels what
ended the last probe, who refused it, the router it got no further than and, for a
violated rule, whom to ask.
"""

from __future__ import annotations

from dashboards.lib.query import EXPORTER, KEY, known, states, target
from dashboards.lib.words import DOWN, INFO_LAST, UNPROBED


def joined(expr: str, label: str, between: str, *parts: str) -> str:
    """Adds a label made of others."""
    quoted = ", ".join(f'"{part}"' for part in parts)
    return f'label_join({expr}, "{label}", "{between}", {quoted})'


def named(expr: str, label: str, text: str) -> str:
    """Gives a label a text where it has none.

    An empty label is no label to Prometheus; a table would lose the column with it.
    """
    return f'label_replace({expr}, "{label}", "{text}", "{label}", "")'


def info_last(expr: str) -> str:
    """Renames severity `info` so that it sorts behind the others."""
    return f'label_replace({expr}, "severity", "{INFO_LAST}", "severity", "info")'


def failures(select: str) -> str:
    """What ended each last probe that got no answer, and behind which router.

    Silence and resets are traced, the rest is not: its sender is known, or it came
    from the destination.
    """
    failure = target("failure", select)
    hop = named(target("path_break_info", select), "last_hop", "this host")
    return (
        f"({failure} * on ({KEY}) group_left (last_hop) {hop}"
        f" or on ({KEY}) {named(failure, 'last_hop', 'not traced')})"
    )


def with_failure(targets: str, select: str) -> str:
    """`targets` with labels `stage`, `reason`, `origin` and `last_hop`.

    An answered probe has no failure: a denied rule is violated by just that. What was
    not probed yet has neither.
    """
    labels = "stage, reason, origin, last_hop"
    answered = f"{targets} and on ({KEY}) {target('reachable', select)} == 1"
    return (
        f"{targets} * on ({KEY}) group_left ({labels}) {failures(select)}"
        f" or on ({KEY}) {named(answered, 'reason', 'answered')}"
        f" or on ({KEY}) {named(targets, 'reason', UNPROBED)}"
    )


def in_words(told: str) -> str:
    """Labels `service`, `seen`, and an `origin` and `last_hop` that say something."""
    told = joined(told, "service", "/", "port", "protocol")
    told = joined(told, "seen", "@", "reason", "stage")
    return named(named(told, "origin", "nobody"), "last_hop", "nowhere")


def without_verdict(select: str) -> str:
    """The targets that `unknown()` counts, with the labels of `in_words()`."""
    satisfied = target("satisfied", select)
    alive = f"({target('info', select)} unless on ({KEY}) {satisfied})"
    down = f"{known(select)} and on (job, instance) up{{{EXPORTER}}} == 0"
    told = f"{with_failure(alive, select)} or {named(down, 'reason', DOWN)}"
    return in_words(f"({told})")


def seen_now(select: str) -> str:
    """`states()` of each target, with the labels of `in_words()` and `ask`."""
    state = f"({states(KEY, select)})"
    told = in_words(f"({with_failure(state, select)})")
    bad = joined(f"({told} == 0)", "ask", "@", "seen")
    return f"{bad} or {told} > 0"
