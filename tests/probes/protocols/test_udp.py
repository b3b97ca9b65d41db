from __future__ import annotations

import pytest

from exporter.model.outcome import Reason, Stage
from tests.lab.misbehave import echoing, silent, udp_peer


@pytest.mark.parametrize("seconds", [0.8, 2.0])
async def test_silence_proves_nothing_however_short_the_timeout(probe, seconds):
    async with udp_peer(silent) as (_, port):
        seen = await probe("udp", port, udp=True, timeout=seconds)
    assert (seen.reason, seen.stage) == (Reason.UNTESTED, Stage.CONNECT)


async def test_any_reply_is_an_answer(probe):
    async with udp_peer(echoing) as (_, port):
        seen = await probe("udp", port, udp=True, payload="c0ffee")
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
