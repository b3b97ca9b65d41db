"""The one door to the wire: sockets, their clocks and their error queues.

A `Link` is one probe's way to one address. It opens non-blocking sockets of its
own (never asyncio transports: a transport does not drain the error queue and
spins), notes the stage reached and the seconds spent in each, and turns every
OSError into a `ProbeError` with the evidence the kernel kept: ICMP type, code and
sender from the error queue, the handshake's round trip and SYN retransmits from
TCP_INFO, receive timestamps of datagrams. Nothing here needs privileges.

Deadlines belong to the runner, which cancels; a Link only knows how to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from exporter.model.endpoint import Endpoint
from exporter.model.outcome import Conversation, Origin, ProbeError, Reason, Stage
from exporter.model.tls_facts import TlsFacts
from exporter.probes import kernel, own_host, proxy
from exporter.probes.refusal import SOFT, State, outlived, refusal
from exporter.probes.stream import CHUNK, Connection, Stream
from exporter.probes.transcript import Transcript, conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from exporter.model.rule import Target

T = TypeVar("T")

_DATAGRAM = 65535
_STRAY_DATAGRAMS = 16
_UNSPECIFIED = ("0.0.0.0", "::")  # noqa: S104 - compared with, never bound to
_RESET = frozenset({errno.ECONNRESET, errno.EPIPE})


class _SentError(OSError):
    """A connection failed after its first packet was sent."""


class SecureStream(Connection):
    """A Connection inside TLS.

    Attributes:
        alpn: the protocol agreed on, empty if none.
    """

    alpn: str

    @abstractmethod
    def farewell(self) -> bytes:
        """The last bytes to send, so that the peer sees an orderly end."""


class Secure(Protocol):
    """What a Link needs of a TLS engine (implemented in tls.py)."""

    async def handshake(
        self,
        stream: Stream,
        target: Target,
        alpn: Sequence[bytes],
        link: Link,
        *,
        at_most_tls12: bool = False,
    ) -> SecureStream:
        """TLS over `stream`; sets `link.tls` as soon as a chain was presented."""


class Link:
    """One probe's way to one address.

    Args:
        target: what is probed.
        address: one of its addresses, or of the proxy's.
        secure: the TLS engine.
        ttl: time to live of what is sent, the system's if None.
        via: a proxy that TCP connections go through by CONNECT.

    Attributes:
        stage: the furthest stage reached so far.
        latency: network round trip in seconds, once known.
        syn_retransmits: SYNs the kernel sent again, once connected or given up.
        tls: the certificate chain presented, once there was one.
        least_ttl: what arrives with less left to live is not heard; None for all.
        overdue: set by a prober that can tell what else those bytes are that were
            no answer by the deadline; it is told whether more still came.
        small_segments: whether both ends may send small segments only.
        answer_hops: how far away whoever spoke last is, if that could be told.
        soft_error: the ICMP error that a connection lived with, as errno; 0 if none.
    """

    def __init__(
        self,
        target: Target,
        address: str,
        secure: Secure,
        ttl: int | None = None,
        via: Endpoint | None = None,
    ) -> None:
        self.target = target
        self.address = address
        self.stage = Stage.CONNECT
        self.latency: float | None = None
        self.syn_retransmits: int | None = None
        self.tls: TlsFacts | None = None
        self.least_ttl: int | None = None
        self.small_segments = False
        self.answer_hops: int | None = None
        self.soft_error = 0
        self._v6 = ":" in address
        self._secure = secure
        self._ttl = ttl
        self.via = via
        self._through = via is None
        self.overdue: Callable[[bool], ProbeError | None] = lambda _coming: None
        self._transcripts: list[Transcript] = []
        self._sockets: list[socket.socket] = []
        self._secured: list[tuple[TcpStream, SecureStream]] = []
        self._phases: dict[Stage, float] = {}
        self._since = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def connect(self) -> Connection:
        """A TCP connection to the target's port: a completed handshake, whatever follows.

        The stage stays `connect` until the proxy, where there is one, has let us through.
        """
        self._through = self.via is None
        self.enter(Stage.CONNECT)
        sock = self._socket(socket.SOCK_STREAM)
        try:
            reset = await _connect(sock, self._peer)
        except _SentError as error:
            raise self.refusal(sock, error, State.SENT) from error
        except OSError as error:
            raise self.refusal(sock, error) from error
        # From here on an ICMP error is what TCP itself takes it for: perhaps passing.
        kernel.endure_errors(sock, v6=self._v6)
        self._note_handshake(sock)
        stream = TcpStream(self, sock, reset)
        self._transcripts = [stream.transcript]
        if self.via is not None:
            destination = Endpoint(self.target.destination, self.target.port)
            head = await proxy.connect(stream, destination)
            self._through = True
            proxy.check(head, self.via)
            stream.transcript = Transcript()
            self._transcripts = [stream.transcript]
        self.enter(Stage.EXCHANGE)
        return stream

    def datagrams(self) -> Datagrams:
        """A connected UDP socket to the target's port: ICMP errors reach it."""
        self.enter(Stage.CONNECT)
        sock = self._socket(socket.SOCK_DGRAM)
        kernel.stamp_datagrams(sock)
        try:
            sock.connect(self._peer)
        except OSError as error:
            raise self.refusal(sock, error) from error
        datagrams = Datagrams(self, sock)
        self._transcripts = [datagrams.transcript]
        return datagrams

    async def try_port(self, port: int, patience: float) -> ProbeError | None:
        """Whether another TCP port of the address lets a connection in: an aside.

        It leaves the stage, the latency and the retransmits of the probe alone.

        Args:
            port: the port, which the target itself may have named.
            patience: seconds until silence is taken as such.

        Returns:
            None if it connects, else how it does not.
        """
        sock = None
        try:
            sock = self._socket(socket.SOCK_STREAM)
            async with asyncio.timeout(patience):
                peer = (self.address, port)
                await _connect(sock, peer)
        except TimeoutError:
            return ProbeError(Reason.TIMEOUT, f"no answer within {patience:g} s")
        except _SentError as error:
            return self.refusal(sock, error, State.SENT)
        except OSError as error:
            return self.refusal(sock, error)
        except ProbeError as error:
            return error
        return None

    async def start_tls(
        self,
        stream: Stream,
        alpn: Sequence[bytes] = (),
        *,
        at_most_tls12: bool = False,
    ) -> SecureStream:
        """TLS over `stream`, whatever carries it.

        Args:
            stream: a connection, or TLS's place inside another protocol.
            alpn: protocol names to offer.
            at_most_tls12: for carriers that came before TLS 1.3.

        Raises:
            ProbeError: malformed if the peer sent anything before the handshake;
                such bytes would otherwise be taken for protected ones.
        """
        if stream.pending:
            raise ProbeError(Reason.MALFORMED, "data sent before the TLS handshake")
        self.enter(Stage.TLS)
        stream.transcript = Transcript()
        self._transcripts.append(stream.transcript)
        secured = await self._secure.handshake(
            stream, self.target, alpn, self, at_most_tls12=at_most_tls12
        )
        # From here on it is what goes through TLS that tells something.
        self._transcripts[-1] = secured.transcript
        if isinstance(stream, TcpStream):
            self._secured.append((stream, secured))
        self.enter(Stage.EXCHANGE)
        return secured

    def enter(self, stage: Stage) -> None:
        """Books the time since the last change to the stage that ends here."""
        now = time.perf_counter()
        self._phases[self.stage] = self._phases.get(self.stage, 0) + now - self._since
        self.stage = stage
        self._since = now

    def source_address(self) -> str:
        """This host's own address that the probe was sent from; empty if none was."""
        chosen = map(_own_address, self._sockets)
        return next(filter(None, chosen), "")

    def phases(self) -> Mapping[Stage, float]:
        """Seconds spent per stage until now."""
        self.enter(self.stage)
        return self._phases

    def close(self) -> None:
        """Ends every connection: FIN, not RST, so drop what was left unread."""
        for carrier, secured in self._secured:
            carrier.send_last(secured.farewell())
        self._secured.clear()
        for sock in self._sockets:
            if self.syn_retransmits is None:
                handshake = kernel.handshake(sock)
                self.syn_retransmits = handshake and handshake[1]
            with contextlib.suppress(OSError):
                sock.recv(CHUNK)
            sock.close()
        self._sockets.clear()

    @property
    def talk(self) -> Transcript:
        """What was said and heard in the present stage."""
        return self._transcripts[-1] if self._transcripts else Transcript()

    def conversation(self) -> Conversation | None:
        """The first bytes each way of the last connection; None if there are none."""
        return conversation(self._transcripts)

    def blamed(self, error: ProbeError) -> ProbeError:
        """`error`, said of the proxy while that had still to let us through."""
        if self.via is None or self._through:
            return error
        return proxy.blamed(error, self.via, accepted=self.latency is not None)

    async def explained(self, error: ProbeError) -> ProbeError:
        """`error`, as what this host's own tables and sockets show it to be."""
        self.enter(self.stage)
        told = await self._explained(error)
        self._since = time.perf_counter()  # asking took no time of the probe
        return told

    async def _explained(self, error: ProbeError) -> ProbeError:
        if self.stage is not Stage.CONNECT:
            return self._outlived(error)
        said_nothing = error.reason in {Reason.TIMEOUT, Reason.UNTESTED}
        unreachable = error.reason is Reason.HOST_UNREACHABLE
        if said_nothing or (unreachable and error.origin is Origin.SELF):
            own = own_host.unreachable(self.address, error)
            kept_back = said_nothing and any(map(kernel.kept_back, self._sockets))
            return own or (own_host.kept_back() if kept_back else error)
        reset = error.reason is Reason.REFUSED and error.origin is Origin.NOBODY
        if reset and await own_host.resets(*self._peer):
            return own_host.own_reset()
        return error

    def _outlived(self, error: ProbeError) -> ProbeError:
        if error.reason is not Reason.TIMEOUT:
            return error
        errors = [kernel.soft_error(sock) for sock in self._sockets]
        last = next((code for code in errors if code in SOFT), self.soft_error)
        return outlived(last, error, peer=self.address) if last else error

    @property
    def _peer(self) -> tuple[str, int]:
        port = self.target.port if self.via is None else self.via.port
        return (self.address, port)

    def _socket(self, kind: socket.SocketKind) -> socket.socket:
        v6 = self._v6
        try:
            sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind)
        except OSError as error:
            raise self.refusal(None, error) from error
        self._sockets.append(sock)
        sock.setblocking(False)
        if kind is socket.SOCK_STREAM:
            # Else a second small write waits for the peer's delayed ACK, 40 ms that
            # would be told as the peer's.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.small_segments:
                kernel.limit_segments(sock)
        kernel.queue_errors(sock, v6=v6)
        if self._ttl is not None:
            kernel.limit_hops(sock, self._ttl, v6=v6)
        if self.least_ttl is not None:
            kernel.require_hops(sock, self.least_ttl, v6=v6)
        return sock

    def _note_handshake(self, sock: socket.socket) -> None:
        handshake = kernel.handshake(sock)
        if handshake is None:
            self.latency = time.perf_counter() - self._since
        else:
            self.latency, self.syn_retransmits = handshake

    def refusal(
        self,
        sock: socket.socket | None,
        error: OSError,
        state: State = State.UNSENT,
    ) -> ProbeError:
        """What a failed call on one of this Link's sockets means."""
        # The failed call already took SO_ERROR; draining the queue before it had
        # would clear it and make the failure look like success.
        icmp = kernel.drain_errors(sock) if sock is not None else None
        own = _own_address(sock) if sock is not None else ""
        code = error.errno or errno.EIO
        if icmp is not None:
            self.heard(icmp.left)
        return refusal(code, icmp, peer=self.address, own=own, state=state)

    def heard(self, left: int | None) -> None:
        """Takes in what was left of the time to live of what came back."""
        self.answer_hops = kernel.hops_of(left) if left else None


