"""SSH: the identification exchange (RFC 4253 4.2), and nothing of the key exchange."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter import __version__
from exporter.model.outcome import Evidence, ProbeError, Reason
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.wire import ssh

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link
    from exporter.probes.stream import Stream

# A software version must not hold a minus sign.
_IDENT = f"SSH-2.0-connectivity_exporter_{__version__}\r\n".encode("ascii")


@dataclass(frozen=True, slots=True)
class Ssh(Prober):
    """Sends our identification, reads the server's, closes.

    Our own line makes sshd log one plain line instead of an error.

    Attributes:
        disconnect: end with SSH_MSG_DISCONNECT and a reason text for the server's
            log, which costs it one line more.
    """

    disconnect: bool = False
    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({22})
    # OpenSSH 9.8 counts unauthenticated connections against the source; at one in
    # 30 s its penalty never accrues.
    floor: ClassVar[float] = 30.0
    one_at_a_time: ClassVar[bool] = True

    async def probe(self, link: Link, target: Target) -> Evidence:
        """A line `SSH-2.0-...` (or 1.99, RFC 4253 5.1) is the answer."""
        stream = await link.connect()
        # Both sides speak at once (RFC 4253 4.2), and some servers wait for us.
        stream.send_last(_IDENT)
        greeting = ssh.GreetingReader()
        link.overdue = greeting.overdue
        try:
            banner = await _identification(stream, greeting)
        except ProbeError as end:
            raise _refusing(end, stream) from end
        if self.disconnect:
            await stream.receive_exactly(4)  # their KEXINIT has begun: ours was read
            stream.send_last(_disconnect("connectivity check"))
        return Evidence(detail=banner)


async def _identification(stream: Stream, greeting: ssh.GreetingReader) -> str:
    while True:
        line = await stream.receive_line(ssh.LINE_LIMIT, greeting.begins)
        banner = greeting.feed(line)
        if banner is not None:
            return banner


def _refusing(end: ProbeError, stream: Stream) -> ProbeError:
    """What an end before the identification is: a refusal where one was stated."""
    if end.reason not in {Reason.CLOSED, Reason.RESET}:
        return end
    return ssh.refusal(stream.transcript.heard) or end


def _disconnect(text: str) -> bytes:
    """SSH_MSG_DISCONNECT, by application, as an unencrypted packet (RFC 4253 6, 11.1)."""
    said = text.encode("ascii")
    payload = struct.pack(">BII", 1, 11, len(said)) + said + struct.pack(">I", 0)
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0  # noqa: PLR2004 - RFC 4253 6: at least four
    head = struct.pack(">IB", 1 + len(payload) + padding, padding)
    return head + payload + bytes(padding)
