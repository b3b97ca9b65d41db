"""Starts real servers for tests and waits until they answer."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

PATIENCE = 20.0
_LOWEST = 10_000
"""The lowest port that is used: those of well-known services are below."""
_HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


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


def free_port(address="127.0.0.1"):
    """A port that nobody listens on now, over TCP or UDP.

    It is none of those that the kernel hands out: one of them may be another socket's
    the next moment, of a test beside this one, or even of whoever connects to it.
    """
    handed_out = int(_HANDED_OUT.read_text().split()[0])
    while True:
        port = _LOWEST + secrets.randbelow(handed_out - _LOWEST)
        if all(_is_free(address, port, kind) for kind in _KINDS):
            return port


def _is_free(address, port, kind):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as sock:
        try:
            sock.bind((address, port))
        except OSError:
            return False
    return True


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
