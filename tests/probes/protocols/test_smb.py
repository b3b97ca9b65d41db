"""SMB 2 and 3 against Samba and against servers that speak something else."""

from __future__ import annotations

import time

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.probes.wire import smb2
from tests.probes.wire.test_smb2 import body, header
from tests.servers.scripted import peer, replies
from tests.servers.smbd import smbd


async def test_samba_agrees_to_the_newest_dialect_and_tells_its_clock(probe, smbd_port):
    seen = await probe("smb", smbd_port)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == "SMB 3.1.1, signing not required"
    assert abs(seen.evidence.clock_skew) < 1


@pytest.mark.parametrize("skew", [-600, 600])
async def test_the_skew_is_how_far_the_server_is_ahead(probe, skew):
    filetime = int((time.time() + skew + 11_644_473_600) * 10_000_000)
    answer = header() + body(now=filetime)
    async with peer(replies(len(answer).to_bytes(4) + answer)) as port:
        seen = await probe("smb", port)
    assert seen.evidence.clock_skew == pytest.approx(skew, abs=10)


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
async def test_a_clock_that_is_set_meanwhile_makes_no_skew(probe, monkeypatch, step):
    read, asked = time.time, []
    filetime = int((read() + 11_644_473_600) * 10_000_000)
    answer = header() + body(now=filetime)

    async def talk(reader, writer):
        asked.append(await reader.read(4096))
        writer.write(len(answer).to_bytes(4) + answer)

    monkeypatch.setattr(time, "time", lambda: read() - (0 if asked else step))
    async with peer(talk) as port:
        seen = await probe("smb", port)
    assert seen.evidence.clock_skew == pytest.approx(0, abs=60)


async def test_required_signing_is_told(probe, folder):
    with smbd(folder / "signing", "server signing = mandatory") as port:
        seen = await probe("smb", port)
    assert seen.detail == "SMB 3.1.1, signing required"


async def test_an_old_server_answers_in_its_dialect(probe, folder):
    with smbd(folder / "old", "server max protocol = SMB2_02") as port:
        seen = await probe("smb", port)
    assert seen.detail.startswith("SMB 2.0.2,")


async def test_a_server_that_agrees_to_nothing_answers_too(probe, folder, monkeypatch):
    monkeypatch.setattr(smb2, "_DIALECTS", {0x0202: "2.0.2"})
    with smbd(folder / "new", "server min protocol = SMB3_11") as port:
        seen = await probe("smb", port)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail == "SMB 2, agrees to nothing: NT status 0xc00000bb"
    assert seen.evidence.clock_skew is None


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        pytest.param(b"\0\0\0\x80\xfeSMB", Reason.TIMEOUT, id="truncated"),
        pytest.param(b"\0\xff\xff\xff\xfeSMB", Reason.MALFORMED, id="oversized"),
        pytest.param(b"\0\0\0\x04\xfeSMB", Reason.MALFORMED, id="too short"),
        pytest.param(b"\0\0\0\x40\xffSMB" + bytes(60), Reason.MALFORMED, id="SMB 1"),
        pytest.param(b"HTTP/1.1 400 Bad\r\n", Reason.MALFORMED, id="text"),
    ],
)
async def test_any_other_answer_is_none(probe, reply, reason):
    async with peer(replies(reply)) as port:
        seen = await probe("smb", port, timeout=0.5)
    assert (seen.reason, seen.stage) == (reason, Stage.EXCHANGE)