class TcpStream(Connection):
    """A plain TCP connection.

    Args:
        link: what it belongs to.
        sock: the connected socket.
        reset: the reset that came right behind the handshake, if one did.
    """

    def __init__(self, link: Link, sock: socket.socket, reset: OSError | None) -> None:
        super().__init__()
        self._link = link
        self._sock = sock
        self._reset = reset

    async def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self._sock.send(left) :]
            except BlockingIOError:
                await _writable(self._sock)
            except OSError as error:
                self._live_with(error)

    async def _read(self) -> bytes:
        while True:
            try:
                data = self._sock.recv(CHUNK)
            except BlockingIOError:
                await _readable(self._sock)
            except OSError as error:
                self._live_with(error)
            else:
                if not data and self._reset is not None:
                    raise self._link.refusal(self._sock, self._reset)
                return data

    def _live_with(self, error: OSError) -> None:
        """Bears the one ICMP error that may come before they are no longer reported."""
        if error.errno in SOFT and not self._link.soft_error:
            self._link.soft_error = error.errno or 0
            return
        raise self._link.refusal(self._sock, error, State.STANDING) from error

    def _write_last(self, data: bytes) -> None:
        try:
            self._sock.send(data)
        except OSError as error:
            # The kernel tells a reset once, and the next read has to know of it.
            if error.errno in _RESET:
                self._reset = self._reset or error


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer with the Unix times of sending and of the kernel receiving it."""

    answer: T
    sent: float
    received: float


@dataclass(frozen=True, slots=True)
class _Asked(Generic[T]):
    """A request that may still be answered."""

    accept: Callable[[bytes], T | None]
    sent: float
    started: float


class Datagrams:
    """A connected UDP socket.

    The stage stays `connect` until a datagram comes back: before that, nothing
    proves that ours arrived.
    """

    def __init__(self, link: Link, sock: socket.socket) -> None:
        self._link = link
        self._sock = sock
        self._asked: list[_Asked[Any]] = []
        self._wrong: ProbeError | None = None
        self.transcript = Transcript()

    async def ask(
        self, request: bytes, accept: Callable[[bytes], T | None], patience: float
    ) -> Reply[T] | None:
        """Sends one datagram and waits for its answer, or for one to a former request.

        Anybody can send a datagram, and an old one may come late. So what is no
        answer is passed over, and counts only if nothing better comes.

        Args:
            request: the datagram.
            accept: reads a datagram; None if it is not the answer to `request`.
            patience: seconds until the silence is taken as such.

        Returns:
            The answer, or None after `patience` seconds without one.

        Raises:
            ProbeError: what the network said instead, what `accept` found wrong,
                or malformed after more strays than any honest network delivers.
        """
        self._asked.insert(0, _Asked(accept, time.time(), time.perf_counter()))
        self.transcript.say(request)
        try:
            self._sock.send(request)
        except OSError as error:
            raise self._link.refusal(self._sock, error) from error
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                return await self._answer()
        if self._wrong is not None:
            raise self._wrong
        return None

    async def _answer(self) -> Reply[T]:
        for _ in range(_STRAY_DATAGRAMS):
            data, ancillary = await self._receive_message()
            received = kernel.receive_time(ancillary)
            self._link.heard(kernel.left_to_live(ancillary))
            self._link.enter(Stage.EXCHANGE)
            self.transcript.hear(data)
            for asked in self._asked:
                answer = self._read(asked, data)
                if answer is None:
                    continue
                # A clock that is set meanwhile is not the network's doing.
                longest = time.perf_counter() - asked.started
                self._link.latency = min(max(received - asked.sent, 0.0), longest)
                return Reply(answer, asked.sent, received)
        raise ProbeError(Reason.MALFORMED, "datagrams, but none is the answer")

    def _read(self, asked: _Asked[T], data: bytes) -> T | None:
        try:
            return asked.accept(data)
        except ProbeError as error:
            self._wrong = self._wrong or error
            return None

    async def _receive_message(self) -> tuple[bytes, Sequence[tuple[int, int, bytes]]]:
        while True:
            try:
                data, ancillary, _, _ = self._sock.recvmsg(_DATAGRAM, 128)
            except BlockingIOError:
                await _readable(self._sock)
            except OSError as error:
                raise self._link.refusal(self._sock, error, State.STANDING) from error
            else:
                return data, ancillary


def _own_address(sock: socket.socket) -> str:
    """What the kernel chose when the socket was connected; empty before that."""
    with contextlib.suppress(OSError):
        own: str = sock.getsockname()[0]
        return "" if own in _UNSPECIFIED else own
    return ""


# The loop's own `sock_connect` and its kin first see to names and transports, which
# there are none of here: a bare TCP probe costs a seventh less without.
async def _connect(sock: socket.socket, peer: tuple[str, int]) -> OSError | None:
    """A completed handshake; returns the reset that came before we looked, if any."""
    code = sock.connect_ex(peer)
    sent = code == errno.EINPROGRESS
    if sent:
        await _writable(sock)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    # An ICMP error may have come right behind the handshake, of our last word in it.
    if not code or (sent and code in SOFT and kernel.stands(sock)):
        return None
    # A RST to our SYN is ECONNREFUSED: these came later, EPIPE after a FIN. Whether
    # one is here already is luck, so it is told by the first read, as ever. The kernel
    # has forgotten it by then: asking for SO_ERROR took it.
    if code in _RESET:
        return OSError(code, os.strerror(code))
    # Without a name here, which would hold this call and the error in a circle.
    raise (_SentError if sent else OSError)(code, os.strerror(code))


# Both watch the bare descriptor: of one that it does not know yet, asyncio makes a
# message first, and that of a socket asks the kernel for its addresses.
async def _writable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    descriptor = sock.fileno()
    loop.add_writer(descriptor, _wake, future)
    try:
        await future
    finally:
        loop.remove_writer(descriptor)


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    descriptor = sock.fileno()
    loop.add_reader(descriptor, _wake, future)
    try:
        await future
    finally:
        loop.remove_reader(descriptor)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
