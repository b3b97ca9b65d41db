"""A stretch of the path with weather of its own: packets come late, twice, or never.

    with weather.over(lab, delay=0.4, spread=0.2):
        ...

The kernel of a test machine may know no netem. So two TUN devices, one on the prober and
one on r3, are the ends of a program that carries each packet over when its time has come:

    prober --weather-- r3 --20-- web ...

Everything behind r3 is reached this way meanwhile, and answers return by it. What happens
to the packets of one connection is drawn from its own seeded numbers, whatever else is
under way, so that a run is like the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import random
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab import plan
from tests.lab.cell import LabUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.lab import Lab

TUN = Path("/dev/net/tun")
LINK = 90
"""The number of the link that the two devices are."""
_NEAR, _FAR = "weather2", "weather1"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_MOST = 65536
_IN_A_ROW = 2
"""Packets that one connection loses one after the other in one direction, at the most: a
run of bad luck that no client lives with would be no fault of the exporter's."""


@dataclass(frozen=True)
class Weather:
    """What happens on the way, in each direction: seconds, and shares of all packets.

    `back` is the share of the delay that packets have on their way back.
    """

    delay: float = 0.0
    spread: float = 0.0
    twice: float = 0.0
    lost: float = 0.0
    back: float = 0.0


@contextlib.contextmanager
def over(lab: Lab, **weather: float) -> Iterator[None]:
    """Leads the prober's traffic through weather, and ends it.

    Raises:
        LabUnavailableError: if there are no TUN devices to be had.
    """
    if not os.access(TUN, os.W_OK):
        text = f"{TUN} cannot be written, which a path with delays is made of"
        raise LabUnavailableError(text)
    told = [f"{key}={value}" for key, value in weather.items()]
    carrier = lab.cell.start(
        "weather", sys.executable, "-m", "tests.lab.weather", *told
    )
    try:
        carrier.wait_until(lambda: "ready" in carrier.tail(), "its devices")
        lab.cell.run("sh", "-e", text="\n".join(_script()))
        yield
    finally:
        carrier.stop()  # its devices and their routes go with it


def _script() -> Iterator[str]:
    for host, device, number in (("prober", _NEAR, 2), ("r3", _FAR, 1)):
        v4, v6 = plan.addresses(LINK, number)
        yield f"ip link set {device} netns {host}"
        yield f"ip -n {host} link set {device} up"
        yield f"ip -n {host} addr add {v4}/24 dev {device}"
        yield f"ip -n {host} addr add {v6}/64 dev {device} nodad"
    for link in plan.SERVERS.values():
        to = f"dev {_NEAR}"
        yield f"ip -n prober route add 10.9.{link}.0/24 {to}"
        yield f"ip -n prober route add fd09:0:0:{link}::/64 {to}"


class _Carrier:
    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self._near, self._far = _device(_NEAR), _device(_FAR)
        self._luck: dict[bytes, random.Random] = {}
        self._losses: dict[bytes, int] = {}

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._near, self._carry, self._near, self._far, 1.0)
        loop.add_reader(self._far, self._carry, self._far, self._near, None)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    def _carry(self, source: int, to: int, share: float | None) -> None:
        with contextlib.suppress(BlockingIOError):
            while packet := os.read(source, _MOST):
                self._send(packet, to, self._weather.back if share is None else share)

    def _send(self, packet: bytes, to: int, share: float) -> None:
        weather, flow = self._weather, _flow(packet)
        luck = self._luck.setdefault(flow, random.Random(flow))  # noqa: S311 - no secret
        row = self._losses.get(flow, 0)
        if luck.random() < weather.lost and row < _IN_A_ROW:
            self._losses[flow] = row + 1
            return
        self._losses[flow] = 0
        copies = 2 if luck.random() < weather.twice else 1
        for _ in range(copies):
            spread = luck.uniform(-weather.spread, weather.spread)
            late = max(weather.delay + spread, 0.0) * share
            asyncio.get_running_loop().call_later(late, _write, to, packet)


def _write(to: int, packet: bytes) -> None:
    try:
        os.write(to, packet)
    except OSError as error:
        if error.errno not in {errno.EIO, errno.EAGAIN}:  # the device is down
            raise


def _flow(packet: bytes) -> bytes:
    """Addresses, protocol and the server's port: the same in each run, unlike ours."""
    v6 = packet[0] >> 4 == 6
    ends, number = (packet[8:40], packet[6]) if v6 else (packet[12:20], packet[9])
    head = packet[40:44] if v6 else packet[20:24]
    ports = struct.unpack("!HH", head) if len(head) == 4 else (0, 0)
    return ends + bytes([number]) + struct.pack("!H", min(ports))


def _device(name: str) -> int:
    file = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH14x", name.encode(), _IFF_TUN | _IFF_NO_PI)
    fcntl.ioctl(file, _TUNSETIFF, request)
    return file


def _go_first() -> None:
    """Lets nobody else's work delay a packet, where we may: that is for us to do."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


if __name__ == "__main__":
    _go_first()
    words = (word.partition("=") for word in sys.argv[1:])
    asyncio.run(_Carrier(Weather(**{key: float(n) for key, _, n in words})).run())
