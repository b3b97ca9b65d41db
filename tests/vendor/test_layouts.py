"""How vendors lay out whole pages: titles, arrows, URLs, grids, sources without ends."""

from __future__ import annotations

import pytest

from tests.vendor.test_forms import flows

# --- What stands above a table -------------------------------------------------------


@pytest.mark.parametrize(
    "above",
    [
        "# Hub\n\n## UDP ports\n\n",
        "# Hub\n\n## UDP-Ports\n\n### Media\n\n",
        "# Hub: TCP and UDP\n\n**UDP**\n\n",
        "# Hub\n\nThese UDP ports must be open:\n\n",
    ],
)
def test_a_title_tells_the_transport_that_no_row_does(page, above):
    found = page(
        f"{above}| From | To | Port | Use |\n|-|-|-|-|\n"
        "| App | d.org | 9 | |\n| App | d.org | 25 | SMTP |\n| App | d.org | TCP 8 | |\n"
    )
    assert flows(found) == {
        "A1: app > d.org udp/9",
        "A2: app > d.org udp/25",
        "A3: app > d.org tcp/8",
    }
    assert not [said for said in found.remarks if "neither TCP nor UDP" in said]


@pytest.mark.parametrize("title", ["TCP and UDP ports", "TCP/IP ports", "UDP/TCP"])
def test_a_title_that_names_no_single_transport_tells_none(page, title):
    table = "| From | To | Port |\n|-|-|-|\n| App | d.org | 9 |\n"
    found = page(f"# Hub\n\n## {title}\n\n{table}")
    assert flows(found) == {"A1: app > d.org tcp/9"}
    assert [said for said in found.remarks if "neither TCP nor UDP" in said]


@pytest.mark.parametrize("above", ["## UDP ports", "Open these UDP ports:"])
def test_a_title_tells_the_transport_of_a_list(page, above):
    lines = "- App to d.org, port 9\n- port 10: d.org\n"
    found = page(f"# Hub ports\n\n{above}\n\n{lines}")
    assert {flow.split(" ")[-1] for flow in flows(found)} == {"udp/9", "udp/10"}


# --- Arrows between two components ---------------------------------------------------


@pytest.mark.parametrize(
    "headings",
    [
        ("Component A", "Direction", "Component B"),
        ("Node", "", "Peer"),
        ("System 1", "Flow", "System 2"),
        ("Host A", "Way", "Host B"),
    ],
)
def test_an_arrow_between_two_columns_joins_them(page, headings):
    head = f"| {' | '.join(headings)} | Port |\n|-|-|-|-|\n"
    found = page(
        f"# Edge\n\n{head}| Edge | \u2192 | Hub | 1 TCP |\n| Edge | <- | Desk | 2 TCP |\n"
        "| Edge | \u2194 | Hub | 3 TCP |\n| Edge | => | d.org | 4 TCP |\n"
    )
    assert flows(found) == {
        "A1: edge > hub tcp/1",
        "A2: desk > edge tcp/2",
        "A3: edge > hub tcp/3",
        "A3: hub > edge tcp/3",
        "A4: edge > d.org tcp/4",
    }


def test_what_leads_back_is_what_the_page_has_already_named(page):
    head = "| Source | Destination | Direction | Port |\n|-|-|-|-|\n"
    found = page(
        f"{head}| Desk | Edge | \u2192 | 1 TCP |\n| Edge | Hub | \u2194 | 2 TCP |\n"
        "| 10.1.0.0/16 | Hub | \u2194 | 3 TCP |\n"
    )
    assert flows(found) == {
        "A1: desk > edge tcp/1",
        "A2: edge > hub tcp/2",
        "A2: hub > edge tcp/2",
        "A3: network-10-1-0-0-16 > hub tcp/3",
        "A3: hub > 10.1.0.0/16 tcp/3",
    }


def test_arrows_beside_columns_that_name_the_ends_join_nothing(page):
    head = "| From | Way | To | Port |\n|-|-|-|-|\n"
    found = page(
        head + "| App | \u2192 | d.org | 9 TCP |\n| App | \u2190 | d.org | 8 TCP |\n"
    )
    assert flows(found) == {"A1: app > d.org tcp/9"}
    assert found.fates["A2"][0] == "open"


