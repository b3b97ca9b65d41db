"""Every reason in plain words: what was seen, and what to ask for, of whom.

Used wherever a person reads a result. `seen` states facts only; `ask` is a
sentence that can be sent to the team that can mend it. Neither guesses: silence is
called silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.addresses import is_loopback
from exporter.model.endpoint import place
from exporter.model.outcome import OWN_FAULT, Origin, Reason, Stage, may_await_tls
from exporter.model.rule import Expect
from exporter.model.tls_facts import UNVERIFIED

if TYPE_CHECKING:
    from exporter.model.network_path import Path
    from exporter.model.outcome import Observation
    from exporter.model.rule import Rule, Target

_SEEN = {
    Reason.ANSWERED: "The intended service answered in its own protocol.",
    Reason.NXDOMAIN: "DNS says that the name does not exist.",
    Reason.NO_ADDRESS: "The name exists in DNS but has no address.",
    Reason.DNS_FAILURE: "No usable answer from DNS, so nothing was probed.",
    Reason.REFUSED: "A TCP reset came back instead of a connection.",
    Reason.PORT_UNREACHABLE: "ICMP says that the port is unreachable.",
    Reason.HOST_UNREACHABLE: "ICMP says that the host cannot be reached.",
    Reason.NETWORK_UNREACHABLE: "ICMP says that the network cannot be reached.",
    Reason.PROHIBITED: "A firewall said that this traffic is prohibited.",
    Reason.NO_ROUTE: "This host has no route to the address.",
    Reason.RESET: "The connection stood and was then reset.",
    Reason.CLOSED: "The connection stood and was closed where an answer was due.",
    Reason.TLS_ALERT: "The TLS handshake was refused with an alert.",
    Reason.MALFORMED: "Something answered, but not in the expected protocol.",
    Reason.REJECTED: "The right service answered and said no.",
    Reason.UNTESTED: "What came back, or did not, proves nothing.",
    Reason.LOCAL_FAULT: "This host could not carry out the probe properly.",
    Reason.BUG: "The exporter failed; the rule was not tested.",
}
# What ends a path without the service having been reached.
_REFUSALS = frozenset(
    {
        *(Reason.REFUSED, Reason.PORT_UNREACHABLE, Reason.HOST_UNREACHABLE),
        *(Reason.NETWORK_UNREACHABLE, Reason.PROHIBITED, Reason.NO_ROUTE),
    }
)
# What a host says itself, unless it is shown that a device on the way does.
_REFUSED = frozenset({Reason.REFUSED, Reason.PORT_UNREACHABLE})
_SILENT_CONNECT = "No answer at all: dropped silently on the way, or the host is down."
_SILENT_LATER = "The connection stood, then silence: inspection, or too large packets."
_UNFINISHED = "Bytes came, but no whole answer: something is there, and did not finish."
_SEEN_BROKEN = "What is sent does not get out of this host, for its {broken} is broken."
_SEEN_SMALL = "The connection stood, then silence: the path loses large packets."

_ASK_ALLOW = {
    Reason.NXDOMAIN: "Ask the DNS team why {host} does not resolve from this host.",
    Reason.NO_ADDRESS: "Ask the DNS team for an address record of {host}.",
    Reason.DNS_FAILURE: "Check this host's resolvers and whether DNS is allowed out.",
    Reason.TIMEOUT: "Ask the firewall team to allow {flow}, or whether {host} is up.",
    Reason.REFUSED: "Check that the service runs; if it does, ask the firewall team "
    "to allow {flow} instead of resetting it.",
    Reason.PORT_UNREACHABLE: "Check that the service runs; if it does, ask the "
    "firewall team to allow {flow} instead of rejecting it.",
    Reason.HOST_UNREACHABLE: "Ask the network team about the route to {host}.",
    Reason.NETWORK_UNREACHABLE: "Ask the network team about the route to {host}.",
    Reason.PROHIBITED: "Ask the firewall team to allow {flow}.",
    Reason.NO_ROUTE: "Add a route, or a default gateway, on this host.",
    Reason.RESET: "Ask whether {flow} passes an inspecting device that cuts it.",
    Reason.CLOSED: "Ask whether {flow} passes an inspecting device that cuts it, "
    "and check the service's own log.",
    Reason.TLS_ALERT: "Check the TLS settings of {host}, or of a device before it.",
    Reason.MALFORMED: "Check what listens on {host}, and whether a device answers "
    "in its place.",
    Reason.REJECTED: "Check the service on {host}: the path is open.",
    Reason.LOCAL_FAULT: "Check this host's load and limits (CPU, file descriptors, and "
    "for pings net.ipv4.ping_group_range).",
    Reason.BUG: "Report this with the exporter's log.",
}
# What this host said itself is no other team's business.
_ASK_OWN_FIREWALL = "Allow {flow} in this host's own firewall."
_ASK_SELF = {
    Reason.PROHIBITED: _ASK_OWN_FIREWALL,
    Reason.REFUSED: _ASK_OWN_FIREWALL,
    Reason.PORT_UNREACHABLE: _ASK_OWN_FIREWALL,
    Reason.NETWORK_UNREACHABLE: _ASK_OWN_FIREWALL,
    Reason.HOST_UNREACHABLE: "Check that {host} is up and has this address, in this "
    "host's own network; if so, allow {flow} in this host's own firewall.",
}
_ASK_BROKEN = (
    "Check the {broken} of this host, and the link to it: what is sent to {host} "
    "does not get out."
)
_ASK_SMALL = (
    "Ask the network team to let the ICMP messages about too large packets pass on the "
    "way to {host}, or to lower the MSS of TCP there: {flow} loses large packets."
)
_ASK_SILENT_LATER = (
    "Ask whether {flow} passes an inspecting device, or a link with a smaller MTU "
    "whose ICMP messages are filtered."
)
# What comes before an inspecting device is looked for: the service's own ways.
_ASK_UNFINISHED = (
    "Check what listens on {host} and how it fares: what it said is in the detail."
)
_ASK_THEIR_FIREWALL = "Allow {flow} in the own firewall of {host}, which forbids it."
_ASK_HERE = "Check that the service runs on this host, which {host} stands for here."
_ASK_ENDED = (
    "Check the service on {host} and its log: it spoke, and then ended the connection."
)
_ASK_TLS_FIRST = (
    "Check whether the service on {host} waits for TLS from the first byte, as on ports "
    "465 and 993: then the rule's probe needs `implicit_tls: true`."
)
_ASK_NO_CERTIFICATE = (
    "Check that the directory server {host} has a certificate for TLS: a domain "
    "controller without one listens and cuts every handshake off. "
)
_CUT_OFF = frozenset({Reason.TIMEOUT, Reason.RESET, Reason.CLOSED})
_TLS_PORTS = frozenset({465, 993, 995})
"""Ports of mail on which TLS comes first (RFC 8314)."""
_SEEN_PROXY = "No connection came about through the proxy {via}."
_SEEN_LEFT_OUT = "Not probed: {detail}."
_ASK_PROXY = (
    "Ask those who run the proxy {via} to allow CONNECT to {place}, or what keeps it "
    "from getting there."
)
_ASK_BEHIND_PROXY = (
    "Ask those who run the proxy {via} whether it cuts off what it let through to "
    "{place}, and check the service's own log."
)
_ASK_DENY_OPEN = "Ask the firewall team to block {flow}: it must not pass."
_ASK_DENY_UNKNOWN = "Nothing proves a block yet: check the witness rule to {host}."
# What no witness helps with: there was no packet that anything could have blocked.
_UNSENT = frozenset(
    {
        *(Reason.NXDOMAIN, Reason.NO_ADDRESS, Reason.DNS_FAILURE, Reason.NO_ROUTE),
        *(Reason.UNTESTED, Reason.LOCAL_FAULT, Reason.BUG),
    }
)
# Nor does it where nothing that is sent arrives, as long as no connection stood.
_UNREACHED = frozenset({Reason.HOST_UNREACHABLE, Reason.NETWORK_UNREACHABLE})


def flow(target: Target) -> str:
    """The traffic a rule is about, as a firewall request names it."""
    rule = target.rule
    transport = rule.transport.upper()
    what = f"{transport} {target.port}" if target.port else transport
    return f"{what} from {rule.source} to {target.destination}"


def seen(observation: Observation) -> str:
    """What was seen, as one sentence."""
    if observation.broken:
        return _SEEN_BROKEN.format(broken=observation.broken)
    if _at_the_proxy(observation):
        return _SEEN_PROXY.format(via=observation.via)
    if observation.reason is Reason.UNTESTED and observation.stage is Stage.RESOLVE:
        return _SEEN_LEFT_OUT.format(detail=observation.detail)
    if observation.reason is Reason.TIMEOUT:
        return _silence(observation)
    return _SEEN[observation.reason]


def _silence(observation: Observation) -> str:
    if observation.stage in {Stage.RESOLVE, Stage.CONNECT}:
        return _SILENT_CONNECT
    if observation.heard:
        return _UNFINISHED
    return _SEEN_SMALL if observation.small_passes else _SILENT_LATER


def refused_by(observation: Observation) -> str:
    """Who refused, with its address; empty when nobody said anything."""
    if observation.broken:
        return f"this host's {observation.broken}"
    if observation.icmp is None:
        local = observation.origin is Origin.SELF
        own = observation.reason is not Reason.HOST_UNREACHABLE
        return ("this host's own firewall" if own else "this host") if local else ""
    who = {
        Origin.DESTINATION: "the destination itself",
        Origin.PATH: "a device on the path",
        Origin.SELF: "this host",
        Origin.NOBODY: "an unknown device",
    }[observation.origin]
    return f"{who} ({observation.icmp.sender})"


def stops(path: Path) -> str:
    """Where on the path it stops, as one phrase."""
    return _ends_here(path) if path.local else _ends_on_the_way(path)


def _ends_here(path: Path) -> str:
    """Of an address of this host's own."""
    if path.ended is None:
        return "silent inside this host: the address is its own"
    did = "refused" if path.ended in _REFUSALS else "answered"
    return f"{did} by this host itself: the address is its own"


