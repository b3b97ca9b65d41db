"""The fault matrix as a table: every fault, and what it must look like to a rule.

Each fault is put on one destination, on all of `PORTS` there, at which nothing listens:
what answers, if anything, is the fault. What is told of it is the same for every
protocol over TCP, and for every one over UDP, but for those named with it.
"""

from __future__ import annotations

import contextlib
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.lab import firewall, plan
from tests.lab.middlebox import Middlebox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from tests.lab.lab import Lab

HOLDS, VIOLATED, UNKNOWN = "holds", "violated", "unknown"
FIRST = 30000
PORTS = f"{FIRST}-{FIRST + 99}"
# The first thing said after the handshake; an exchange if it is no ClientHello.
_FIRST_STAGE = {"tls": "tls", "https": "tls", "ldaps": "tls"}


@dataclass(frozen=True)
class Told:
    """What is told of a rule that allows and of one that denies.

    `stage` may be `first`: the first one after the handshake. A verdict is None where
    there is no such rule.
    """

    stage: str
    reason: str
    origin: str = ""
    allow: str | None = VIOLATED
    deny: str | None = UNKNOWN

    def stage_of(self, probe: str) -> str:
        """The stage, as it is called for a probe."""
        if self.stage != "first":
            return self.stage
        return _FIRST_STAGE.get(probe, "exchange")


@dataclass(frozen=True)
class Fault:
    """One fault and what it looks like.

    Attributes:
        put: puts it in force on a destination.
        tcp: what is told of every protocol over TCP; None if it is none for TCP.
        udp: likewise.
        but: probes of which something else is told.
        options: of the probes.
        witness: whether the rule that denies has a witness on the same destination.
        denial: refusals that the rule that denies accepts.
        by_device: whether a device on the path answers for the destination.
    """

    name: str
    put: Callable[[Lab, str], AbstractContextManager[Any]]
    tcp: Told | None = None
    udp: Told | None = None
    but: Mapping[str, Told] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    witness: bool = False
    denial: tuple[str, ...] = ()
    by_device: bool = False

    def told(self, probe: str, transport: str) -> Told | None:
        """What is told of one protocol, if this is a fault for it."""
        every = self.tcp if transport == "tcp" else self.udp
        return self.but.get(probe, every)


def _dropped(where: str):
    return lambda lab, to: _both(firewall.drop, lab.hosts[where], to)


def _rejected(where: str, word: str):
    def put(lab: Lab, to: str):
        host = lab.hosts[where]
        return _both(functools.partial(firewall.reject, with_=word), host, to)

    return put


def _reset(where: str):
    return lambda lab, to: firewall.reject(lab.hosts[where], to, PORTS, with_="reset")


@contextlib.contextmanager
def _both(change: Callable[..., Any], host: Any, to: str) -> Iterator[None]:
    with change(host, to, PORTS, "tcp"), change(host, to, PORTS, "udp"):
        yield


def _dns(fault: str):
    return lambda lab, to: getattr(lab.dns, fault)(to)


def _device(name: str, behaviour: str = "", *, tls: bool = False, **told: Any):
    """The fault that a device on the path answers so; named as its behaviour is."""

    @contextlib.contextmanager
    def put(lab: Lab, to: str) -> Iterator[None]:
        files = lab.ca.write(to) if tls else None
        certificate = (files.chain, files.key) if files else ()
        with (
            Middlebox(lab, behaviour or name, certificate) as box,
            box.takes(to, PORTS),
        ):
            yield

    return Fault(name, put, by_device=True, **told)


@contextlib.contextmanager
def _no_route(lab: Lab, to: str) -> Iterator[None]:
    ways = [("-6" if ":" in one else "-4", one) for one in plan.addresses_of(to)]
    for family, address in ways:
        lab.prober.run("ip", family, "route", "add", "unreachable", address)
    try:
        yield
    finally:
        for family, address in ways:
            lab.prober.run("ip", family, "route", "del", "unreachable", address)


def nothing(_lab: Lab, _to: str):
    """No fault at all."""
    return contextlib.nullcontext()


def _connect(reason: str, origin: str = "", **verdicts: Any) -> dict[str, Any]:
    """The same over TCP and UDP, before anything was said."""
    told = Told("connect", reason, origin, **verdicts)
    return {"tcp": told, "udp": told}


def _resolve(reason: str) -> dict[str, Any]:
    told = Told("resolve", reason)
    return {"tcp": told, "udp": told}


def _passed(reason: str, stage: str = "first") -> Told:
    """The connection was let through, whatever became of it."""
    return Told(stage, reason, allow=VIOLATED, deny=VIOLATED)


ANSWERED_IN_ITS_PROTOCOL = Told("exchange", "answered", allow=HOLDS, deny=VIOLATED)
# A SQL Server that hangs up may want TLS from the first byte (TDS 8): so it is asked.
_SECOND_TRY = {reason: _passed(reason, "tls") for reason in ("closed", "reset")}
_NO_REPLY = Told("connect", "untested", allow=UNKNOWN)
_ONLY: dict[str, Any] = {"allow": None}