# --- Addresses with signs ------------------------------------------------------------


@pytest.mark.parametrize(
    "left_out",
    [
        "!10.0.0.0/8",
        "! 10.0.0.0/8",
        "\u2260 10.0.0.0/8",
        "not 10.0.0.0/8",
        "all but not d.org",
    ],
)
def test_who_is_left_out_is_no_end(page, left_out):
    found = page(
        "| From | To | Port |\n|-|-|-|\n| App | e.org | 1 TCP |\n"
        f"| App | {left_out} | 2 TCP |\n| {left_out} | e.org | 3 TCP |\n"
    )
    assert "A1: app > e.org tcp/1" in flows(found)
    assert not [flow for flow in flows(found) if flow.startswith("A2")]
    assert found.fates["A2"][0] == "open"
    if left_out[0] != "a":
        assert found.fates["A3"][0] == "open"


def test_brackets_around_an_address_are_none_of_it(page):
    found = page(
        "Hub ports\n\nFrom\tTo\tPort\nApp\t[2001:db8::1]\t1 TCP\n\nThe App needs:\n\n"
        "  [2001:db8::2]:443\n  d.org:123/udp\n  TCP 8 to [2001:db8::3]\n",
        "page.txt",
    )
    assert {flow.partition("> ")[2] for flow in flows(found)} == {
        "2001:db8::1 tcp/1",
        "2001:db8::2 tcp/443",
        "d.org udp/123",
        "2001:db8::3 tcp/8",
    }


# --- Columns that are known by what they hold ----------------------------------------


@pytest.mark.parametrize(
    "heading", ["Listens on", "Listening on", "Listens at", "Open"]
)
def test_a_column_of_where_a_component_listens_may_hold_the_ports(page, heading):
    head = f"| Component | {heading} | Used by | Mandatory |\n|-|-|-|-|\n"
    found = page(
        f"{head}| Login | 8443/tcp | Browsers | Yes |\n| Radius | 1812/udp | VPN | No |\n"
    )
    assert flows(found) == {
        "A1: unstated-source > login tcp/8443",
        "A2: unstated-source > radius udp/1812",
    }
    assert ["when" in rule for rule in found.rules] == [False, True]


def test_such_a_column_of_other_things_holds_none(page):
    found = page("| Component | Listens on |\n|-|-|\n| Login | all nodes |\n")
    assert not found.rules


# --- URLs, whose scheme tells the port -----------------------------------------------


def test_a_column_of_urls_tells_the_ports(page):
    found = page(
        "# Agent\n\n| URL | Direction | Description |\n|-|-|-|\n"
        "| https://a.d.org | Outbound | API |\n| https://b.d.org:8443/up | Outbound | Files |\n"
        "| wss://c.d.org<br>http://e.d.org/crl | Outbound | Push |\n"
        "| https://*.s.d.org | Outbound | Storage |\n"
    )
    assert flows(found) == {
        "A1: agent > a.d.org tcp/443",
        "A2: agent > b.d.org tcp/8443",
        "A3: agent > c.d.org tcp/443",
        "A3: agent > e.d.org tcp/80",
        "A4: agent > *.s.d.org tcp/443",
    }
    assert not [said for said in found.remarks if "neither TCP nor UDP" in said]


def test_a_blank_port_beside_a_url_is_its_own(page):
    head = "| From | To | Port |\n|-|-|-|\n"
    found = page(
        f"{head}| App | https://a.d.org/x | |\n| App | https://b.d.org | 8443 TCP |\n"
    )
    assert flows(found) == {"A1: app > a.d.org tcp/443", "A2: app > b.d.org tcp/8443"}


@pytest.mark.parametrize("heading", ["Documentation URL", "See also", "Download link"])
def test_urls_to_read_are_no_requirements(page, heading):
    found = page(
        f"# Agent\n\n| Topic | {heading} |\n|-|-|\n| Sizing | https://a.d.org/x |\n"
    )
    assert not found.rules


