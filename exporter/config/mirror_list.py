"""Mirror lists: what they are, how they are read, and the targets they make.

A list decides whom this host connects to, so it is read as what it is, text from
outside. Whatever is not plainly the http or https URL of a public host is left out,
and a list of which nothing is left is no list: HTTP status 200 proves nothing, since
list servers answer it with a comment alone, and captive portals with a page.

No input or output here: `parse` takes bytes, `expand` takes what is in force.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree

from exporter.config import scalars
from exporter.model.addresses import is_public
from exporter.model.endpoint import Endpoint
from exporter.model.rule import Status, Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_BYTES = 1 << 20
_MAX_URLS = 1000
"""URLs of one list that are looked at: real lists have a few dozen."""
_NAMESPACE = "{http://www.metalinker.org/}"
_VISIBLE = re.compile(r"[!-~]+")
_SCHEMES = {"http": False, "https": True}
# The URLs that a rule means, by its probe; any other probe means both kinds.
_TLS_BY_PROBE = {"http": False, "https": True, "tls": True}


class ListFormat(StrEnum):
    """How a list is written: one URL a line, or Metalink 3.0 (XML)."""

    MIRRORLIST = "mirrorlist"
    METALINK = "metalink"


@dataclass(frozen=True, slots=True)
class MirrorList:
    """A list of mirrors that a catalogue names; `interval` is in seconds.

    Attributes:
        name: what rules call it, and the `list` label.
        title: the name for people.
        url: where it is fetched.
        format: how it is written.
        limit: mirrors in force at once, at the most.
        interval: time between two fetches.
    """

    name: str
    title: str
    url: str
    format: ListFormat
    limit: int
    interval: float

    @property
    def host(self) -> str:
        """The host that the list is fetched from."""
        return scalars.host(urlsplit(self.url).hostname)


class UselessListError(Exception):
    """What was fetched is no list of mirrors; the message says why."""


def parse(
    content: bytes, form: ListFormat, *, allow_private: bool = False
) -> tuple[Endpoint, ...]:
    """The mirrors of a list, each host and port once, in the order clients try them.

    Args:
        content: the list as it was sent.
        form: how it is written.
        allow_private: also take hosts that are not on the Internet.

    Raises:
        UselessListError: it is no list, or names no mirror that may be used.
    """
    if len(content) > MAX_BYTES:
        raise UselessListError(f"longer than {MAX_BYTES} bytes")
    read = _lines if form is ListFormat.MIRRORLIST else _metalink
    found: dict[Endpoint, None] = {}
    for count, url in enumerate(read(content)):
        if count >= _MAX_URLS:
            break
        mirror = _mirror(url)
        if mirror is not None and (allow_private or _is_outside(mirror.host)):
            found[mirror] = None
    if not found:
        raise UselessListError("it names no mirror that may be used")
    return tuple(found)


def expand(
    targets: Iterable[Target],
    mirrors: Mapping[str, tuple[Endpoint, ...]],
    *,
    allow_private: bool = False,
) -> tuple[Target, ...]:
    """`targets` with the mirrors in force in place of the lists that have any.

    A rule whose list names no mirror of its kind does not apply at the moment.

    Args:
        targets: as configured; one for each rule that leads to a list.
        mirrors: the mirrors in force by list; one never fetched is missing.
        allow_private: mirrors may have addresses that are not public.
    """
    whole: list[Target] = []
    for target in targets:
        name = target.rule.mirrors
        if name is None or target.status is not Status.UNSET or name not in mirrors:
            whole.append(target)
            continue
        tls = _TLS_BY_PROBE.get(target.rule.probe)
        meant = [one for one in mirrors[name] if tls is None or one.tls is tls]
        whole += (
            Target(target.rule, one.host, one.port, untrusted=not allow_private)
            for one in meant
        )
        if not meant:
            whole.append(replace(target, status=Status.NOT_APPLICABLE))
    return tuple(whole)


def needed(targets: Iterable[Target]) -> frozenset[str]:
    """The lists that rules of this host wait for or lead to."""
    return frozenset(
        target.rule.mirrors
        for target in targets
        if target.rule.mirrors is not None and target.status is Status.UNSET
    )


def _lines(content: bytes) -> Iterator[str]:
    """The lines that are no comments; a page with markup is no list."""
    for line in content.decode("utf-8-sig", "replace").splitlines():
        url = line.strip()
        if url.startswith("#"):
            continue
        if "<" in url:
            raise UselessListError("a page with markup came instead of a list")
        if url:
            yield url


def _metalink(content: bytes) -> Iterator[str]:
    """The URLs by falling preference; a document with a DTD is refused unread."""
    try:
        root = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    except ParseError as error:
        raise UselessListError("not a whole XML document") from error
    except (ValueError, LookupError) as error:
        raise UselessListError("XML with a DTD, or in no known encoding") from error
    if root.tag != f"{_NAMESPACE}metalink":
        raise UselessListError("XML, but not Metalink 3.0")
    place = "/".join(f"{_NAMESPACE}{name}" for name in ("files", "file", "resources"))
    elements = root.findall(f"{place}/{_NAMESPACE}url")
    elements.sort(key=lambda element: -_preference(element.get("preference", "")))
    return ((element.text or "").strip() for element in elements)


def _preference(text: str) -> int:
    """From 100, the best, down; a URL that says nothing is last."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0  # noqa: PLR2004 - the digits of 100


def _mirror(url: str) -> Endpoint | None:
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
    return Endpoint(host, port or (443 if tls else 80), tls)


def _is_outside(host: str) -> bool:
    """Whether a host may be the Internet's: a public address, or a name with a dot.

    A bare name would be looked up in this site's own domains.
    """
    try:
        return is_public(host)
    except ValueError:
        return "." in host and not host.endswith(".localhost")
