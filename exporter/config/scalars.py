"""How single values are written: durations, rates, hosts, addresses to listen on.

Each function takes what stands in the file and returns its meaning, or raises
ValueError with a message that says what is allowed.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from exporter.config.diagnostics import described, shown
from exporter.model.endpoint import MAX_PORT, Endpoint
from exporter.probes.wire.text import printable

DURATION_PATTERN = r"^[0-9]{1,9}(ms|s|m|h)$"
RATE_PATTERN = r"^[0-9]{1,5}(\.[0-9]{1,3})?/s$"
LONGEST = 86400.0
"""Seconds; what is probed less often than daily is not watched."""
SHORTEST_LIST_INTERVAL = 600.0
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Letters that IDNA 2003, which is what Python has, makes another host's name of than
# browsers do by IDNA 2008 (RFC 5894 7.2): fass.de is not faß.de.
_DEVIANT = re.compile("[\u00df\u03c2\u200c\u200d]")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MAX_NAME = 253
_NOTHING = frozenset(
    ("", "-", "n/a", "na", "nil", "no", "none", "null", "nothing", "false", "off", "~")
)
_LATER = frozenset(
    ("?", "???", "changeme", "tba", "tbc", "tbd", "todo", "unknown", "xxx")
)
"""What people write for a host that there is not, or not yet; as names they would be
asked for, and told as missing."""
_DOTS = "\u3002\uff0e\uff61"
_JOINERS = "\u200c\u200d"
"""What may stand in an international name beside letters and digits (RFC 5892 A.1, A.2,
RFC 3490 3.1)."""


def duration(value: object) -> float:
    """`500ms`, `5s`, `2m` or `6h` in seconds, at most a day."""
    if not isinstance(value, str) or not re.fullmatch(DURATION_PATTERN, value):
        said = f"must be a duration such as 500ms, 5s, 2m or 6h, not {described(value)}"
        raise ValueError(said)
    number = value.rstrip("msh")
    seconds = int(number) * _UNITS[value.removeprefix(number)]
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"must be longer than nothing and at most 24h, not {value}")
    return seconds


def rate(value: object) -> float:
    """`200/s` as starts per second."""
    if not isinstance(value, str) or not re.fullmatch(RATE_PATTERN, value):
        raise ValueError(f"must be a rate such as 200/s, not {described(value)}")
    number = float(value.removesuffix("/s"))
    if number == 0:
        raise ValueError("must be more than 0/s")
    return number


def host(value: object) -> str:
    """A host name (RFC 1123 2.1) or IP literal, in lower case, without a final dot."""
    text = _text(value, "must be a host name or an IP address")
    address = _address(text)
    if address is not None:
        return address
    _refuse_more_than_a_name(text)
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > _MAX_NAME or not all(map(_LABEL.fullmatch, labels)):
        said = "must be a host name (letters, digits, hyphens, dots) or an IP address"
        raise ValueError(f"{said}, not {shown(text)}")
    # Clients and proxies read such a name as an IPv4 address, with "0x" in hexadecimal.
    if _NUMBER.fullmatch(labels[-1]):
        raise ValueError(f"must be a host name or a whole IP address, not {text}")
    return name


def _text(value: object, said: str) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{said}, not {described(value)}")


def _address(text: str) -> str | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if "%" in text:
        raise ValueError(f"must be an address without a zone, not {shown(text)}")
    return str(found)


def _refuse_more_than_a_name(text: str) -> None:
    """Says precisely what is too much in the usual mistakes."""
    _refuse_credentials(text, "a host")
    _refuse_typography(text)
    if not text.isascii():
        raise ValueError(f"must be in ASCII (an IDN {_in_ascii(text)}): {shown(text)}")
    if "/" in text:
        raise ValueError(f"must be a host alone, without scheme or path: {shown(text)}")
    if text.startswith("["):
        raise ValueError(f"must be an address without brackets: {shown(text)}")
    if re.fullmatch(r"[^:]+:[0-9]*", text):
        said = f"must be a host without a port, {shown(text.partition(':')[0])}"
        raise ValueError(f"{said}, not {shown(text)}")


def _refuse_typography(text: str) -> None:
    """Refuses what word processors and web pages put in: their quotes, their spaces."""
    for sign in text:
        letter = sign.isascii() or sign.isalnum() or unicodedata.combining(sign)
        if not letter and sign not in _DOTS + _JOINERS:
            said = f"must be a host, without the sign U+{ord(sign):04X}"
            raise ValueError(f"{said}: {shown(text)}")


def _in_ascii(name: str) -> str:
    if _DEVIANT.search(name.lower()):
        return "is written with xn--"
    try:
        return f"is written {name.lower().encode('idna').decode('ascii')}"
    except UnicodeError:
        return "is written with xn--"


def url(value: object) -> Endpoint:
    """`https://host[:port]` or `http://host[:port]`, a final slash allowed."""
    kind = "must be a URL such as https://apps.example.ac.uk"
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"{kind}, not {described(value)}")
    _refuse_credentials(value)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{kind}, not {shown(value)}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{kind}, not {shown(value)}")
    if parts.path not in ("", "/") or "?" in value or "#" in value:
        said = "must be a URL of scheme, host and port only"
        raise ValueError(f"{said}, not {shown(value)}")
    tls = parts.scheme == "https"
    return Endpoint(host(parts.hostname), _port(port, 443 if tls else 80), tls)


def feed_url(value: object) -> str:
    """`https://host[:port]/path?query`, from which a feed is fetched."""
    said = "must be a URL such as https://lists.example.org/mirrorlist?repo=os"
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise ValueError(f"{said}, not {described(value)}")
    base, _, rest = value.partition("://")
    place, slash, _ = rest.partition("/")
    _refuse_credentials(place)
    if not slash or "#" in value:
        raise ValueError(f"{said}, not {shown(value)}")
    url(f"{base}://{place}")
    return value


def feed_interval(value: object) -> float:
    """A duration that does not bother the people who keep lists."""
    seconds = duration(value)
    if seconds < SHORTEST_LIST_INTERVAL:
        raise ValueError(f"must be at least 10m, not {value}")
    return seconds


def _refuse_credentials(text: str, what: str = "a URL") -> None:
    """Passwords do not belong into this file, nor into a message about it."""
    if "@" in text:
        raise ValueError(f"must be {what} without user name or password")


def _port(port: int | None, default: int) -> int:
    if port == 0:
        raise ValueError("must have a port from 1 to 65535, not 0")
    return default if port is None else port


def proxy(value: object) -> Endpoint:
    """`http://host:port` of a proxy that understands CONNECT."""
    said = "must be such as http://proxy.example.ac.uk:3128"
    if isinstance(value, str):
        _refuse_credentials(value)
    if not isinstance(value, str) or not value.startswith("http://"):
        raise ValueError(f"{said}, not {described(value)}")
    if not re.search(r":[0-9]+/?$", value):
        raise ValueError(f"{said}, with the proxy's port, not {shown(value)}")
    return url(value)


def listen(value: object) -> Endpoint:
    """`host:port`, `[ipv6]:port` or `:port`, which is every address.

    So is `[::]:port`, as with all exporters written in Go: IPv4 as well.
    """
    said = "must be such as 127.0.0.1:9842, [::1]:9842 or :9842"
    if isinstance(value, str):
        _refuse_credentials(value, "an address and a port")
    found = isinstance(value, str) and re.fullmatch(
        r"(?:\[([^\[\]]+)\]|([^:\[\]]*)):([0-9]{1,5})", value
    )
    if not found or int(found[3]) > MAX_PORT:
        raise ValueError(f"{said}, not {described(value)}")
    name = found[1] or found[2]
    if name == "*":
        raise ValueError(f"{said}, which is every address, not {described(value)}")
    known = host(name) if name else ""
    return Endpoint("" if known == "::" else known, int(found[3]))


def name_server(value: object) -> str:
    """`192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`."""
    said = "must be an IP address, with a port if it is not 53"
    value = _text(value, said)
    _refuse_credentials(value, "an IP address")
    found = re.fullmatch(r"\[([^\[\]]+)\]:([0-9]{1,5})|([0-9.]+):([0-9]{1,5})", value)
    address = (found[1] or found[3]) if found else value
    port = int(found[2] or found[4]) if found else 53
    if _address(address) is None or not 0 < port <= MAX_PORT:
        raise ValueError(f"{said}, not {shown(value)}")
    return value


@dataclass(frozen=True, slots=True)
class ProbeCall:
    """A prober's name with the options written for it."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


