"""Names to addresses, as the host's own clients would resolve them.

A and AAAA are asked at once of the configured servers (the system's by default),
after the hosts file. Answers are kept for their TTL, failures for a few seconds,
and everybody who wants the same name meanwhile waits for the same look-up. A
failure keeps its kind: a name that does not exist, one without addresses, and a
resolver that does not answer are different people's problems.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiodns
import pycares

from exporter.model.outcome import ProbeError, Reason
from exporter.probes import kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_KEEP_AT_MOST = 300.0
_KEEP_FAILURE = 5.0
_TIMEOUT = 2.2
"""Seconds until the next resolver is asked, or the same one again. An answer that comes
later is lost: c-ares has closed the socket. It adds up to as much at random to the later
tries, so that only this first wait can be relied on; two of it fit into a look-up."""
_TRIES = 2
_HOSTS_CHECK = 5.0
_STALL = 0.3
"""Seconds without CPU in a look-up beyond which its failure proves nothing."""
_CACHE_SIZE = 20_000

_REASONS = {
    pycares.errno.ARES_ENOTFOUND: (Reason.NXDOMAIN, "the name does not exist"),
    pycares.errno.ARES_ENODATA: (Reason.NO_ADDRESS, "the name has no address"),
    pycares.errno.ARES_ESERVFAIL: (
        Reason.DNS_FAILURE,
        "the resolver failed (SERVFAIL)",
    ),
    pycares.errno.ARES_EREFUSED: (Reason.DNS_FAILURE, "the resolver refused"),
    pycares.errno.ARES_ETIMEOUT: (Reason.DNS_FAILURE, "no resolver answers"),
    pycares.errno.ARES_ECONNREFUSED: (Reason.DNS_FAILURE, "no resolver can be reached"),
    pycares.errno.ARES_EBADNAME: (Reason.NXDOMAIN, "not a name that DNS can hold"),
}


@dataclass(frozen=True, slots=True)
class _Answer:
    """Addresses of one type with the seconds they may be kept, or a failure."""

    addresses: tuple[str, ...] = ()
    ttl: float = _KEEP_FAILURE
    error: ProbeError | None = None


@dataclass(frozen=True, slots=True)
class _Cached:
    answer: _Answer
    expires: float


class Resolver:
    """Resolves names for probes.

    Args:
        servers: resolvers as `address` or `address:port`; the system's if empty.
        search: domains tried for a name without a dot; the system's if empty.
        hosts: the hosts file, read again when it changes.
        clock: monotonic seconds.

    Attributes:
        stalled: seconds, ever growing, in which this process did not get to run.
    """

    def __init__(
        self,
        servers: Sequence[str] = (),
        search: Sequence[str] = (),
        hosts: Path = Path("/etc/hosts"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stalled: Callable[[], float] = lambda: 0.0
        self._dns = aiodns.DNSResolver(
            nameservers=list(servers) or None, timeout=_TIMEOUT, tries=_TRIES
        )
        self._search = tuple(search) or _system_search()
        self._hosts = HostsFile(hosts, clock)
        self._clock = clock
        self._cache: dict[str, _Cached] = {}
        self._running: dict[str, asyncio.Task[_Answer]] = {}

    async def resolve(self, host: str) -> tuple[str, ...]:
        """All addresses of a host, IPv4 first; an IP literal is its own address.

        IPv6 addresses are left out where this host has no route to them, unless
        there are no others.

        Raises:
            ProbeError: nxdomain, no_address or dns_failure.
        """
        if (known := self.known(host)) is not None:
            return known
        if (literal := _literal(host)) is not None:
            self._cache[host] = _Cached(_Answer((literal,)), float("inf"))
            return (literal,)
        if known := self._hosts.addresses(host):
            return known
        running = self._running.get(host)
        if running is None:
            running = asyncio.create_task(self._look_up(host))
            self._running[host] = running
        # Shielded: one waiter giving up must not take the answer from the others.
        return _addresses(await asyncio.shield(running))

    def known(self, host: str) -> tuple[str, ...] | None:
        """What `resolve` would say without asking anybody, None if it must ask."""
        cached = self._cache.get(host)
        if cached is None or cached.expires <= self._clock():
            return None
        return _addresses(cached.answer)

    async def retire(self) -> None:
        """Lets look-ups under way end, which takes seconds at most, then closes."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self.close()

    async def close(self) -> None:
        """Ends look-ups under way."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._dns.close()

    async def _look_up(self, host: str) -> _Answer:
        stalled = self.stalled()
        try:
            answer = await self._first_found(host)
            if _is_failure(answer) and self.stalled() - stalled > _STALL:
                detail = "this host was too busy to hear the resolver"
                return _Answer(error=ProbeError(Reason.LOCAL_FAULT, detail))
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            keep = min(answer.ttl, _KEEP_AT_MOST)
            self._cache[host] = _Cached(answer, self._clock() + keep)
            return answer
        finally:
            del self._running[host]

    async def _first_found(self, host: str) -> _Answer:
        names = [host]
        if "." not in host:
            names = [f"{host}.{domain}" for domain in self._search] + names
        answer = _Answer()
        for name in names:
            answer = await self._both_types(name)
            if answer.error is None or _is_failure(answer):
                break
        return answer

    async def _both_types(self, name: str) -> _Answer:
        v4, v6 = await asyncio.gather(self._query(name, "A"), self._query(name, "AAAA"))
        routable = tuple(a for a in v6.addresses if kernel.has_route(a))
        addresses = v4.addresses + routable or v6.addresses
        if addresses:
            ttl = min(answer.ttl for answer in (v4, v6) if answer.addresses)
            return _Answer(addresses, ttl)
        return next(filter(_is_failure, (v4, v6)), v4)

    async def _query(self, name: str, kind: str) -> _Answer:
        try:
            result = await self._dns.query_dns(name, kind)
        except aiodns.error.DNSError as error:
            return _Answer(error=_failure(name, error.args[0]))
        # Aliases on the way to an address are records of the answer too.
        addresses = tuple(
            str(record.data.addr)
            for record in result.answer
            if isinstance(record.data, pycares.ARecordData | pycares.AAAARecordData)
        )
        if not addresses:
            return _Answer(error=_failure(name, pycares.errno.ARES_ENODATA))
        ttl = min(r.ttl for r in result.answer)
        return _Answer(tuple(dict.fromkeys(addresses)), float(ttl))


class HostsFile:
    """The hosts file (hosts(5)), looked at again every few seconds."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._stamp: tuple[int, int] | None = None
        self._next_check = -1.0
        self._names: Mapping[str, tuple[str, ...]] = {}

    def addresses(self, host: str) -> tuple[str, ...]:
        """The file's addresses of a host; empty if it is not listed."""
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + _HOSTS_CHECK
            self._refresh()
        return self._names.get(host, ())

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                text = self._path.read_text("utf-8", "replace")
                self._names = _parse_hosts(text)
                self._stamp = stamp
        except OSError:
            self._names, self._stamp = {}, None


