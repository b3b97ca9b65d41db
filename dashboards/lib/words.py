"""Words and colours: what a value says, so that no colour ever stands alone.

Green is a rule that holds, red one that is violated, purple one without a verdict;
amber warns, and what is merely absent stays without colour. Every colour comes with
a text of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    DashboardRangeMapOptions,
    DashboardRegexMapOptions,
    DashboardSpecialValueMapOptions,
    RangeMap,
    RegexMap,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from exporter.model.finding import Cause
from exporter.model.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

GOOD = "green"
BAD = "red"
WARN = "orange"
UNKNOWN = "purple"
NEUTRAL = "text"
CLEAR = "transparent"

_SEEN: Mapping[Reason, str] = {
    Reason.ANSWERED: "answered",
    Reason.NXDOMAIN: "name does not exist",
    Reason.NO_ADDRESS: "name has no address",
    Reason.DNS_FAILURE: "DNS does not answer",
    Reason.REFUSED: "TCP reset",
    Reason.PORT_UNREACHABLE: "ICMP: port unreachable",
    Reason.HOST_UNREACHABLE: "ICMP: host unreachable",
    Reason.NETWORK_UNREACHABLE: "ICMP: network unreachable",
    Reason.PROHIBITED: "a firewall said no",
    Reason.NO_ROUTE: "no route from here",
    Reason.RESET: "reset after connecting",
    Reason.CLOSED: "closed after connecting",
    Reason.TLS_ALERT: "TLS refused",
    Reason.MALFORMED: "not this protocol",
    Reason.REJECTED: "the service said no",
    Reason.UNTESTED: "silence, proves nothing",
    Reason.LOCAL_FAULT: "fault on this host",
    Reason.BUG: "fault in the exporter",
}
_ASK: Mapping[str, tuple[Reason, ...]] = {
    "DNS": (Reason.NXDOMAIN, Reason.NO_ADDRESS, Reason.DNS_FAILURE),
    "firewall": (Reason.PROHIBITED,),
    "service, then firewall": (Reason.REFUSED, Reason.PORT_UNREACHABLE),
    "network": (Reason.HOST_UNREACHABLE, Reason.NETWORK_UNREACHABLE),
    "inspection device": (Reason.RESET, Reason.CLOSED),
    "service": (Reason.TLS_ALERT, Reason.MALFORMED, Reason.REJECTED),
    "this host": (Reason.NO_ROUTE, Reason.LOCAL_FAULT),
    "exporter": (Reason.BUG,),
    "nobody yet": (Reason.UNTESTED,),
    "firewall, to block": (Reason.ANSWERED,),
}


REASON_COLORS = {
    "timeout": "red",
    "prohibited": "dark-red",
    "refused|port_unreachable": "orange",
    "host_unreachable|network_unreachable|no_route": "dark-orange",
    "nxdomain|no_address|dns_failure": "blue",
    "reset|closed|tls_alert|malformed|rejected": "yellow",
    "untested|local_fault|bug": UNKNOWN,
    "answered": "dark-yellow",
}
"""Kinds of trouble, as patterns of reasons; none of them is green."""


UNPROBED, DOWN = "unprobed", "exporter_down"
"""In place of a reason, where there is no result."""
INFO_LAST = "x-info"
"""Severity `info` under a name that sorts behind `critical` and `warning`.

A letter, since browsers sort punctuation before all letters.
"""
MUTED_LAST = "y-muted"
"""In place of the severity while maintenance mutes a target; sorts behind all others."""


def word(text: str, color: str, index: int = 0) -> ValueMappingResult:
    """A text with the colour that goes with it."""
    return ValueMappingResult(text=text, color=color, index=index)


def values(words: Mapping[str, tuple[str, str]]) -> ValueMap:
    """Single values, each with its text and colour."""
    return ValueMap(
        options={
            value: word(text, color, index)
            for index, (value, (text, color)) in enumerate(words.items())
        }
    )


def between(low: float | None, high: float | None, text: str, color: str) -> RangeMap:
    """All values of a range, ends included; None is no end."""
    options = DashboardRangeMapOptions(low, high, word(text, color))
    return RangeMap(options=options)


def matching(pattern: str, text: str, color: str) -> RegexMap:
    """All texts that a regular expression matches."""
    options = DashboardRegexMapOptions(f"/{pattern}/", word(text, color))
    return RegexMap(options=options)


def nothing(text: str = "no data", color: str = UNKNOWN) -> SpecialValueMap:
    """What stands where there is no value."""
    match = SpecialValueMatch.NULL_AND_NAN
    options = DashboardSpecialValueMapOptions(match, word(text, color))
    return SpecialValueMap(options=options)


def steps(*colored: tuple[float | None, str]) -> ThresholdsConfig:
    """Colours from values on; the first is the base, from None."""
    config = ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE)
    return config.steps([Threshold(color=c, value=v) for v, c in colored])


def seen() -> list[ValueMapping]:
    """Says `reason@stage` in plain words: what was seen, nothing guessed."""
    late = "connected, then silence"
    return [
        matching("^timeout@(resolve|connect)$", "silence: no answer", NEUTRAL),
        matching("^timeout@(tls|exchange)$", late, NEUTRAL),
        *(matching(f"^{r}@.*$", text, NEUTRAL) for r, text in _SEEN.items()),
        matching(f"^{UNPROBED}@.*$", "not probed yet", NEUTRAL),
        matching(f"^{DOWN}@.*$", "the exporter is down", NEUTRAL),
    ]


def ask() -> list[ValueMapping]:
    """Says of `reason@stage` whom to ask first."""
    return [
        matching("^timeout@(resolve|connect)$", "firewall", NEUTRAL),
        matching("^timeout@(tls|exchange)$", "inspection device", NEUTRAL),
        *(
            matching(f"^({'|'.join(reasons)})@.*$", text, NEUTRAL)
            for text, reasons in _ASK.items()
        ),
    ]


STATE: list[ValueMapping] = [
    values(
        {
            "0": ("violated", BAD),
            "1": ("holds", GOOD),
            "2": ("no verdict", UNKNOWN),
        }
    ),
    nothing(),
]
"""Of `query.states()`."""
STATE_STEPS = ((None, BAD), (1, GOOD), (2, UNKNOWN))
SEVERITY: list[ValueMapping] = [
    values(
        {
            "critical": ("critical", BAD),
            "warning": ("warning", WARN),
            "info": ("info", NEUTRAL),
            INFO_LAST: ("info", NEUTRAL),
            MUTED_LAST: ("muted", CLEAR),
        }
    )
]
ORIGIN: list[ValueMapping] = [
    values(
        {
            "destination": ("the destination", NEUTRAL),
            "path": ("device on path", NEUTRAL),
            "self": ("this host", NEUTRAL),
        }
    )
]
CAUSE: list[ValueMapping] = [
    values({str(cause): (cause.replace("_", " "), NEUTRAL) for cause in Cause})
]
RESOLVER: list[ValueMapping] = [
    values({"0": ("down", BAD), "1": ("answers", GOOD)}),
    nothing(),
]
YES_NO: list[ValueMapping] = [values({"0": ("no", BAD), "1": ("yes", GOOD)}), nothing()]
THERE: list[ValueMapping] = [
    values({"0": ("missing", BAD), "1": ("there", GOOD)}),
    nothing(),
]
CONTROLS: list[ValueMapping] = [
    values({"0": ("silent", GOOD), "1": ("answered", BAD)}),
    nothing("none", CLEAR),
]
