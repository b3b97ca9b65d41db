"""Questions to name servers: UDP, then TCP where an answer is truncated, with patience.

All questions to a server that are open at one time share a socket, which is closed with
the last of them; an answer finds its question by identifier, name and type, so that what
is wrong with one harms no other. A question is sent again every second or so until it is
answered or given up: an answer to any of its copies will do, however late it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.endpoint import name_server
from exporter.model.outcome import Origin, ProbeError, Reason
from exporter.probes import kernel
from exporter.probes.refusal import refusal
from exporter.probes.wire import dns

if TYPE_CHECKING:
    from exporter.model.outcome import Icmp
    from exporter.probes.wire.dns import Answer, Question

_AGAIN = 0.5
"""Seconds until a question is sent again for the first time, since datagrams get lost."""
_AND_AGAIN = 1.0
"""Seconds between all further copies of a question."""
_DATAGRAM = 65535
_AT_ONCE = 64
# glibc's res_send asks on after these alone; any other code is the end of a look-up.
_ASK_THE_NEXT = frozenset({"SERVFAIL", "NOTIMP", "REFUSED"})
_LOST = frozenset({Reason.HOST_UNREACHABLE, Reason.NETWORK_UNREACHABLE})


class ServerError(Exception):
    """A server gave no usable answer; the message says which, and what it did.

    `unheard` if it said nothing of use about any name, as when it is not there. `origin`
    is who kept the question from it, if somebody is known to. `final` if the C library
    asks no other server after that.
    """

    def __init__(
        self,
        said: str,
        *,
        unheard: bool = False,
        origin: Origin = Origin.NOBODY,
        final: bool = False,
    ) -> None:
        super().__init__(said)
        self.unheard = unheard
        self.origin = origin
        self.final = final


@dataclass(slots=True, eq=False)
class _Open:
    """A question that waits for its answer; times are the loop's."""

    question: Question
    message: bytes
    answer: asyncio.Future[Answer]
    until: float
    strays: int = 0
    timer: asyncio.TimerHandle | None = None