def test_a_line_that_is_a_url_has_its_port_or_the_headings(page):
    found = page(
        "# Agent ports\n\n## Hosts\n\n- https://a.d.org\n- http://b.d.org/x\n- c.d.org\n\n"
        "## TCP 8443\n\n- https://e.d.org\n"
    )
    assert {flow.partition("> ")[2] for flow in flows(found)} == {
        "a.d.org tcp/443",
        "b.d.org tcp/80",
        "e.d.org tcp/8443",
    }
    assert found.fates["text-3"] == ("open", "names a host and no port")


# --- reStructuredText, and what programs print ---------------------------------------

GRID = """Hub

+---------+---------+---------------+
| Source  | Target  | Port          |
+=========+=========+===============+
| App     | d.org   | ``1``/tcp,    |
|         |         | 2/tcp         |
+---------+---------+---------------+
| **App** | e.org   | 3/udp         |
+---------+---------+---------------+
"""
PRINTED = """Hub

+--------+--------+-------+
| Source | Target | Port  |
+--------+--------+-------+
| App    | d.org  | 1/tcp |
| App    | d.org  | 2/tcp |
| App    | e.org  | 3/udp |
+--------+--------+-------+
"""
LISTED = """Hub
===

.. list-table:: Ports
   :header-rows: 1

   * - Source
     - Target
     - Port
   * - App
     - d.org
     - 1/tcp,
       2/tcp
   * - App
     - e.org
     - ``3/udp``

That is all.
"""
SEPARATED = """Hub
===

.. csv-table:: Ports
   :header: "Source", "Target", "Port"
   :widths: 1, 1, 1

   "App", "d.org", "1/tcp, 2/tcp"
   App, e.org, 3/udp
"""


@pytest.mark.parametrize("text", [GRID, PRINTED, LISTED, SEPARATED])
@pytest.mark.parametrize("name", ["page.rst", "page.txt"])
def test_tables_of_restructured_text(page, text, name):
    assert {flow.partition(": ")[2] for flow in flows(page(text, name))} == {
        "app > d.org tcp/1",
        "app > d.org tcp/2",
        "app > e.org udp/3",
    }


@pytest.mark.parametrize(
    "text",
    [
        GRID.replace("| App     | d.org ", "| App       d.org "),
        LISTED.replace("* -", "").replace("  - ", "  "),
        ".. csv-table:: Ports\n   :file: ports.csv\n\nTCP 1 to d.org\n",
    ],
)
def test_a_table_that_is_none_is_text(page, text):
    found = page(text, "page.rst")
    assert [fate for fate, _ in found.fates.values() if fate in ("open", "rules")]


def test_a_cell_without_end_is_told_in_a_table_of_commas_too(page):
    line = f"   App, e.org, 3/udp, {'x' * 140_000}\n"
    found = page(SEPARATED.replace("   App,", f"{line}   App,"), "page.rst")
    assert [
        said for said in found.remarks if "characters: the rest is not read" in said
    ]


# --- What a table of sources and ports alone leads to --------------------------------


def test_sources_and_ports_alone_lead_to_what_the_section_is_about(page):
    found = page(
        "# System\n\n## Hub service\n\n| Port | Protocol | Connections from... | Purpose |\n|-|-|-|-|\n"
        "| 1 | TCP | All phones | Calls |\n| 2 | TCP | Tray | Local connection only |\n"
        "| 3 | TCP | Localhost only | |\n\n## Outbound from the hub\n\n"
        "| From | Port |\n|-|-|\n| Hub | 4 TCP |\n"
    )
    assert flows(found) == {"A1: all-phones > hub-service tcp/1"}
    assert [found.fates[row][0] for row in ("A2", "A3", "B1")] == [
        *("unprovable", "unprovable", "open"),
    ]
    assert any("names no destination: 'Hub service'" in said for said in found.remarks)


def test_a_component_listens_to_who_opens_the_connection(page):
    found = page(
        "Hub ports\n\nComponent    Default port    Protocol    Connection initiated by\n"
        "Agent        1               TCP         Server\nGateway      2               UDP         Agent\n",
        "page.txt",
    )
    assert flows(found) == {
        "A1: server > agent tcp/1",
        "A2: agent > gateway udp/2",
    }


