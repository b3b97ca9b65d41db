"""What can still become an answer is waited for; anything else is called malformed."""

from __future__ import annotations

from functools import partial

import pytest

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import (
    dns,
    imap,
    kerberos,
    rdp,
    rpc,
    smb2,
    smtp,
    ssh,
    stun,
    tds,
)
from tests.probes.protocols.test_slow import KERBEROS, SMB, SMTP, TDS
from tests.probes.wire.codec import never_surprised
from tests.probes.wire.test_rpc import ACK

# Who judges a beginning, and an answer that begins well all along.
JUDGES = {
    "dns": (partial(dns.begins, ident=0x1234), b"\x12\x34\x85" + bytes(9)),
    "rdp": (rdp.begins, b"\3\0\0\x13"),
    "stun": (stun.begins, b"\1\1\0\x0c\x21\x12\xa4\x42" + bytes(12)),
    "imap greeting": (imap.ResponseReader().begins, b"* OK ready\r"),
    "imap": (imap.ResponseReader("a1").begins, b"a1 OK done\r"),
    "kerberos frame": (kerberos.frame_begins, KERBEROS[: kerberos.LENGTH]),
    "kerberos": (kerberos.begins, KERBEROS[kerberos.LENGTH :]),
    "rpc": (rpc.begins, ACK),
    "smb frame": (smb2.frame_begins, SMB[: smb2.FRAME_HEAD]),
    "smb": (smb2.begins, SMB[smb2.FRAME_HEAD :]),
    "smtp": (smtp.begins, SMTP.splitlines()[0] + b"\r"),
    "ssh": (ssh.GreetingReader().begins, b"SSH-2.0-x\r"),
    "tds": (tds.begins, TDS[: tds.HEAD]),
}


@pytest.fixture(params=JUDGES)
def judge(request):
    return JUDGES[request.param]


def test_every_beginning_of_an_answer_is_waited_for(judge):
    begins, whole = judge
    for size in range(1, len(whole) + 1):
        begins(whole[:size])


@pytest.mark.parametrize("foreign", [b"\x15\x03\x03\0\2\2\x28", b"HTTP/1.1 400 Bad"])
def test_foreign_beginnings_are_malformed_and_shown(judge, foreign):
    with pytest.raises(ProbeError) as caught:
        judge[0](foreign)
    assert caught.value.reason is Reason.MALFORMED


def test_any_other_bytes_are_one_of_the_two(judge):
    begins, whole = judge
    never_surprised(lambda data: begins(data or whole), whole)
