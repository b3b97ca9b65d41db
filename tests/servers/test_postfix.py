"""A mail system is many processes: none may outlive the test that started it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.probing import ISSUED
from tests.servers.postfix import postfix


def test_nothing_of_it_is_left():
    # Not tmp_path, which only root may enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with postfix(folder / "mail", ISSUED):
            master = int((folder / "mail/queue/pid/master.pid").read_text())
            os.kill(master, 0)
        with pytest.raises(ProcessLookupError):
            os.kill(master, 0)
