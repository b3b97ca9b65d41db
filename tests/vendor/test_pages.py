"""Pages of other vendors, one of each kind, and the fate of each of their rows."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.config.diagnostics import ConfigError
from exporter.vendor.readers import FORMS, read_page
from tests.vendor.drafting import imported

HEAD = "| Source | Destination | Protocol | Port | Use |\n|-|-|-|-|-|\n"


@pytest.fixture
def page(tmp_path):
    def read(text, name="page.md"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return imported(path, tmp_path)

    return read


def flows(found, row):
    """What a row opens, as `source > end transport/port`."""
    return {
        f"{source} > {end} {transport}/{port}"
        for name, source, end, port, transport in found.flows
        if name == row
    }


# --- Lines that belong together ------------------------------------------------------


def test_line_n_of_each_cell_belongs_to_line_n(page):
    found = page(
        HEAD + "| App | d.org | <p>TCP</p><p>UDP</p> | <p>1, 2</p><p>3</p> "
        "| <p>mail</p><p>Optional: news</p> |\n"
    )
    assert flows(found, "A1") == {
        "app > d.org tcp/1",
        "app > d.org tcp/2",
        "app > d.org udp/3",
    }
    assert {r.get("port"): "when" in r for r in found.rules} == {
        1: False,
        2: False,
        3: True,
    }


def test_one_protocol_is_that_of_all_lines(page):
    found = page(HEAD + "| App | d.org | TCP | <ul><li>1</li><li>2</li></ul> | x |\n")
    assert flows(found, "A1") == {"app > d.org tcp/1", "app > d.org tcp/2"}


def test_lists_side_by_side_are_paired_like_lines(page):
    found = page(HEAD + "| App | d.org | TCP, UDP UDP | 1, 2 3 | x |\n")
    assert flows(found, "A1") == {
        *("app > d.org tcp/1", "app > d.org tcp/2"),
        *("app > d.org udp/1", "app > d.org udp/2", "app > d.org udp/3"),
    }


@pytest.mark.parametrize(
    "row",
    [
        "| App | d.org | TCP<br>UDP | 1<br>2<br>3 | x |",
        "| App | d.org<br>e.org | TCP | 1<br>2<br>3 | x |",
        "| App | d.org | TCP | 1<br>2<br>3 | mail<br>only with news |",
    ],
)
def test_lines_that_do_not_agree_are_never_multiplied(page, row):
    found = page(HEAD + row + "\n")
    assert found.rules == []
    assert found.fates["A1"][0] == "open"


# --- Rows that lack cells -------------------------------------------------------------

LOST = """From | To | Protocol | Port | Notes |
---|---|---|---|---|
Hub | Store | TCP | 8006 | REST |
Old vault | SSH | 22 | shell | |
Hub | TCP | 10006 | | |
"""


def test_a_row_without_its_first_cells_has_those_of_the_row_above(page):
    found = page(LOST, "page.txt")
    assert flows(found, "A2") == {"hub > old-vault.example tcp/22"}
    assert flows(found, "A3") == {"hub > hub tcp/10006"}


def test_a_row_that_fits_in_two_ways_is_open(page):
    found = page("From|To|Port|Use\nHub|Store|8006|REST\nVault|22|shell\n", "page.txt")
    assert found.fates["A2"][0] == "open"
    assert "more than one way" in found.fates["A2"][1]


def test_no_role_is_named_after_a_protocol(page):
    found = page(
        HEAD + "| App | d.org | TCP | 1 | x |\n| TCP | e.org | 443 | shell | y |\n"
    )
    assert {flow[1] for flow in found.flows} == {"app"}
    assert found.fates["A2"][0] == "open"


# --- Ends that no column names --------------------------------------------------------


def test_a_direction_and_a_title_give_the_ends(page):
    found = page(
        "# Ports of Zork\n\n| Port | Protocol | Direction | Reason |\n|-|-|-|-|\n"
        "| 67 | UDP | Inbound | leases |\n| 80 | TCP | Outbound | Mirror |\n"
        "| 99 | TCP | Inbound and outbound | Peer |\n"
    )
    assert flows(found, "A1") == {"unstated-source > zork.example udp/67"}
    assert flows(found, "A2") == {"zork > mirror.example tcp/80"}
    assert flows(found, "A3") == {
        "zork > peer.example tcp/99",
        "peer > zork.example tcp/99",
    }


def test_both_ends_stand_in_a_title_or_in_one_cell(page):
    found = page(
        "# Zork\n\n## Hub to Vault\n\n| Port | Protocol |\n|-|-|\n| 1 | TCP |\n\n"
        "## More\n\n| Port | Protocol | Opened by |\n|-|-|-|\n| 2 | TCP | Phones to the Hub |\n"
    )
    assert flows(found, "A1") == {"hub > vault tcp/1"}
    assert flows(found, "B1") == {"phones > the-hub.example tcp/2"}


def test_titles_name_the_end_that_no_column_does(page):
    found = page(
        "# Zork\n\n## Connections from the Zork server\n\n| To | Port |\n|-|-|\n"
        "| d.org | 1/TCP |\n\n## Connections to the Zork server\n\n"
        "| From | Port |\n|-|-|\n| Browser | 2/TCP |\n"
    )
    assert flows(found, "A1") == {"zork-server > d.org tcp/1"}
    assert flows(found, "B1") == {"browser > zork-server.example tcp/2"}


def test_zones_are_no_ends_and_two_columns_of_ends_are_a_question(page):
    found = page(
        "| From zone | From | To zone | To | Port |\n|-|-|-|-|-|\n"
        "| DMZ | app | LAN | d.org | 1/TCP |\n\n"
        "| Source host | Source server | To | Port |\n|-|-|-|-|\n| a | b | c.org | 2/TCP |\n"
    )
    assert flows(found, "A1") == {"app > d.org tcp/1"}
    assert "which column has the sources" in found.fates["B1"][1]


def test_a_column_of_ports_without_such_a_heading_is_one(page):
    found = page("| From | To | Service |\n|-|-|-|\n| App | d.org | TCP 1521 |\n")
    assert flows(found, "A1") == {"app > d.org tcp/1521"}


def test_a_condition_of_one_of_several_hosts_binds_none_of_them(page):
    found = page(HEAD + "| App | a.org, b.org (Asia only) | TCP | 443 | x |\n")
    assert all("when" not in rule for rule in found.rules)
    assert any("for which part" in remark for remark in found.remarks)


@pytest.mark.parametrize("words", ["All of the above", "see below", "\u2190"])
def test_what_only_points_elsewhere_is_a_question(page, words):
    found = page(HEAD + f"| App | {words} | TCP | 443 | x |\n")
    assert (found.rules, found.fates["A1"][0]) == ([], "open")


def test_a_title_that_names_a_port_is_open(page):
    found = page(
        HEAD + "| Open TCP 443 for all | | | | |\n| App | d.org | TCP | 1 | x |\n"
    )
    assert found.fates["A.t1"][0] == "open"
    found = page(HEAD + "| Clients | | | | |\n| App | d.org | TCP | 1 | x |\n")
    assert found.fates["A.t1"][0] == "not_a_requirement"


def test_components_listen(page):
    found = page(
        "| Component | On by default | Port |\n|-|-|-|\n"
        "| Rails | Yes | 80 or 443 |\n| Mail | No | 143[^m] |\n\n[^m]: only with mail\n"
    )
    assert flows(found, "A1") == {
        *(
            "unstated-source > rails.example tcp/80",
            "unstated-source > rails.example tcp/443",
        ),
    }
    assert len({r["any_of"] for r in found.rules if r["rows"] == ["A1"]}) == 1
    assert [
        ("when" in r, "any_of" in r) for r in found.rules if r["rows"] == ["A2"]
    ] == [(True, False)]


def test_hosts_in_a_column_of_ports(page):
    found = page(
        "| Service | Purpose | Needs |\n|-|-|-|\n| x | y | z |\n\n"
        "| Service | Port |\n|-|-|\n"
        "| Licence | lic.zork.org:443 |\n"
        "| Shop | from 23.1 on: s.zork.org:8443 (https)<br>up to 23.0: t.zork.org:443 |\n"
    )
    assert flows(found, "A1") == {"unstated-source > lic.zork.org tcp/443"}
    assert flows(found, "A2") == {
        *(
            "unstated-source > s.zork.org tcp/8443",
            "unstated-source > t.zork.org tcp/443",
        ),
    }
    assert "from 23.1 on" in next(r["notes"] for r in found.rules if r["port"] == 8443)


def test_the_port_of_the_source_is_none_of_the_destination(page):
    found = page(
        "| Source | Port | Destination | Port | Protocol |\n|-|-|-|-|-|\n"
        "| App | 4172 | d.org | 9 | UDP |\n| App | 4172 | e.org | * | UDP |\n"
    )
    assert flows(found, "A1") == {"app > d.org udp/9"}
    assert found.fates["A2"][0] == "unprovable"


def test_two_columns_of_ports_that_cannot_be_told_apart_are_open(page):
    found = page(
        "| Source | Destination | First port | Second port |\n|-|-|-|-|\n| App | d.org | 1 | 2 |\n"
    )
    assert found.rules == []
    assert "which column" in found.fates["A1"][1]


@pytest.mark.parametrize(
    "row",
    [
        "| App | d.org | VRRP | 112 | x |",
        "| App | d.org | GRE | | x |",
        "| App | d.org | UDP | 9 | clustering (multicast) |",
        "| App | 224.0.0.9 | UDP | 520 | x |",
        "| App | localhost | TCP | 80 | x |",
        "| App | any | TCP | 80 | x |",
        "| App | d.org | TCP | ephemeral | x |",
    ],
)
def test_what_no_single_host_can_prove(page, row):
    found = page(HEAD + row + "\n")
    assert (found.rules, found.fates["A1"][0]) == ([], "unprovable")


def test_a_row_of_which_a_part_is_a_rule_has_an_entry_for_each_part(page):
    found = page(HEAD + "| App | d.org | TCP, GRE | 80 | x |\n")
    assert {row: fate for row, (fate, _) in found.fates.items()} == {
        "A1.1": "rules",
        "A1.2": "unprovable",
    }


def test_a_port_with_the_host_and_another_one_beside_is_a_question(page):
    found = page(HEAD + "| App | https://d.org:8443/v1 | TCP | 443 | x |\n")
    assert (found.rules, found.fates["A1"][0]) == ([], "open")


def test_a_table_in_other_languages(page):
    found = page(
        "| Quelle | Ziel | Protokoll | Portnummer | Zweck |\n|-|-|-|-|-|\n"
        "| App | d.org | TCP | 1 bis 9 | x |\n\n"
        "| Origine | Destinataire | Protocole | Port | Objet |\n|-|-|-|-|-|\n"
        "| App | e.org | UDP | 2 | x |\n\n"
        "| Origen | Destino | Protocolo | Puerto | Descripci\u00f3n |\n|-|-|-|-|-|\n"
        "| App | f.org | TCP | 3 | x |\n"
    )
    assert next(iter(found.flows))
    assert flows(found, "A1") == {"app > d.org tcp/1-9"}
    assert flows(found, "B1") == {"app > e.org udp/2"}
    assert flows(found, "C1") == {"app > f.org tcp/3"}


def test_words_of_a_heading_in_a_row_of_csv_do_not_make_it_one(page):
    found = page(
        "Source,Destination,Port,Protocol,Use\nApp,a.org,1,TCP,x\n"
        "Web server,b.org,2,TCP,Target port of hosts\nApp,c.org,HTTPS,,no port number\n"
        "Source,Destination,Port,Protocol,Use\nApp,d.org,4,TCP,x\n",
        "page.csv",
    )
    rows = {flow[2]: flow[0] for flow in found.flows}
    assert rows == {"a.org": "A1", "b.org": "A2", "d.org": "B1"}
    assert found.fates["A3"][0] == "open"


# --- Text, AsciiDoc, JSON ---------------------------------------------------------------


def test_rows_may_be_spilled_over_lines(page):
    found = page(
        "Protocol | Port | To |\n---|\nTCP | 1 |\nd.org\n|\nTCP | 2\nonly with news | e.org |\n"
        "TCP | 3 | f.org |\n",
        "page.txt",
    )
    ends = {flow[2]: flow[3] for flow in found.flows}
    assert ends == {"d.org": 1, "e.org": 2, "f.org": 3}
    assert [r["port"] for r in found.rules if "when" in r] == [2]


def test_each_cell_may_be_a_line_of_its_own(page):
    found = page(
        "Zork\nSource |\nDestination |\nProtocols |\nPorts |\nApp |\nd.org |\nTCP |\n1 |\n"
        "|\ne.org |\nUDP |\n2 |\n",
        "page.txt",
    )
    assert flows(found, "A1") == {"app > d.org tcp/1"}
    assert flows(found, "A2") == {"app > e.org udp/2"}


ADOC = """= Zork
:toc:

