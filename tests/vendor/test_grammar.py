"""What the words of a cell mean, and that none of them is dropped."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.endpoint import MAX_PORT
from exporter.vendor.conditions import condition_in, condition_of
from exporter.vendor.directions import cell_direction, product_of, title_ends
from exporter.vendor.ends import read_destinations
from exporter.vendor.hosts import Kind
from exporter.vendor.ports import read_ports
from exporter.vendor.protocols import is_protocols, read_protocols, unbound


def spans(cell):
    """`443` or `5000-5010/udp` for each span that a cell is sure of, None if it is not."""
    read = read_ports(cell)
    if read.unread:
        return None
    return {"/".join([str(span), *span.transports]) for span in read.spans}


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("7001\u20137009", {"7001-7009"}),
        ("7001\u22127009", {"7001-7009"}),
        ("7001 ~ 7009", {"7001-7009"}),
        ("7001..7009", {"7001-7009"}),
        ("7001:7009", {"7001-7009"}),
        ("7001 to 7009", {"7001-7009"}),
        ("7001 through 7009", {"7001-7009"}),
        ("7001 bis 7009", {"7001-7009"}),
        ("de 7001 \u00e0 7009", {"7001-7009"}),
        ("entre 7001 y 7009", {"7001-7009"}),
        ("between ports 7001 and 7009", {"7001-7009"}),
        ("2048+", {"2048-65535"}),
        ("2048 and above", {"2048-65535"}),
        ("above 2047", {"2048-65535"}),
        ("> 2047", {"2048-65535"}),
        ("ab 2048", {"2048-65535"}),
        ("any port above 2047", {"2048-65535"}),
        ("below 1024", {"1-1023"}),
        ("0-65535", {"1-65535"}),
        ("22/8022/443", {"22", "8022", "443"}),
        ("22 & 8022", {"22", "8022"}),
        ("1514 udp, 6000-6100 tcp", {"1514/udp", "6000-6100/tcp"}),
        ("9300, 9301(UDP), 9500", {"9300", "9301/udp", "9500"}),
        ("TCP port 25 TCP port 26", {"25/tcp", "26/tcp"}),
        ("UDP ports 9, 10 TCP port 11", {"9/udp", "10/udp", "11/tcp"}),
        ("5061 (was 5060 before release 4)", {"5061"}),
        ("5061 (max 200 sessions)", {"5061"}),
        ("5061 (TLS 1.3)", {"5061"}),
        ("443 TLS 1.2+", {"443"}),
        ("6000-6100 (default 6050)", {"6000-6100"}),
        ("Media, TCP port 9999", {"9999/tcp"}),
        ("TCP port 9999. Clock as well.", {"9999/tcp"}),
        ("5300 (UDP and TCP)", {"5300/udp/tcp"}),
        ("5300 (UDP only)", {"5300/udp"}),
        ("5300 (nur UDP)", {"5300/udp"}),
        ("5300 (SNMP over UDP)", {"5300/udp"}),
        ("TCP 7100 / UDP 7200", {"7100/tcp", "7200/udp"}),
        ("8443 for HTTPS", {"8443"}),
        ('"443"', {"443"}),
        ("Port (5432)", {"5432"}),
        ("LDAPS (TCP 636)", {"636/tcp"}),
        ("DNS (TCP/UDP 53)", {"53/tcp/udp"}),
        ("SSH - 22/tcp", {"22/tcp"}),
        ("TCP:443 (HTTPS)", {"443/tcp"}),
        ("SNMP 161, SNMP trap 162", {"161", "162"}),
        ("443 by default", {"443"}),
        ("HTTPS (443)", {"443"}),
        ("either 80 or 443", {"80", "443"}),
    ],
)
def test_ports_in_every_spelling(cell, wanted):
    assert spans(cell) == wanted


@pytest.mark.parametrize(
    "cell",
    [
        *("8.1", "30 seconds", "443 (8080 for tests)", "443, not 80", "any except 25"),
        *("443, closed by default", "5000-5100, except 5050", "70000"),
        *("80, 443 or 8080 and 9090", "1433 or dynamic", "137, 138/udp", "#443"),
        *(
            "1,100-200,535",
            "80 \u2192 443",
            "9-1",
            "443 outbound only",
            "8080, if TLS 8443",
            "443; 80 if plain",
        ),
    ],
)
def test_a_cell_with_a_word_that_is_not_understood_gives_no_port(cell):
    assert spans(cell) is None


@pytest.mark.parametrize("cell", ["", "-", "n/a", "none", "X", "keine"])
def test_a_cell_without_ports(cell):
    read = read_ports(cell)
    assert (read.spans, read.vague, read.unread) == ([], "", [])


@pytest.mark.parametrize("cell", ["any", "*", "All", "ephemeral", "dynamic", "alle"])
def test_ports_that_cannot_be_named(cell):
    read = read_ports(cell)
    assert (read.spans, read.unread, bool(read.vague)) == ([], [], True)


@pytest.mark.parametrize(
    ("cell", "choice"),
    [("80 or 443", True), ("80, 443 oder 5050", True), ("80 and 443", False)],
)
def test_alternatives(cell, choice):
    assert read_ports(cell).choice is choice


WORDS = st.sampled_from(
    [
        *(
            "80",
            "443",
            "5000-5100",
            "8.1",
            "70000",
            "tcp",
            "udp",
            "/",
            ",",
            ";",
            "or",
            "and",
        ),
        *(
            "(",
            ")",
            "not",
            "above",
            "+",
            "any",
            "was",
            "version",
            "\n",
            "for",
            "HTTPS",
            "\u2013",
        ),
        *(
            "except",
            "to",
            "between",
            "dynamic",
            "calls",
            ".",
            ":",
            "*",
            "@",
            "[^1]",
            "<",
            ">",
        ),
    ]
)


@given(st.lists(WORDS | st.text(max_size=5), max_size=12).map(" ".join))
def test_no_text_gives_what_is_no_port(text):
    for span in read_ports(text).spans:
        assert 0 < span.low <= span.high <= MAX_PORT


@given(st.lists(st.integers(1, 65535), min_size=1, max_size=8, unique=True))
def test_a_plain_list_gives_each_of_its_ports(numbers):
    for joint in (", ", " / ", "\n", "; ", " & "):
        assert spans(joint.join(map(str, numbers))) == set(map(str, numbers))


@pytest.mark.parametrize(
    "piece", ["9,", "9-", "(", "above ", "tcp ", "x ", "9 to ", "*"]
)
def test_a_long_cell_takes_time_in_proportion(piece):
    spent = time.process_time()
    read_ports(piece * 2000)
    assert time.process_time() - spent < 5


@pytest.mark.parametrize(
    ("cell", "transports", "portless", "words"),
    [
        ("TCP/UDP", ("tcp", "udp"), (), ()),
        ("HTTPS", ("tcp",), (), ()),
        ("SNMP", ("udp",), (), ()),
        ("DCOM/RPC", ("tcp",), (), ()),
        ("LDAP", (), (), ()),
        ("Zork", (), (), ("zork",)),
        ("ICMP, ping", (), ("ICMP", "PING"), ()),
        ("VRRP", (), ("VRRP",), ()),
        ("IP protocol 50", (), ("IP protocol 50",), ("ip", "protocol")),
    ],
)
def test_protocols(cell, transports, portless, words):
    read = read_protocols(cell)
    assert (read.transports, read.portless, read.words) == (transports, portless, words)
    assert is_protocols(cell) is not bool(words)


@pytest.mark.parametrize(
    "text",
    ["UDP (multicast)", "a broadcast", "Multicast to 239.1.1.1", "Rundruf", "anycast"],
)
def test_what_goes_to_many_hosts(text):
    assert unbound(text)


@pytest.mark.parametrize(
    ("cell", "ends"),
    [
        ("a.test.org, b.test.org", ["a.test.org", "b.test.org"]),
        ("https://a.test.org:8443/x", ["a.test.org:8443"]),
        ("*.a.test.org", ["*.a.test.org"]),
        (".a.test.org", ["*.a.test.org"]),
        ("*cdn.test.org", ["*cdn.test.org"]),
        ("<shop>.test.org", ["{shop}.test.org"]),
        ("your-shop.test.org", ["{your_shop}.test.org"]),
        ("*.x.<base domain>", []),
        ("*.x.<zone>.org", ["*.x.{zone}.org"]),
        ("Cloud (198.51.100.0/24)", ["198.51.100.0/24"]),
        ("News (a.test.org), more (b.test.org)", ["a.test.org", "b.test.org"]),
        ("2001:db8::/32", ["2001:db8::/32"]),
        ("myshop.test.org", ["myshop.test.org"]),
    ],
)
def test_ends_in_every_spelling(cell, ends):
    found = read_destinations(cell).ends
    assert [f"{e.name}:{e.port}" if e.port else e.name for e in found] == ends


def test_kinds_of_ends():
    cell = "a.test.org *.b.org 192.0.2.0/28 {x}.c.org *.{y}.org"
    kinds = [end.kind for end in read_destinations(cell).ends]
    wanted = [Kind.HOST, Kind.DOMAIN, Kind.NETWORK, Kind.TEMPLATE, Kind.PATTERN]
    assert kinds == wanted


@pytest.mark.parametrize(
    "cell",
    ["any", "Internet", "0.0.0.0/0", "localhost", "127.0.0.1", "224.0.0.5", "ff02::1"],
)
def test_ends_that_no_host_can_prove(cell):
    assert read_destinations(cell).unprovable


@pytest.mark.parametrize(
    "cell",
    [
        "*.a.org except b.a.org",
        "192.0.2.1-192.0.2.9",
        "Cloud IP range",
        "a.org (not b.org)",
    ],
)
def test_ends_that_are_asked_about(cell):
    assert read_destinations(cell).open


def test_several_words_are_several_places_but_not_inside_brackets():
    assert read_destinations("DB 1, DB 2").words == ("DB 1", "DB 2")
    assert read_destinations("Host (VDI, RDS)").words == ("Host (VDI, RDS)",)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Reports, optional", "reports"),
        ("Sign-in, only if SAML is enabled", "saml"),
        ("Direct mode only", "direct"),
        ("nur mit Lizenz", "mit-lizenz"),
        ("if applicable", "applicable"),
        ("HTTPS only", None),
        ("Only redirects to 443", None),
        ("UDP unless otherwise noted", None),
        ("TCP unless noted", None),
        ("TCP, sofern nicht anders angegeben", None),
        ("unless DHCP is used", "dhcp"),
        ("Only for redirects", "redirects"),
        ("read-only access", None),
        ("Sent when a user signs in", None),
        ("Required", None),
    ],
)
def test_conditions(text, name):
    found = condition_in(text, "")
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("heading", "cell", "bound"),
    [
        ("Required", "Yes", False),
        ("Required", "No", True),
        ("Required", "Only with SAML", True),
        ("Optional", "Yes", True),
        ("Optional", "No", False),
        ("On by default", "no*", True),
        ("Required", "-", False),
        ("Required", "Always required", False),
        ("Required", "Yes (mandatory)", False),
        ("Required", "In all deployments", False),
        ("Required", "All editions", False),
        ("Required", "M", False),
        ("Required", "\u2705", False),
        ("Required", "n/a", False),
        ("Required", "Yes, with SAML", True),
        ("Required", "All but the console", True),
        ("Required", "O", True),
        ("Required", "\u274c", True),
        ("Required", "not necessary", True),
        ("Optional", "\u2717", False),
        ("Erforderlich", "ja", False),
        ("Erforderlich", "immer", False),
        ("Obrigat\u00f3rio", "Sim", False),
        ("Obrigat\u00f3rio", "N\u00e3o", True),
    ],
)
def test_a_column_of_conditions(heading, cell, bound):
    assert (condition_of(heading, cell, "x") is not None) is bound


@pytest.mark.parametrize(
    ("heading", "cell", "said"),
    [
        ("Direction", "Inbound and outbound", "both"),
        ("Direction", "Outgoing", "outbound"),
        ("Richtung", "eingehend", "inbound"),
        ("Richtung", "beidseitig", "both"),
        ("Richting", "uitgaand", "outbound"),
        ("Richting", "inkomend", "inbound"),
        ("Richting", "beide richtingen", "both"),
        ("Direzione", "in uscita", "outbound"),
        ("Direzione", "in entrata", "inbound"),
        ("Direzione", "entrambe", "both"),
        ("Sens", "les deux", "both"),
        ("Dire\u00e7\u00e3o", "Sa\u00edda", "outbound"),
        ("Bi-directional", "Yes", "both"),
        ("Bi-directional", "-", ""),
        ("Direction", "sideways", None),
    ],
)
def test_directions(heading, cell, said):
    found = cell_direction(heading, cell)
    assert (found if found is None else str(found)) == said


@pytest.mark.parametrize(
    ("title", "product"),
    [
        ("Ports of Zork", "Zork"),
        ("Zork: incoming ports", "Zork"),
        ("Zork 6.8", "Zork"),
        ("What Zork reaches", "Zork"),
        ("Firewall ports", ""),
    ],
)
def test_the_product_of_a_title(title, product):
    assert product_of(title) == product


def test_both_ends_in_a_title():
    assert title_ends("Gateway to Database") == ("Gateway", "Database")
    assert title_ends("Network connections to the Gateway") == ("", "Gateway")
    assert title_ends("How to open ports") is None


@pytest.mark.parametrize(
    "cell", ["53 (TCP or UDP)", "TCP or UDP 53", "53 (UDP oder TCP)"]
)
def test_one_of_two_transports_is_enough_in_brackets_or_out(cell):
    read = read_ports(cell)
    assert spans(cell) in ({"53/tcp/udp"}, {"53/udp/tcp"})
    assert read.choice
    assert not read.notes
