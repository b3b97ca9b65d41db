"""One look-up: what a name stands for, by what the host's name servers say of it.

As the C library does it (resolv.conf(5), res_search(3)): the name as it stands and
completed by the search list, IPv4 and IPv6 addresses asked for at once, servers in the
order of the file. Only the patience is shared out differently: all servers together get
what the C library gives to each, so that the last one is heard within one look-up.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from exporter.model.addresses import UNSPECIFIED
from exporter.model.outcome import Origin, ProbeError, Reason
from exporter.probes import host_network
from exporter.probes.nameserver import ServerError
from exporter.probes.wire.dns import NOERROR, NXDOMAIN, Answer, Kind, question

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.probes.nameserver import NameServer
    from exporter.probes.resolvconf import ResolvConf
    from exporter.probes.wire.dns import Question

PATIENCE = 5.0
"""Seconds for a question, as the C library has them for each try (resolv.conf(5))."""
KEEP_FAILURE = 2.0
"""Seconds: enough for all targets of one name in a round, and gone by the next."""
_LAST_TRY = 1.0
"""Seconds for the next name once a question was met with silence: that may be for the
one name alone, but resolvers that are gone must not be waited for in full again."""
_GRACE = 1.0
"""Seconds that the IPv6 addresses are waited for once it is known what IPv4 ones there
are: time for one lost datagram. Resolvers that never answer AAAA are not rare."""
_SECOND_LOOK = 0.5
"""Seconds after which servers that failed are asked again, before that is believed."""
_TOLD = 3
"""Servers whose failure is told: the C library asks no more either."""

_FAILURES = (
    Reason.LOCAL_FAULT,
    Reason.DNS_FAILURE,
    Reason.NO_ADDRESS,
    Reason.NXDOMAIN,
)
"""How a search may end, from what leaves most open."""

_End: TypeAlias = Answer | ServerError | ProbeError


@dataclass(frozen=True, slots=True)
class Unlearned:
    """A family of addresses of which nothing is known: `IPv4` or `IPv6`, and why."""

    family: str
    why: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a name stands for.

    Attributes:
        addresses: IPv4 first.
        unlearned: families that could not be looked up, so that there may be more
            addresses than these; what is said of all addresses is not known then.
        completed: the name that has them, where a whole name has none and the search
            list made another one of it; empty otherwise.
    """

    addresses: tuple[str, ...]
    unlearned: tuple[Unlearned, ...] = ()
    completed: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The end of a look-up, and for how many seconds it may be kept.

    `unheard` if nobody was heard of who could have said anything.
    """

    end: Resolved | ProbeError
    ttl: float = KEEP_FAILURE
    unheard: bool = False

    def result(self) -> Resolved:
        """The addresses; a failure is raised anew for everybody who waits for it."""
        if isinstance(self.end, ProbeError):
            end = self.end
            raise ProbeError(end.reason, end.detail, origin=end.origin)
        return self.end


async def look_up(host: str, conf: ResolvConf, servers: Sequence[NameServer]) -> Found:
    """What the first name that has addresses stands for, as res_search(3) tries them."""
    ends: list[ProbeError] = []
    patience = PATIENCE
    for name in conf.candidates(host):
        try:
            found = await _families(name, conf, servers, patience)
        except ProbeError as error:
            found = Found(error)
        if isinstance(found.end, Resolved):
            whole = host.removesuffix(".")
            if name == whole or "." not in whole:
                return found
            return replace(found, end=replace(found.end, completed=name))
        ends.append(found.end)
        if found.unheard and patience == _LAST_TRY:
            break
        patience = _LAST_TRY if found.unheard else PATIENCE
    return Found(_decisive(ends, as_it_stands=conf.candidates(host)[0] == host))


def _decisive(ends: Sequence[ProbeError], *, as_it_stands: bool) -> ProbeError:
    """The failure to tell: of the name as it stands, where that was tried first.

    Else one that leaves open whether the name exists, then one that says it does.
    """
    if as_it_stands and ends[-1].reason is not Reason.LOCAL_FAULT:
        return ends[0]
    return min(reversed(ends), key=lambda end: _FAILURES.index(end.reason))


async def _families(
    name: str, conf: ResolvConf, servers: Sequence[NameServer], patience: float
) -> Found:
    """The addresses of both families; a late or lost second one does not hold it up.

    Raises:
        ProbeError: nxdomain if DNS can hold no such name.
    """
    asked = question(name, Kind.A)
    if conf.ipv4_only:
        return _joined(name, await _tried(servers, asked, patience), Answer(NOERROR))
    aaaa = question(name, Kind.AAAA)
    second = asyncio.create_task(_tried(servers, aaaa, patience))
    try:
        v4 = await _tried(servers, asked, patience)
        settled = isinstance(v4, Answer) and (v4.addresses or v4.rcode == NXDOMAIN)
        await asyncio.wait((second,), timeout=_GRACE if settled else None)
        late = ServerError(f"no answer within {_GRACE:g} s of the other family's")
        return _joined(name, v4, second.result() if second.done() else late)
    finally:
        if not second.done():
            second.cancel()
            await asyncio.wait((second,))


async def _tried(
    servers: Sequence[NameServer], asked: Question, patience: float
) -> _End:
    """An answer or a failure, which is told by its message alone."""
    try:
        return await _ask(servers, asked, patience)
    except (ServerError, ProbeError) as error:
        # The frames of a traceback would hold the error in a reference cycle.
        error.__cause__ = error.__context__ = None
        return error.with_traceback(None)


def _joined(name: str, v4: _End, v6: _End) -> Found:
    """What both families' ends say of a name."""
    answers = [end for end in (v4, v6) if isinstance(end, Answer)]
    first = named(v4.addresses) if isinstance(v4, Answer) else ()
    second = named(v6.addresses) if isinstance(v6, Answer) else ()
    routable = tuple(address for address in second if host_network.has_route(address))
    if addresses := first + routable or second:
        ttl = min(answer.ttl for answer in answers if answer.addresses)
        ends = (("IPv4", v4), ("IPv6", v6))
        unlearned = tuple(
            Unlearned(family, str(end))
            for family, end in ends
            if not isinstance(end, Answer)
        )
        keep = min(ttl, KEEP_FAILURE) if unlearned else ttl
        return Found(Resolved(addresses, unlearned), keep)
    if any(answer.rcode == NXDOMAIN for answer in answers):
        return Found(ProbeError(Reason.NXDOMAIN, f"{name}: the name does not exist"))
    if any(answer.addresses for answer in answers):
        return Found(filtered(name))
    failed = [end for end in (v4, v6) if not isinstance(end, Answer)]
    if failed:
        return _failed(name, failed[0])
    return Found(ProbeError(Reason.NO_ADDRESS, f"{name}: the name has no address"))


