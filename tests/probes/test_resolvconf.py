"""resolv.conf(5) and hosts(5) as the C library reads them."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.probes.resolvconf import (
    ResolvConf,
    Watched,
    parse_hosts,
    parse_resolv_conf,
)
from tests.probes.wire.codec import steady


@pytest.fixture(autouse=True)
def own_name(monkeypatch):
    def named(name):
        monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename=name))

    named("host")
    return named


def test_an_empty_file_means_this_host():
    assert parse_resolv_conf("") == ResolvConf(servers=("127.0.0.1",))


def test_what_the_file_says_is_taken():
    text = (
        "# made by hand\n; and again\n"
        "nameserver 192.0.2.53\nnameserver\t2001:db8::53\nnameserver fe80::1%eth0\n"
        "nameserver 192.0.2.54\n"
        "search Corp.Test. dept.corp.test\n"
        "options timeout:1 ndots:2 use-vc edns0\n"
        "options no-aaaa\nsortlist 192.0.2.0\n"
    )
    assert parse_resolv_conf(text) == ResolvConf(
        servers=("192.0.2.53", "2001:db8::53", "fe80::1%eth0"),
        search=("corp.test", "dept.corp.test"),
        ndots=2,
        tcp_only=True,
        ipv4_only=True,
    )


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("search a.test b.test\nsearch c.test\n", ("c.test",)),
        ("search a.test\ndomain b.test c.test\n", ("b.test",)),
        ("domain b.test\nsearch a.test\n", ("a.test",)),
        ("search .\n", ("",)),
        (" search a.test\n", ()),
        ("search\n", ()),
        ("searching a.test\n", ()),
    ],
)
def test_the_last_search_list_counts(text, search):
    assert parse_resolv_conf(text).search == search


@pytest.mark.parametrize(
    ("name", "search"), [("till7.shop.test", ("shop.test",)), ("till7", ())]
)
def test_without_a_search_list_the_hosts_own_domain_is_searched(own_name, name, search):
    own_name(name)
    assert parse_resolv_conf("nameserver 192.0.2.53\n").search == search


@pytest.mark.parametrize(
    ("option", "ndots"),
    [
        *(
            ("ndots:0", 0),
            ("ndots:15", 15),
            ("ndots:99", 15),
            ("ndots:" + "9" * 5000, 15),
        ),
        *(("ndots:x", 1), ("ndots:", 1), ("ndots:-1", 1), ("ndots", 1)),
    ],
)
def test_dots_are_bounded(option, ndots):
    assert parse_resolv_conf(f"options {option}\n").ndots == ndots


@pytest.mark.parametrize("server", ["resolver.test", "192.0.2", "", "192.0.2.53:5353"])
def test_a_name_server_is_an_address(server):
    text = f"nameserver {server}\nnameserver 192.0.2.53 # the one\n"
    assert parse_resolv_conf(text).servers == ("192.0.2.53",)


@pytest.mark.parametrize(
    ("name", "ndots", "order"),
    [
        ("sql01", 1, ("sql01.a.test", "sql01.b.test", "sql01")),
        ("sql01.dept", 1, ("sql01.dept", "sql01.dept.a.test", "sql01.dept.b.test")),
        ("sql01.dept", 2, ("sql01.dept.a.test", "sql01.dept.b.test", "sql01.dept")),
        ("sql01", 0, ("sql01", "sql01.a.test", "sql01.b.test")),
        ("sql01.", 1, ("sql01",)),
    ],
)
def test_dots_decide_what_is_tried_first(name, ndots, order):
    conf = ResolvConf(search=("a.test", "b.test"), ndots=ndots)
    assert conf.candidates(name) == order


def test_the_root_in_a_search_list_is_the_name_itself():
    assert ResolvConf(search=("", "a.test")).candidates("sql01") == (
        "sql01",
        "sql01.a.test",
    )


def test_hosts_are_read_by_name():
    text = (
        "127.0.0.1 localhost # comment\n192.0.2.77  One.test other.test.\n"
        "not-an-address x.test\n\n192.0.2.78 other.test\n2001:DB8::1 other.test\n192.0.2.9\n"
    )
    assert parse_hosts(text) == {
        "localhost": ("127.0.0.1",),
        "one.test": ("192.0.2.77",),
        "other.test": ("192.0.2.77", "192.0.2.78", "2001:db8::1"),
    }


@steady
@given(st.text(max_size=200) | st.from_regex(r"(options|search|nameserver) .*\n"))
def test_no_file_is_a_surprise(text):
    assert parse_resolv_conf(text).servers
    parse_hosts(text)


def test_a_file_is_watched_by_what_it_says(tmp_path):
    file = tmp_path / "run" / "resolv.conf"
    link = tmp_path / "resolv.conf"
    link.symlink_to(file)
    watched = Watched(link)
    assert (watched.changed(), watched.text) == (False, "")
    file.parent.mkdir()
    file.write_text("one\n")
    stamp = file.stat()
    assert (watched.changed(), watched.text) == (True, "one\n")
    assert not watched.changed()
    # Same size, same date, another text.
    file.write_text("two\n")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert (watched.changed(), watched.text) == (True, "two\n")
    other = tmp_path / "new"
    other.write_bytes(b"\xff\n")
    other.rename(link)
    assert watched.changed()


@pytest.mark.parametrize(
    "gone", [lambda file: file.unlink(), lambda file: file.write_text("")]
)
def test_a_file_that_is_being_written_is_not_taken_for_empty(tmp_path, gone):
    file = tmp_path / "hosts"
    file.write_text("one\n")
    watched = Watched(file)
    assert watched.changed()
    gone(file)
    assert (watched.changed(), watched.text) == (False, "one\n")
    file.write_text("two\n")
    assert (watched.changed(), watched.text) == (True, "two\n")
    gone(file)
    assert not watched.changed()
    assert (watched.changed(), watched.text) == (True, "")
    assert not watched.changed()
