"""A prober's only way to the network: connections, datagrams and TLS to one address.

A `Link` opens non-blocking sockets of its own (never asyncio transports: a transport
does not drain the error queue and spins), notes the stage reached and the seconds
spent in each, and turns every OSError into a `ProbeError` with the evidence the kernel
kept: ICMP type, code and sender from the error queue, the handshake's round trip and
SYN retransmits from TCP_INFO, receive timestamps of datagrams. Nothing here needs
privileges.

Deadlines belong to the runner, which cancels; a Link only knows how to end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, Self

from exporter.model.endpoint import Endpoint
from exporter.model.outcome import Conversation, Origin, ProbeError, Reason, Stage
from exporter.model.tls_facts import TlsFacts
from exporter.probes import kernel, own_host, proxy
from exporter.probes.datagrams import Datagrams
from exporter.probes.progress import Progress, own_address
from exporter.probes.refusal import SOFT, State, outlived
from exporter.probes.stream import CHUNK, Connection, SecureStream, Stream
from exporter.probes.tcp_stream import SentError, TcpStream, handshake
from exporter.probes.transcript import Transcript, conversation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from exporter.model.rule import Target


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


class Link(Progress):
    """One probe's way to one address.

    Args:
        target: what is probed.
        address: one of its addresses, or of the proxy's.
        secure: the TLS engine.
        ttl: time to live of what is sent, the system's if None.
        via: a proxy that TCP connections go through by CONNECT.

    Attributes:
        tls: the certificate chain presented, once there was one.
        least_ttl: what arrives with less left to live is not heard; None for all.
        overdue: set by a prober that can tell what else those bytes are that were
            no answer by the deadline; it is told whether more still came.
        small_segments: whether both ends may send small segments only.
    """

    def __init__(
        self,
        target: Target,
        address: str,
        secure: Secure,
        ttl: int | None = None,
        via: Endpoint | None = None,
    ) -> None:
        super().__init__(address)
        self.target = target
        self.tls: TlsFacts | None = None
        self.least_ttl: int | None = None
        self.small_segments = False
        self._v6 = ":" in address
        self._secure = secure
        self._ttl = ttl
        self.via = via
        self._through = via is None
        self.overdue: Callable[[bool], ProbeError | None] = lambda _coming: None
        self._transcripts: list[Transcript] = []
        self._sockets: list[kernel.Socket] = []
        self._secured: list[tuple[TcpStream, SecureStream]] = []

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
        sock = self._open(kernel.tcp_socket)
        if self.small_segments:
            kernel.limit_segments(sock)
        try:
            reset = await handshake(sock, self._peer)
        except SentError as error:
            raise self.refusal(sock, error, State.SENT) from error
        except OSError as error:
            raise self.refusal(sock, error) from error
        # From here on an ICMP error is what TCP itself takes it for: perhaps passing.
        kernel.endure_errors(sock, v6=self._v6)
        self.note_handshake(sock)
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
        return self._datagrams(kernel.udp_socket)

    def echoes(self) -> Datagrams:
        """A connected socket for ICMP echo requests: their replies alone reach it.

        Raises:
            ProbeError: local_fault if the kernel lets this process have none.
        """
        return self._datagrams(_ping_socket)

    def _datagrams(self, opener: Callable[[str], kernel.Socket]) -> Datagrams:
        self.enter(Stage.CONNECT)
        sock = self._open(opener)
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
            sock = self._open(kernel.tcp_socket)
            async with asyncio.timeout(patience):
                peer = (self.address, port)
                await handshake(sock, peer)
        except TimeoutError:
            return ProbeError(Reason.TIMEOUT, f"no answer within {patience:g} s")
        except SentError as error:
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

    def source_address(self) -> str:
        """This host's own address that the probe was sent from; empty if none was."""
        chosen = map(own_address, self._sockets)
        return next(filter(None, chosen), "")

    def close(self) -> None:
        """Ends every connection: FIN, not RST, so drop what was left unread."""
        for carrier, secured in self._secured:
            carrier.send_last(secured.farewell())
        self._secured.clear()
        for sock in self._sockets:
            if self.syn_retransmits is None:
                handshake = kernel.handshake(sock)
                self.syn_retransmits = handshake and handshake[1]
            kernel.discard(sock, CHUNK)
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
        self.pause()  # asking took no time of the probe
        return told

    async def _explained(self, error: ProbeError) -> ProbeError:
        if self.stage is not Stage.CONNECT:
            return self._outlived(error)
        said_nothing = error.reason in {Reason.TIMEOUT, Reason.UNTESTED}
        source = self.source_address()
        if said_nothing:
            return await own_host.silence(self.address, source, self._sockets, error)
        if error.reason is Reason.HOST_UNREACHABLE and error.origin is Origin.SELF:
            return own_host.unreachable(self.address, error) or error
        if error.reason is Reason.NETWORK_UNREACHABLE:
            return own_host.confined(self.address, source, error) or error
        reset = error.reason is Reason.REFUSED and error.origin is Origin.NOBODY
        if reset and await own_host.resets(*self._peer):
            return own_host.own_reset()
        return error

    def _outlived(self, error: ProbeError) -> ProbeError:
        if error.reason is not Reason.TIMEOUT:
            return error
        errors = [kernel.pending_error(sock) for sock in self._sockets]
        last = next((code for code in errors if code in SOFT), self.soft_error)
        return outlived(last, error, peer=self.address) if last else error

    @property
    def _peer(self) -> tuple[str, int]:
        port = self.target.port if self.via is None else self.via.port
        return (self.address, port)

    def _open(self, opener: Callable[[str], kernel.Socket]) -> kernel.Socket:
        """A socket of this probe's, which is closed with it."""
        try:
            sock = opener(self.address)
        except OSError as error:
            raise self.refusal(None, error) from error
        self._sockets.append(sock)
        if self._ttl is not None:
            kernel.limit_hops(sock, self._ttl, v6=self._v6)
        if self.least_ttl is not None:
            kernel.require_hops(sock, self.least_ttl, v6=self._v6)
        return sock


def _ping_socket(address: str) -> kernel.Socket:
    try:
        return kernel.ping_socket(address)
    except PermissionError as error:
        # Said so that it completes "for want of".
        detail = "permission to ping (net.ipv4.ping_group_range)"
        raise ProbeError(Reason.LOCAL_FAULT, detail) from error
