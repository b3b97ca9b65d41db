"""Resolvers, and devices before them, that answer in an odd way or not at all.

Whatever the host's own clients (getent, curl) make of it is right. A name that they
resolve is reached; of one that they do not, it is told what failed, over which transport.
"""

from __future__ import annotations

import struct
from itertools import pairwise

from tests.field.situation import Case, Right, every, holds, tcp, violated
from tests.servers.nameserver import (
    AAAA,
    CNAME,
    TRUNCATED,
    A,
    address_record,
    record,
    wire_name,
)
from tests.servers.threaded import answers

HERE, V6 = "127.0.0.1", "::1"
NXDOMAIN, SERVFAIL, NOTIMP, REFUSED = 3, 2, 4, 5
_seen: dict[tuple[str, int], list[object]] = {}
_NS, _OPT, _RRSIG, _DNAME, _CHAOS = 2, 41, 46, 39, 3


def here(query):
    return query.addresses(HERE)


def code(number):
    return lambda query: query.answer(rcode=number)


def but_aaaa(other):
    """Answers A; to AAAA something else."""
    return lambda query: here(query) if query.kind == A else other(query)


def silent(_query):
    return None


def without_edns(otherwise):
    return lambda query: otherwise(query) if query.additional else here(query)


def foreign_cookie(query):
    option = struct.pack("!HH", 10, 16) + b"ABCDEFGH12345678"
    data = bytearray(here(query))
    data[10:12] = b"\0\1"
    opt = b"\0" + struct.pack("!HHIH", _OPT, 1232, 0, len(option)) + option
    return bytes(data) + opt if query.additional else here(query)


def once(first):
    """The first time another answer; each question for itself."""

    def script(query):
        seen = _seen.setdefault((query.name, query.kind), [])
        seen.append(query)
        return first(query) if len(seen) == 1 else here(query)

    return script


def late(seconds):
    return lambda query: (seconds, here(query))


def chain(length):
    """So many aliases after one another, in reverse order."""

    def script(query):
        names = [query.name, *(f"a{n}.field.test" for n in range(length))]
        aliases = [record(one, CNAME, wire_name(to)) for one, to in pairwise(names)]
        own = [address_record(names[-1], HERE)] if query.kind == A else []
        return query.answer(*own, *reversed(aliases))

    return script


def loop(query):
    there = record(query.name, CNAME, wire_name("x.field.test"))
    back = record("x.field.test", CNAME, wire_name(query.name))
    return query.answer(there, back)


def truncated(over_tcp, *records):
    def script(query):
        if query.transport == "tcp":
            return over_tcp(query)
        return query.answer(*(one(query.name) for one in records), flags=TRUNCATED)

    return script


def beside(*others):
    """The address after records that nobody asked for."""

    def script(query):
        own = [address_record(query.name, HERE)] if query.kind == A else []
        return query.answer(*others, *own)

    return script


def in_capitals(query):
    data = here(query)
    return data.replace(query.section, query.section[:-4].upper() + query.section[-4:])


def other_class(query):
    packed = bytes([127, 0, 0, 9])
    wrong = wire_name(query.name) + struct.pack("!HHIH", A, _CHAOS, 60, 4) + packed
    own = [address_record(query.name, HERE)] if query.kind == A else []
    return query.answer(wrong, *own)


def unreadable(query):
    return query.answer(count=9) + b"\xff"


def of_another(query):
    return query.answer(address_record("other.field.test", HERE))


def alias_to_nothing(query):
    return query.answer(
        record(query.name, CNAME, wire_name("gone.field.test")), rcode=NXDOMAIN
    )


def without_recursion(query):
    """Neither has authority nor asks who has: refers to the name's own servers."""
    data = bytearray(query.answer(record("test", _NS, wire_name("ns.test"))))
    data[2:12] = b"\x81\0\0\1\0\0\0\1\0\0"
    return bytes(data)


def no_question(query):
    return query.data[:2] + b"\x81\x85" + bytes(8)


