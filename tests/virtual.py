"""An event loop whose clock jumps to the next timer instead of waiting for it."""

from __future__ import annotations

import asyncio
import selectors


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: hands the waiting time to the loop's clock."""

    def __init__(self):
        super().__init__()
        self.now = 1000.0

    def select(self, timeout=None):
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            raise AssertionError("everything waits and no timer is set")
        self.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that keeps virtual time, in seconds."""

    def __init__(self):
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.now

    def stall(self, seconds):
        """As if the process had not run for so long."""
        self._jumping.now += seconds


def run(main):
    """Runs a coroutine function with its loop, in virtual time."""
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
