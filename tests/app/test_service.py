"""The service in this process: what a reload may meet, and what then stays."""

from __future__ import annotations

import pytest

from exporter.app import service
from exporter.app.service import Exporter
from exporter.config.site import load_site
from exporter.metrics.text_format import ExpositionFormat
from exporter.monitor.loop_lag import LoopLag

SITE = """
catalogues: [c.yaml]
roles: [till]
"""
CATALOGUE = """
catalogue: c
title: C
roles: {till: {title: Till}}
rules: []
"""


@pytest.fixture
async def exporter(tmp_path):
    (tmp_path / "c.yaml").write_text(CATALOGUE, encoding="utf-8")
    path = tmp_path / "site.yaml"
    path.write_text(SITE, encoding="utf-8")
    async with LoopLag() as lag:
        exporter = Exporter(load_site(path), (), lag)
        exporter.start()
        yield exporter
        await exporter.close()


async def successful(exporter):
    chunks = exporter.parts().exposition.chunks(ExpositionFormat.TEXT)
    text = b"".join([part async for part in chunks]).decode()
    name = "connectivity_exporter_config_last_reload_successful "
    return next(line for line in text.splitlines() if line.startswith(name))[-1]


@pytest.mark.parametrize("error", [RuntimeError("odd"), KeyError(5), RecursionError()])
async def test_a_reload_that_fails_in_an_unforeseen_way_is_a_failed_one(
    exporter, monkeypatch, error
):
    assert await exporter.reload() == []
    assert await successful(exporter) == "1"

    def fails(*_args):
        raise error

    monkeypatch.setattr(service, "load_site", fails)
    [problem] = await exporter.reload()
    assert "site.yaml: " in problem
    assert type(error).__name__ in problem
    assert await successful(exporter) == "0"
    monkeypatch.undo()
    assert await exporter.reload() == []
    assert await successful(exporter) == "1"
