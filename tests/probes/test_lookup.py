"""One look-up: the search list, both families, servers in turn, and patience."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import time

import pytest

from exporter.model.outcome import Origin, ProbeError, Reason
from exporter.probes import host_network, kernel, lookup
from exporter.probes.lookup import Resolved, look_up
from exporter.probes.nameserver import NameServer
from exporter.probes.resolvconf import ResolvConf
from tests.servers.nameserver import (
    AAAA,
    CNAME,
    A,
    address_record,
    record,
    scripted_names,
    wire_name,
)
from tests.servers.process import free_port

NAME = "www.uni.example"
V4, OTHER_V4, V6 = "192.0.2.1", "192.0.2.2", "::1"
SERVFAIL, NXDOMAIN = 2, 3


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(lookup, "_SECOND_LOOK", 0.05)


def zone(names, otherwise=NXDOMAIN):
    """A script that knows these names; a number stands for a response code."""

    def script(query):
        known = names.get(query.name, otherwise)
        return (
            query.answer(rcode=known)
            if isinstance(known, int)
            else query.addresses(*known)
        )

    return script


def by_kind(v4, v6):
    """A script that treats questions for A and AAAA differently."""
    return lambda query: (v4 if query.kind == A else v6)(query)


def addresses(*found):
    return lambda query: query.addresses(*found)


def refuses(rcode):
    return lambda query: query.answer(rcode=rcode)


def silent(_query):
    return None


def nothing(query):
    return query.answer()


async def found(*scripts, host=NAME, **conf):
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(scripted_names(one)) for one in scripts]
        servers = [NameServer(one.address) for one in running]
        return (await look_up(host, ResolvConf(**conf), servers)).result()


async def failure(*scripts, **options):
    with pytest.raises(ProbeError) as caught:
        await found(*scripts, **options)
    return caught.value


# --- Patience -----------------------------------------------------------------------


class Cold:
    """A recursion that takes its time once; each copy is answered when it is there."""

    def __init__(self, seconds):
        self._seconds = seconds
        self._begun = {}

    def __call__(self, query):
        if not query.name.startswith("cold"):
            return query.addresses(V4)
        begun = self._begun.setdefault((query.name, query.kind), time.monotonic())
        left = begun + self._seconds - time.monotonic()
        return max(left, 0.0), query.addresses(V4)


async def test_a_slow_recursion_is_waited_for_whatever_was_fast_before():
    async def after_fast_ones(seconds):
        with scripted_names(Cold(seconds)) as server:
            servers = [NameServer(server.address)]
            for number in range(12):
                await look_up(f"fast{number}.example", ResolvConf(), servers)
            return (await look_up("cold.example", ResolvConf(), servers)).result()

    ends = await asyncio.gather(*map(after_fast_ones, (0.7, 1.2, 3.0)))
    assert ends == [Resolved((V4,))] * 3


async def test_a_resolver_that_is_always_slow_is_waited_for():
    assert await found(lambda query: (2.0, query.addresses(V4))) == Resolved((V4,))


async def test_silence_ends_with_the_patience(monkeypatch):
    monkeypatch.setattr(lookup, "PATIENCE", 0.3)
    error = await failure(silent, search=("a.example",))
    assert error.reason is Reason.DNS_FAILURE
    assert NAME in error.detail
    assert "no answer" in error.detail


# --- Both families ------------------------------------------------------------------


async def test_both_families_are_asked_at_once():
    assert await found(addresses(V4, V6)) == Resolved((V4, V6))


async def test_ipv6_without_a_route_is_left_out_unless_there_is_nothing_else(
    monkeypatch,
):
    monkeypatch.setattr(host_network, "has_route", lambda address: ":" not in address)
    assert await found(addresses(V4, V6)) == Resolved((V4,))
    assert await found(addresses(V6)) == Resolved((V6,))


async def test_with_no_aaaa_only_ipv4_is_asked_for():
    script = by_kind(addresses(V4), silent)
    assert await found(script, ipv4_only=True) == Resolved((V4,))


@pytest.mark.parametrize(
    ("v6", "why"),
    [
        (refuses(SERVFAIL), "says SERVFAIL"),
        (silent, "no answer within 1 s of the other family's"),
        (lambda q: q.answer(count=9), "ends too soon"),
    ],
)
async def test_a_family_that_cannot_be_learned_is_told_and_holds_nothing_up(v6, why):
    end = await found(by_kind(addresses(V4), v6))
    assert end.addresses == (V4,)
    (unlearned,) = end.unlearned
    assert unlearned.family == "IPv6"
    assert why in unlearned.why


async def test_ipv4_that_cannot_be_learned_is_told_too():
    end = await found(by_kind(refuses(SERVFAIL), addresses(V6)))
    assert end.addresses == (V6,)
    assert [one.family for one in end.unlearned] == ["IPv4"]


@pytest.mark.parametrize("v6", [nothing, refuses(NXDOMAIN)])
async def test_a_family_without_addresses_is_learned(v6):
    assert await found(by_kind(addresses(V4), v6)) == Resolved((V4,))


async def test_what_is_not_whole_is_not_kept_for_long():
    with scripted_names(by_kind(addresses(V4), refuses(SERVFAIL))) as server:
        end = await look_up(NAME, ResolvConf(), [NameServer(server.address)])
    assert end.ttl == lookup.KEEP_FAILURE


@pytest.mark.parametrize(
    ("v4", "v6", "reason"),
    [
        (refuses(NXDOMAIN), silent, Reason.NXDOMAIN),
        (refuses(NXDOMAIN), refuses(SERVFAIL), Reason.NXDOMAIN),
        (nothing, refuses(SERVFAIL), Reason.DNS_FAILURE),
        (refuses(SERVFAIL), nothing, Reason.DNS_FAILURE),
        (nothing, nothing, Reason.NO_ADDRESS),
    ],
)
async def test_without_an_address_the_failure_is_what_is_known(v4, v6, reason):
    assert (await failure(by_kind(v4, v6))).reason is reason


@pytest.mark.parametrize(
    ("rcode", "name"), [(1, "FORMERR"), (2, "SERVFAIL"), (4, "NOTIMP"), (6, "YXDOMAIN")]
)
async def test_every_response_code_is_told_by_name(rcode, name):
    error = await failure(refuses(rcode))
    assert error.reason is Reason.DNS_FAILURE
    assert error.detail == f"{NAME}: no usable answer: 127.0.0.1 says {name}"


async def test_addresses_of_another_name_are_refused():
    error = await failure(lambda q: q.answer(address_record("portal.example", V4)))
    assert error.reason is Reason.DNS_FAILURE
    assert "portal.example" in error.detail


@pytest.mark.parametrize("none", [("0.0.0.0",), ("0.0.0.0", "::")])  # noqa: S104 - told
async def test_the_unspecified_address_is_none(none):
    error = await failure(addresses(*none))
    assert error.reason is Reason.NO_ADDRESS
    assert "filter" in error.detail
    mixed = await found(addresses(*none, V4))
    assert mixed.addresses == (V4,)


async def test_aliases_lead_to_the_addresses():
    def script(query):
        alias = record(query.name, CNAME, wire_name("a.cdn.example"))
        own = [address_record("a.cdn.example", V4, 0)] if query.kind == A else []
        return query.answer(alias, *own)

    assert await found(script) == Resolved((V4,))


# --- A second look ------------------------------------------------------------------


async def test_a_failure_is_believed_only_when_it_is_said_twice():
    asked = []

    def script(query):
        asked.append(query.kind)
        first = asked.count(query.kind) == 1
        return query.answer(rcode=SERVFAIL) if first else query.addresses(V4, V6)

    assert await found(script) == Resolved((V4, V6))
    assert sorted(asked) == [A, A, AAAA, AAAA]


# --- Servers in turn ----------------------------------------------------------------


@pytest.mark.parametrize("first", [refuses(SERVFAIL), refuses(5), refuses(4)])
async def test_the_next_server_is_asked_when_one_fails(first):
    assert await found(first, addresses(V4)) == Resolved((V4,))


async def test_a_server_that_is_not_there_costs_no_time():
    with scripted_names(addresses(V4)) as server:
        servers = [NameServer(f"127.0.0.1:{free_port()}"), NameServer(server.address)]
        started = time.monotonic()
        end = await look_up(NAME, ResolvConf(), servers)
    assert end.result() == Resolved((V4,))
    assert time.monotonic() - started < 2


async def test_this_hosts_own_firewall_keeps_questions_back(monkeypatch):
    def forbidden(*_args):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(kernel, "connected_udp_socket", forbidden)
    found = await look_up(NAME, ResolvConf(), [NameServer("127.0.0.1")] * 2)
    with pytest.raises(ProbeError) as caught:
        found.result()
    assert (caught.value.reason, caught.value.origin) == (
        Reason.DNS_FAILURE,
        Origin.SELF,
    )


async def test_a_server_that_refuses_itself_is_no_destination():
    servers = [NameServer(f"127.0.0.1:{free_port()}")]
    found = await look_up(NAME, ResolvConf(), servers)
    with pytest.raises(ProbeError) as caught:
        found.result()
    assert caught.value.origin is Origin.NOBODY


async def test_the_first_servers_no_is_final():
    error = await failure(refuses(NXDOMAIN), addresses(V4))
    assert error.reason is Reason.NXDOMAIN


@pytest.mark.parametrize("rcode", [1, 6, 9, 12])
async def test_what_ends_a_look_up_of_the_c_library_ends_ours(rcode):
    error = await failure(refuses(rcode), addresses(V4))
    assert error.reason is Reason.DNS_FAILURE
    assert "after which no other server is asked" in error.detail


async def test_what_ends_a_look_up_waits_for_an_earlier_server_too(monkeypatch):
    monkeypatch.setattr(lookup, "PATIENCE", 0.6)
    error = await failure(silent, refuses(1), addresses(V4))
    assert "FORMERR" in error.detail


async def test_a_later_servers_no_waits_for_an_earlier_one_that_is_slow(monkeypatch):
    monkeypatch.setattr(lookup, "PATIENCE", 5.0)
    slow = lambda query: (3.0, query.addresses(V4))  # noqa: E731 - one line says it
    assert await found(slow, refuses(NXDOMAIN)) == Resolved((V4,))


async def test_a_later_servers_no_is_believed_when_the_earlier_one_stays_silent(
    monkeypatch,
):
    monkeypatch.setattr(lookup, "PATIENCE", 1.0)
    assert (await failure(silent, refuses(NXDOMAIN))).reason is Reason.NXDOMAIN


async def test_no_server_is_asked_behind_one_that_says_no(monkeypatch):
    monkeypatch.setattr(lookup, "PATIENCE", 3.0)
    scripts = (silent, zone({NAME: NXDOMAIN}), zone({NAME: [V4]}))
    assert (await failure(*scripts)).reason is Reason.NXDOMAIN


async def test_a_first_server_that_is_gone_hides_no_family(monkeypatch):
    monkeypatch.setattr(lookup, "PATIENCE", 3.0)
    assert await found(silent, addresses(V4)) == Resolved((V4,))


async def test_each_servers_failure_is_told():
    error = await failure(refuses(SERVFAIL), refuses(5))
    assert "127.0.0.1 says SERVFAIL; 127.0.0.1 says REFUSED" in error.detail


# --- Search lists -------------------------------------------------------------------

SEARCH = ("old.test", "corp.test")


@pytest.mark.parametrize(
    ("names", "host", "address"),
    [
        ({"sql01.corp.test": [V4]}, "sql01", V4),
        ({"sql01.old.test": SERVFAIL, "sql01.corp.test": [V4]}, "sql01", V4),
        ({"sql01.old.test": [], "sql01.corp.test": [V4]}, "sql01", V4),
        ({"sql01.corp.test": [V4], "sql01.old.test": [OTHER_V4]}, "sql01", OTHER_V4),
        ({"sql01.dept.corp.test": [V4]}, "sql01.dept", V4),
        ({"sql01.dept": SERVFAIL, "sql01.dept.corp.test": [V4]}, "sql01.dept", V4),
        ({"w.dept": [V4], "w.dept.corp.test": [OTHER_V4]}, "w.dept", V4),
        ({"sql01": [V4]}, "sql01", V4),
    ],
)
async def test_names_are_searched_for_as_resolv_conf_says(names, host, address):
    end = await found(zone(names), host=host, search=SEARCH)
    assert end.addresses == (address,)


async def test_with_more_ndots_the_list_goes_first():
    script = zone({"w.dept": [V4], "w.dept.corp.test": [OTHER_V4]})
    end = await found(script, host="w.dept", search=SEARCH, ndots=2)
    assert end.addresses == (OTHER_V4,)


@pytest.mark.parametrize(
    ("names", "host", "reason", "told"),
    [
        ({}, "sql01", Reason.NXDOMAIN, "sql01: "),
        ({}, "sql01.dept", Reason.NXDOMAIN, "sql01.dept: "),
        (
            {"sql01.dept.old.test": SERVFAIL},
            "sql01.dept",
            Reason.NXDOMAIN,
            "sql01.dept: ",
        ),
        ({"sql01.old.test": SERVFAIL}, "sql01", Reason.DNS_FAILURE, "sql01.old.test: "),
        ({"sql01.corp.test": []}, "sql01", Reason.NO_ADDRESS, "sql01.corp.test: "),
        ({"sql01.dept": SERVFAIL}, "sql01.dept", Reason.DNS_FAILURE, "sql01.dept: "),
        ({}, "a..b", Reason.NXDOMAIN, "a..b: not a name"),
    ],
)
async def test_a_search_in_vain_ends_with_what_is_known(names, host, reason, told):
    error = await failure(zone(names), host=host, search=SEARCH)
    assert error.reason is reason
    assert error.detail.startswith(told)


async def test_silence_for_one_name_does_not_end_the_search(monkeypatch):
    monkeypatch.setattr(lookup, "PATIENCE", 0.3)
    monkeypatch.setattr(lookup, "_LAST_TRY", 20.0)

    def script(query):
        return query.addresses(V4) if query.name == "sql01.dept.old.test" else None

    end = await found(script, host="sql01.dept", search=SEARCH)
    assert end.addresses == (V4,)


async def test_silence_for_two_names_does(monkeypatch):
    monkeypatch.setattr(lookup, "PATIENCE", 0.3)
    monkeypatch.setattr(lookup, "_LAST_TRY", 0.2)
    with scripted_names(silent) as server:
        servers = [NameServer(server.address)]
        await look_up("sql01", ResolvConf(search=SEARCH), servers)
        assert server.count("sql01.old.test", A) >= 1
        assert server.count("sql01.corp.test", A) >= 1
        assert server.count("sql01") == 0


@pytest.mark.parametrize("host", ["sql01", "sql01.dept"])
async def test_without_a_descriptor_a_search_proves_nothing(monkeypatch, host):
    opens = kernel.connected_udp_socket
    tried = []

    def one_later(address, port):
        tried.append(address)
        if len(tried) <= 2:
            raise OSError(errno.EMFILE, "no descriptor")
        return opens(address, port)

    monkeypatch.setattr(kernel, "connected_udp_socket", one_later)
    error = await failure(zone({}), host=host, search=SEARCH)
    assert error.reason is Reason.LOCAL_FAULT


@pytest.mark.parametrize(
    "script",
    [refuses(SERVFAIL), refuses(NXDOMAIN), nothing, silent, by_kind(nothing, silent)],
)
async def test_failures_leave_no_reference_cycles(monkeypatch, script):
    monkeypatch.setattr(lookup, "PATIENCE", 0.2)
    with scripted_names(script) as server:
        servers = [NameServer(server.address)]
        await look_up(NAME, ResolvConf(), servers)
        gc.collect()
        gc.disable()
        try:
            for number in range(5):
                await look_up(f"n{number}.example", ResolvConf(), servers)
            left = gc.collect()
        finally:
            gc.enable()
    assert left < 10
