from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire.http import HEAD_LIMIT, HeadReader, request
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


BODY = b"Location: /here\r\nConnection: close\r\n\r\nok"
IRREGULAR = {
    "line feeds alone": (b"HTTP/1.1 301 Moved\nLocation: /here\n\nok", 301),
    "mixed line ends": (b"HTTP/1.1 301 Moved\nX: y\r\n" + BODY, 301),
    "two carriage returns": (b"HTTP/1.1 301 Moved\r\r\nLocation: /here\r\n\n", 301),
    "a control in a value": (b"HTTP/1.1 200 OK\r\nCookie: a=\x01\0b\r\n" + BODY, 200),
    "bytes of no charset": (b"HTTP/1.1 200 OK\r\nX: \xff\xfe\r\n" + BODY, 200),
    "a space in a name": (b"HTTP/1.1 200 OK\r\nX Y: z\r\n" + BODY, 200),
    "a space before the colon": (b"HTTP/1.1 200 OK\r\nX : z\r\n" + BODY, 200),
    "a line without a colon": (b"HTTP/1.1 200 OK\r\nwhatever\r\n" + BODY, 200),
    "a colon without a name": (b"HTTP/1.1 200 OK\r\n: nameless\r\n" + BODY, 200),
    "a folded value": (b"HTTP/1.1 200 OK\r\nX: a\r\n\tb\r\n c\r\n" + BODY, 200),
    "a fold of nothing": (b"HTTP/1.1 200 OK\r\n folded\r\n" + BODY, 200),
    "lengths that differ": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n" + BODY,
        200,
    ),
    "a list of lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n" + BODY, 200),
    "a length of words": (b"HTTP/1.1 200 OK\r\nContent-Length: -\r\n" + BODY, 200),
    "identity": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n" + BODY, 200),
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n"
        + BODY,
        200,
    ),
    "another version": (b"HTTP/2 204\r\n" + BODY, 204),
    "a version to come": (b"HTTP/3.0 200 OK\r\n" + BODY, 200),
    "no reason": (b"HTTP/1.0 404\r\n" + BODY, 404),
    "blanks": (b"HTTP/1.1  \t503   Busy\r\n" + BODY, 503),
    "a part of a status": (b"HTTP/1.1 403.16 Forbidden\r\n" + BODY, 403),
    "lower case": (b"http/1.1 200 ok\r\n" + BODY, 200),
    "a long value": (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 250_000 + b"\r\n" + BODY, 200),
    "many headers": (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 900 + BODY, 200),
}


@pytest.mark.parametrize("irregular", IRREGULAR)
def test_what_browsers_read_is_read(irregular):
    data, status = IRREGULAR[irregular]
    (head,) = fed(data)
    assert (head.status, head.headers["location"]) == (status, "/here")
    pieces = [data[at : at + 7] for at in range(0, min(len(data), 7000), 7)]
    *_, last = fed(*pieces, data[7 * len(pieces) :])
    assert last == head


def test_a_folded_value_is_one_and_the_first_of_two_headers_counts():
    (head,) = fed(
        b"HTTP/1.1 200 OK\r\nLocation: /a\r\n /b\r\nLocation: /c\r\n /d\r\n\r\n"
    )
    assert head.headers == {"location": "/a /b"}


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1001,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * HEAD_LIMIT,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000,
        b"HTTP/1.1 200 " + b"O" * 10_000,
    ],
)
def test_a_head_without_an_end_is_malformed(data):
    with pytest.raises(ProbeError) as caught:
        fed(*(data[at : at + 1000] for at in range(0, len(data), 1000)))
    assert caught.value.reason is Reason.MALFORMED
    assert len(caught.value.detail) < 200


@pytest.mark.parametrize(("lines", "coming"), [(40, True), (40, False), (3, True)])
def test_many_header_lines_that_still_come_at_the_deadline_are_an_endless_head(
    lines, coming
):
    reader = HeadReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * lines) is None
    error = reader.overdue(coming)
    assert (error is not None) is (lines == 40 and coming)
    assert error is None or error.reason is Reason.MALFORMED


@pytest.mark.parametrize("size", range(1, len(b"HTTP/1.1 200 OK")))
def test_every_beginning_of_a_status_line_can_become_one(size):
    assert fed(b"HTTP/1.1 200 OK"[:size]) == [None]


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
        b"HTTP/1.1 000 Odd\r\n\r\n",
        b"HTTP/1.1 0",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1200 OK\r\n\r\n",
        b"HTTQ",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"<html>no head</html>",
        bytes(20),
    ],
)
def test_other_protocols_are_malformed(data):
    with pytest.raises(ProbeError) as caught:
        fed(data)
    assert caught.value.reason is Reason.MALFORMED


PIECES = st.lists(
    st.binary(max_size=100)
    | st.sampled_from([b"HTTP/", b"1.1 ", b"200", b"\r\n", b"\n", b"X:", b" y", b"\t"]),
    max_size=12,
)


@steady
@given(PIECES)
def test_how_the_bytes_are_cut_does_not_matter(pieces):
    def ends(chunks):
        try:
            return next((head for head in fed(*chunks) if head), None)
        except ProbeError as error:
            return error.reason

    data = b"".join(pieces)
    whole = ends([data])
    # A head that is complete is taken before what is wrong behind it.
    assert ends(pieces) == whole
    assert ends([data[at : at + 1] for at in range(len(data))]) == whole


@steady
@given(PIECES)
def test_any_bytes_are_a_head_unfinished_or_malformed(chunks):
    reader = HeadReader()
    try:
        heads = [reader.feed(chunk) for chunk in chunks]
    except ProbeError as error:
        assert error.reason is Reason.MALFORMED  # noqa: PT017 - one of two right ends
    else:
        assert all(head is None or head.status >= 100 for head in heads)
