"""Situations of the field: peers on loopback, rules to them, and the right answers.

A file of this folder describes one situation, with its right answers, as `CASES`: a
name, and how a peer behaves, what probes it and what is right to say of it. All of a
file are looked at in one round of `check`:

    CASES = {"line-ends": Case(tcp(answers(b"HTTP/1.1 200 OK\\n\\n")), "http", HOLDS)}
    test_situation = every(CASES)

Each peer has an address of its own on loopback, so that nothing seen of one tells of
another. `SITE` of the file, a function of its `Field`, gives other keys of the site
file; `NAMES`, a script of tests/servers/nameserver.py, is what its resolver says.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from exporter.cli.main import main
from tests.certificates import DAY, NOW, authority, server
from tests.servers.nameserver import scripted_names
from tests.servers.threaded import scripted

if TYPE_CHECKING:
    from collections.abc import Mapping

SHIFT = datetime.now(UTC) - NOW
"""From the time that certificates of the tests are valid around to the real one."""
_LONG = abs(SHIFT) + 9000 * DAY
ROOT = authority("Field root", start=-_LONG, end=_LONG)
"""What every site file of a field trusts."""
HOST = "host.field.test"
_TRIES = 12
_ROUND = {"interval": "5s", "timeout": "1500ms"}
_TARGET = ("verdict", "stage", "reason", "origin")


@dataclass(frozen=True)
class Right:
    """What is right to say: a value, or several of which each is honest.

    `says` and `never` are patterns for detail and conversation; `tls` are keys of the
    target's certificate.
    """

    verdict: str | tuple[str, ...]
    reason: str | tuple[str, ...] = ()
    stage: str = ""
    origin: str | tuple[str, ...] | None = None
    says: str = ""
    never: str = ""
    tls: Mapping[str, object] = field(default_factory=dict)

    def wrong(self, target):
        """What is not right of a target of `check`, in words; empty if all is."""
        wanted = {key: getattr(self, key) for key in _TARGET}
        asked = {key: one for key, one in wanted.items() if one not in ((), "", None)}
        if self.origin == "":
            asked["origin"] = ""
        certificate = target["tls"] or {}
        told = [(key, one, target[key]) for key, one in asked.items()]
        told += [(key, one, certificate.get(key)) for key, one in self.tls.items()]
        wrong = [
            f"{key} {got!r}, not {one!r}" for key, one, got in told if _is_not(got, one)
        ]
        text = f"{target['detail']} {json.dumps(target['conversation'])}"
        if self.says and not re.search(self.says, text, re.IGNORECASE):
            wrong.append(f"nothing of /{self.says}/")
        if self.never and (said := re.search(self.never, text, re.IGNORECASE)):
            wrong.append(f"it says {said[0]!r}")
        return f"{'; '.join(wrong)} in: {text}" if wrong else ""


def _is_not(got, wanted):
    return got not in wanted if isinstance(wanted, tuple) else got != wanted


HOLDS = Right("holds", "answered")


def holds(says="", **more):
    return Right("holds", "answered", says=says, **more)


def violated(reason, says="", **more):
    return Right("violated", reason, says=says, **more)


@dataclass(frozen=True)
class Case:
    """A peer, what probes it, and what is right to say.

    `peer` is entered with the field and an address, and gives the port. `host` is what
    the rule calls it: its address by default. `rule` has more keys of the rule.
    """

    peer: object
    probe: object
    right: Right
    host: str = ""
    rule: Mapping[str, object] = field(default_factory=dict)


def tcp(treatment, *addresses):
    """A peer over TCP, see tests/servers/threaded.py; at other addresses if named."""
    return lambda _field, own: scripted(treatment, *addresses or (own,))


def tls(treatment, make, port=0):
    """The same inside TLS; `make` gives its context, of the field."""

    @contextlib.contextmanager
    def peer(field_, own):
        behave = partial(_inside, make(field_), treatment)
        with scripted(behave, own, port=port) as where:
            yield where

    return peer


def _inside(context, treatment, sock):
    with (
        contextlib.suppress(OSError),
        context.wrap_socket(sock, server_side=True) as secure,
    ):
        treatment(secure)


def udp(answer):
    """A peer over UDP: what it sends for a datagram, in this order."""

    @contextlib.contextmanager
    def peer(_field, own):
        with contextlib.closing(_Datagrams(own, answer)) as running:
            yield running.port

    return peer


class _Datagrams:
    def __init__(self, own, answer):
        family = socket.AF_INET6 if ":" in own else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((own, 0))
        self.port = self._socket.getsockname()[1]
        self._answer = answer
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            data, peer = self._socket.recvfrom(4096)
            if self._closing.is_set():
                return
            for one in self._answer(data):
                self._socket.sendto(one, peer)

    def close(self):
        self._closing.set()
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join(10)
        self._socket.close()


@contextlib.contextmanager
def nobody(_field, own):
    """Nothing listens: the host itself refuses."""
    with socket.create_server((own, 0)) as one:
        port = one.getsockname()[1]
    yield port


def at(port):
    """Somewhere that something else of the file is, or nothing at all."""
    return lambda _field, _own: contextlib.nullcontext(port)


def leaf(*chain, issuer=ROOT, names=(HOST,), start=-1, end=90, **more):
    """Makes a TLS context with a certificate of these days, and what follows it."""

    def make(field_):
        issued = server(
            issuer, *names, start=SHIFT + start * DAY, end=SHIFT + end * DAY, **more
        )
        return field_.context(issued, *chain)

    return make


class Field:
    """What the peers of a file run in; `folder` has its files."""

    def __init__(self, folder, network=0):
        self.folder = folder
        self._stack = contextlib.ExitStack()
        self._own = (
            f"127.{network}.{n // 250}.{n % 250 + 1}" for n in itertools.count()
        )
        self._numbers = itertools.count()
        self.authorities = [ROOT.pem]

    def close(self):
        self._stack.close()

    def start(self, case):
        """The address and port of a case's peer."""
        own = next(self._own)
        return own, self._stack.enter_context(case.peer(self, own))

    def enter(self, peer):
        """What a peer that all cases share is entered with, until the end."""
        return self._stack.enter_context(peer)

    def names(self, script, **options):
        """A resolver of this field; what the site file calls it."""
        return self._stack.enter_context(scripted_names(script, **options)).address

    def context(self, issued, *chain):
        """A TLS server's, with a certificate and what it sends with it."""
        number = next(self._numbers)
        file, key = (self.folder / f"{number}.{kind}" for kind in ("pem", "key"))
        file.write_bytes(b"".join(one.pem for one in (issued, *chain)))
        key.write_bytes(issued.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file, key)
        return context

    def trusting(self):
        """What a site file says of its own authorities: `authorities`, as PEM."""
        file = self.folder / "ca.pem"
        file.write_bytes(b"".join(self.authorities))
        return {"tls": {"ca_file": str(file)}}

    def rule(self, name, case):
        own, port = self.start(case)
        transport = "udp" if _name_of(case.probe) in _OVER_UDP else "tcp"
        return {
            "id": name,
            "source": "here",
            "destination": {"host": case.host or own},
            "port": port,
            "transport": transport,
            "probe": case.probe,
            "usage": "application-services",
            "description": f"The case {name}",
            **case.rule,
        }

    def site(self, rules, **more):
        """Writes a site file with its catalogue."""
        catalogue = {
            "catalogue": "field",
            "title": "Field cases",
            "roles": {"here": {"title": "This host"}},
            "rules": [],
        }
        (self.folder / "field.yaml").write_text(_yaml(catalogue))
        file = self.folder / "site.yaml"
        site = {"catalogues": ["field.yaml"], "roles": ["here"], "rules": rules}
        file.write_text(_yaml({**site, "schedule": _ROUND, **more}))
        return file

    def check(self, rules, **more):
        """The targets of one round by rule; looked at again if we were too busy."""
        file = self.site(rules, **more)
        told, wanted = {}, ()
        for _ in range(_TRIES):
            done = run("check", "--config", file, "--format", "json", *wanted)
            assert done.exit_code in {0, 1, 3}, done.output
            told |= {one["rule"]: one for one in json.loads(done.stdout)["targets"]}
            wanted = [n for n, one in told.items() if one["reason"] == "local_fault"]
            if not wanted:
                break
        return told


_OVER_UDP = frozenset({"udp", "ntp", "sqlbrowser"})


def _name_of(probe):
    return probe if isinstance(probe, str) else next(iter(probe))


def _yaml(content):
    return json.dumps(content, ensure_ascii=False)  # which is YAML, without aliases


def run(*words):
    """A command of the exporter, in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


def every(cases):
    """The test of all cases of a file."""

    @pytest.mark.parametrize("name", cases)
    def test_situation(told, name):
        wrong = cases[name].right.wrong(told[name])
        assert not wrong, f"{name}: {wrong}"

    return test_situation
