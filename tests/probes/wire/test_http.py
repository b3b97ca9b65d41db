from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.http import HeadReader, request
from tests.probes.wire.codec import steady

OK = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 5\r\n\r\n"


def fed(*chunks):
    reader = HeadReader()
    return [reader.feed(chunk) for chunk in chunks]


def test_a_request_names_host_and_agent_and_asks_to_close():
    lines = request("GET", "/alive", "web.test:9999").decode().split("\r\n")
    assert lines[0] == "GET /alive HTTP/1.1"
    assert "Host: web.test:9999" in lines
    assert "Connection: close" in lines
    assert any(line.startswith("User-Agent: connectivity-exporter/") for line in lines)
    assert lines[-2:] == ["", ""]


def test_a_head_is_read_whole():
    (head,) = fed(OK)
    assert head.status == 200
    assert head.headers == {"server": "nginx", "content-length": "5"}


def test_a_head_is_complete_with_its_last_byte_and_not_before():
    answers = fed(*(OK[i : i + 1] for i in range(len(OK))))
    assert answers[:-1] == [None] * (len(OK) - 1)
    assert answers[-1].status == 200


@pytest.mark.parametrize("rest", [b"hello", b"hellotoo much", OK, b"\x00\xff" * 50])
def test_what_follows_the_head_does_not_matter(rest):
    assert fed(OK + rest)[0].status == 200
    assert fed(OK, rest)[1].status == 200


def test_interim_responses_are_read_over():
    interim = b"HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n"
    *_, head = fed(interim, interim + OK)
    assert (head.status, "x-interim" in head.headers) == (200, False)


def test_switching_protocols_is_final():
    data = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    )
    assert fed(data)[0].status == 101


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
@pytest.mark.parametrize("status", [204, 301, 403, 503, 999])
def test_any_status_is_told(version, status):
    data = version + b" %d Whatever\r\n\r\n" % status
    assert fed(data)[0].status == status


def test_a_status_that_no_class_has_is_final():
    assert fed(b"HTTP/1.1 000 Odd\r\n\r\n")[0].status == 0


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"220 mail.test ESMTP\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"GET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n\r\n",
        b"HTTP/0.9 no status",
        b"<html>no head</html>",
        bytes(20),
    ],
)
def test_other_protocols_are_malformed(data):
    with pytest.raises(ProbeError) as caught:
        fed(data)
    assert caught.value.reason is Reason.MALFORMED


@steady
@given(st.lists(st.binary(max_size=100), max_size=10))
def test_any_bytes_are_a_head_unfinished_or_malformed(chunks):
    reader = HeadReader()
    try:
        heads = [reader.feed(chunk) for chunk in chunks]
    except ProbeError as error:
        assert error.reason is Reason.MALFORMED  # noqa: PT017 - one of two right ends
    else:
        assert all(head is None or head.status >= 100 for head in heads)
