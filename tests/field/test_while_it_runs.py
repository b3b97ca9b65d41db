"""What changes under a running exporter: its resolvers, and its files for the worse.

The host's other programs read resolv.conf again, so names resolve as they do for them,
however the file was changed. A file that cannot be read is told, and never a success.
"""

from __future__ import annotations

import itertools
import re
import signal
import struct

import pytest

from exporter.model.outcome import ProbeError
from exporter.probes.resolver import Resolver
from tests.field.test_commands import _CATALOGUE, _SITE
from tests.servers.nameserver import record, scripted_names, wire_name
from tests.servers.process import free_port
from tests.test_serve import get, sample, serving, until


def linked(etc, text):
    there = etc / "run.conf"
    there.write_text(text)
    if not (etc / "resolv.conf").is_symlink():
        (etc / "resolv.conf").unlink(missing_ok=True)
        (etc / "resolv.conf").symlink_to(there)


def linked_elsewhere(etc, text):
    there = etc / f"run-{len(list(etc.iterdir()))}.conf"
    there.write_text(text)
    (etc / "resolv.conf").unlink(missing_ok=True)
    (etc / "resolv.conf").symlink_to(there)


def renamed(etc, text):
    (etc / "new").write_text(text)
    (etc / "new").rename(etc / "resolv.conf")


def in_place(etc, text):
    (etc / "resolv.conf").write_text(text)


@pytest.mark.parametrize("how", [linked, linked_elsewhere, renamed, in_place])
@pytest.mark.parametrize("host", ["db.corp.test", "db"])
async def test_resolvers_that_are_set_right_are_asked(tmp_path, monkeypatch, how, host):
    def zone(query):
        known = query.name == "db.corp.test"
        return query.addresses("192.0.2.1") if known else query.answer(rcode=3)

    clock = itertools.count(0, 60)
    with scripted_names(zone, host="127.0.0.3") as names:
        # The file has no place for a port.
        monkeypatch.setattr("exporter.model.endpoint.DNS_PORT", names.port)
        resolver = Resolver(etc=tmp_path, clock=lambda: next(clock))
        how(tmp_path, "nameserver 127.0.0.4\n")
        with pytest.raises(ProbeError):
            await resolver.resolve(host)
        how(tmp_path, "nameserver 127.0.0.3\nsearch corp.test\n")
        for _ in range(2):  # a file that is empty for a moment is being written
            found = await resolver.resolve(host)
        assert found.addresses == ("192.0.2.1",)


_AN_HOUR = struct.pack("!IIIII", 1, 3600, 600, 86400, 3600)
_SOA = record("test", 6, wire_name("ns.test") + wire_name("ns.test") + _AN_HOUR)


def none_with_its_minimum(query):
    """The name does not exist, which may be kept for an hour (RFC 2308)."""
    said = bytearray(query.answer(_SOA, rcode=3, count=0))
    said[8:10] = b"\0\1"  # in the authority section
    return bytes(said)


@pytest.mark.parametrize(
    "first",
    [
        none_with_its_minimum,
        lambda query: query.answer(rcode=3),
        lambda query: query.answer(),
        lambda query: query.answer(rcode=2),
    ],
    ids=["no-name", "no-name-without-soa", "no-data-without-soa", "failure"],
)
async def test_a_name_that_is_made_is_found_in_the_next_round(tmp_path, first):
    clock = itertools.count(0, 5)
    said = [first]

    def script(query):
        return said[-1](query)

    with scripted_names(script) as names:
        resolver = Resolver([names.address], etc=tmp_path, clock=lambda: next(clock))
        with pytest.raises(ProbeError):
            await resolver.resolve("new.test")
        said.append(lambda query: query.addresses("192.0.2.1"))
        found = await resolver.resolve("new.test")
        assert found.addresses == ("192.0.2.1",)


def test_a_reload_that_fails_is_told_and_counted(tmp_path):
    port = free_port()
    good, bad = _CATALOGUE, _CATALOGUE.replace("    source: here\n", "    5: x\n")
    catalogue, site = tmp_path / "keys.yaml", tmp_path / "site.yaml"
    catalogue.write_text(good)
    # Each resolver is asked by itself, and nobody else's may be.
    dns = f"dns: {{servers: ['127.0.0.1:{free_port()}']}}\n"
    site.write_text(f"{_SITE}{dns}web: {{listen: '127.0.0.1:{port}'}}\n")
    gauge = "connectivity_exporter_config_last_reload_successful"
    with serving(str(site), port) as process:
        assert sample(port, gauge) == 1
        catalogue.write_text(bad)
        status, said = get(port, "/-/reload", "POST")
        assert status == 500
        assert re.search(r"keys\.yaml:\d+: ", said)
        assert sample(port, gauge) == 0
        catalogue.write_text(good)
        assert get(port, "/-/reload", "POST")[0] == 200
        assert sample(port, gauge) == 1
        catalogue.write_text(bad)
        process.send_signal(signal.SIGHUP)
        until(lambda: sample(port, gauge) == 0)
