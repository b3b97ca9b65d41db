from __future__ import annotations

import pytest

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.stream import READ_LIMIT, Stream


class Scripted(Stream):
    """Delivers the given chunks, then the end."""

    def __init__(self, *chunks):
        super().__init__()
        self._chunks = list(chunks)

    async def _write(self, data):
        raise AssertionError("nothing is sent here")

    async def _read(self):
        return self._chunks.pop(0) if self._chunks else b""


class Failing(Scripted):
    """Ends, or fails as told, at the first read."""

    def __init__(self, reason):
        super().__init__()
        self._reason = reason

    async def _read(self):
        if self._reason is None:
            return b""
        raise ProbeError(self._reason, "as told")


def byte_by_byte(data):
    return [data[i : i + 1] for i in range(len(data))]


@pytest.mark.parametrize(
    "chunks", [[b"one\r\ntwo\nrest"], byte_by_byte(b"one\r\ntwo\nrest")]
)
async def test_lines_come_however_the_bytes_do(chunks):
    stream = Scripted(*chunks)
    assert await stream.receive_line(10) == b"one"
    assert await stream.receive_line(10) == b"two"
    assert await stream.receive_exactly(4) == b"rest"


async def test_a_line_may_be_as_long_as_its_limit():
    assert await Scripted(b"12345\n").receive_line(6) == b"12345"


@pytest.mark.parametrize("chunks", [[b"123456\n"], byte_by_byte(b"123456\n")])
async def test_a_longer_line_is_malformed(chunks):
    with pytest.raises(ProbeError) as caught:
        await Scripted(*chunks).receive_line(6)
    assert caught.value.reason is Reason.MALFORMED


async def test_bytes_are_an_answer_and_stay_to_be_read():
    stream = Scripted(b"ab")
    assert await stream.peek() == ord("a")
    assert await stream.peek() == ord("a")
    assert await stream.receive() == b"ab"


@pytest.mark.parametrize("reason", [None, Reason.RESET])
async def test_an_end_or_a_reset_is_no_answer(reason):
    assert await Failing(reason).peek() is None


async def test_any_other_failure_to_answer_is_raised():
    with pytest.raises(ProbeError) as caught:
        await Failing(Reason.MALFORMED).peek()
    assert caught.value.reason is Reason.MALFORMED


async def test_receive_takes_what_is_there():
    stream = Scripted(b"ab", b"cd")
    assert await stream.receive() == b"ab"
    assert await stream.receive_exactly(1) == b"c"
    assert stream.pending == 1
    assert await stream.receive() == b"d"


@pytest.mark.parametrize("chunks", [[], [b"half a li"]])
async def test_the_end_where_an_answer_was_due_is_closed(chunks):
    stream = Scripted(*chunks)
    with pytest.raises(ProbeError) as caught:
        await stream.receive_line(100)
    assert caught.value.reason is Reason.CLOSED


async def test_endless_data_is_malformed_before_it_fills_memory():
    stream = Scripted(*[b"x" * 16384] * 100)
    with pytest.raises(ProbeError) as caught:
        await stream.receive_exactly(10**9)
    assert caught.value.reason is Reason.MALFORMED
    assert stream.pending <= READ_LIMIT


def only_a(data):
    if data[:1] != b"a":
        raise ProbeError(Reason.MALFORMED, f"begins with {data!r}")


@pytest.mark.parametrize("read", [Stream.receive_line, Stream.receive_exactly])
@pytest.mark.parametrize("first", [[b"bc"], [b"b", b"c"]])
async def test_what_cannot_begin_an_answer_is_not_waited_for(read, first):
    stream = Scripted(*first)
    await stream.peek()
    with pytest.raises(ProbeError, match="begins with"):
        await read(stream, 100, only_a)


async def test_what_can_begin_one_is():
    stream = Scripted(b"a", b"b\n", b"ab")
    assert await stream.receive_line(100, only_a) == b"ab"
    assert await stream.receive_exactly(2, only_a) == b"ab"


async def test_what_came_and_went_is_in_the_transcript():
    class Both(Scripted):
        async def _write(self, data):
            pass

    stream = Both(b"ab", b"c")
    await stream.send(b"hello")
    await stream.receive_exactly(3)
    assert stream.transcript.said == b"hello"
    assert (stream.transcript.heard, stream.transcript.received) == (b"abc", 3)