_REACHED = {
    "edns-is-dropped": without_edns(silent),
    "edns-is-not-implemented": without_edns(code(NOTIMP)),
    "a-foreign-cookie": foreign_cookie,
    "aaaa-is-never-answered": but_aaaa(silent),
    "aaaa-fails": but_aaaa(code(SERVFAIL)),
    "aaaa-is-refused": but_aaaa(code(REFUSED)),
    "aaaa-is-not-implemented": but_aaaa(code(NOTIMP)),
    "aaaa-does-not-exist": but_aaaa(code(NXDOMAIN)),
    "aaaa-cannot-be-read": but_aaaa(unreadable),
    "aaaa-is-of-another-name": but_aaaa(of_another),
    "the-first-datagram-is-lost": once(silent),
    "fails-once": once(code(SERVFAIL)),
    "two-seconds": late(2.0),
    "eight-aliases": chain(8),
    "sixteen-aliases": chain(16),
    "longer-over-tcp": truncated(here),
    "a-part-and-longer-over-tcp": truncated(
        here, lambda name: address_record(name, "127.0.0.9")
    ),
    "signatures-beside": beside(record("field.test", _RRSIG, bytes(30))),
    "a-redirected-tree-beside": beside(
        record("field.test", _DNAME, wire_name("other.test"))
    ),
    "spelt-otherwise": in_capitals,
    "a-record-of-another-class-beside": other_class,
    "the-first-time-without-recursion": once(without_recursion),
    "nothing-may-be-kept": lambda query: query.addresses(HERE, ttl=0),
    "kept-for-ever": lambda query: query.addresses(HERE, ttl=2**32 - 1),
}
_ONLY_V6 = {
    "only-ipv6": lambda query: query.addresses(V6),
    "only-ipv6-and-a-fails": lambda query: (
        query.addresses(V6) if query.kind == AAAA else query.answer(rcode=SERVFAIL)
    ),
    "only-ipv6-and-a-is-dropped": lambda query: (
        query.addresses(V6) if query.kind == AAAA else None
    ),
}


def failure(reason, says):
    return violated(reason, says, stage="resolve", origin="")


_NOT = {
    "no-such-name": (code(NXDOMAIN), failure("nxdomain", "does not exist")),
    "an-alias-to-nothing": (alias_to_nothing, failure("nxdomain", "does not exist")),
    "no-address": (lambda query: query.answer(), failure("no_address", "")),
    "aliases-in-a-circle": (loop, failure(("no_address", "dns_failure"), "")),
    "fails": (code(SERVFAIL), failure("dns_failure", "SERVFAIL")),
    "is-refused": (code(REFUSED), failure("dns_failure", "REFUSED")),
    "is-refused-without-its-question": (no_question, failure("dns_failure", "REFUSED")),
    "yxdomain": (code(6), failure("dns_failure", "YXDOMAIN")),
    "a-code-without-a-name": (code(12), failure("dns_failure", "12")),
    "cannot-be-read": (unreadable, failure("dns_failure", "")),
    "an-address-of-another-name": (of_another, failure("dns_failure", "another name")),
    "without-recursion": (
        without_recursion,
        failure("dns_failure", "asks no other server"),
    ),
    "tcp-closes": (
        truncated(lambda _query: b""),
        failure("dns_failure", r"\bTCP\b.*truncated"),
    ),
    "truncated-over-tcp-too": (
        lambda query: query.answer(flags=TRUNCATED),
        failure("dns_failure", "truncated"),
    ),
    "says-that-there-is-none": (
        lambda query: query.addresses("0.0.0.0", "::"),  # noqa: S104 - never bound to
        failure("no_address", "no|filter"),
    ),
}
_ASKED = {
    **_REACHED,
    **_ONLY_V6,
    **{name: script for name, (script, _) in _NOT.items()},
}
_WEB = answers(b"HTTP/1.1 200 OK\r\n\r\n")


def NAMES(query):  # noqa: N802 - see situation.py
    label = query.name.split(".")[0]
    return _ASKED[label](query) if label in _ASKED else query.answer(rcode=NXDOMAIN)


def case(name, right, *addresses, **rule):
    return Case(
        tcp(_WEB, *addresses), "http", right, host=f"{name}.field.test", rule=rule
    )


CASES = {
    **{name: case(name, holds(), HERE) for name in _REACHED},
    **{name: case(name, holds(), V6) for name in _ONLY_V6},
    **{name: case(name, right, HERE) for name, (_, right) in _NOT.items()},
    **{
        f"{name}-proves-no-block": Case(
            tcp(_WEB, HERE),
            "http",
            Right("unknown", stage="resolve"),
            host=f"{name}.field.test",
            rule={"expect": "deny"},
        )
        for name in _NOT
    },
    "half-of-the-addresses-proves-nothing-of-all": Case(
        tcp(_WEB, HERE),
        "http",
        Right("unknown"),
        host="aaaa-fails.field.test",
        rule={"addresses": "all"},
    ),
}
test_situation = every(CASES)
