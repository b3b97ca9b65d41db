"""How far a probe has come, and when: stages, seconds, and what a failed call means."""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from exporter.model.addresses import UNSPECIFIED
from exporter.model.outcome import ProbeError, Stage
from exporter.probes import kernel
from exporter.probes.refusal import State, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping


class Progress:
    """What the sockets of one probe of one address have shown so far.

    Args:
        address: the address, of the host or of the proxy.

    Attributes:
        stage: the furthest stage reached so far.
        latency: network round trip in seconds, once known.
        syn_retransmits: SYNs the kernel sent again, once connected or given up.
        answer_hops: how far away whoever spoke last is, if that could be told.
        soft_error: the ICMP error that a connection lived with, as errno; 0 if none.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.stage = Stage.CONNECT
        self.latency: float | None = None
        self.syn_retransmits: int | None = None
        self.answer_hops: int | None = None
        self.soft_error = 0
        self._phases: dict[Stage, float] = {}
        self._since = time.perf_counter()

    def enter(self, stage: Stage) -> None:
        """Books the time since the last change to the stage that ends here."""
        now = time.perf_counter()
        self._phases[self.stage] = self._phases.get(self.stage, 0) + now - self._since
        self.stage = stage
        self._since = now

    def phases(self) -> Mapping[Stage, float]:
        """Seconds spent per stage until now."""
        self.enter(self.stage)
        return self._phases

    def pause(self) -> None:
        """Lets what is done from the last change until now count for no stage."""
        self._since = time.perf_counter()

    def note_handshake(self, sock: kernel.Socket) -> None:
        """Takes in what the kernel timed of a completed handshake."""
        handshake = kernel.handshake(sock)
        if handshake is None:
            self.latency = time.perf_counter() - self._since
        else:
            self.latency, self.syn_retransmits = handshake

    def refusal(
        self,
        sock: kernel.Socket | None,
        error: OSError,
        state: State = State.UNSENT,
    ) -> ProbeError:
        """What a failed call on one of the probe's sockets means."""
        # The failed call already took SO_ERROR; draining the queue before it had
        # would clear it and make the failure look like success.
        icmp = kernel.drain_errors(sock) if sock is not None else None
        own = own_address(sock) if sock is not None else ""
        code = error.errno or errno.EIO
        if icmp is not None:
            self.heard(icmp.left)
        return refusal(code, icmp, peer=self.address, own=own, state=state)

    def heard(self, left: int | None) -> None:
        """Takes in what was left of the time to live of what came back."""
        self.answer_hops = kernel.hops_of(left) if left else None


def own_address(sock: kernel.Socket) -> str:
    """What the kernel chose when the socket was connected; empty before that."""
    try:
        own: str = sock.getsockname()[0]
    except OSError:
        return ""
    return "" if own in UNSPECIFIED else own
