"""Single values: what is understood, what is refused, and that nothing else happens."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import scalars
from exporter.model.endpoint import Endpoint
from tests.config.standins import STEADY

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
ANYTHING = st.one_of(
    st.text(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.dictionaries(st.text(), st.text()),
    st.lists(st.text()).map(tuple),
)
PARSERS = [
    scalars.duration,
    scalars.rate,
    scalars.host,
    scalars.url,
    scalars.proxy,
    scalars.listen,
    scalars.name_server,
    scalars.probe,
    scalars.hosts,
]


@pytest.mark.parametrize("parse", PARSERS)
@STEADY
@given(value=ANYTHING)
def test_whatever_stands_there_is_understood_or_refused_with_a_reason(parse, value):
    try:
        parse(value)
    except ValueError as error:
        assert str(error).startswith("must ")  # noqa: PT017 - either end is right


@STEADY
@given(number=st.integers(1, 86_400_000), unit=st.sampled_from(sorted(UNITS)))
def test_a_duration_is_its_number_times_its_unit_up_to_a_day(number, unit):
    seconds = number * UNITS[unit]
    if seconds > scalars.LONGEST:
        with pytest.raises(ValueError, match="at most 24h"):
            scalars.duration(f"{number}{unit}")
    else:
        assert scalars.duration(f"{number}{unit}") == pytest.approx(seconds)


def test_a_day_is_the_longest_duration():
    assert scalars.duration("24h") == 86_400
    with pytest.raises(ValueError, match="at most 24h"):
        scalars.duration("86401s")


@pytest.mark.parametrize(
    "text", ["5", "5 s", "5S", "-5s", "1.5s", "s", "5s\n", "\u0665s", "1h30m", "0ms"]
)
def test_other_ways_to_write_a_duration_are_refused(text):
    with pytest.raises(ValueError, match="must be"):
        scalars.duration(text)


@STEADY
@given(number=st.integers(1, 99_999))
def test_a_rate_is_starts_per_second(number):
    assert scalars.rate(f"{number}/s") == number


@pytest.mark.parametrize("text", ["0/s", "0.000/s", "5", "5/m", "/s", "-1/s", "1e3/s"])
def test_other_rates_are_refused(text):
    with pytest.raises(ValueError, match="must be"):
        scalars.rate(text)


LABEL = st.from_regex(r"[a-zA-Z]([a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?", fullmatch=True)


@STEADY
@given(labels=st.lists(LABEL, min_size=1, max_size=8), dot=st.sampled_from(["", "."]))
def test_a_host_name_comes_back_in_lower_case_without_its_final_dot(labels, dot):
    name = ".".join(labels)
    assert scalars.host(name + dot) == name.lower()


@STEADY
@given(address=st.ip_addresses())
def test_an_address_comes_back_in_its_shortest_form(address):
    assert ipaddress.ip_address(scalars.host(str(address))) == address
    assert scalars.host(address.exploded.upper()) == str(address)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "letters, digits"),
        (".", "letters, digits"),
        ("a..b", "letters, digits"),
        ("-a.example", "letters, digits"),
        ("a-.example", "letters, digits"),
        ("a b", "letters, digits"),
        ("a.example\n", "letters, digits"),
        ("a" * 64 + ".example", "letters, digits"),
        (".".join(["abcdefgh"] * 30), "letters, digits"),
        ("*.example.com", "letters, digits"),
        ("10.0.0", "whole IP address"),
        ("10.0.0.1/24", "without scheme or path"),
        ("fe80::1%eth0", "without a zone"),
        ("[2001:db8::1]:443", "without brackets"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("\u202e.example", r"without the sign U\+202E"),
        ("fa\u00df.example", r"with xn--\)"),
        ("\u03c3\u03bf\u03c6\u03cc\u03c2.example", r"with xn--\)"),
    ],
)
def test_what_is_no_host_is_told_why(text, reason):
    with pytest.raises(ValueError, match=reason):
        scalars.host(text)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("https://a.example", Endpoint("a.example", 443, tls=True)),
        ("HTTPS://A.Example:8443/", Endpoint("a.example", 8443, tls=True)),
        ("http://192.0.2.1", Endpoint("192.0.2.1", 80, tls=False)),
        ("https://[2001:db8::1]:444", Endpoint("2001:db8::1", 444, tls=True)),
    ],
)
def test_a_url_gives_host_and_port(text, endpoint):
    assert scalars.url(text) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example?x",
        "https://a.example#x",
        "https://a.example:70000",
        "https://[::1",
        "https://a\tb",
        "https:///a",
        "//a.example",
    ],
)
def test_what_is_more_or_less_than_a_url_of_host_and_port_is_refused(text):
    with pytest.raises(ValueError, match="must be"):
        scalars.url(text)


@pytest.mark.parametrize(
    "parse",
    [
        scalars.url,
        scalars.proxy,
        scalars.host,
        scalars.feed_url,
        scalars.listen,
        scalars.name_server,
    ],
)
def test_a_password_is_refused_and_not_repeated(parse):
    with pytest.raises(ValueError, match="without user name") as caught:
        parse("http://me:hunter2@proxy.example:3128")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "endpoint", "shown"),
    [
        (":9842", Endpoint("", 9842), ":9842"),
        ("0.0.0.0:0", Endpoint("0.0.0.0", 0), "0.0.0.0:0"),  # noqa: S104 - not bound
        ("[::1]:9842", Endpoint("::1", 9842), "[::1]:9842"),
        ("[2001:db8::1]:9842", Endpoint("2001:db8::1", 9842), "[2001:db8::1]:9842"),
        ("localhost:80", Endpoint("localhost", 80), "localhost:80"),
    ],
)
def test_an_address_to_listen_on_reads_back_as_written(text, endpoint, shown):
    assert scalars.listen(text) == endpoint
    assert str(endpoint) == shown


@pytest.mark.parametrize("text", ["[::]:9842", "[0:0::0]:9842"])
def test_every_address_has_a_spelling_of_ipv6_too(text):
    assert scalars.listen(text) == Endpoint("", 9842)


@pytest.mark.parametrize("text", ["9842", "::1:9842", "a:b", "[]:1", "a:1:2", "a:"])
def test_other_addresses_to_listen_on_are_refused(text):
    with pytest.raises(ValueError, match="must be"):
        scalars.listen(text)


@pytest.mark.parametrize(
    "text", ["192.0.2.53", "192.0.2.53:53", "2001:db8::53", "[2001:db8::53]:53"]
)
def test_name_servers_are_addresses_with_or_without_a_port(text):
    assert scalars.name_server(text) == text


@pytest.mark.parametrize(
    "text", ["dns.example", "192.0.2.53:0", "[192.0.2.53", "192.0.2:53", ""]
)
def test_other_name_servers_are_refused(text):
    with pytest.raises(ValueError, match="must be an IP address"):
        scalars.name_server(text)
