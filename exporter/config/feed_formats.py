"""The formats of feeds: bytes from outside as members, bounded, or no feed at all.

HTTP status 200 proves nothing, since list servers answer it with a comment alone, and
captive portals with a page. Neither the number of members, nor their size, nor the
depth of a document is its sender's to choose.
"""

from __future__ import annotations

import ipaddress
import json
import re
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree

from exporter.config import destination, scalars
from exporter.config.feeds import FeedFormat, Member, MemberKind
from exporter.model.addresses import is_public
from exporter.model.endpoint import MAX_PORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.config.feeds import Selection

Flows: TypeAlias = "frozenset[tuple[str, int, int]] | None"
Entry: TypeAlias = "tuple[dict[str, str], list[object], Flows]"
"""Fields to select by, what is named, and for which ports."""

MAX_BYTES = 8 << 20
"""Bytes of the longest feed: Azure's service tags have some five million."""
_MAX_LIST_BYTES = 1 << 20
_MAX_URLS = 1000
"""URLs of one list that are looked at: real lists have a few dozen."""
_MAX_ENTRIES = 20_000
"""Names and networks of one document that are looked at."""
_WIDEST = {4: 8, 6: 16}
"""The shortest prefix of a network that is believed, by the version of IP."""
_NAMESPACE = "{http://www.metalinker.org/}"
_VISIBLE = re.compile(r"[!-~]+")
_SCHEMES = {"http": False, "https": True}
_PORTS = re.compile(r"\s*([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?\s*")
FIELDS: Mapping[FeedFormat, tuple[str, ...]] = {
    FeedFormat.MIRRORLIST: (),
    FeedFormat.METALINK: (),
    FeedFormat.M365_ENDPOINTS: ("id", "serviceArea", "category", "required"),
    FeedFormat.AZURE_SERVICE_TAGS: ("name", "region", "systemService"),
    FeedFormat.AWS_IP_RANGES: ("service", "region", "network_border_group"),
    FeedFormat.GITHUB_META: ("list",),
}
"""What entries of a format may be selected by."""


class UselessFeedError(Exception):
    """What was fetched is no such feed; the message says why."""


def parse(
    content: bytes,
    form: FeedFormat,
    select: Selection | None = None,
    *,
    allow_private: bool = False,
) -> tuple[Member, ...]:
    """The members of a feed, each once, in the order of the feed.

    Args:
        content: the feed as it was sent.
        form: how it is written.
        select: which entries are meant; all if there is none.
        allow_private: also take what is not on the Internet.

    Raises:
        UselessFeedError: it is no such feed, or names nothing that may be used.
    """
    longest = _MAX_LIST_BYTES if form.shuffled else MAX_BYTES
    if len(content) > longest:
        raise UselessFeedError(f"longer than {longest} bytes")
    if form.shuffled:
        read = _lines if form is FeedFormat.MIRRORLIST else _metalink
        urls = islice(read(content), _MAX_URLS)
        named: Iterable[Member | None] = map(_mirror, urls)
    else:
        named = _listed(content, form, select or {})
    found = dict.fromkeys(
        one for one in named if one and (allow_private or _is_outside(one))
    )
    if not found:
        kind = "mirror" if form.shuffled else "member"
        raise UselessFeedError(f"it names no {kind} that may be used")
    return tuple(found)


def _lines(content: bytes) -> Iterator[str]:
    """The lines that are no comments; a page with markup is no list."""
    for line in content.decode("utf-8-sig", "replace").splitlines():
        url = line.strip()
        if url.startswith("#"):
            continue
        if "<" in url:
            raise UselessFeedError("a page with markup came instead of a list")
        if url:
            yield url


def _metalink(content: bytes) -> Iterator[str]:
    """The URLs by falling preference; a document with a DTD is refused unread."""
    try:
        root = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    except ParseError as error:
        raise UselessFeedError("not a whole XML document") from error
    except (ValueError, LookupError) as error:
        raise UselessFeedError("XML with a DTD, or in no known encoding") from error
    if root.tag != f"{_NAMESPACE}metalink":
        raise UselessFeedError("XML, but not Metalink 3.0")
    place = "/".join(f"{_NAMESPACE}{name}" for name in ("files", "file", "resources"))
    elements = root.findall(f"{place}/{_NAMESPACE}url")
    elements.sort(key=lambda element: -_preference(element.get("preference", "")))
    return ((element.text or "").strip() for element in elements)


