"""Blocking calls with a deadline, in threads that nobody has to wait for.

Opening a file on a network file system that hangs cannot be interrupted. The thread
that does it is left behind: it holds no lock, and being a daemon it does not keep the
process from ending.
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` gives, or raises, in a thread of its own.

    Raises:
        TimeoutError: it took longer than `seconds`; the thread goes on by itself.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def deliver(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type] # the call's own, then

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001 - raised again where it is awaited
            error = raised
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:  # the loop is closed: nobody wants it any more
            return

    threading.Thread(target=run, daemon=True, name="blocking").start()
    async with asyncio.timeout(seconds):
        return await future