def test_a_section_that_is_the_source_itself_is_no_destination(page):
    found = page("# App\n\n## Agent\n\n| Source | Port |\n|-|-|\n| Agent | 1 TCP |\n")
    assert found.fates["A1"][0] == "open"


def test_no_role_is_named_after_what_is_spoken_both_ways(page):
    found = page(
        "# Hub ports\n\n| Port | Service | Direction | Description |\n|-|-|-|-|\n"
        "| 1 TCP | Engine | Bidirectional | SNMP |\n"
    )
    assert {rule["source"] for rule in found.rules} == {"hub", "far-end"}


# --- Forms of their own ----------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_may_have_its_ports_under_tcp_and_udp(page, delimiter):
    rows = ["Source", "Destination", "TCP", "UDP"], ["App", "d.org", '"1,2"', "3"]
    text = "".join(
        delimiter.join(row) + "\n" for row in (*rows, ("Web", "e.org", "", "4"))
    )
    assert flows(page(text, "page.csv")) == {
        "A1: app > d.org tcp/1",
        "A1: app > d.org tcp/2",
        "A1: app > d.org udp/3",
        "A2: web > e.org udp/4",
    }


def test_in_asciidoc_struck_text_is_no_requirement(page):
    struck = "|[line-through]#App# |[line-through]#e.org# |[line-through]#TCP 8#\n"
    more = "|App |[.term]#f.org# |TCP 7 [.line-through]##TCP 6##\n"
    table = f"|===\n|From |To |Port\n\n|App |d.org |TCP 9\n{struck}{more}|===\n"
    found = page(table, "page.adoc")
    assert flows(found) == {"A1: app > d.org tcp/9", "A2: app > f.org tcp/7"}


def test_a_ban_elsewhere_forbids_nothing(page):
    head = "| From | To | Port | Notes |\n|-|-|-|-|\n"
    found = page(
        f"{head}| App | d.org | TCP 1 | Fallback if UDP is blocked |\n"
        "| App | e.org | TCP 2 | TCP 2 is blocked |\n"
        "| App | f.org | TCP 3 | If unused, it must be blocked |\n"
    )
    assert flows(found) == {"A1: app > d.org tcp/1"}
    assert "when" in found.rules[0]


@pytest.mark.parametrize(
    "headings",
    [
        "Device | Connects to",
        "Service | Needs to reach",
        "Component | Target",
        "System | Destination",
    ],
)
def test_the_first_column_may_be_who_connects(page, headings):
    found = page(f"# Hub\n\n| {headings} | Port |\n|-|-|-|\n| Lock | Vault | 1 TCP |\n")
    assert flows(found) == {"A1: lock > vault tcp/1"}


def test_a_component_beside_a_host_is_not_who_connects(page):
    head = "| Component | Host | Port |\n|-|-|-|\n"
    found = page(f"# Hub\n\n{head}| Vault | d.org | 1 TCP |\n")
    assert flows(found) == {"A1: unstated-source > d.org tcp/1"}


def test_a_direction_may_name_the_ends(page):
    found = page(
        "# Port requirements\n\n| Port | Direction | Use |\n|-|-|-|\n"
        "| 1 TCP | Outbound from the server to a device | SSH |\n"
        "| 2 TCP | Inbound to the server | REST |\n| 3 TCP | Outbound from the server | Mail |\n| 4 TCP | Outbound to the Internet | Updates |\n"
    )
    assert flows(found) == {
        "A1: server > device tcp/1",
        "A2: unstated-source > server tcp/2",
        "A3: server > far-end tcp/3",
        "A4: product > updates tcp/4",
    }


def test_no_column_headed_icmp_holds_ports(page):
    found = page("| Version | Date |\n|-|-|\n| App | ICMP |\n| App | 443 |\n")
    assert not found.rules
    assert len(found.fates) == 3


def test_a_blank_destination_beside_a_component_is_that_component(page):
    head = "| Component | Inbound from | Port | Outbound to |\n|-|-|-|-|\n"
    found = page(
        f"# Stack\n\n{head}| Node | Agents | 1 TCP | |\n| Fleet | Node | 2 TCP | |\n"
    )
    assert flows(found) == {"A1: agents > node tcp/1", "A2: node > fleet tcp/2"}
