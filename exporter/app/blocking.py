"""Blocking calls with a deadline, in threads that nobody has to wait for.

Opening a file on a network file system that hangs cannot be interrupted. The thread
that does it is left behind: it holds no lock, and being a daemon it does not keep the
process from ending. Only so many are left behind; then nothing more is tried until one
of them comes back.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_LEFT = 8
"""Threads that nobody waits for any more."""
_left: set[threading.Thread] = set()


async def within(seconds: float | None, call: Callable[[], T]) -> T:
    """What `call` gives, or raises, in a thread of its own.

    Args:
        seconds: how long it may take, or stand still once it has: on a busy host what
            computes is slow, and only what hangs does nothing. None waits for both.
        call: what blocks.

    Raises:
        TimeoutError: it did nothing for `seconds`, and the thread goes on by itself;
            or too many of them go on already.
    """
    _left.difference_update([one for one in _left if not one.is_alive()])
    if len(_left) >= MAX_LEFT:
        raise TimeoutError
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    thread = _thread(call, future)
    worked = 0
    try:
        while True:
            done, _ = await asyncio.wait([future], timeout=seconds)
            if done:
                return future.result()
            before, worked = worked, _work(thread)
            if worked == before:
                raise TimeoutError
    finally:
        if not future.done():
            future.cancel()
            _left.add(thread)


def join_left(seconds: float) -> None:
    """Waits for what still computes: ended with the interpreter, it would abort the process.

    Args:
        seconds: how long at most, for each; one that hangs in the system does no harm.
    """
    for thread in _left:
        thread.join(seconds)


def _work(thread: threading.Thread) -> int:
    """The processor's time that a thread has had (proc_pid_stat(5)), in clock ticks."""
    try:
        path = Path(f"/proc/self/task/{thread.native_id}/stat")
        # The second field, the name, may hold anything but ends with the last bracket.
        fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0
    return int(fields[11]) + int(fields[12])


def _thread(call: Callable[[], T], future: asyncio.Future[T]) -> threading.Thread:
    """A thread under way that hands what `call` gives, or raises, to `future`."""
    loop = future.get_loop()

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

    thread = threading.Thread(target=run, daemon=True, name="blocking")
    thread.start()
    return thread
