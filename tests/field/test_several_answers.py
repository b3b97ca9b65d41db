"""Several certificates or several addresses answer, and one would stand for all.

The worst of all is told, a way that no client takes counts for nothing, and what nobody
looked at is no pass.
"""

from __future__ import annotations

import contextlib
import time

import pytest

from tests.certificates import DAY, authority
from tests.field.situation import (
    HOST,
    ROOT,
    SHIFT,
    Case,
    Right,
    every,
    holds,
    leaf,
    nobody,
    tcp,
    tls,
)
from tests.servers.nameserver import AAAA
from tests.servers.threaded import answers

_WEB = answers(b"HTTP/1.1 200 OK\r\n\r\n")
_FAR = 900 * DAY
SHORT = authority("Short root", start=SHIFT - _FAR, end=SHIFT + 5 * DAY)
OLD = authority("Old root", start=SHIFT - _FAR, end=SHIFT + 5 * DAY)
CROSS = authority(
    ROOT.certificate.subject,
    OLD,
    key=ROOT.key,
    start=SHIFT - _FAR,
    end=SHIFT + 5 * DAY,
)
PUBLIC = authority("Public root", start=SHIFT - _FAR, end=SHIFT + _FAR)
FORGOTTEN = authority("Forgotten", PUBLIC, start=SHIFT - _FAR, end=SHIFT + _FAR)
INSPECTION = authority("Inspection", start=SHIFT - _FAR, end=SHIFT + _FAR)
_BACKENDS = tuple(f"127.0.5.{n}" for n in (1, 2, 3))
_TWELVE = tuple(f"127.0.6.{n}" for n in range(1, 13))
_TEN = tuple(f"127.0.7.{n}" for n in range(1, 11))
_CROWD = tuple(f"127.0.8.{n}" for n in range(1, 65))
_PAIR = ("127.0.9.1", "127.0.9.2")
_ZONE = {
    "many": _BACKENDS,
    "twelve": _TWELVE,
    "ten": _TEN,
    "crowd": _CROWD,
    "pair": _PAIR,
    "half": _PAIR[:1],
}


def NAMES(query):  # noqa: N802 - see situation.py
    if query.name.startswith("half") and query.kind == AAAA:
        return query.answer(rcode=2)
    return query.addresses(*_ZONE.get(query.name.split(".")[0], ()))


@contextlib.contextmanager
def backends(field, _own):
    """A good one, one that ended three days ago, and one for another name."""
    name = "many.field.test"
    made = (
        leaf(names=(name,)),
        leaf(names=(name,), start=-90, end=-3),
        leaf(names=("other.test",)),
    )
    with contextlib.ExitStack() as stack:
        port = 0
        for make, address in zip(made, _BACKENDS, strict=True):
            peer = tls(_WEB, make, port)
            port = stack.enter_context(peer(field, address))
        yield port


@contextlib.contextmanager
def inspected_by_half(field, _own):
    """At the second of two addresses a device shows its own authority's certificate."""
    names = ("pair.field.test",)
    makes = (leaf(names=names), leaf(INSPECTION, issuer=INSPECTION, names=names))
    with contextlib.ExitStack() as stack:
        port = 0
        for make, address in zip(makes, _PAIR, strict=True):
            port = stack.enter_context(tls(_WEB, make, port)(field, address))
        yield port


_SHUT = {"expect": "deny", "denial": ["reset"]}
_RULE = {"tls": {"server_name": HOST}}
_ALL = {"addresses": "all"}
CASES = {
    "three-backends": Case(
        backends,
        "https",
        holds(tls={"verified": False}),
        host="many.field.test",
        rule=_ALL,
    ),
    "all-of-twelve": Case(
        tcp(_WEB, *_TWELVE[:8]),
        "http",
        Right(("unknown", "violated")),
        host="twelve.field.test",
        rule=_ALL,
    ),
    "any-of-twelve": Case(
        tcp(_WEB, *_TWELVE[7:8]), "http", holds(), host="twelve.field.test"
    ),
    "all-of-ten": Case(
        tcp(_WEB, *_TEN), "http", holds(), host="ten.field.test", rule=_ALL
    ),
    "all-of-sixty-four-but-one": Case(
        tcp(_WEB, *_CROWD[:40], *_CROWD[41:]),
        "http",
        Right(("unknown", "violated")),
        host="crowd.field.test",
        rule=_ALL,
    ),
    "one-of-sixty-four-is-open": Case(
        tcp(_WEB, _CROWD[40]),
        "http",
        Right("violated", "answered"),
        host="crowd.field.test",
        rule=_SHUT,
    ),
    "none-of-sixty-four-is-open": Case(
        tcp(_WEB, "127.0.10.1"),
        "http",
        Right("holds", "refused"),
        host="crowd.field.test",
        rule=_SHUT,
    ),
    "half-of-the-set-is-shut": Case(
        nobody, "http", Right("unknown"), host="half.field.test", rule=_SHUT
    ),
    "one-of-two-is-inspected": Case(
        inspected_by_half,
        "https",
        holds(tls={"intercepted": True}),
        host="pair.field.test",
        rule={"addresses": "all", "tls": {"expected_issuer": "Field root"}},
    ),
    "none-of-ten-may-be-open": Case(
        tcp(_WEB, _TEN[9]),
        "http",
        Right("violated", "answered"),
        host="ten.field.test",
        rule={"expect": "deny"},
    ),
    "a-cross-signature-that-nobody-needs": Case(
        tls(_WEB, leaf(CROSS)), "https", holds(tls={"verified": True}), rule=_RULE
    ),
    "a-root-that-is-not-sent": Case(
        tls(_WEB, leaf(issuer=SHORT)),
        "https",
        holds(tls={"verified": True}),
        rule=_RULE,
    ),
    "an-intermediate-that-a-public-server-forgets": Case(
        tls(_WEB, leaf(issuer=FORGOTTEN)),
        "https",
        holds(tls={"verified": True, "intercepted": (False, None)}),
        rule=_RULE | {"public": True},
    ),
    "inspected": Case(
        tls(_WEB, leaf(INSPECTION, issuer=INSPECTION)),
        "https",
        holds(tls={"intercepted": True}),
        rule=_RULE | {"public": True},
    ),
    "inspected-by-a-leaf-alone": Case(
        tls(_WEB, leaf(issuer=INSPECTION)),
        "https",
        holds(tls={"intercepted": True}),
        rule=_RULE | {"public": True},
    ),
}
_ENDS = {
    "three-backends": ("expiry", -3),
    "a-cross-signature-that-nobody-needs": ("chain_expiry", 90),
    "a-root-that-is-not-sent": ("chain_expiry", 5),
}


def SITE(field):  # noqa: N802 - see situation.py
    field.authorities += [one.pem for one in (SHORT, FORGOTTEN, INSPECTION)]
    return {}


@pytest.fixture(scope="module", autouse=True)
def public_roots(tmp_path_factory):
    """A root that stands for all the public ones, to whom nobody signs for tests."""
    file = tmp_path_factory.mktemp("public") / "roots.pem"
    file.write_bytes(PUBLIC.pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exporter.probes.tls.certifi.where", lambda: str(file))
        yield


test_situation = every(CASES)


@pytest.mark.parametrize("name", _ENDS)
def test_the_end_that_breaks_something_is_told(told, name):
    key, days = _ENDS[name]
    left = (told[name]["tls"][key] - time.time()) / DAY.total_seconds()
    assert abs(left - days) < 0.1


def test_of_twelve_each_is_told(told):
    seen = told["all-of-twelve"]["addresses"]
    assert len(seen) == len(_TWELVE)