class NameServer:
    """One name server.

    Args:
        server: `address`, `address:port` or `[address]:port`.
        tcp_only: it is never asked over UDP.
    """

    def __init__(self, server: str, *, tcp_only: bool = False) -> None:
        self._address, self._port = name_server(server)
        self._tcp_only = tcp_only
        self._socket: kernel.Socket | None = None
        self._open: dict[int, _Open] = {}
        self._loop = asyncio.get_running_loop()

    async def ask(self, question: Question, patience: float) -> Answer:
        """The server's answer, of any length.

        Args:
            question: what is asked.
            patience: seconds until silence is taken as such.

        Raises:
            ServerError: it did not answer, or with anything but a yes or a no.
            ProbeError: local_fault for want of a socket.
        """
        until = self._loop.time() + patience
        if self._tcp_only:
            answer = await self._over_tcp(question, until, patience)
        else:
            answer = await self._over_udp(question, until, patience)
            if answer.truncated:
                answer = await self._longer(question, until)
        if answer.rcode not in {dns.NOERROR, dns.NXDOMAIN}:
            final = answer.rcode not in _ASK_THE_NEXT
            raise ServerError(f"{self._address} says {answer.rcode}", final=final)
        if answer.lame:
            said = "knows nothing of the name, and asks no other server for us"
            raise ServerError(f"{self._address} {said}")
        if answer.foreign:
            said = f"answers with addresses of another name, {answer.foreign}"
            raise ServerError(f"{self._address} {said}")
        return answer

    async def _over_udp(
        self, question: Question, until: float, patience: float
    ) -> Answer:
        ident = secrets.randbelow(dns.IDENTIFIERS)
        while ident in self._open:
            ident = secrets.randbelow(dns.IDENTIFIERS)
        answer: asyncio.Future[Answer] = self._loop.create_future()
        one = _Open(question, dns.query(ident, question), answer, until)
        self._open[ident] = one
        try:
            self._send(one, _AGAIN)
            return await answer
        except TimeoutError as error:
            said = f"UDP {self._port} to {self._address}: no answer"
            said = f"{said} within {patience:.2g} s"
            if one.strays:
                said += ", only answers to other questions"
            raise ServerError(said, unheard=True) from error
        finally:
            if one.timer is not None:
                one.timer.cancel()
            del self._open[ident]
            if not self._open:
                self._close()
            # An error would hold this call, and this call the error.
            del one, answer

    def _send(self, one: _Open, pause: float) -> None:
        """Sends a question, now and again until its time is up."""
        now = self._loop.time()
        if one.answer.done():
            return
        if now >= one.until:
            one.answer.set_exception(TimeoutError())
            return
        one.timer = self._loop.call_at(
            min(now + pause, one.until), self._send, one, _AND_AGAIN
        )
        try:
            if self._socket is None:
                self._socket = kernel.connected_udp_socket(self._address, self._port)
                self._loop.add_reader(self._socket.fileno(), self._receive)
            self._socket.send(one.message)
        except BlockingIOError:
            return
        except OSError as error:
            self._refused(error)

    def _receive(self) -> None:
        for _ in range(_AT_ONCE):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:
                self._refused(error)
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        one = self._open.get(dns.identifier(data))
        if one is None or one.answer.done():
            return
        try:
            answer = dns.read(data, one.question)
        except ProbeError as error:
            failure = ServerError(f"{self._address} sent {error.detail}")
            one.answer.set_exception(failure)
            return
        if answer is None:
            one.strays += 1
        else:
            one.answer.set_result(answer)

    def _refused(self, error: OSError) -> None:
        """Ends every open question: what the network said holds for all of them."""
        icmp = kernel.drain_errors(self._socket) if self._socket is not None else None
        self._close()
        for one in self._open.values():
            if not one.answer.done():
                one.answer.set_exception(self._failure("UDP", error, icmp))

    def _close(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    async def _longer(self, question: Question, until: float) -> Answer:
        """What UDP had no room for."""
        try:
            return await self._over_tcp(question, until, until - self._loop.time())
        except ServerError as failure:
            said = f"{failure}, and over UDP the answer is truncated"
            raise ServerError(said, unheard=True) from failure

    async def _over_tcp(
        self, question: Question, until: float, patience: float
    ) -> Answer:
        ident = secrets.randbelow(dns.IDENTIFIERS)
        place = f"TCP {self._port} to {self._address}"
        try:
            async with asyncio.timeout_at(until):
                data = await self._exchange(dns.query(ident, question))
            answer = dns.read(data, question)
        except TimeoutError as error:
            said = f"{place}: no answer within {patience:.2g} s"
            raise ServerError(said, unheard=True) from error
        except EOFError as error:
            said = f"{place}: closed without an answer"
            raise ServerError(said, unheard=True) from error
        except ProbeError as error:
            raise ServerError(f"{place}: {error.detail}") from error
        except OSError as error:
            raise self._failure("TCP", error, None) from error
        if answer is None or dns.identifier(data) != ident:
            raise ServerError(f"{place}: something else than the answer came")
        if answer.truncated:
            raise ServerError(f"{place}: truncated here as well")
        return answer

    async def _exchange(self, message: bytes) -> bytes:
        """RFC 1035 4.2.2: a length before each message."""
        reader, writer = await asyncio.open_connection(self._address, self._port)
        try:
            writer.write(dns.frame(message))
            size = int.from_bytes(await reader.readexactly(dns.LENGTH))
            return await reader.readexactly(size)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _failure(self, transport: str, error: OSError, icmp: Icmp | None) -> Exception:
        """What a failed call means: the server's, or this host's own fault."""
        code = error.errno or errno.EIO
        said = refusal(code, icmp, peer=self._address.partition("%")[0], own="")
        if said.reason is Reason.LOCAL_FAULT:
            return ProbeError(said.reason, f"no socket for DNS: {said.detail}")
        place = f"{transport} {self._port} to {self._address}"
        kept = said.origin if _is_kept_back(said) else Origin.NOBODY
        return ServerError(f"{place}: {said.detail}", unheard=True, origin=kept)


def _is_kept_back(said: ProbeError) -> bool:
    """Whether somebody between keeps questions from a server.

    A router that knows no way to it keeps nothing back, and what the server itself
    refuses is no word of a rule's destination.
    """
    between = said.origin in {Origin.SELF, Origin.PATH}
    return between and said.reason not in _LOST
