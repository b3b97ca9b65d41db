"""What runs over what: names of transports, of applications, and of what has no ports.

A cell of protocols is understood if every word in it is one of these names. Any other
name is an application that nobody here knows: it says nothing of the transport.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.rule import Transport

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_TCP = (Transport.TCP,)
_UDP = (Transport.UDP,)
APPLICATIONS: Mapping[str, tuple[Transport, ...]] = {
    **dict.fromkeys(
        (
            *("http", "https", "ssl", "tls", "ssh", "sftp", "scp", "ftp", "ftps"),
            *("smtp", "smtps", "imap", "imaps", "pop3", "pop3s", "telnet", "winrm"),
            *("ldaps", "smb", "cifs", "mssql", "mysql", "postgresql", "postgres"),
            *("rpc", "dcom", "msrpc", "iscsi", "nrpe", "amqp", "amqps", "mqtt"),
            *("websocket", "wss", "ws", "odbc", "jdbc", "jms", "ajp", "ajp13", "git"),
            *("rest", "soap", "xmpp", "redis", "mongodb", "bgp", "rsync", "nfs", "vnc"),
        ),
        _TCP,
    ),
    **dict.fromkeys(
        ("snmp", "ntp", "tftp", "dtls", "quic", "stun", "radius", "rtp", "srtp"), _UDP
    ),
    **dict.fromkeys(("dns", "kerberos", "ldap", "syslog", "rdp", "sip", "dhcp"), ()),
}
"""Applications by name, and the transport that the name alone tells, if it does."""
OWN_PORTS: Mapping[str, tuple[Transport, int]] = {
    "http": (Transport.TCP, 80),
    "https": (Transport.TCP, 443),
    "ssh": (Transport.TCP, 22),
    "ldaps": (Transport.TCP, 636),
    "ntp": (Transport.UDP, 123),
}
"""Applications whose port everybody means who writes none."""
_PROBES: Mapping[str, str] = {
    **dict.fromkeys(("http", "ws"), "http"),
    **dict.fromkeys(("https", "wss"), "https"),
    **dict.fromkeys(("ssl", "tls"), "tls"),
    **dict.fromkeys(("ssh", "sftp", "scp"), "ssh"),
    **dict.fromkeys(("postgresql", "postgres"), "postgres"),
    **dict.fromkeys(("rpc", "msrpc"), "rpc"),
    "smtp": "{smtp: {starttls: offered}}",
    "smtps": "{smtp: {implicit_tls: true}}",
    "imap": "imap",
    "imaps": "{imap: {implicit_tls: true}}",
    **{name: name for name in ("dns", "ldap", "ldaps", "mssql", "ntp", "rdp", "stun")},
}
"""Applications by name, and the probe that speaks them at any port, as YAML has it."""
_PORTLESS = re.compile(
    r"icmp(?:v?[46])?|ping|igmp|gre|esp|ah|vrrp|ospf|carp|pim|hsrp|ipip|eigrp|l2tpv3"
)
_NUMBERED = re.compile(
    r"\b(?:ip[- ])?(?:protocol|proto|protokoll|protocole|protocolo)\s*#?\s*(?:1|2|4|41"
    r"|47|50|51|89|94|97|112|115)\b"
    r"|\bip\s+(?:1|2|4|41|47|50|51|89|94|97|112|115)\b",
    re.IGNORECASE,
)
_UNBOUND = re.compile(
    r"\b(?:multi|broad|any)[- ]?cast\w*|\bmultidifusi\w+|\bmultidiffusion\w*"
    r"|\brundruf\w*|\bdifusi[oó]n\b",
    re.IGNORECASE,
)
_LOCAL_ONLY = re.compile(
    r"\b(?:local(?:host|ly)?|loopback)(?:\s+(?:connections?|access|communications?"
    r"|traffic|use|interface|host))?\s+only\b"
    r"|\bonly\s+(?:(?:used|needed|accessible|available|reachable|listens|open)\s+)?"
    r"(?:locally|(?:on|from|via|over)\s+(?:the\s+)?(?:localhost|loopback"
    r"|(?:same|local)\s+(?:host|machine|server|computer)))\b",
    re.IGNORECASE,
)
_TRANSPORT = re.compile(r"\b(?:tcp|udp)\b(?!/ip)", re.IGNORECASE)
_WORD = re.compile(r"[a-z][a-z0-9]*", re.IGNORECASE)
_EVERY = re.compile(r"(?:any|all|ip|alle|tous|todos|\*)", re.IGNORECASE)
_JOINERS = {
    "and",
    "or",
    "oppure",
    "over",
    "und",
    "oder",
    "et",
    "ou",
    "y",
    "o",
    "s",
    "the",
}


@dataclass(frozen=True, slots=True)
class Protocols:
    """What one line of a cell of protocols says.

    `named` are transports in so many words; `carried` those that its applications
    tell. `portless` are the names of what has no ports. `words` are names that tell
    nothing. `choice` says that "or" stands between.
    """

    named: tuple[Transport, ...] = ()
    carried: tuple[Transport, ...] = ()
    portless: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    choice: bool = False

    @property
    def transports(self) -> tuple[Transport, ...]:
        """The transports to take, none if nothing tells."""
        return self.named or self.carried


def read_protocols(text: str) -> Protocols:
    """The protocols of a line of text."""
    named: dict[Transport, None] = {}
    carried: dict[Transport, None] = {}
    unknown: list[str] = []
    portless: dict[str, None] = {}
    for word in (found[0].lower() for found in _WORD.finditer(text)):
        if word in ("tcp", "udp"):
            named[Transport(word)] = None
        elif _PORTLESS.fullmatch(word):
            portless[word.upper()] = None
        elif word in APPLICATIONS:
            carried |= dict.fromkeys(APPLICATIONS[word])
        elif word not in _JOINERS:
            unknown.append(word)
    numbered = _NUMBERED.search(text)
    if numbered and not named and not portless:
        portless[numbered[0]] = None
    ways = tuple(named), tuple(carried), tuple(portless)
    return Protocols(*ways, tuple(unknown), is_choice(text))


def titled_transports(titles: Iterable[str]) -> tuple[Transport, ...]:
    """The transport that titles such as "UDP ports" give to what stands below them.

    `titles` begin with the innermost, which is the one that counts; none if it names two.
    """
    for title in titles:
        if found := {word.lower() for word in _TRANSPORT.findall(title)}:
            return (Transport(found.pop()),) if len(found) == 1 else ()
    return ()


def is_choice(text: str) -> bool:
    """Whether a text of protocols says "or"."""
    return re.search(r"\b(?:or|oder|ou|o|oppure)\b", text, re.IGNORECASE) is not None


def applications_in(text: str) -> set[str]:
    """The applications that a text names."""
    return {word.lower() for word in _WORD.findall(text)} & APPLICATIONS.keys()


def probe_of(applications: Collection[str]) -> str:
    """The probe that all of some applications are spoken by; empty if there is none."""
    probes = {_PROBES.get(one, "") for one in applications}
    return probes.pop() if len(probes) == 1 else ""


def is_protocols(text: str) -> bool:
    """Whether a cell can only be one of protocols."""
    said = read_protocols(text)
    known = said.named or said.carried or said.portless or _EVERY.fullmatch(text)
    return (
        bool(known or applications_in(text))
        and not said.words
        and len(text) <= _LONGEST
    )


_LONGEST = 60


def own_ports(text: str) -> Mapping[str, tuple[Transport, int]]:
    """The ports that names alone tell; empty if the text has any other word."""
    words = [word.lower() for word in _WORD.findall(text)]
    names = [word for word in words if word not in {*_JOINERS, "tcp", "udp"}]
    if not names or re.search(r"[0-9]", text) or set(names) - OWN_PORTS.keys():
        return {}
    found = {name: OWN_PORTS[name] for name in names}
    said = {word for word in words if word in ("tcp", "udp")}
    fits = all(not said or transport in said for transport, _ in found.values())
    return found if fits else {}


def is_every(text: str) -> bool:
    """Whether a cell of protocols means all there are."""
    return _EVERY.fullmatch(text.strip()) is not None


def stays_local(text: str) -> str:
    """The words that say of connections that they never leave their host."""
    found = _LOCAL_ONLY.search(text)
    return found[0] if found else ""


def unbound(text: str) -> str:
    """The word that sends to many hosts at once, which no single host can prove."""
    found = _UNBOUND.search(text)
    return found[0] if found else ""
