from __future__ import annotations

import errno

import pytest

from exporter.model.outcome import Icmp, Origin, ProbeError, Reason
from exporter.probes.refusal import SOFT, State, outlived, refusal

PEER, OWN, ROUTER = "192.0.2.9", "192.0.2.1", "198.51.100.7"
PEER6, OWN6, ROUTER6 = "2001:db8::9", "2001:db8::1", "2001:db8:1::7"


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        (3, 0, Reason.NETWORK_UNREACHABLE),
        (3, 1, Reason.HOST_UNREACHABLE),
        (3, 3, Reason.PORT_UNREACHABLE),
        (3, 9, Reason.PROHIBITED),
        (3, 10, Reason.PROHIBITED),
        (3, 13, Reason.PROHIBITED),
        (3, 200, Reason.HOST_UNREACHABLE),
        (11, 0, Reason.HOST_UNREACHABLE),
        (12, 0, Reason.HOST_UNREACHABLE),
    ],
)
def test_icmp_decides_over_errno(kind, code, reason):
    error = refusal(errno.EHOSTUNREACH, Icmp(kind, code, ROUTER), peer=PEER, own=OWN)
    assert (error.reason, error.origin) == (reason, Origin.PATH)
    assert ROUTER in error.detail


@pytest.mark.parametrize(
    ("kind", "code", "reason"),
    [
        (1, 0, Reason.NETWORK_UNREACHABLE),
        (1, 1, Reason.PROHIBITED),
        (1, 3, Reason.HOST_UNREACHABLE),
        (1, 4, Reason.PORT_UNREACHABLE),
        (1, 5, Reason.PROHIBITED),
        (3, 0, Reason.HOST_UNREACHABLE),
    ],
)
def test_icmpv6_has_numbers_of_its_own(kind, code, reason):
    icmp = Icmp(kind, code, ROUTER6)
    error = refusal(errno.EACCES, icmp, peer=PEER6, own=OWN6)
    assert (error.reason, error.icmp) == (reason, icmp)


@pytest.mark.parametrize(
    ("sender", "origin"),
    [(PEER, Origin.DESTINATION), (OWN, Origin.SELF), (ROUTER, Origin.PATH)],
)
def test_the_sender_says_whose_refusal_it_is(sender, origin):
    error = refusal(errno.ECONNREFUSED, Icmp(3, 3, sender), peer=PEER, own=OWN)
    assert error.origin is origin


@pytest.mark.parametrize(
    ("code", "reason", "origin"),
    [
        (errno.ECONNREFUSED, Reason.REFUSED, Origin.NOBODY),
        (errno.ETIMEDOUT, Reason.TIMEOUT, Origin.NOBODY),
        (errno.ECONNRESET, Reason.RESET, Origin.NOBODY),
        (errno.EPIPE, Reason.RESET, Origin.NOBODY),
        (errno.ENETUNREACH, Reason.NO_ROUTE, Origin.NOBODY),
        (errno.EINVAL, Reason.NO_ROUTE, Origin.NOBODY),
        (errno.EHOSTUNREACH, Reason.NO_ROUTE, Origin.NOBODY),
        (errno.EPERM, Reason.PROHIBITED, Origin.SELF),
        (errno.EACCES, Reason.PROHIBITED, Origin.SELF),
        (errno.EMFILE, Reason.LOCAL_FAULT, Origin.NOBODY),
        (errno.ENOBUFS, Reason.LOCAL_FAULT, Origin.NOBODY),
        (errno.EADDRNOTAVAIL, Reason.LOCAL_FAULT, Origin.NOBODY),
    ],
)
def test_errno_speaks_where_no_icmp_came(code, reason, origin):
    error = refusal(code, None, peer=PEER, own=OWN)
    assert (error.reason, error.origin) == (reason, origin)
    assert error.detail


LATER = {
    errno.EHOSTUNREACH: Reason.HOST_UNREACHABLE,
    errno.ENETUNREACH: Reason.NETWORK_UNREACHABLE,
    errno.ECONNREFUSED: Reason.PORT_UNREACHABLE,
    errno.EACCES: Reason.PROHIBITED,
}


@pytest.mark.parametrize("code", LATER)
def test_of_a_connection_that_stands_only_icmp_can_have_said_so(code):
    error = refusal(code, None, peer=PEER, own=OWN, state=State.STANDING)
    assert (error.reason, error.origin) == (LATER[code], Origin.NOBODY)
    assert "ICMP" in error.detail
    assert "this host" not in error.detail


def test_what_forbids_sending_stays_this_hosts_own():
    error = refusal(errno.EPERM, None, peer=PEER, own=OWN, state=State.STANDING)
    assert (error.reason, error.origin) == (Reason.PROHIBITED, Origin.SELF)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ECONNREFUSED, Reason.REFUSED),
        (errno.EHOSTUNREACH, Reason.HOST_UNREACHABLE),
        (errno.EACCES, Reason.PROHIBITED),
    ],
)
def test_a_syn_that_was_sent_is_answered_by_others(code, reason):
    error = refusal(code, None, peer=PEER, own=OWN, state=State.SENT)
    assert (error.reason, error.origin) == (reason, Origin.NOBODY)


@pytest.mark.parametrize(
    ("peer", "code", "reason"),
    [
        (PEER, errno.EHOSTUNREACH, Reason.TIMEOUT),
        (PEER, errno.ENETUNREACH, Reason.TIMEOUT),
        (PEER, errno.ECONNREFUSED, Reason.PORT_UNREACHABLE),
        (PEER6, errno.EHOSTUNREACH, Reason.HOST_UNREACHABLE),
        (PEER6, errno.ENETUNREACH, Reason.NETWORK_UNREACHABLE),
        (PEER6, errno.ECONNREFUSED, Reason.PORT_UNREACHABLE),
        (PEER6, errno.EACCES, Reason.PROHIBITED),
    ],
)
def test_silence_after_an_icmp_error_tells_of_it(peer, code, reason):
    silence = ProbeError(Reason.TIMEOUT, "no answer within 3 s")
    told = outlived(code, silence, peer=peer)
    assert (told.reason, told.origin) == (reason, Origin.NOBODY)
    assert told.detail.startswith("no answer within 3 s; before it an ICMP message")
    assert code in SOFT


@pytest.mark.parametrize("err", [errno.EADDRNOTAVAIL, errno.EAGAIN])
def test_no_port_to_send_from_is_told_as_this_hosts_want(err):
    error = refusal(err, None, peer=PEER, own="")
    assert error.reason is Reason.LOCAL_FAULT
    assert "local port" in error.detail


def test_a_route_that_prohibits_is_no_firewall():
    error = refusal(errno.EACCES, None, peer=PEER, own="")
    assert (error.reason, error.origin) == (Reason.PROHIBITED, Origin.SELF)
    assert "route of type prohibit" in error.detail
