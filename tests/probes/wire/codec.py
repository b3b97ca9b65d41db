"""What every codec must bear, whatever its protocol."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.outcome import ProbeError, Reason

# The same examples on every run: a test must not fail by luck.
steady = settings(derandomize=True, max_examples=200, deadline=None, database=None)


def malformed(decode, data):
    """Asserts that `decode` calls `data` malformed; returns the detail."""
    with pytest.raises(ProbeError) as caught:
        decode(data)
    assert caught.value.reason is Reason.MALFORMED
    return caught.value.detail


def every_cut_is_malformed(decode, whole):
    """For codecs that are given whole messages: none shorter will do."""
    for size in range(len(whole)):
        malformed(decode, whole[:size])


def damaged(whole):
    """Strategy: `whole` with some octets changed, inserted or cut, or none of it."""
    octet = st.integers(0, 255)
    place = st.integers(0, len(whole))

    def change(changes):
        data = bytearray(whole)
        for at, removed, inserted in changes:
            data[at : at + removed] = inserted
        return bytes(data)

    edit = st.tuples(place, st.integers(0, 4), st.lists(octet, max_size=4).map(bytes))
    return st.lists(edit, min_size=1, max_size=4).map(change) | st.binary(max_size=300)


def never_surprised(decode, whole):
    """Runs `decode` on damaged messages: a value or a ProbeError, nothing else."""

    @steady
    @given(damaged(whole))
    def run(data):
        error = _error(decode, data)
        if error is not None:
            assert error.reason in {Reason.MALFORMED, Reason.REJECTED}
            assert error.detail.isprintable()
            assert len(error.detail) < 400

    run()


def _error(decode, data):
    try:
        decode(data)
    except ProbeError as error:
        return error
    return None
