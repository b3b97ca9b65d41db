"""Some seconds of everything at once, with and without passwords.

The ceilings are generous, since the attackers, the exporter and other tests share two
processors: what they rule out is somebody who is locked out, memory that grows with what
clients send, and a verdict that moves.
"""

from __future__ import annotations

import pytest

from tests.siege import siege

SECONDS = 10.0
COUNT = 150
RSS = 250.0
"""MiB; an exporter of so many targets takes 80 by itself."""


@pytest.mark.parametrize("users", [True, False], ids=["passwords", "open"])
async def test_nothing_from_outside_moves_a_verdict_or_keeps_a_scrape_out(
    tmp_path, users
):
    with siege.peers() as ports:
        exporter = siege.Exporter(tmp_path, COUNT, ports, users=users)
        with exporter.running() as process:
            seen = await siege.besieged(exporter, process, SECONDS)
    print(seen.told())  # noqa: T201 - shown when it fails
    assert seen.wrong == []
    # On a host that is too busy to probe, unknown is right.
    assert min(seen.hold) > 0.8
    assert len(seen.scrapes) >= 2
    assert max(seen.scrapes) < 15
    assert seen.health_percentile(0.9) < 5
    assert max(seen.rss) < RSS
    assert max(seen.descriptors) < 600
    assert max(seen.threads) < 30
    assert 'http_rejected_total{class="unknown",reason="gave_way"}' in seen.metrics
    assert "Traceback" not in (tmp_path / "log").read_text()
