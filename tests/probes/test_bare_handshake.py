"""What is believed while a device completes handshakes in everybody's name."""

from __future__ import annotations

import pytest

from exporter.model.outcome import Reason, Stage
from exporter.model.rule import Expect, Transport
from exporter.probes.bare_handshake import distrust
from exporter.probes.lookup import Resolved
from exporter.probes.runner import Runner
from tests import make
from tests.servers.threaded import closes_at_once, scripted

DOUBT = "control 192.0.2.1:443 answers"
WORDLESS = {Reason.TIMEOUT, Reason.RESET, Reason.CLOSED}


def is_doubted(probe, expect, reason, stage, transport=Transport.TCP):
    rule = make.rule(probe, expect=expect, transport=transport)
    seen = make.seen(reason, stage, detail="as seen", latency=0.01)
    told = distrust(rule, seen, DOUBT)
    if told is seen:
        return False
    assert (told.reason, told.detail) == (Reason.UNTESTED, DOUBT)
    assert (told.stage, told.latency) == (stage, 0.01)
    return True


@pytest.mark.parametrize("expect", Expect)
@pytest.mark.parametrize("reason", Reason)
def test_of_a_bare_handshake_only_the_answer_is_doubted(reason, expect):
    answered = reason is Reason.ANSWERED
    assert is_doubted("tcp", expect, reason, Stage.CONNECT) is answered


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("stage", Stage)
def test_a_protocol_that_must_answer_is_believed_in_everything(reason, stage):
    assert not is_doubted("https", Expect.ALLOW, reason, stage)


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("stage", Stage)
def test_a_protocol_that_must_not_is_doubted_where_no_byte_came_back(reason, stage):
    later = stage in {Stage.TLS, Stage.EXCHANGE}
    told = is_doubted("https", Expect.DENY, reason, stage)
    assert told is (later and reason in WORDLESS)


def test_datagrams_know_no_handshake():
    assert not is_doubted(
        "udp", Expect.ALLOW, Reason.ANSWERED, Stage.CONNECT, Transport.UDP
    )


def test_without_a_doubt_everything_is_as_seen():
    seen = make.seen()
    assert distrust(make.rule(), seen, "") is seen


class Here:
    """A resolver for which every name is this host."""

    def known(self, _host):
        return Resolved(("127.0.0.1",))


@pytest.mark.parametrize("expect", Expect)
async def test_a_doubted_round_has_no_verdict(expect):
    runner = Runner(Here(), None)
    runner.doubt = lambda: DOUBT
    with scripted(closes_at_once, "127.0.0.1") as port:
        result = await runner.run(make.target(port=port, expect=expect))
    assert (result.verdict, result.observation.reason) == ("unknown", "untested")


@pytest.mark.parametrize("reason", WORDLESS)
def test_an_end_after_a_word_is_believed(reason):
    seen = make.seen(reason, Stage.EXCHANGE, heard=1)
    rule = make.rule("https", expect=Expect.DENY)
    assert distrust(rule, seen, DOUBT) is seen
