"""Names for what a page calls by words: roles, placeholders, rules, rows."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from string import ascii_uppercase

_LONGEST_ROLE = 40
_LONGEST_PLACEHOLDER = 40
_LONGEST_ID = 90
_DIGEST = 8
# One of them is a role: "Client Devices" is the role of each client device. Other
# words may well end in s by themselves, such as "Analytics".
_PLURAL = re.compile(
    r"(^|-)(appliance|browser|client|computer|device|desktop|endpoint|host|laptop"
    r"|machine|node|server|user|viewer|workstation)s$"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A role as a page names it; `wider` is the one it is a part of, if it says so."""

    name: str
    title: str
    wider: Source | None = None


def slug(text: str, joint: str = "-") -> str:
    """Lower-case ASCII letters and digits, words joined."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return joint.join(re.findall(r"[a-z0-9]+", plain.lower()))


def source(text: str) -> Source | None:
    """`Analytics (CentOS)` as a role within `Analytics`; None if no name is left.

    `(All)` adds nothing to a name.
    """
    found = re.fullmatch(r"([^()]*)\(([^()]*)\)\s*", text)
    base, part = (found[1], found[2]) if found else (text, "")
    name = _cut(_PLURAL.sub(r"\1\2", _numbered(base) + slug(base)), _LONGEST_ROLE)
    if not name:
        return None
    whole = Source(name, base.strip())
    inner = _cut(slug(part), _LONGEST_ROLE)
    if inner in ("", "all", "any"):
        return whole
    return Source(f"{name}-{inner}", text.strip(), whole)


def _numbered(text: str) -> str:
    """What goes before the slug of an address, which is no name by itself."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return ""
    return "network-" if network.num_addresses > 1 else "host-"


def placeholder(text: str) -> str:
    """A name for a placeholder: of a host its first label, of words all of them."""
    name = slug(text, "_")[:_LONGEST_PLACEHOLDER].strip("_")
    return name if re.match(r"[a-z]", name) else f"host_{name}".strip("_")


def rule_id(source: str, destination: str, ports: str, transport: str) -> str:
    """A rule's id, made of its flow alone, so that other rows cannot change it.

    `ports` are empty for what has none.
    """
    parts = [ports] if transport == "tcp" else [ports, transport]
    last = "-".join(filter(None, parts))
    name = f"{slug(source)}-{slug(destination)}-{last}"
    if len(name) <= _LONGEST_ID:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{_cut(name, _LONGEST_ID - 2 * _DIGEST - 6)}-{digest}-{last}"


def letters(index: int) -> str:
    """A, B, ... Z, AA, AB, ...: the name of the table of an index from 0."""
    more, last = divmod(index, len(ascii_uppercase))
    return (letters(more - 1) if more else "") + ascii_uppercase[last]


def _cut(name: str, longest: int) -> str:
    return name[:longest].strip("-")
