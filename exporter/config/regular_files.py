"""Files that a configuration names: regular ones only, and no more than was agreed.

A FIFO, a device or a terminal in the place of a file would keep its reader waiting for
ever, and a name can hold what no path may. Either is an OSError with its reason, as a
missing file is.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def read_regular(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of a regular file.

    Raises:
        OSError: it is not there, not readable, or not a regular file.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a path has no NUL character")
    # O_NONBLOCK: opening a FIFO for reading would wait for its writer.
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        # Not its to close: it would leave a descriptor that it cannot use open.
        with open(file, "rb", closefd=False) as content:
            return content.read(limit)
    finally:
        os.close(file)