// no row
. While reports are not switched off:
+
[cols="1,2a,1",options="header"]
|===
|Cloud |URL | Port

.2+|Red
|`a.zork.org`, +
`b.zork.org`
|443, 80

|`*.c.zork.org` |22
|Blue 2+|`d.zork.org` 25
|===

----
|===
|URL |Port
|`no.zork.org` |1
|===
----

[cols=2*]
|===
|URL|Port
|link:https://e.zork.org[e.zork.org]|5
|===
"""


def test_asciidoc_has_cells_in_lines_and_over_rows(page):
    found = page(ADOC, "page.adoc")
    assert {flow[2] for flow in found.flows if flow[0] == "A1"} == {
        "a.zork.org",
        "b.zork.org",
    }
    assert {flow[2:4] for flow in found.flows if flow[0] == "A2"} == {
        ("*.c.zork.org", 22)
    }
    assert {flow[2:4] for flow in found.flows if flow[0] == "B1"} == {("e.zork.org", 5)}
    assert all("when" in r for r in found.rules if "A1" in r["rows"])
    assert "Cloud: Red" in found.rules[0]["notes"]
    assert "no.zork.org" not in found.text
    assert found.fates["A3"][0] == "open"


M365 = """[
{"id": 7, "serviceArea": "Mail", "urls": ["a.zork.org", "*.b.zork.org"],
 "ips": ["192.0.2.0/28"], "tcpPorts": "80,443", "udpPorts": "9", "required": true},
{"id": 8, "serviceArea": "Mail", "urls": ["c.zork.org"], "tcpPorts": "25", "required": false}
]"""


def test_a_feed_of_endpoints(page):
    found = page(M365, "page.json")
    ends = {flow[2] for flow in found.flows if flow[0] == "7"}
    assert ends == {"a.zork.org", "*.b.zork.org", "192.0.2.0/28"}
    assert {flow[3:] for flow in found.flows if flow[0] == "7"} == {
        *((80, "tcp"), (443, "tcp"), (9, "udp")),
    }
    assert {r["rows"][0]: "when" in r for r in found.rules} == {"7": False, "8": True}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            '{"values": [\n{"name": "Desk",\n "properties": {"addressPrefixes": ["192.0.2.0/28"]}}]}',
            [2],
        ),
        (
            (
                '{"prefixes": [{"ip_prefix": "192.0.2.0/28", "service": "S", "region": "r"},\n'
                '{"ip_prefix": "192.0.2.16/28", "service": "S", "region": "r"}],\n'
                '"ipv6_prefixes": [{"ipv6_prefix": "2001:db8::/32", "service": "T", "region": "r"}]}'
            ),
            [1, 3],
        ),
        (
            '{"hooks": ["192.0.2.0/28"],\n"keys": ["AAAA"],\n"domains": {"web": ["*.z.org"]}}',
            [1, 3],
        ),
    ],
)
def test_networks_without_ports_are_open(page, text, lines):
    found = page(text, "page.json")
    assert found.rules == []
    assert [entry["line"] for entry in found.raw["requirements"]] == lines
    assert {fate for fate, _ in found.fates.values()} == {"open"}


def test_a_list_of_plain_objects(page):
    found = page(
        '{"rules": [{"source": "App", "destination": "d.org", "port": 443, "protocol": "tcp"}]}',
        "page.json",
    )
    assert flows(found, "A1") == {"app > d.org tcp/443"}


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2",
        '{"a": }',
        '{"a" 1}',
        "[1] x",
        '["\\q"]',
        "[" * 99,
        '{"a": "b"}',
        "[1 2]",
        "{1: 2}",
    ],
)
def test_json_that_is_none_or_unknown_is_refused(page, text):
    with pytest.raises(ConfigError, match=r"page\.json:1: "):
        page(text, "page.json")


# --- Sentences --------------------------------------------------------------------------

PROSE = """# What Zork needs