def _ends_on_the_way(path: Path) -> str:
    behind = f"{path.last_hop} (hop {path.last_ttl})" if path.last_hop else "this host"
    if path.ended is None:
        return f"silent behind {behind}"
    if path.refused_on_path:
        return f"refused at or right behind {behind}, before the destination"
    if path.ended is Reason.ANSWERED:
        return f"answers at hop {path.answered_ttl}: it came through this time"
    if path.hops and path.hops[-1].address == path.last_hop:
        return f"refused by {behind}"
    if path.ended not in _REFUSALS:
        return f"answers at hop {path.answered_ttl}, but not as it should"
    right = "right behind" if path.last_ttl + 1 == path.answered_ttl else "behind"
    return f"refused at hop {path.answered_ttl}, {right} {behind}"


def ask(target: Target, observation: Observation) -> str:
    """What to do about a rule that does not hold; empty if nothing is to be done."""
    host = target.destination
    if _at_the_proxy(observation) and not observation.broken:
        return _ASK_PROXY.format(via=observation.via, place=place(host, target.port))
    return _template(target, observation).format(
        flow=flow(target),
        host=host,
        broken=observation.broken,
        via=observation.via,
        place=place(host, target.port),
    )


def concern(rule: Rule, observation: Observation) -> str:
    """What is wrong with the certificate of a service that answered; empty if nothing."""
    facts = observation.tls
    if facts is None or not rule.tls.verify:
        return ""
    if facts.intercepted:
        return f"the connection is intercepted: its certificate is by {facts.issuer}"
    if facts.verified:
        return ""
    return f"its certificate does not verify: it {UNVERIFIED[facts.error]}"


