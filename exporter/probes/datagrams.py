"""UDP: a request, and of all that comes back the datagram that answers it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from exporter.model.outcome import ProbeError, Reason, Stage
from exporter.probes import kernel
from exporter.probes.readiness import readable
from exporter.probes.refusal import State
from exporter.probes.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exporter.probes.progress import Progress

    Accept: TypeAlias = Callable[[bytes], "T | None"]

T = TypeVar("T")

_DATAGRAM = 65535
_STRAY_DATAGRAMS = 16


@dataclass(frozen=True, slots=True)
class TimedAnswer(Generic[T]):
    """An answer with the Unix times of sending and of the kernel receiving it.

    Both are by one clock, also if it was set in between.
    """

    answer: T
    sent: float
    received: float


@dataclass(frozen=True, slots=True)
class _Asked(Generic[T]):
    """A request that may still be answered."""

    accept: Accept[T]
    sent: float
    started: float

    def elapsed(self) -> float:
        """Seconds since then, whatever is done to the clock."""
        return time.perf_counter() - self.started


class Datagrams:
    """A connected UDP socket.

    The stage stays `connect` until a datagram comes back: before that, nothing
    proves that ours arrived.
    """

    def __init__(self, progress: Progress, sock: kernel.Socket) -> None:
        self._progress = progress
        self._sock = sock
        self._asked: list[_Asked[Any]] = []
        self._wrong: ProbeError | None = None
        self.transcript = Transcript()

    async def insist(
        self,
        request: Callable[[int], tuple[bytes, Accept[T]]],
        tries: int,
        within: float,
        *,
        called: str = "requests",
        strays: str = "",
    ) -> TimedAnswer[T]:
        """Asks up to `tries` times, since datagrams get lost.

        All tries end before the deadline does, so that silence is told as such.

        Args:
            request: makes the datagram of a try, counted from 1, and what `ask` accepts
                as its answer.
            tries: how often it is asked.
            within: the seconds of the deadline that they share.
            called: what the datagrams are, in the plural.
            strays: what it means if datagrams came and none of them was the answer.

        Raises:
            ProbeError: timeout if no try is answered; as in `ask` otherwise.
        """
        patience = within / (tries + 1)
        for number in range(1, tries + 1):
            if (reply := await self.ask(*request(number), patience)) is not None:
                return reply
        silence = f"no answer to {tries} {called}"
        if strays and self.transcript.received:
            silence += f": {strays}"
        raise ProbeError(Reason.TIMEOUT, silence)

    async def ask(
        self, request: bytes, accept: Accept[T], patience: float
    ) -> TimedAnswer[T] | None:
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
            raise self._progress.refusal(self._sock, error) from error
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                return await self._answer()
        if self._wrong is not None:
            raise self._wrong
        return None

    async def _answer(self) -> TimedAnswer[T]:
        for _ in range(_STRAY_DATAGRAMS):
            data, ancillary = await self._receive_message()
            received = kernel.receive_time(ancillary)
            self._progress.heard(kernel.left_to_live(ancillary))
            self._progress.enter(Stage.EXCHANGE)
            self.transcript.hear(data)
            for asked in self._asked:
                answer = self._read(asked, data)
                if answer is None:
                    continue
                # A clock that is set meanwhile is not the network's doing.
                took, longest = received - asked.sent, asked.elapsed()
                took = took if 0 <= took <= longest else longest
                self._progress.latency = took
                return TimedAnswer(answer, received - took, received)
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
                await readable(self._sock)
            except OSError as error:
                raise self._progress.refusal(
                    self._sock, error, State.STANDING
                ) from error
            else:
                return data, ancillary
