"""What labels a PromQL expression's result carries, by reading it.

`Catalogue` knows the exporter's metrics from its own table and the recorded ones from
the rules that record them; `labels_of` walks an expression as Prometheus evaluates it
and raises `Mistake` for a metric nobody exposes, and for a label that is matched,
joined on or aggregated by where it cannot be. What it finds is what an annotation may
name as `$labels.x`.
"""

from __future__ import annotations

import promql_parser as promql

from alerts.build import HOST_LABELS, INFO, PLACE_LABELS
from exporter.metrics.exporter_families import EXPORTER
from exporter.metrics.family import Kind
from exporter.metrics.labels import COMMON_LABELS
from exporter.metrics.target_families import TARGET

SCRAPED = frozenset({"job", "instance"})
OWN = {
    "up": SCRAPED,
    # Every process exposes it, by the Prometheus client's own collector.
    "process_start_time_seconds": SCRAPED,
    # The labels of whatever alert; those that the alerts in question all have.
    "ALERTS": frozenset(
        {"alertname", "alertstate", "severity", "owner", "job", "source_role", "usage"}
        | {"rule", "destination", "port", "protocol", "last_hop", "cause", "subject"}
        | {"long"}
    ),
    # Recorded by a site that uses it; see connectivity.thresholds.yml.
    "connectivity:expected_role:info": frozenset({"source_role"}),
    "connectivity:exporter:up": SCRAPED,
    "connectivity:maintenance:muted": SCRAPED.union(COMMON_LABELS),
}
UNSEEN = frozenset({*HOST_LABELS, *INFO, "last_hop", "instead"})
"""Labels that may be taken off or ignored where they are not."""
PLACE = frozenset({*PLACE_LABELS, *HOST_LABELS} - {"instance"})
"""Labels that a scrape target may have; they may be named where they are not."""


class Mistake(Exception):  # noqa: N818 - a finding, not an accident
    """An expression names what is not there."""


class Catalogue:
    """Every metric an expression may use, with its labels."""

    def __init__(self):
        self.metrics = dict(OWN)
        for family in TARGET:
            self._expose(family, COMMON_LABELS)
        for family in EXPORTER:
            self._expose(family, ())

    def record(self, rules):
        """Takes in recording rules, in any order, as some refer to themselves."""
        rules = list(rules)
        for rule in rules:
            self.metrics.setdefault(rule["record"], None)
        for _ in range(len(rules)):
            waiting = [rule for rule in rules if self._learn(rule)]
            if not waiting:
                return
            rules = waiting
        raise Mistake(f"recorded in a circle: {[rule['record'] for rule in rules]}")

    def labels_of(self, text):
        """The labels of an expression's result; None while a part is not known."""
        return self._labels(promql.parse(text))

    def _expose(self, family, common):
        labels = SCRAPED.union(common, family.labels)
        if family.kind is not Kind.HISTOGRAM:
            self.metrics[family.name] = labels
            return
        self.metrics[family.name + "_bucket"] = labels | {"le"}
        self.metrics[family.name + "_sum"] = labels
        self.metrics[family.name + "_count"] = labels

    def _learn(self, rule):
        labels = self.labels_of(rule["expr"])
        if labels is None:
            return True
        self.metrics[rule["record"]] = labels.union(rule.get("labels", ()))
        return False

    def _labels(self, node):
        kind = type(node).__name__
        return getattr(self, f"_{kind.removesuffix('Expr').lower()}")(node)

    def _vectorselector(self, node):
        try:
            labels = self.metrics[node.name]
        except KeyError:
            raise Mistake(f"nobody exposes {node.name}") from None
        for matcher in node.matchers.matchers:
            _demand({matcher.name} - PLACE, labels, f"selector of {node.name}")
        return labels

    def _matrixselector(self, node):
        return self._vectorselector(node.vector_selector)

    def _subquery(self, node):
        return self._labels(node.expr)

    def _paren(self, node):
        return self._labels(node.expr)

    def _unary(self, node):
        return self._labels(node.expr)

    def _numberliteral(self, _node):
        return frozenset()

    def _stringliteral(self, _node):
        return frozenset()

    def _call(self, node):
        name, args = node.func.name, node.args
        of_args = [self._labels(arg) for arg in args]
        if name in {"scalar", "vector", "time", "absent"}:
            return frozenset()
        if name == "histogram_quantile":
            return _demand({"le"}, of_args[1], name) - {"le"}
        if name == "label_replace":
            return of_args[0] | {args[1].val}
        if name == "label_join":
            _demand({arg.val for arg in args[3:]}, of_args[0], name)
            return of_args[0] | {args[1].val}
        return of_args[0]

    def _aggregate(self, node):
        inner = self._labels(node.expr)
        if inner is None or str(node.op) == "topk":
            return inner
        if node.modifier is None:
            return frozenset()
        named = frozenset(node.modifier.labels)
        if node.modifier.type == promql.AggModifierType.By:
            named -= PLACE
            return _demand(named, inner, f"{node.op} by") and named
        _demand(named - UNSEEN, inner, f"{node.op} without")
        return inner - named

    def _binary(self, node):
        left, right = self._labels(node.lhs), self._labels(node.rhs)
        if left is None or right is None:
            # What refers to itself is known by its other side.
            return left if str(node.op) in {"or", "and", "unless"} else None
        if _is_number(node.lhs) or _is_number(node.rhs):
            return right if _is_number(node.lhs) else left
        return self._joined(node, left, right)

    def _joined(self, node, left, right):
        modifier, op = node.modifier, str(node.op)
        matching = modifier.matching if modifier else None
        if matching is not None and matching.type == promql.LabelModifierType.Include:
            shared = frozenset(matching.labels) - PLACE
            _demand(shared, left, f"left of {op}")
            _demand(shared, right, f"right of {op}")
        else:
            ignored = frozenset(matching.labels if matching is not None else ())
            _demand(ignored - UNSEEN, left | right, f"ignored by {op}")
            shared = left - ignored
            if op != "or" and shared != right - ignored:
                raise Mistake(f"{op}: {sorted(shared)} and {sorted(right - ignored)}")
        if op in {"and", "unless"}:
            return left
        if op == "or":
            return left & right
        if modifier and modifier.card == promql.VectorMatchCardinality.ManyToOne:
            extra = frozenset(modifier.group_labels or ())
            _demand(extra, right, f"group_left of {op}")
            return left | extra
        return shared


def _is_number(node):
    if isinstance(node, promql.ParenExpr):
        return _is_number(node.expr)
    if isinstance(node, promql.BinaryExpr):
        return _is_number(node.lhs) and _is_number(node.rhs)
    if isinstance(node, promql.Call):
        return node.func.name in {"scalar", "time"}
    return isinstance(node, promql.NumberLiteral)


def _demand(names, labels, where):
    if labels is not None and not names <= labels:
        raise Mistake(f"{where}: no label {sorted(names - labels)} in {sorted(labels)}")
    return labels
