"""What is read in the place of a file, and what is left behind."""

from __future__ import annotations

import os

import pytest

from exporter.config.regular_files import read_regular


def descriptors():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count


@pytest.fixture(params=["folder", "fifo", "device", "loop", "gone", "nul"])
def no_file(request, tmp_path):
    path = tmp_path / request.param
    match request.param:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path)
        case "nul":
            path = tmp_path / "a\0b"
        case _:
            pass
    return path


def test_what_is_no_file_is_refused_and_nothing_stays_open(no_file):
    """Those of a web configuration are read every second, for as long as it is wrong."""
    before = descriptors()
    for _ in range(10):
        with pytest.raises(OSError, match=r".") as caught:
            read_regular(no_file, 100)
        assert caught.value.strerror
    assert descriptors() == before


def test_a_file_is_read_as_far_as_agreed_and_closed(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abcdef")
    before = descriptors()
    assert read_regular(path, 4) == b"abcd"
    assert read_regular(path, 40) == b"abcdef"
    assert descriptors() == before
