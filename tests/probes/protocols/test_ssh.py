from __future__ import annotations

import asyncio
import threading

import pytest

from exporter.model.outcome import Reason
from tests.servers.threaded import (
    drips,
    mute,
    reset_unseen,
    resets_at_once,
    says,
    scripted,
)


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"SSH-2.0-only_a_newline\n",
        b"SSH-1.99-old\r\n",
        b"Authorised use only\r\nby order\r\nSSH-2.0-after_a_banner\r\n",
        b"SSH-2.0-" + b"x" * 245 + b"\r\n",
    ],
)
@pytest.mark.parametrize("treatment", [says, drips])
async def test_an_identification_line_is_the_answer(probe, greeting, treatment):
    with scripted(treatment(greeting)) as port:
        seen = await probe("ssh", port)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail.startswith("SSH-")


@pytest.mark.parametrize(
    "greeting",
    [
        b"SSH-2.0-" + b"x" * 300 + b"\r\n",
        b"no ssh here\r\n" * 30,
        b"SSH-1.5-ancient\r\n" * 30,
        b"HTTP/1.1 400 Bad Request\r\n" * 30,
    ],
)
async def test_anything_else_is_malformed(probe, greeting):
    with scripted(says(greeting)) as port:
        seen = await probe("ssh", port)
    assert seen.reason is Reason.MALFORMED


async def test_control_characters_in_a_banner_are_escaped(probe):
    with scripted(says(b"SSH-2.0-\x1b[31m\xff\r\n")) as port:
        seen = await probe("ssh", port)
    assert seen.detail == "SSH-2.0-\\x1b[31m\\xff"


async def test_we_identify_ourselves_and_may_say_goodbye(probe):
    heard, over = [], threading.Event()

    def server(sock):
        # In one piece: what a client has not read when it closes becomes a reset.
        sock.sendall(b"SSH-2.0-test\r\n\x00\x00\x00\x0c")
        while data := sock.recv(1000):
            heard.append(data)
        over.set()

    for options in ({}, {"disconnect": True}):
        heard.clear()
        over.clear()
        with scripted(server) as port:
            assert (await probe("ssh", port, **options)).reason is Reason.ANSWERED
            assert await asyncio.to_thread(over.wait, 10)
        said = b"".join(heard)
        assert said.startswith(b"SSH-2.0-connectivity_exporter_")
        assert (b"connectivity check" in said) is bool(options)
        packet = said.partition(b"\r\n")[2]
        assert len(packet) % 8 == 0


async def test_a_server_that_leaves_after_its_line_has_answered(probe):
    def greets_and_resets(sock):
        sock.sendall(b"SSH-2.0-busy\r\n")
        resets_at_once(sock)

    with reset_unseen(greets_and_resets) as port:
        seen = await probe("ssh", port)
    assert (seen.reason, seen.detail) == (Reason.ANSWERED, "SSH-2.0-busy")


async def test_a_line_without_end_times_out(probe):
    with scripted(says(b"SSH-2.0-never_ends")) as port:
        seen = await probe("ssh", port, timeout=0.2)
    assert seen.reason is Reason.TIMEOUT
    with scripted(mute) as port:
        seen = await probe("ssh", port, timeout=0.2)
    assert seen.reason is Reason.TIMEOUT
