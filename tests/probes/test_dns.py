from __future__ import annotations

import asyncio
import socket

import pytest

from exporter.model.outcome import ProbeError, Reason
from exporter.probes import kernel
from exporter.probes.dns import Resolver
from tests.servers.unbound import unbound

RECORDS = {
    "one.test": ["60 IN A 192.0.2.1"],
    "many.test": ["60 IN A 192.0.2.1", "60 IN A 192.0.2.2", "30 IN AAAA ::1"],
    "six.test": ["60 IN AAAA 2001:db8::1"],
    "text.test": ["60 IN TXT words"],
    "alias.test": ["60 IN CNAME elsewhere.invalid."],
    "short.search.test": ["60 IN A 192.0.2.7"],
    "refused.test": "always_refuse",
    "empty.test": "always_nodata",
    "silent.test": "deny",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with unbound(tmp_path_factory.mktemp("dns"), RECORDS) as port:
        yield port


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hosts(tmp_path):
    return tmp_path / "hosts"


@pytest.fixture
async def resolver(server, clock, hosts):
    under_test = Resolver(
        [f"127.0.0.1:{server}"], ["search.test"], hosts=hosts, clock=clock
    )
    yield under_test
    await under_test.close()


async def test_a_name_has_its_addresses(resolver):
    assert await resolver.resolve("one.test") == ("192.0.2.1",)


async def test_ipv4_comes_first_and_ipv6_only_with_a_route(resolver):
    assert kernel.has_route("::1")
    addresses = await resolver.resolve("many.test")
    assert sorted(addresses[:2]) == ["192.0.2.1", "192.0.2.2"]
    assert addresses[2:] == ("::1",)


async def test_the_only_addresses_are_kept_without_a_route(resolver):
    assert await resolver.resolve("six.test") == ("2001:db8::1",)


async def test_ipv6_is_left_out_without_a_route(resolver, monkeypatch):
    monkeypatch.setattr(kernel, "has_route", lambda address: ":" not in address)
    assert "::1" not in await resolver.resolve("many.test")


@pytest.mark.parametrize(
    ("literal", "address"),
    [("192.0.2.9", "192.0.2.9"), ("2001:DB8:0::1", "2001:db8::1")],
)
async def test_an_ip_literal_is_its_own_address(resolver, literal, address):
    assert await resolver.resolve(literal) == (address,)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere.test", Reason.NXDOMAIN),
        ("empty.test", Reason.NO_ADDRESS),
        ("text.test", Reason.NO_ADDRESS),
        ("alias.test", Reason.NO_ADDRESS),
        ("refused.test", Reason.DNS_FAILURE),
        ("a" * 64 + ".test", Reason.NXDOMAIN),
    ],
)
async def test_each_failure_keeps_its_kind(resolver, name, reason):
    with pytest.raises(ProbeError) as caught:
        await resolver.resolve(name)
    assert caught.value.reason is reason
    assert name[:20] in caught.value.detail


async def test_a_resolver_that_is_not_there_is_a_dns_failure(hosts):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
    resolver = Resolver([f"127.0.0.1:{port}"], hosts=hosts)
    with pytest.raises(ProbeError) as caught:
        await resolver.resolve("one.test")
    assert caught.value.reason is Reason.DNS_FAILURE
    await resolver.close()


async def test_a_name_without_a_dot_is_searched_for(resolver):
    assert await resolver.resolve("short") == ("192.0.2.7",)


async def test_an_answer_is_kept_for_its_ttl(resolver, clock):
    asked = count_queries(resolver)
    for clock.now in (0, 29, 29.9):
        await resolver.resolve("many.test")
    assert asked == {"many.test": 2}
    clock.now = 30.1
    await resolver.resolve("many.test")
    assert asked == {"many.test": 4}


async def test_a_failure_is_kept_for_a_few_seconds_only(resolver, clock):
    asked = count_queries(resolver)
    for clock.now in (0, 4, 6):
        with pytest.raises(ProbeError):
            await resolver.resolve("nowhere.test")
    assert asked == {"nowhere.test": 4}


async def test_everybody_waits_for_the_same_look_up(resolver):
    asked = count_queries(resolver)
    answers = await asyncio.gather(*(resolver.resolve("one.test") for _ in range(100)))
    assert set(answers) == {("192.0.2.1",)}
    assert asked == {"one.test": 2}


async def test_one_that_gives_up_leaves_the_look_up_to_the_others(resolver):
    first = asyncio.create_task(resolver.resolve("one.test"))
    second = asyncio.create_task(resolver.resolve("one.test"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == ("192.0.2.1",)


async def test_closing_ends_look_ups_under_way(resolver):
    waiting = asyncio.create_task(resolver.resolve("silent.test"))
    await asyncio.sleep(0)
    await resolver.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_the_hosts_file_goes_before_dns(resolver, hosts, clock):
    hosts.write_text(
        "127.0.0.1 localhost # comment\n"
        "192.0.2.77  One.test other.test.\n"
        "not-an-address x.test\n\n192.0.2.78 other.test\n"
    )
    assert await resolver.resolve("one.test") == ("192.0.2.77",)
    assert await resolver.resolve("other.test") == ("192.0.2.77", "192.0.2.78")
    hosts.write_text("192.0.2.99 one.test\n")
    assert await resolver.resolve("one.test") == ("192.0.2.77",)
    clock.now = 5.1
    assert await resolver.resolve("one.test") == ("192.0.2.99",)
    hosts.unlink()
    clock.now = 10.3
    assert await resolver.resolve("one.test") == ("192.0.2.1",)


async def test_what_is_known_needs_no_question(resolver):
    assert resolver.known("one.test") is None
    await resolver.resolve("one.test")
    assert resolver.known("one.test") == ("192.0.2.1",)


def count_queries(resolver):
    """Counts the questions asked of DNS, by name."""
    asked = {}
    query = resolver._dns.query_dns

    def counting(name, kind):
        asked[name] = asked.get(name, 0) + 1
        return query(name, kind)

    resolver._dns.query_dns = counting
    return asked


@pytest.mark.parametrize(
    ("name", "reason"),
    [("refused.test", Reason.LOCAL_FAULT), ("none.test", Reason.NXDOMAIN)],
)
async def test_a_failure_that_we_slept_through_is_ours_and_not_kept(
    resolver, name, reason
):
    stalled = iter([0.0, 2.0])
    resolver.stalled = lambda: next(stalled)
    with pytest.raises(ProbeError) as caught:
        await resolver.resolve(name)
    assert caught.value.reason is reason
    if reason is Reason.LOCAL_FAULT:
        assert resolver.known(name) is None
    else:
        with pytest.raises(ProbeError):
            resolver.known(name)