def named(addresses: Iterable[str]) -> tuple[str, ...]:
    """Those that name a host. The unspecified one, 0.0.0.0 or ::, names none.

    Yet a connection to it is made, by this host to itself, whatever the name.
    """
    return tuple(address for address in addresses if address not in UNSPECIFIED)


def filtered(name: str) -> ProbeError:
    """What it is where a name stands for nothing but the unspecified address."""
    detail = (
        f"{name}: the name stands for 0.0.0.0 or ::, as filters say that it is none"
    )
    return ProbeError(Reason.NO_ADDRESS, detail)


def _failed(name: str, failure: ServerError | ProbeError) -> Found:
    if isinstance(failure, ProbeError):
        return Found(failure, unheard=True)
    detail = f"{name}: no usable answer: {failure}"
    error = ProbeError(Reason.DNS_FAILURE, detail, origin=failure.origin)
    return Found(error, unheard=failure.unheard)


async def _ask(
    servers: Sequence[NameServer], question: Question, patience: float
) -> Answer:
    """What the host's name servers answer, each asked twice before it has failed.

    Raises:
        ServerError: none of them has a usable answer; the message says what each did.
        ProbeError: local_fault for want of a socket.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + patience
    try:
        return await _in_turn(servers, question, until)
    except ServerError:
        if until - loop.time() < 2 * _SECOND_LOOK:
            raise
    await asyncio.sleep(_SECOND_LOOK)
    return await _in_turn(servers, question, until)


async def _in_turn(
    servers: Sequence[NameServer], question: Question, until: float
) -> Answer:
    """The answer of the first server that has one; a slow one keeps its chance.

    A later server is asked when those before have failed or used up their share of the
    time. What it knows is taken at once, but that there is no such name, and what else
    ends a look-up, is believed from it only when no server before it may still know
    better.
    """
    loop = asyncio.get_running_loop()
    patience = until - loop.time()
    if len(servers) == 1:
        return await servers[0].ask(question, patience)
    share = patience / len(servers)
    asked: list[asyncio.Task[Answer]] = []
    try:
        for server in servers:
            left = until - loop.time()
            asked.append(asyncio.create_task(server.ask(question, left)))
            wait = share if len(asked) < len(servers) else None
            answer = await _first(asked, wait)
            if answer is None and any(map(_has_answered, asked)):
                # A no, with an earlier server still silent: no later one is asked.
                answer = await _first(asked, None)
            if answer is not None:
                return answer
    except ServerError as no:
        raise ServerError(f"{no}, after which no other server is asked") from no
    finally:
        for task in asked:
            task.cancel()
        ends = await asyncio.gather(*asked, return_exceptions=True)
    raise _combined(ends)


async def _first(
    asked: Sequence[asyncio.Task[Answer]], patience: float | None
) -> Answer | None:
    """The answer to go by; None if all have failed, or none came in time.

    Raises:
        ServerError: a failure to go by.
    """
    loop = asyncio.get_running_loop()
    until = None if patience is None else loop.time() + patience
    while True:
        done = [task for task in asked if _has_answered(task)]
        for task in done:
            if task.exception() is None and task.result().rcode == NOERROR:
                return task.result()
        waiting = [task for task in asked if not task.done()]
        # Only the servers before the first that is still silent have the last word.
        heard = next((t for t in asked if not t.done() or t in done), None)
        if heard in done and heard is not None:
            return heard.result()
        left = None if until is None else until - loop.time()
        if not waiting or (left is not None and left <= 0):
            return None
        await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)


def _has_answered(task: asyncio.Task[Answer]) -> bool:
    """Whether a server has said something that no other is asked after."""
    if not task.done():
        return False
    failure = task.exception()
    return failure is None or (isinstance(failure, ServerError) and failure.final)


def _combined(ends: Sequence[Answer | BaseException]) -> Exception:
    own = next((end for end in ends if isinstance(end, ProbeError)), None)
    failed = [end for end in ends if isinstance(end, ServerError)]
    said = "; ".join(map(str, failed[:_TOLD]))
    unheard = any(one.unheard for one in failed)
    origins = {one.origin for one in failed}
    origin = origins.pop() if len(origins) == 1 else Origin.NOBODY
    return own or ServerError(said, unheard=unheard, origin=origin)
