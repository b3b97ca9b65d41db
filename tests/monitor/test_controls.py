"""Controls, with a runner that sees what the test says, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from exporter.model.outcome import Judged, Reason, Result, Verdict
from exporter.model.rule import Expect
from exporter.monitor.controls import Controls
from tests import make, virtual

ONE, TWO = (
    make.target(destination=f"192.0.2.{number}", expect=Expect.DENY, interval=60.0)
    for number in (1, 2)
)
DEVICE = "192.0.2.1:443 answers and must not"


class Runner:
    """Sees, of each destination, what it is told to; a list is reasons in turn."""

    def __init__(self, **seen):
        self.seen = seen
        self.runs = []

    async def run(self, target):
        self.runs.append(target.destination)
        reasons = self.seen["one" if target is ONE else "two"]
        judged = tuple(Judged(make.seen(one), Verdict.UNKNOWN) for one in reasons)
        return Result(Verdict.UNKNOWN, judged[0].observation, judged, 0.1, 1.0)


def look(*targets, **seen):
    """Controls that were looked at once."""
    controls = Controls()
    controls.use(targets, Runner(**seen))
    asyncio.run(controls.look())
    return controls


def answers(controls):
    return [control.answered for control in controls.states()]


def test_without_controls_nothing_is_probed_and_nothing_doubted():
    controls = look()
    assert controls.doubt() == ""
    assert controls.states() == ()


def test_a_control_not_looked_at_yet_is_a_doubt():
    controls = Controls()
    controls.use([ONE], Runner())
    assert "192.0.2.1:443 has not been looked at yet" in controls.doubt()


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.REFUSED, Reason.NXDOMAIN])
def test_a_control_that_does_not_answer_is_no_doubt(reason):
    controls = look(ONE, one=[reason])
    assert answers(controls) == [False]
    assert controls.doubt() == ""


def test_one_address_that_answers_is_a_doubt_that_names_its_control(caplog):
    controls = look(
        TWO, ONE, two=[Reason.TIMEOUT], one=[Reason.TIMEOUT, Reason.ANSWERED]
    )
    assert answers(controls) == [False, True]
    assert DEVICE in controls.doubt()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("before", [Reason.ANSWERED, Reason.TIMEOUT])
def test_a_fault_of_this_host_changes_nothing(before):
    runner = Runner(one=[before])
    controls = Controls()
    controls.use([ONE], runner)
    asyncio.run(controls.look())
    runner.seen["one"] = [Reason.LOCAL_FAULT]
    asyncio.run(controls.look())
    assert answers(controls) == [before is Reason.ANSWERED]


@pytest.mark.parametrize("before", [Reason.ANSWERED, Reason.TIMEOUT])
def test_a_control_that_cannot_be_looked_at_is_a_doubt_after_some_rounds(before):
    now = [0.0]
    runner = Runner(one=[before])
    controls = Controls(lambda: now[0])
    controls.use([ONE], runner)
    asyncio.run(controls.look())
    at_first = controls.doubt()
    runner.seen["one"] = [Reason.LOCAL_FAULT]
    for now[0], doubt in ((179.0, at_first), (181.0, at_first or "for 181 s")):
        asyncio.run(controls.look())
        controls.use([ONE], runner)
        assert doubt in controls.doubt()
        assert bool(doubt) == bool(controls.doubt())
    runner.seen["one"] = [Reason.TIMEOUT]
    asyncio.run(controls.look())
    assert controls.doubt() == ""


def test_what_is_known_of_a_kept_control_stays():
    controls = look(ONE, one=[Reason.ANSWERED])
    controls.use([TWO, ONE], Runner())
    assert answers(controls) == [None, True]
    assert DEVICE in controls.doubt()
    controls.use([TWO], Runner())
    assert answers(controls) == [None]


def test_controls_are_looked_at_at_their_interval_until_closed():
    async def main(_loop):
        runner = Runner(one=[Reason.TIMEOUT])
        controls = Controls()
        controls.use([ONE], runner)
        controls.keep_looking()
        await asyncio.sleep(150)
        controls.use([ONE], runner)
        controls.keep_looking()
        await asyncio.sleep(30)
        await controls.close()
        await asyncio.sleep(600)
        return len(runner.runs)

    assert virtual.run(main) == 4