Mail: HTTPS to mail.zork.org on port 443 (optional, for news).

- git.zork.org on port 22 (ssh)
- udp 53 to your resolvers
- All parts: TCP 135, 445 for pushes.
- From version 12 also open TCP 8443 to gw.zork.org from every App.
- 636 TCP, outbound to
- ldap.zork.org
- a.zork.org
- Version 8.1 of 2023 changed 12 rows.
- The check runs every 30 seconds.
- Never open TCP port 23 to old.zork.org.
- Traffic from b.zork.org comes in on port 99.
- Peers find each other by multicast on UDP port 5353.
"""


def test_sentences_with_a_port_have_a_fate(page):
    found = page(PROSE)
    ends = {(flow[1], flow[2], flow[3], flow[4]) for flow in found.flows}
    assert ends == {
        ("unstated-source", "mail.zork.org", 443, "tcp"),
        ("unstated-source", "git.zork.org", 22, "tcp"),
        ("unstated-source", "resolvers.example", 53, "udp"),
        ("app", "gw.zork.org", 8443, "tcp"),
        ("unstated-source", "ldap.zork.org", 636, "tcp"),
    }
    told = {
        entry["line"]: fate
        for entry in found.raw["requirements"]
        for fate in ("open", "unprovable")
        if fate in entry
    }
    assert told == {7: "open", 11: "open", 14: "open", 15: "open", 16: "unprovable"}
    assert found.rules[0]["when"]


def test_a_page_of_open_rows_alone_is_a_draft(page):
    found = page(HEAD + "| App | d.org | TCP | 40 calls | x |\n")
    assert found.rules == []
    assert found.fates["A1"] == ("open", "which ports are meant by '40 calls'?")


# --- Rows in, fates out ------------------------------------------------------------------

CELLS = st.sampled_from(
    [
        *(
            "App",
            "TCP",
            "UDP",
            "ICMP",
            "443",
            "80, 443",
            "1-9",
            "any",
            "d.org",
            "*.d.org",
        ),
        *(
            "",
            "",
            "10.0.0.0/8",
            "Port",
            "Source",
            "Destination",
            "only with X",
            "localhost",
        ),
        *(
            "80<br>443",
            "TCP<br>UDP",
            "443*",
            "8[^1]",
            "x to y",
            "Inbound",
            "multicast",
            "-",
        ),
    ]
)
GRIDS = st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=8)
HEADINGS = st.sampled_from(
    [
        ["Source", "Destination", "Protocol", "Port", "Use"],
        ["Port", "Direction", "Reason"],
        ["Component", "Port"],
        ["From", "Source port", "To", "Destination port"],
        ["Version", "Date"],
    ]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HEADINGS, GRIDS, st.sampled_from([".md", ".txt", ".csv", ".html"]))
def test_every_row_and_no_other_has_a_fate(tmp_path, headings, grid, form):
    path = tmp_path / f"page{form}"
    rows = [headings, *grid]
    if form == ".html":
        lines = ["<tr>" + "".join(f"<td>{cell}" for cell in row) for row in rows]
        text = "<table>\n" + "\n".join(lines) + "</table>"
    elif form == ".csv":
        text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)
    else:
        text = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        text = text.replace("\n", "\n" + "|-" * len(headings) + "|\n", 1)
    path.write_text(text)
    read = read_page(path)
    titles = {
        row.line
        for table in read.tables
        for row in table.rows
        if len(set(filter(None, row.cells))) == 1
    }
    wanted = {row.line for table in read.tables for row in table.rows[1:]}
    try:
        found = imported(path, tmp_path)
    except ConfigError:
        return
    known = {entry["line"] for entry in found.raw["requirements"]}
    heads = {
        row.line
        for table in read.tables
        for row in table.rows
        if {"Port", "TCP", "UDP"} & {*row.cells}
        and not re.search(r"\d", "".join(row.cells))
    }
    assert wanted - titles - heads <= known
    rows_seen = [entry["row"] for entry in found.raw["requirements"]]
    assert len(rows_seen) == len(set(rows_seen))
    stated = {
        rule for entry in found.raw["requirements"] for rule in entry.get("rules", ())
    }
    assert stated == {rule["id"] for rule in found.rules}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_each_form_has_a_reader(form):
    assert callable(FORMS[form])


# --- Columns in other forms ----------------------------------------------------------


def test_columns_may_be_aligned_with_spaces_alone(page):
    found = page(
        "Ports of the relay\n\n"
        "Source          Destination       Protocol   Port\n"
        "Branch relay    Head office       TCP        7443\n"
        "Branch relay                      UDP        7444\n"
        "Head office     mail.example.org  TCP        25, 587\n"
        "\nA sentence   with wide spaces.\n",
        "page.txt",
    )
    assert flows(found, "A1") == {"branch-relay > head-office.example tcp/7443"}
    assert flows(found, "A3") == {
        "head-office > mail.example.org tcp/25",
        "head-office > mail.example.org tcp/587",
    }
    second = next(one for one in found.raw["requirements"] if one["row"] == "A2")
    assert "open" in second or "rules" in second


def test_a_column_of_services_may_hold_the_ports(page):
    found = page(
        "| Source | Destination | Service |\n|-|-|-|\n"
        "| Desk | d.org | LDAPS (TCP 636) |\n"
        "| Desk | e.org | DNS (TCP/UDP 53) |\n"
        "| Desk | f.org | printing |\n"
    )
    assert flows(found, "A1") == {"desk > d.org tcp/636"}
    assert flows(found, "A2") == {"desk > e.org tcp/53", "desk > e.org udp/53"}
    third = next(one for one in found.raw["requirements"] if one["row"] == "A3")
    assert "open" in third


def test_a_column_of_prices_holds_no_ports(page):
    found = page(
        "| Source | Destination | Service |\n|-|-|-|\n"
        "| Desk | d.org | plan for 12 users |\n| Desk | e.org | 99 Euro a month |\n"
    )
    assert found.rules == []


def test_german_headings_in_one_word(page):
    found = page(
        "| Quelle | Ziel | Quellport | Zielport | Protokoll |\n|-|-|-|-|-|\n"
        "| App | d.org | 1024-65535 | 1521 bis 1523 | TCP |\n"
    )
    (rule,) = found.rules
    assert rule["ports"] == ["1521-1523"]


@pytest.mark.parametrize("heading", ["Traffic", "Direction", "Richtung", "Path"])
def test_arrows_between_both_ends_of_a_cell(page, heading):
    found = page(
        f"| Port | Protocol | {heading} |\n|-|-|-|\n"
        "| 4711 | TCP | Badge reader -> hub.example.org |\n"
        "| 4712 | TCP | Hub \u21d2 log.example.org |\n"
        "| 4713 | UDP | Reader <-> Hub |\n"
        "| 4714 | UDP | hub.example.org \u2190 Badge reader |\n"
    )
    assert flows(found, "A1") == {"badge-reader > hub.example.org tcp/4711"}
    assert flows(found, "A2") == {"hub > log.example.org tcp/4712"}
    assert flows(found, "A3") == {
        "reader > hub udp/4713",
        "hub > reader.example udp/4713",
    }
    assert flows(found, "A4") == {"badge-reader > hub.example.org udp/4714"}


def test_a_spanish_column_of_directions_is_none_of_addresses(page):
    found = page(
        "| Origen | Destino | Puerto | Protocolo | Direcci\u00f3n |\n|-|-|-|-|-|\n"
        "| Sonda | datos.example.org | 7001 | TCP | Saliente |\n"
        "| Sonda | Nodo | 7002 | TCP | Bidireccional |\n"
    )
    assert flows(found, "A1") == {"sonda > datos.example.org tcp/7001"}
    assert len(flows(found, "A2")) == 2


@pytest.mark.parametrize(
    "title", ["Flux entrants", "Eingehende Verbindungen", "Conexiones entrantes"]
)
def test_a_title_of_nothing_but_a_direction_names_no_product(page, title):
    found = page(
        f"# Timekeeper\n\n## {title}\n\n"
        "| Source | Port | Protocol |\n|-|-|-|\n| Console | 7900 | TCP |\n"
    )
    assert flows(found, "A1") == {"console > timekeeper.example tcp/7900"}


def test_lists_of_hosts_at_any_depth_of_a_feed(page):
    found = page(
        '{"domains": {"signing": {"issuer": "", "hosts": ["sign.example.org"]},\n'
        '"mirrors": ["*.mirror.example.org"]}}',
        "feed.json",
    )
    assert [entry["text"] for entry in found.raw["requirements"]] == [
        "hosts | sign.example.org |",
        "mirrors | *.mirror.example.org |",
    ]