def _preference(text: str) -> int:
    """From 100, the best, down; a URL that says nothing is last."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0  # noqa: PLR2004 - the digits of 100


def _mirror(url: str) -> Member | None:
    """Host and port of a URL, None for anything but a plain http or https one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    tls = _SCHEMES.get(parts.scheme)
    # Unlike others, urlsplit reads over tabs: what one reader drops, another resolves.
    odd = not _VISIBLE.fullmatch(url) or "@" in parts.netloc
    if tls is None or odd or port == 0 or not parts.hostname:
        return None
    try:
        host = scalars.host(parts.hostname)
    except ValueError:
        return None
    return Member(host, port or (443 if tls else 80), tls)


def _listed(
    content: bytes, form: FeedFormat, select: Selection
) -> Iterator[Member | None]:
    """What the entries of a document name, as far as they are selected."""
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UselessFeedError("not a JSON document") from error
    entries = _READERS[form](whole)
    left = _MAX_ENTRIES
    for fields, names, flows in entries:
        if all(fields.get(key) in values for key, values in select.items()):
            for name in names[:left]:
                yield _member(name, flows)
            left -= len(names)
        if left <= 0:
            return


def _m365(whole: object) -> Iterator[Entry]:
    for item in _objects(whole, "a list of endpoint sets"):
        flows = {
            (transport, *ports)
            for transport in ("tcp", "udp")
            for ports in _ports(item.get(f"{transport}Ports"))
        }
        names = [*_list(item.get("urls")), *_list(item.get("ips"))]
        yield _texts(item), names if flows else [], frozenset(flows)


def _azure(whole: object) -> Iterator[Entry]:
    for item in _objects(_in(whole, "values"), "service tags"):
        about = item.get("properties")
        about = about if isinstance(about, dict) else {}
        fields = {**_texts(about), **_texts(item)}
        yield fields, _list(about.get("addressPrefixes")), None


def _aws(whole: object) -> Iterator[Entry]:
    for item in _objects(_in(whole, "prefixes"), "prefixes"):
        yield _texts(item), [item.get("ip_prefix")], None
    for item in _objects(_in(whole, "ipv6_prefixes", []), "prefixes"):
        yield _texts(item), [item.get("ipv6_prefix")], None


def _github(whole: object) -> Iterator[Entry]:
    if not isinstance(whole, dict):
        raise UselessFeedError("JSON, but no lists of addresses")
    for name, value in whole.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        for part, names in inner:
            label = f"{name}.{part}" if part else name
            yield {"list": label}, _list(names), None


_READERS = {
    FeedFormat.M365_ENDPOINTS: _m365,
    FeedFormat.AZURE_SERVICE_TAGS: _azure,
    FeedFormat.AWS_IP_RANGES: _aws,
    FeedFormat.GITHUB_META: _github,
}


def _in(whole: object, name: str, default: object = None) -> object:
    return whole.get(name, default) if isinstance(whole, dict) else None


def _objects(value: object, what: str) -> Iterable[dict[str, object]]:
    if not isinstance(value, list):
        raise UselessFeedError(f"JSON, but not {what}")
    return (item for item in value if isinstance(item, dict))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _texts(item: Mapping[str, object]) -> dict[str, str]:
    """The fields that are scalars, as JSON writes them."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in item.items()
        if isinstance(value, str | int | bool)
    }


def _ports(value: object) -> Iterator[tuple[int, int]]:
    """`80,443,50000-59999`; what is no port is left out."""
    for part in value.split(",")[:100] if isinstance(value, str) else ():
        if found := _PORTS.fullmatch(part):
            first, last = int(found[1]), int(found[2] or found[1])
            if 0 < first <= last <= MAX_PORT:
                yield first, last


def _member(name: object, flows: Flows) -> Member | None:
    """A host, a network or a wildcard; None for anything else."""
    if not isinstance(name, str) or not _VISIBLE.fullmatch(name):
        return None
    try:
        if "*" in name:
            kind, named = MemberKind.DOMAIN, destination.wildcard(name)
        elif "/" in name:
            whole = ipaddress.ip_network(destination.network(name))
            single = whole.num_addresses == 1
            kind = MemberKind.HOST if single else MemberKind.NETWORK
            named = str(whole.network_address if single else whole)
        else:
            kind, named = MemberKind.HOST, scalars.host(name)
    except ValueError:
        return None
    return Member(named, kind=kind, flows=flows)


def _is_outside(member: Member) -> bool:
    """Whether a member may be the Internet's: public addresses, or a name with a dot.

    A bare name would be looked up in this site's own domains, and a network that is
    half of the Internet is nobody's.
    """
    if member.kind is MemberKind.NETWORK:
        whole = ipaddress.ip_network(member.host)
        ends = (whole.network_address, whole.broadcast_address)
        narrow = whole.prefixlen >= _WIDEST[whole.version]
        return narrow and all(is_public(str(end)) for end in ends)
    try:
        return is_public(member.host)
    except ValueError:
        return "." in member.host and not member.host.endswith(".localhost")