def _at_the_proxy(observation: Observation) -> bool:
    """Whether it ended before a proxy had let us through."""
    early = observation.stage in {Stage.RESOLVE, Stage.CONNECT}
    return bool(observation.via) and early and observation.reason not in OWN_FAULT


def _template(target: Target, observation: Observation) -> str:
    reason, stage = observation.reason, observation.stage
    if target.rule.expect is Expect.DENY and reason not in _UNSENT:
        passed = stage in {Stage.TLS, Stage.EXCHANGE} or reason is Reason.ANSWERED
        if passed or reason not in _UNREACHED:
            return _ASK_DENY_OPEN if passed else _ASK_DENY_UNKNOWN
    if observation.broken:
        return _ASK_BROKEN
    if stage in {Stage.TLS, Stage.EXCHANGE} and reason in _CUT_OFF:
        return _cut_off(target, observation)
    return _by_whom(observation)


def _by_whom(observation: Observation) -> str:
    """What to ask of whoever it was, as far as that is known."""
    reason, origin = observation.reason, observation.origin
    if origin is Origin.SELF and reason in _ASK_SELF:
        return _ASK_SELF[reason]
    if origin is Origin.DESTINATION and reason is Reason.PROHIBITED:
        return _ASK_THEIR_FIREWALL
    if origin is Origin.PATH and reason in _REFUSED:
        return _ASK_ALLOW[Reason.PROHIBITED]
    if reason is Reason.REFUSED and is_loopback(observation.address):
        return _ASK_HERE
    return _ASK_ALLOW.get(reason, "")


def _cut_off(target: Target, observation: Observation) -> str:
    """A connection that stood and came to nothing."""
    silent = observation.reason is Reason.TIMEOUT
    if observation.heard:
        return _ASK_UNFINISHED if silent else _ASK_ENDED
    if observation.small_passes:
        return _ASK_SMALL
    usual = _ASK_SILENT_LATER if silent else _ASK_ALLOW[observation.reason]
    if target.rule.probe == "ldaps" and not silent and observation.stage is Stage.TLS:
        return _ASK_NO_CERTIFICATE + usual
    if may_await_tls(target.rule.probe, observation):
        # A greeting is small and comes unasked: no packet size keeps it away.
        plain = "" if target.port in _TLS_PORTS else " " + _ASK_ALLOW[Reason.RESET]
        return _ASK_TLS_FIRST + plain
    return _ASK_BEHIND_PROXY if observation.via else usual
