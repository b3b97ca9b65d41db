"""Starts real servers for tests and waits until they answer."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time

import pytest

PATIENCE = 20.0


def needs_root(server):
    """Skips the test, for all to see, where a server that only root may start cannot."""
    if os.geteuid() != 0:
        pytest.skip(f"{server} starts for root only: what needs it was not tested")


def binary(name):
    """The path of a server; skips loudly without it, and fails in CI."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        message = f"{name} is not installed (tests/install-packages installs it)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def free_port(kind=socket.SOCK_STREAM, address="127.0.0.1"):
    """A port that nobody listens on now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as sock:
        sock.bind((address, 0))
        return sock.getsockname()[1]


@contextlib.contextmanager
def running(argv, ready, log):
    """Runs a server until the block ends.

    Args:
        argv: its command line, in the foreground.
        ready: called until it returns something true.
        log: file for what it prints, shown if it does not come up.
    """
    with log.open("wb") as out:
        server = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT)
    try:
        _await(ready, server, log)
        yield server
    finally:
        server.terminate()
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def listens(port, address="127.0.0.1"):
    """Whether something accepts TCP connections there."""
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return False
    return True


def _await(ready, server, log):
    end = time.monotonic() + PATIENCE
    while not ready():
        if server.poll() is not None or time.monotonic() > end:
            said = log.read_text(errors="replace")[-3000:]
            pytest.fail(f"{server.args[0]} did not come up:\n{said}")
        time.sleep(0.05)