def probe(value: object) -> ProbeCall:
    """`https`, or with options `{https: {path: /alive}}`."""
    match value:
        case str():
            return ProbeCall(value)
        case dict() if len(value) == 1:
            name, options = next(iter(value.items()))
            if options is None or isinstance(options, dict):
                return ProbeCall(name, options or {})
    said = "must be a name such as https, or one with options such as"
    raise ValueError(f"{said} {{https: {{path: /alive}}}}, not {described(value)}")


def several(value: object) -> tuple[str, ...]:
    """A role, or a list of roles, each once."""
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, tuple) or not found:
        told = "an empty list" if value == () else described(value)
        raise ValueError(f"must be a role or a list of roles, not {told}")
    for one in found:
        if found.count(one) > 1:
            raise ValueError(f"says {described(one)} twice")
    return found


def hosts(value: object) -> tuple[str, ...] | None:
    """A placeholder's value as a list; None is "not applicable here".

    A whole number may be a port; whether it is, the placeholder knows.
    """
    if value is None:
        return None
    several = value if isinstance(value, tuple) else (value,)
    wrong = [one for one in several if type(one) not in {str, int}]
    if several and not wrong:
        return tuple(_meant(str(one)) for one in several)
    told = "an empty list" if value == () else described(value)
    if wrong and wrong != [value]:
        told = f"a list with {described(wrong[0])}"
    said = "must be a host, a list of hosts, or null where it does not apply"
    raise ValueError(f"{said}, not {told}")


def _meant(text: str) -> str:
    """A placeholder's value, unless it is a word for nothing, or several values."""
    if text.strip().lower() in _NOTHING:
        raise ValueError(f"must be null where it does not apply, not {shown(text)}")
    if text.strip().lower() in _LATER:
        raise ValueError(f"must be left out until it is known, not {shown(text)}")
    words = [word for word in re.split(r"[\s,;]+", text.strip()) if word != "-"]
    if len(words) > 1 and all(re.fullmatch(r"[\w.:-]+", word) for word in words):
        raise ValueError(f"must be a list, [{', '.join(map(printable, words))}]")
    return text
