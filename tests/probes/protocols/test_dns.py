"""DNS over UDP and TCP: unbound, and servers that answer something else."""

from __future__ import annotations

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.probes.protocols.dns import Dns
from tests.lab.misbehave import udp_peer
from tests.servers.nameserver import TRUNCATED, Query, record, scripted_names
from tests.servers.scripted import peer

both = pytest.mark.parametrize("udp", [True, False], ids=["udp", "tcp"])


async def ask(probe, script, *, udp=True, **options):
    with scripted_names(script) as server:
        seen = await probe("dns", server.port, udp=udp, timeout=3.0, **options)
    return seen, server.asked


@both
@pytest.mark.parametrize(
    ("options", "detail"),
    [
        (
            {"name": "www.uni.example", "type": "A"},
            "NOERROR to A of www.uni.example, 2 records",
        ),
        ({"name": "nowhere.example"}, "NXDOMAIN to A of nowhere.example, 0 records"),
        ({"name": "refused.example"}, "REFUSED to A of refused.example, 0 records"),
    ],
)
async def test_a_server_that_says_yes_no_or_neither_has_answered(
    probe, unbound_port, udp, options, detail
):
    seen = await probe("dns", unbound_port, udp=udp, **options)
    assert (seen.reason, seen.stage) == (Reason.ANSWERED, Stage.EXCHANGE)
    assert seen.detail == detail
    assert seen.latency is not None


@both
async def test_what_is_asked_by_default_any_server_answers(probe, unbound_port, udp):
    seen = await probe("dns", unbound_port, udp=udp)
    assert seen.reason is Reason.ANSWERED
    assert " to A of localhost, " in seen.detail


@both
async def test_only_a_name_is_asked_for_with_recursion(probe, udp):
    _, (local,) = await ask(probe, lambda query: query.answer(), udp=udp)
    assert (local.name, local.kind, local.data[2:4]) == ("localhost", 1, b"\0\0")
    options = {"name": "uni.example.", "type": "SOA"}
    _, (named,) = await ask(probe, lambda query: query.answer(), udp=udp, **options)
    assert (named.name, named.kind, named.data[2:4]) == ("uni.example", 6, b"\1\0")
    assert local.transport == named.transport == ("udp" if udp else "tcp")


@both
@pytest.mark.parametrize(
    ("rcode", "word"),
    [(1, "FORMERR"), (2, "SERVFAIL"), (4, "NOTIMP"), (11, "DSOTYPENI")],
)
async def test_any_response_code_proves_the_way_and_is_told(probe, udp, rcode, word):
    seen, _ = await ask(probe, lambda query: query.answer(rcode=rcode), udp=udp)
    assert seen.reason is Reason.ANSWERED
    assert seen.detail == f"{word} to A of localhost, 0 records"


async def test_a_truncated_answer_is_one(probe):
    seen, asked = await ask(probe, lambda query: query.answer(flags=TRUNCATED))
    assert seen.reason is Reason.ANSWERED
    assert seen.detail.endswith("truncated")
    assert len(asked) == 1


def foreign(query):
    """The answers to two questions that nobody asked."""
    late = bytes([query.data[0] ^ 1]) + query.answer()[1:]
    other = Query(query.data[:12] + b"\1x\0\0\2\0\1").answer()
    return late, other


async def test_answers_to_other_questions_are_passed_over(probe):
    def answers(data):
        query = Query(data)
        return *foreign(query), query.answer(record("localhost", 1, b"\x7f\0\0\1"))

    async with udp_peer(answers) as (_, port):
        seen = await probe("dns", port, udp=True)
    assert (seen.reason, seen.detail) == (
        Reason.ANSWERED,
        "NOERROR to A of localhost, 1 records",
    )


@pytest.mark.parametrize("which", [0, 1])
async def test_answers_to_other_questions_alone_are_none(probe, which):
    async with udp_peer(lambda data: [foreign(Query(data))[which]]) as (_, port):
        seen = await probe("dns", port, udp=True, timeout=0.6)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.EXCHANGE)
    assert "no answer to 2 questions: DNS answers came, but to other" in seen.detail


@pytest.mark.parametrize("which", [0, 1])
async def test_over_tcp_an_answer_to_another_question_is_malformed(probe, which):
    seen, _ = await ask(probe, lambda query: foreign(query)[which], udp=False)
    assert (seen.reason, seen.stage) == (Reason.MALFORMED, Stage.EXCHANGE)


@pytest.mark.parametrize("data", [b"SIP/2.0 400 Bad", b"\0", bytes(12)])
async def test_other_datagrams_are_malformed(probe, data):
    async with udp_peer(lambda _: [data]) as (_, port):
        seen = await probe("dns", port, udp=True, timeout=0.6)
    assert seen.reason is Reason.MALFORMED
    assert seen.heard >= len(data)


async def test_a_silent_server_is_asked_twice(probe):
    asked = []
    async with udp_peer(lambda data: asked.append(data) or []) as (_, port):
        seen = await probe("dns", port, udp=True, timeout=0.6)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.CONNECT)
    assert seen.detail == "no answer to 2 questions"
    assert len(set(asked)) == 2


async def test_an_answer_in_pieces_is_one_and_half_of_one_is_none(probe):
    def answering(size):
        async def treat(reader, writer):
            query = Query((await reader.read(4096))[2:])
            data = query.answer(record("localhost", 1, b"\x7f\0\0\1"))
            for at in range(size or len(data)):
                head = len(data).to_bytes(2) if not at else b""
                writer.write(head + data[at : at + 1])
                await writer.drain()
            await reader.read()

        return treat

    async with peer(answering(0)) as port:
        assert (await probe("dns", port)).reason is Reason.ANSWERED
    async with peer(answering(20)) as port:
        seen = await probe("dns", port, timeout=0.6)
    assert (seen.reason, seen.stage) == (Reason.TIMEOUT, Stage.EXCHANGE)
    assert seen.detail.startswith("22 bytes came: '")


@pytest.mark.parametrize("name", ["", "a..b", "a" * 64 + ".example", "bücher.example"])
def test_a_name_that_no_question_holds_is_refused(name):
    with pytest.raises(ValueError, match="name must be a domain name"):
        Dns(name=name)
