"""A mail system is many processes: none may outlive the test that started it."""

from __future__ import annotations

import os

import pytest

from tests.probing import ISSUED
from tests.servers.postfix import postfix


def test_nothing_of_it_is_left(tmp_path):
    with postfix(tmp_path / "mail", ISSUED):
        master = int((tmp_path / "mail/queue/pid/master.pid").read_text())
        os.kill(master, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(master, 0)
