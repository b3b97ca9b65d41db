"""TCP peers that misbehave as told, in threads, so that no loop is shared with us.

A treatment is a function of the connected socket; the connection ends when it
returns. `scripted(treatment)` listens on loopback and yields the port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading


def mute(sock):
    """Reads everything, says nothing."""
    while sock.recv(65536):
        pass


def closes_at_once(_sock):
    """FIN right after the handshake."""


def resets(sock):
    """RST instead of an end, after the first bytes came."""
    sock.recv(1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def resets_at_once(sock):
    """RST right after the handshake."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closes_and_resets(sock):
    """FIN right after the handshake, RST right after that."""
    sock.shutdown(socket.SHUT_WR)
    resets_at_once(sock)


def says(data):
    """Says `data` at once, then reads until the peer ends."""

    def treat(sock):
        sock.sendall(data)
        mute(sock)

    return treat


def says_and_closes(data):
    """Says `data` at once, then ends."""

    def treat(sock):
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        mute(sock)

    return treat


def drips(data):
    """Says `data` one byte a segment, then reads until the peer ends."""

    def treat(sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            sock.sendall(bytes([byte]))
        mute(sock)

    return treat


def answers(data):
    """Waits for something, then says `data` and reads until the peer ends."""

    def treat(sock):
        sock.recv(65536)
        sock.sendall(data)
        mute(sock)

    return treat


def endless(data):
    """Repeats `data` until the peer ends."""

    def treat(sock):
        while True:
            sock.sendall(data)

    return treat


@contextlib.contextmanager
def reset_unseen(ending=resets_at_once):
    """A peer whose first connection is reset by the time that our loop looks at it.

    Enter it in the coroutine that then connects: the loop stands still from its first
    pause on until the reset is there.
    """
    waited = []
    done = threading.Event()

    def treat(sock):
        ending(sock)
        sock.close()
        done.set()

    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: waited.append(done.wait(10)))
    with scripted(treat) as port:
        yield port
    assert waited == [True], "the loop did not wait for the reset"


@contextlib.contextmanager
def scripted(treatment, *addresses, port=0):
    """Listens on the same port of all addresses (127.0.0.1 by default)."""
    with contextlib.ExitStack() as stack:
        for address in addresses or ("127.0.0.1",):
            peer = stack.enter_context(contextlib.closing(_Peer(treatment)))
            port = peer.listen(address, port)
        yield port


class _Peer:
    def __init__(self, treatment):
        self._treatment = treatment
        self._listener = None
        self._threads = []
        self._open = set()

    def listen(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family)
        self._start(self._accept)
        return self._listener.getsockname()[1]

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), "a scripted peer did not end"

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(sock)
            self._start(self._treat, sock)

    def _treat(self, sock):
        with sock, contextlib.suppress(OSError):
            self._treatment(sock)
        self._open.discard(sock)