FAULTS = (
    # silence
    Fault("dropped", _dropped("fw"), **_connect("timeout"), but={"udp": _NO_REPLY}),
    Fault(
        "dropped-witnessed",
        _dropped("fw"),
        **_connect("timeout", **_ONLY, deny=HOLDS),
        but={"udp": Told("connect", "untested", **_ONLY)},
        witness=True,
    ),
    Fault(
        "dropped-by-host",
        _dropped("web"),
        **_connect("timeout"),
        but={"udp": _NO_REPLY},
    ),
    Fault(
        "dropped-here",
        _dropped("prober"),
        **_connect("prohibited", "self", deny=HOLDS),
    ),
    # a firewall that says so
    *(
        Fault(
            f"prohibited-{origin}",
            _rejected(where, "admin-prohibited"),
            **_connect("prohibited", origin, deny=HOLDS),
        )
        for where, origin in (("fw", "path"), ("web", "destination"))
    ),
    Fault(
        "prohibited-self",
        _rejected("prober", "admin-prohibited"),
        **_connect("prohibited", "self", deny=HOLDS),
    ),
    # refusals that may be the host's own
    Fault("reset", _reset("fw"), tcp=Told("connect", "refused")),
    Fault(
        "reset-accepted",
        _reset("fw"),
        tcp=Told("connect", "refused", **_ONLY, deny=HOLDS),
        denial=("reset",),
    ),
    Fault(
        "reset-traced",
        _reset("fw"),
        tcp=Told("connect", "refused", "path", **_ONLY, deny=HOLDS),
        witness=True,
    ),
    Fault(
        "reset-by-host-traced",
        _reset("web"),
        tcp=Told("connect", "refused", **_ONLY),
        witness=True,
    ),
    Fault(
        "nothing-listens",
        nothing,
        tcp=Told("connect", "refused"),
        udp=Told("connect", "port_unreachable", "destination"),
        but={"udp": Told("connect", "port_unreachable", "destination", allow=HOLDS)},
    ),
    Fault(
        "port-unreachable",
        _rejected("fw", "port-unreachable"),
        **_connect("port_unreachable", "path", deny=HOLDS),
    ),
    Fault(
        "port-unreachable-accepted",
        _rejected("web", "port-unreachable"),
        **_connect("port_unreachable", "destination", **_ONLY, deny=HOLDS),
        denial=("reset",),
    ),
    # nobody there
    Fault(
        "host-unreachable",
        _rejected("fw", "host-unreachable"),
        **_connect("host_unreachable", "path"),
    ),
    Fault(
        "network-unreachable",
        _rejected("fw", "net-unreachable"),
        **_connect("network_unreachable", "path"),
    ),
    Fault("no-route", _no_route, **_connect("no_route")),
    # no name
    Fault("no-name", _dns("nxdomain"), **_resolve("nxdomain")),
    Fault("no-address", _dns("no_address"), **_resolve("no_address")),
    Fault("dns-fails", _dns("servfail"), **_resolve("dns_failure")),
    Fault("dns-refuses", _dns("refused"), **_resolve("dns_failure")),
    Fault("dns-is-silent", _dns("silent"), **_resolve("dns_failure")),
    # something answers, and it is not the service
    *(
        _device(
            name,
            tcp=_passed(reason),
            but={"tcp": ANSWERED_IN_ITS_PROTOCOL, **but},
        )
        for name, reason, but in (
            ("mute", "timeout", {}),
            ("closing-soon", "closed", {"mssql": _SECOND_TRY["closed"]}),
            ("resetting-soon", "reset", {"mssql": _SECOND_TRY["reset"]}),
            ("gibberish", "malformed", {}),
        )
    ),
    _device(
        "alerting",
        but=dict.fromkeys(_FIRST_STAGE, _passed("tls_alert")),
    ),
    _device(
        "block-page",
        but={"http": _passed("rejected")},
        options={"http": {"expect_status": ["2xx"]}},
    ),
    _device(
        "portal",
        but={"http": _passed("rejected")},
        options={"http": {"location": ["vendor.example"]}},
    ),
    _device("no-mail", but={"smtp": _passed("rejected")}),
    # the same where TLS stands, or is about to
    *(
        _device(
            f"{name}-behind-tls",
            name,
            tls=True,
            but={"tls": ANSWERED_IN_ITS_PROTOCOL}
            | dict.fromkeys(("https", "ldaps"), _passed(reason, "exchange")),
        )
        for name, reason in (
            ("mute", "timeout"),
            ("closing-soon", "closed"),
            ("resetting-soon", "reset"),
            ("gibberish", "malformed"),
        )
    ),
    _device(
        "block-page-behind-tls",
        "block-page",
        tls=True,
        but={"https": _passed("rejected", "exchange")},
        options={"https": {"expect_status": ["2xx"]}},
    ),
    _device(
        "no-directory",
        tls=True,
        but={"ldaps": _passed("rejected", "exchange")},
    ),
    *(
        _device(name, but={probe: _passed(reason, "tls")})
        for name, probe, reason in (
            ("mail-alerting", "smtp", "tls_alert"),
            ("mail-mute", "smtp", "timeout"),
            ("database-alerting", "mssql", "tls_alert"),
            ("database-mute", "mssql", "timeout"),
            ("mailbox-alerting", "imap", "tls_alert"),
            ("desktop-alerting", "rdp", "tls_alert"),
            ("row-store-alerting", "postgres", "tls_alert"),
        )
    ),
    _device("no-mailbox", but={"imap": _passed("rejected")}),
    *(
        _device(
            f"{name}-without-tls",
            but={probe: _passed("rejected")},
            options={probe: {"tls": True}},
        )
        for name, probe in (("desktop", "rdp"), ("row-store", "postgres"))
    ),
    _device("asking-for-peace", but={"ntp": _passed("rejected")}),
    _device(
        "echoing",
        udp=_passed("malformed"),
        but={"udp": ANSWERED_IN_ITS_PROTOCOL},
        options={"udp": {"payload": "00"}},
    ),
    _device(
        "babbling",
        udp=_passed("malformed"),
        but={"udp": ANSWERED_IN_ITS_PROTOCOL},
    ),
)
