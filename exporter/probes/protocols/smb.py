"""SMB 2 and 3: negotiate a dialect, and nothing of a session."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from exporter.model.outcome import Evidence
from exporter.probes.protocols.base import TCP, Prober
from exporter.probes.wire import smb2

if TYPE_CHECKING:
    from exporter.model.rule import Target
    from exporter.probes.link import Link


@dataclass(frozen=True, slots=True)
class Smb(Prober):
    """Sends NEGOTIATE ([MS-SMB2] 2.2.3) and closes: no session set-up, no SMB 1."""

    transports: ClassVar[frozenset[str]] = TCP
    default_ports: ClassVar[frozenset[int]] = frozenset({445})

    async def probe(self, link: Link, target: Target) -> Evidence:
        """The server's answer to NEGOTIATE counts, also when it agrees to nothing."""
        stream = await link.connect()
        started = time.perf_counter()
        await stream.send(smb2.negotiate(os.urandom(smb2.NOISE)))
        head = await stream.receive_exactly(smb2.FRAME_HEAD, smb2.frame_begins)
        # By one clock, also if it was set in between.
        halfway = time.time() - (time.perf_counter() - started) / 2
        size = smb2.frame_length(head)
        message = await stream.receive_exactly(size, smb2.begins)
        return _evidence(smb2.parse(message), halfway)


def _evidence(answer: smb2.Negotiated, now: float) -> Evidence:
    if answer.status:
        return Evidence(f"SMB 2, agrees to nothing: NT status {answer.status:#010x}")
    signing = "required" if answer.signing_required else "not required"
    skew = None if answer.server_time is None else answer.server_time - now
    return Evidence(f"SMB {answer.dialect}, signing {signing}", clock_skew=skew)
