"""What the last probe of each target saw, whatever the verdict.

The joined query behind the tables of the Rule dashboard: the state as value, and as
labels what ended the last probe, who refused it and, for a violated rule, whom to ask.
"""

from __future__ import annotations

from dashboards.lib.query import KEY, states, target


def joined(expr: str, label: str, between: str, *parts: str) -> str:
    """Adds a label made of others."""
    quoted = ", ".join(f'"{part}"' for part in parts)
    return f'label_join({expr}, "{label}", "{between}", {quoted})'


def named(expr: str, label: str, text: str) -> str:
    """Gives a label a text where it has none.

    An empty label is no label to Prometheus; a table would lose the column with it.
    """
    return f'label_replace({expr}, "{label}", "{text}", "{label}", "")'


def seen_now(select: str) -> str:
    """`states()` of each target, with labels `seen`, `origin` and `ask`."""
    state = f"({states(KEY, select)})"
    failure = target("failure", select)
    told = (
        f"{state} * on ({KEY}) group_left (stage, reason, origin) {failure}"
        f" or on ({KEY}) {named(f'({state} < 2)', 'reason', 'answered')}"
        f" or on ({KEY}) {state}"
    )
    told = joined(f"({told})", "seen", "@", "reason", "stage")
    told = named(joined(told, "service", "/", "port", "protocol"), "origin", "nobody")
    bad = joined(f"({told} == 0)", "ask", "@", "seen")
    return f"{bad} or {told} > 0"
