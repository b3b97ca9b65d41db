"""What a bare handshake is worth where something answers every SYN.

A transparent proxy or a SYN-answering firewall completes handshakes in everybody's
name, for hosts that do not exist too. A site may name a control: an address and port
that must not answer. While one does, an observation that rests on a handshake alone
proves neither that a path is open nor that it is not closed: it becomes `untested`.
What a protocol answered, or a refusal, is believed as ever.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.model.outcome import Observation, Reason, Stage
from exporter.model.rule import Expect, Transport

if TYPE_CHECKING:
    from exporter.model.rule import Rule

# A connection that ended so after its handshake brought not one byte of the peer.
_WORDLESS = frozenset({Reason.TIMEOUT, Reason.RESET, Reason.CLOSED})


def distrust(rule: Rule, seen: Observation, doubt: str) -> Observation:
    """`seen`, or `untested` in its place if it rests on a handshake in doubt.

    Args:
        rule: what was probed.
        seen: what one probe of it saw.
        doubt: why handshakes prove nothing at present; empty if they do.
    """
    if not doubt or not rests_on_a_handshake(rule, seen):
        return seen
    return replace(seen, reason=Reason.UNTESTED, detail=doubt)


def rests_on_a_handshake(rule: Rule, seen: Observation) -> bool:
    """Whether what was seen is worth no more than the handshake of whoever made it."""
    if rule.transport is not Transport.TCP:
        return False
    if rule.probe == "tcp":
        return seen.reason is Reason.ANSWERED
    # Such an end fails a rule that allows, whoever made the handshake; one that
    # denies would be violated by nothing but the handshake.
    later = seen.stage in {Stage.TLS, Stage.EXCHANGE}
    wordless = seen.reason in _WORDLESS and not seen.heard
    return rule.expect is Expect.DENY and later and wordless