def _parse_hosts(text: str) -> Mapping[str, tuple[str, ...]]:
    names: dict[str, list[str]] = {}
    for line in text.splitlines():
        fields = line.split("#", 1)[0].split()
        address = _literal(fields[0]) if fields else None
        if address is None:
            continue
        for name in fields[1:]:
            names.setdefault(name.lower().rstrip("."), []).append(address)
    return {name: tuple(dict.fromkeys(found)) for name, found in names.items()}


def _addresses(answer: _Answer) -> tuple[str, ...]:
    if answer.error is not None:
        error = answer.error
        raise ProbeError(error.reason, error.detail)
    return answer.addresses


def _is_failure(answer: _Answer) -> bool:
    """Whether nobody said anything about the name."""
    return answer.error is not None and answer.error.reason is Reason.DNS_FAILURE


def _failure(name: str, code: int) -> ProbeError:
    # Without a free descriptor a look-up fails like a dead resolver would.
    if not kernel.can_open_socket():
        return ProbeError(Reason.LOCAL_FAULT, "no file descriptor left for DNS")
    reason, says = _REASONS.get(code, (Reason.DNS_FAILURE, f"c-ares error {code}"))
    return ProbeError(reason, f"{name}: {says}")


def _literal(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _system_search(path: Path = Path("/etc/resolv.conf")) -> tuple[str, ...]:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    found = [
        line.split()[1:] for line in lines if line.startswith(("search", "domain"))
    ]
    return tuple(found[-1]) if found else ()
