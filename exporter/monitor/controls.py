"""Negative controls: what must not answer, looked at at the default interval.

A site names them; without one nothing is probed and nothing doubted. Until a control
has been looked at for the first time, handshakes are in doubt: a check that was not
made is no pass. So they are again when it could not be looked at for some rounds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model.endpoint import place
from exporter.model.outcome import INCONCLUSIVE, Reason
from exporter.model.verdict_case import ROUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from exporter.model.outcome import Result
    from exporter.model.rule import Target
    from exporter.probes.runner import Runner

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Control:
    """What must not answer, and whether it did when last looked at (None: not yet).

    `looked` is when that was, in monotonic seconds.
    """

    target: Target
    answered: bool | None = None
    looked: float = 0.0

    def __str__(self) -> str:
        return f"control {place(self.target.destination, self.target.port)}"


class Controls:
    """The controls in use.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._controls: list[Control] = []
        self._runner: Runner | None = None
        self._task: asyncio.Task[None] | None = None

    def states(self) -> Sequence[Control]:
        """The controls in use, in the order of the site file."""
        return tuple(self._controls)

    def doubt(self) -> str:
        """Why a handshake proves nothing at present; empty if it does."""
        for control in self._controls:
            if control.answered:
                return f"{control} answers and must not: a device completes handshakes"
        for control in self._controls:
            if control.answered is None:
                return f"{control} has not been looked at yet"
            age = self._clock() - control.looked
            if age > ROUNDS * control.target.rule.interval:
                return f"{control} could not be looked at for {age:.0f} s"
        return ""

    def use(self, targets: Sequence[Target], runner: Runner) -> None:
        """Makes `targets` the controls in use; what is known of a kept one stays.

        Args:
            targets: what must not answer.
            runner: probes them; one that doubts nothing.
        """
        known = {control.target.key: control for control in self._controls}
        self._controls = [
            Control(one, last.answered, last.looked)
            if (last := known.get(one.key))
            else Control(one)
            for one in targets
        ]
        self._runner = runner

    def keep_looking(self) -> None:
        """Looks at the controls in use from now on, until closed."""
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._keep()) if self._controls else None

    async def look(self) -> None:
        """Looks at each control in use once, now."""
        if self._runner is not None:
            looks = (self._look(one, self._runner) for one in self._controls)
            await asyncio.gather(*looks)

    async def close(self) -> None:
        """Stops looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        interval = self._controls[0].target.rule.interval
        while True:
            await self.look()
            await asyncio.sleep(interval)

    async def _look(self, control: Control, runner: Runner) -> None:
        began = self._clock()
        answered = _answered(await runner.run(control.target))
        if answered is None:
            return
        if answered and not control.answered:
            logger.warning("%s answers: bare TCP handshakes prove nothing", control)
        control.answered, control.looked = answered, began


def _answered(result: Result) -> bool | None:
    """Whether any address answered; None if this host could not tell."""
    reasons = {one.observation.reason for one in result.addresses}
    if Reason.ANSWERED in reasons:
        return True
    return None if reasons <= INCONCLUSIVE else False
