"""The forms in which vendors write their tables, lists and headings."""

from __future__ import annotations

import pytest


def flows(found):
    """What a page opens, as `row: source > end transport/port`."""
    return {
        f"{row}: {source} > {end.removesuffix('.example')} {transport}/{port}"
        for row, source, end, port, transport in found.flows
    }


def html(*rows):
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


# --- Headings ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headings",
    [
        "Initiator | Listener | Port | Protocol",
        "Client | Server | Port | Protocol",
        "Client IP | Server name | Port | Protocol",
        "Origine | Destinazione | Porta | Protocollo",
        "Origem | Destino | Porta | Protocolo",
        "Bron | Doel | Poort | Protocol",
        "Caller | Receiver | Port | Protocol",
        "\u00c9metteur | R\u00e9cepteur | Port | Protocole",
        "Emisor | Receptor | Puerto | Protocolo",
        "Mittente | Ricevente | Porta | Protocollo",
    ],
)
def test_ends_go_by_many_names(page, headings):
    found = page(f"| {headings} |\n|-|-|-|-|\n| App | d.org | 9 | TCP |\n")
    assert flows(found) == {"A1: app > d.org tcp/9"}


def test_a_version_of_the_client_is_no_source(page):
    found = page("| Client version | Host | Port |\n|-|-|-|\n| new | d.org | 9 TCP |\n")
    assert flows(found) == {"A1: unstated-source > d.org tcp/9"}


TWO_ROWS = (
    "<th rowspan=2>From<th rowspan=2>To<th colspan=2>Ports",
    "<th>TCP<th>UDP",
    "<td>App<td>d.org<td>1, 2<td>-",
    "<td>App<td>e.org<td><td>3",
)


def test_headings_in_two_rows_are_one(page):
    found = page(html(*TWO_ROWS), "page.html")
    assert flows(found) == {
        "A1: app > d.org tcp/1",
        "A1: app > d.org tcp/2",
        "A2: app > e.org udp/3",
    }


def test_headings_in_two_rows_need_no_spans(page):
    found = page(
        "Source;;Destination;;Port\nName;IP;Name;IP;\nApp;192.0.2.1;Db;192.0.2.9;TCP 9\n",
        "page.csv",
    )
    assert flows(found) == {"A1: app > db tcp/9"}


def test_a_second_row_of_other_words_is_a_requirement(page):
    found = page(
        html("<th>From<th>To<th colspan=2>Ports", "<td>App<td>Data base<td>TCP<td>any"),
        "page.html",
    )
    assert not found.flows
    assert found.fates["A1"][0] == "open"


# --- Columns that say yes or no ------------------------------------------------------


def test_ticks_tell_the_transport(page):
    found = page(
        "| From | To | Port | TCP | UDP |\n|-|-|-|-|-|\n"
        "| App | d.org | 1 | \u2713 | |\n| App | d.org | 2 | | x |\n| App | d.org | 3 | Yes | yes |\n"
    )
    assert flows(found) == {
        "A1: app > d.org tcp/1",
        "A2: app > d.org udp/2",
        "A3: app > d.org tcp/3",
        "A3: app > d.org udp/3",
    }


def test_ticks_tell_the_direction(page):
    found = page(
        "# Hub ports\n\n| Port | Protocol | Inbound | Outbound | Service |\n|-|-|-|-|-|\n"
        "| 1 | TCP | \u2713 | - | Web |\n| 2 | TCP | - | \u2713 | Mail |\n"
    )
    assert flows(found) == {
        "A1: unstated-source > hub tcp/1",
        "A2: hub > mail tcp/2",
    }


def test_columns_headed_by_a_transport_may_hold_the_ports(page):
    found = page(
        "# Deployment\n\n## Console --> Client\n\n| Use | UDP | TCP |\n|-|-|-|\n"
        "| Control | -- | 9 |\n| Wake up | 7 | -- |\n"
    )
    assert flows(found) == {
        "A1: console > client tcp/9",
        "A2: console > client udp/7",
    }


def test_a_title_with_an_arrow_both_ways_is_for_both(page):
    found = page("# X\n\n## Site <--> Hub\n\n| Use | TCP |\n|-|-|\n| Sync | 9 |\n")
    assert flows(found) == {
        "A1: site > hub tcp/9",
        "A1: hub > site tcp/9",
    }


# --- Who opens the connection --------------------------------------------------------

OPENS = "| Source | Destination | Port | Initiator |\n|-|-|-|-|\n| App | d.org | 9 TCP | {} |\n"


@pytest.mark.parametrize("who", ["App", "source", "Client", ""])
def test_an_initiator_that_is_the_source_says_nothing_new(page, who):
    assert flows(page(OPENS.format(who))) == {"A1: app > d.org tcp/9"}


def test_an_initiator_that_is_the_destination_is_asked_about(page):
    found = page(OPENS.format("d.org"))
    assert found.fates["A1"] == ("open", "is opened by 'd.org': which way is it?")


def test_both_may_open_a_connection(page):
    found = page(OPENS.replace("d.org", "Hub").format("both"))
    assert len(found.flows) == 2


@pytest.mark.parametrize("sign", ["\u2192", "->", "=>", "source to destination"])
def test_an_arrow_in_a_column_of_directions_leads_to_the_destination(page, sign):
    head = "| Source | Destination | Direction | Port |\n|-|-|-|-|\n"
    found = page(head + f"| App | d.org | {sign} | 9 TCP |\n")
    assert flows(found) == {"A1: app > d.org tcp/9"}


def test_an_arrow_that_leads_back_is_asked_about(page):
    head = "| Source | Destination | Direction | Port |\n|-|-|-|-|\n"
    found = page(head + "| App | d.org | \u2190 | 9 TCP |\n")
    assert found.fates["A1"][0] == "open"


# --- What a cell holds ---------------------------------------------------------------


def test_a_table_within_a_cell_is_the_lines_of_that_cell(page):
    inner = html("<td>TCP<td>1", "<td>UDP<td>2")
    found = page(
        html("<th>From<th>To<th>Ports", f"<td>App<td>d.org<td>{inner}"), "page.html"
    )
    assert flows(found) == {"A1: app > d.org tcp/1", "A1: app > d.org udp/2"}


def test_a_table_that_lays_out_the_page_holds_tables_of_its_own(page):
    inner = html("<th>From<th>To<th>Port", "<td>App<td>d.org<td>TCP 1")
    found = page(html(f"<td>menu<td>{inner}"), "page.html")
    assert flows(found) == {"A1: app > d.org tcp/1"}


HEAD = "| Source | Destination | Protocol | Port | Notes |\n|-|-|-|-|-|\n"


@pytest.mark.parametrize(
    ("protocol", "opened"),
    [
        ("HTTPS", {"tcp/443"}),
        ("HTTP and HTTPS", {"tcp/80", "tcp/443"}),
        ("NTP", {"udp/123"}),
        ("SSH (TCP)", {"tcp/22"}),
    ],
)
def test_an_application_may_tell_a_port_that_no_cell_has(page, protocol, opened):
    found = page(HEAD + f"| App | d.org | {protocol} | | |\n")
    assert flows(found) == {f"A1: app > d.org {one}" for one in opened}
    assert any("names no port" in remark for remark in found.remarks)


@pytest.mark.parametrize("protocol", ["TCP", "HTTPS proxy", "Kerberos", "SSH (UDP)"])
def test_other_rows_without_a_port_are_open(page, protocol):
    found = page(HEAD + f"| App | d.org | {protocol} | | |\n")
    assert not found.flows
    assert found.fates["A1"][0] == "open"


def test_a_product_with_its_version_is_no_port(page):
    found = page(
        HEAD + "| App | d.org | TCP | 49152 to 65535 (for Windows 2008 and newer) | |\n"
    )
    assert flows(found) == {"A1: app > d.org tcp/49152-65535"}


def test_a_sentence_that_asks_for_another_port_is_told_and_binds_nothing(page):
    found = page(
        HEAD
        + "| App | d.org | TCP | 9 | If you use the cloud, port 8 must be open too. |\n"
    )
    assert flows(found) == {"A1: app > d.org tcp/9"}
    assert "when" not in found.rules[0]
    assert found.fates["A1.2"][0] == "open"


@pytest.mark.parametrize("mark", ["(**)", "[1]"])
def test_a_footnote_mark_may_stand_in_brackets(page, mark):
    text = "| Source | Destination | Port |\n|-|-|-|\n| App | d.org | TCP 9 {0} |\n\n{0} Only with the module.\n"
    found = page(text.format(mark))
    assert flows(found) == {"A1: app > d.org tcp/9"}
    assert found.rules[0]["when"] == "module"


def test_an_application_with_other_words_tells_the_transport(page):
    head = "| Source | Destination | Service | Port |\n|-|-|-|-|\n"
    found = page(head + "| Switch | Poller | SNMP trap | 1162 |\n")
    assert flows(found) == {"A1: switch > poller udp/1162"}


@pytest.mark.parametrize("name", ["page.adoc", "page.md"])
def test_a_footnote_mark_may_stand_between_carets(page, name):
    table = "|From |To |Port\n\n|App |d.org |TCP 9 ^1^\n|App |d.org |TCP 8^a^\n"
    bars = (
        "|From |To |Port |\n|-|-|-|\n|App |d.org |TCP 9 ^1^|\n|App|d.org |TCP 8^a^|\n"
    )
    text = f"|===\n{table}|===\n" if name.endswith("adoc") else bars
    found = page(f"{text}\n^1^ Only with VXLAN.\n\n^a^ May be changed.\n", name)
    assert flows(found) == {"A1: app > d.org tcp/9", "A2: app > d.org tcp/8"}
    assert [rule.get("when") for rule in found.rules] == ["vxlan", None]


def test_a_footnote_of_asciidoc_is_a_note(page):
    found = page(
        "|===\n|Source |Destination |Port\n\n|App |d.org |9 footnote:[Only for tests.]\n|===\n",
        "page.adoc",
    )
    assert found.rules[0]["when"] == "tests"


def test_cells_may_stand_in_lines_of_their_own(page):
    found = page(
        "Ports\n\nPort\nProtocol\nSource\nDestination\n9\nTCP\nApp\nd.org\n7\nUDP\nApp\ne.org\n",
        "page.txt",
    )
    assert flows(found) == {"A1: app > d.org tcp/9", "A2: app > e.org udp/7"}


def test_lines_that_make_no_whole_rows_are_no_table(page):
    found = page(
        "Ports\n\nPort\nProtocol\nSource\nDestination\n9\nTCP\nApp\nd.org\n7 TCP\nApp\n",
        "page.txt",
    )
    assert not found.flows
    assert {fate for fate, _ in found.fates.values()} == {"open"}


# --- Lists and headings of their own -------------------------------------------------


def test_a_term_and_its_description_are_one_sentence(page):
    found = page(
        "<h2>Sensor to Cloud</h2><dl><dt>a.org</dt>\n <dd><p>TCP 9</p></dd><dt>b.org<dd>TCP 8</dl>",
        "page.html",
    )
    assert flows(found) == {
        "text-1: sensor > a.org tcp/9",
        "text-2: sensor > b.org tcp/8",
    }


@pytest.mark.parametrize(
    ("item", "opened"),
    [
        ("a.org: TCP 9 and TCP 8", {"tcp/9", "tcp/8"}),
        ("Ports 9 \u00e0 11/UDP vers a.org", {"udp/9-11"}),
        ("a.org \u2013 443", {"tcp/443"}),
    ],
)
def test_a_bullet_names_ports_and_a_host(page, item, opened):
    found = page(f"# Hub\n\n## Gateway to Hub\n\n* {item}\n")
    assert flows(found) <= {f"text-1: gateway > a.org {one}" for one in opened}
    assert found.flows or found.fates["text-1"][0] == "open"


def test_hosts_below_a_heading_have_its_ports(page):
    found = page("# Hub\n\n## TCP 9\n\n* a.org\n* b.org\n")
    assert flows(found) == {
        "text-1: unstated-source > a.org tcp/9",
        "text-2: unstated-source > b.org tcp/9",
    }
    assert found.fates["title-1"] == ("rules", [rule["id"] for rule in found.rules])


def test_ports_below_a_host_lead_to_it(page):
    found = page("# Hub\n\n## a.org\n\n* TCP 9\n* UDP 8\n")
    assert flows(found) == {
        "text-1: unstated-source > a.org tcp/9",
        "text-2: unstated-source > a.org udp/8",
    }


def test_a_heading_whose_ports_no_row_states_is_open(page):
    found = page("# Hub\n\n## Open TCP 9 first\n\n* a.org: TCP 8\n")
    assert found.fates["title-1"] == (
        "open",
        "is a heading: which row states its ports?",
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.html", "<h1>X</h1><p><strong>Outbound rules for Nodes</strong></p>{}"),
        ("page.md", "# X\n\n**Outbound rules for Nodes**\n\n{}"),
        ("page.adoc", "= X\n\n.Outbound rules for Nodes\n{}"),
        ("page.html", "<h1>X</h1><table><caption>Outbound rules for Nodes</caption>{}"),
    ],
)
def test_a_line_in_bold_or_a_caption_is_a_title(page, name, text):
    table = {
        "page.html": html("<th>Destination<th>Port", "<td>a.org<td>TCP 9"),
        "page.md": "| Destination | Port |\n|-|-|\n| a.org | TCP 9 |\n",
        "page.adoc": "|===\n|Destination |Port\n\n|a.org |TCP 9\n|===\n",
    }[name]
    found = page(
        text.format(table.removeprefix("<table>") if "caption" in text else table), name
    )
    assert flows(found) == {"A1: node > a.org tcp/9"}


@pytest.mark.parametrize(
    ("sentence", "flow"),
    [
        (
            "The badge reader connects to a.org on TCP port 9.",
            "badge-reader > a.org tcp/9",
        ),
        (
            "Each kiosk must be able to reach a.org over TCP 9.",
            "kiosk > a.org tcp/9",
        ),
        ("The collector listens on TCP port 9.", "unstated-source > collector tcp/9"),
        ("You must connect to a.org on TCP 9.", "unstated-source > a.org tcp/9"),
    ],
)
def test_a_sentence_says_who_connects_or_listens(page, sentence, flow):
    found = page(f"# Hub\n\n{sentence}\n")
    assert flows(found) == {f"text-1: {flow}"}
    named = not flow.startswith("unstated")
    assert named or any("names no source" in remark for remark in found.remarks)


def test_a_matrix_has_a_flow_in_each_of_its_cells(page):
    found = page(
        "| From \\ To | Web | Data base |\n|-|-|-|\n| User | 9/tcp | - |\n| Web | | 7, 8/tcp |\n"
    )
    assert flows(found) == {
        "A1: user > web tcp/9",
        "A2: web > data-base tcp/7",
        "A2: web > data-base tcp/8",
    }


def test_a_range_of_addresses_is_not_its_two_ends(page):
    found = page(HEAD + "| App | 192.0.2.10 \u2013 192.0.2.20 | TCP | 9 | |\n")
    assert not found.flows
    assert "a range of addresses" in found.fates["A1"][1]


def test_an_application_may_be_the_name_of_a_destination(page):
    found = page(HEAD + "| App | Syslog | UDP | 514 | |\n")
    assert flows(found) == {"A1: app > syslog udp/514"}


def test_a_port_may_stand_with_the_host_alone(page):
    found = page(HEAD + "| App | a.org:8443 | TCP | | |\n")
    assert flows(found) == {"A1: app > a.org tcp/8443"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("10,000-20,000", "10000-20000"),
        ("49,152 \u2013 65,535", "49152-65535"),
        ("80,100-20,443", None),
        ("80,100-200,443", None),
    ],
)
def test_commas_for_thousands_are_read_where_they_can_be_nothing_else(
    page, written, read
):
    found = page(HEAD + f"| App | d.org | UDP | {written} | |\n")
    ports = {flow.rpartition("/")[2] for flow in flows(found)}
    assert read in ports if read else "80100-20443" not in ports


@pytest.mark.parametrize(
    ("direction", "flow"),
    [
        ("Inbound", "unstated-source > broker tcp/9"),
        ("Outbound", "broker > directory tcp/9"),
    ],
)
def test_a_direction_is_that_of_the_component(page, direction, flow):
    found = page(
        f"# Ports that must be open\n\n| Component | Direction | Port | Use |\n|-|-|-|-|\n| Broker | {direction} | 9 TCP | Directory |\n"
    )
    assert flows(found) == {f"A1: {flow}"}


# --- Applications ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ports", "protocol", "probe"),
    [
        ("6432", "PostgreSQL", "postgres"),
        ("33890", "TCP (RDP)", "rdp"),
        ("8443 (HTTPS)", "TCP", "https"),
        ("8443, 9443", "HTTPS", "https"),
        ("3479", "STUN", "stun"),
        ("2222", "SFTP", "ssh"),
        ("2525", "SMTP", {"smtp": {"starttls": "offered"}}),
        ("10993", "IMAPS", {"imap": {"implicit_tls": True}}),
        # The port tells it, and a site may still choose.
        ("443", "HTTPS", None),
        ("3389", "RDP", None),
        # Two, one that is spoken over the other transport, none, one nobody speaks.
        ("8080", "HTTP/HTTPS", None),
        ("33890", "UDP (RDP)", None),
        ("9000", "TCP", None),
        ("5672", "AMQP", None),
        # Whatever port of a range answers need not speak it.
        ("49152-65535", "RPC", None),
    ],
)
def test_an_application_is_spoken_at_a_port_of_its_own(page, ports, protocol, probe):
    head = "| Source | Destination | Port | Protocol |\n|-|-|-|-|\n"
    found = page(f"{head}| App | d.org | {ports} | {protocol} |\n")
    assert {str(rule.get("probe")) for rule in found.rules} == {str(probe)}


@pytest.mark.parametrize(
    ("first", "second", "probe"),
    [("HTTPS", "TCP", "https"), ("TCP", "HTTPS", "https"), ("HTTPS", "SSH", None)],
)
def test_rows_that_agree_name_the_application_together(page, first, second, probe):
    head = "| Source | Destination | Port | Protocol |\n|-|-|-|-|\n"
    rows = "".join(f"| App | d.org | 9443 | {one} |\n" for one in (first, second))
    (rule,) = page(head + rows).rules
    assert rule.get("probe") == probe


def test_a_host_under_a_heading_nobody_knows_is_asked_about(page):
    found = page(
        "| K\u00e4lla | M\u00e5l | Port |\n|-|-|-|\n| App | Db | TCP 9 |\n| App | d.org | TCP 9 |\n"
    )
    assert found.fates["A2"] == (
        "open",
        "names a host under 'M\u00e5l': is that the destination?",
    )


def test_a_column_of_nothing_but_hosts_is_the_destination(page):
    found = page(
        "| What | M\u00e5l | Port |\n|-|-|-|\n| Web | d.org, e.org | TCP 9 |\n"
    )
    assert {flow.partition(" > ")[2] for flow in flows(found)} == {
        "d.org tcp/9",
        "e.org tcp/9",
    }


def test_the_component_reaches_what_it_needs_to_reach(page):
    found = page(
        "| Component | Needs to reach | Ports |\n|-|-|-|\n| Hub | d.org | TCP 9 |\n"
    )
    assert flows(found) == {"A1: hub > d.org tcp/9"}


def test_the_ports_of_the_recipient_are_the_destinations(page):
    found = page(
        "| Originator | Originator port | Recipient | Recipient port | Transport |\n|-|-|-|-|-|\n"
        "| Phone | 5000-6000 | Proxy | 5060 | UDP |\n"
    )
    assert flows(found) == {"A1: phone > proxy udp/5060"}


def test_a_line_that_is_a_mere_or_joins_its_neighbours(page):
    found = page(
        html(
            "<th>From<th>To<th>Type<th>Port",
            "<td>App<td>d.org<td>TCP<td>443<br>or<br>80",
        ),
        "page.html",
    )
    assert len({rule["any_of"] for rule in found.rules}) == 1
    assert len(found.flows) == 2


@pytest.mark.parametrize(
    ("title", "item", "flow"),
    [
        (
            "Inbound to the manager",
            "TCP 9 \u2013 administrators",
            "administrators > manager tcp/9",
        ),
        (
            "Outbound from the manager",
            "UDP 9: mail relay",
            "manager > mail-relay udp/9",
        ),
    ],
)
def test_a_bullet_has_the_other_end_of_its_heading(page, title, item, flow):
    found = page(f"# Hub\n\n## {title}\n\n* {item}\n")
    assert flows(found) == {f"text-1: {flow}"}


@pytest.mark.parametrize(
    "item",
    ["TCP 9 \u2013 HTTPS", "TCP 9 \u2013 rack 12", "TCP 9 \u2013 a, TCP 8 \u2013 b"],
)
def test_other_words_beside_a_port_are_no_end(page, item):
    found = page(f"# Hub\n\n## Inbound to the manager\n\n* {item}\n")
    assert {rule["source"] for rule in found.rules} <= {"unstated-source"}


def test_what_is_not_optional_has_no_condition(page):
    head = "| Source | Destination | Port | Optional? |\n|-|-|-|-|\n"
    found = page(head + "| App | d.org | TCP 9 | N |\n| App | e.org | TCP 9 | Y |\n")
    assert ["when" in rule for rule in found.rules] == [False, True]


# --- Words and signs of real pages ------------------------------------------------------

FLAT = "| From | To | Port | Note |\n|-|-|-|-|\n"


@pytest.mark.parametrize(
    "note",
    [
        "must not be reachable",
        "Must never be exposed to clients",
        "has to be blocked",
        "should remain closed",
        "Do not open",
        "is forbidden",
        "darf nicht erreichbar sein",
        "ne doit pas \u00eatre accessible",
    ],
)
def test_a_row_that_forbids_its_traffic_is_open(page, note):
    found = page(f"{FLAT}| Guest | d.org | 9 TCP | {note} |\n")
    assert found.rules == []
    assert found.fates["A1"][1].startswith("forbids the traffic")


@pytest.mark.parametrize(
    ("source", "note"),
    [
        ("App", "must not be open to the Internet"),
        ("App", "never expose it to the public"),
        ("App", "The port must not be changed"),
    ],
)
def test_a_warning_about_others_forbids_nothing(page, source, note):
    found = page(f"{FLAT}| {source} | d.org | 9 TCP | {note} |\n")
    assert flows(found) == {"A1: app > d.org tcp/9"}


@pytest.mark.parametrize(
    "cell", ["\u2717", "\u2718", "\u274c", "must not", "never", "x", "closed"]
)
@pytest.mark.parametrize("heading", ["Action", "Allowed", "Policy", "Access"])
def test_a_column_of_actions_may_forbid(page, heading, cell):
    text = f"| From | To | Port | {heading} |\n|-|-|-|-|\n| Lab | d.org | 9 TCP | {cell} |\n"
    found = page(text)
    assert (found.rules, found.fates["A1"][0]) == ([], "open")


@pytest.mark.parametrize(
    "title",
    [
        "Client -- > Hub",
        "Client --> Hub",
        "Client - > Hub",
        "From the client to the hub",
    ],
)
def test_arrows_in_titles_may_have_a_blank(page, title):
    found = page(
        f"# Ports\n\n## {title}\n\n| What | UDP | TCP |\n|-|-|-|\n| Client news | -- | 9 |\n"
    )
    assert flows(found) == {"A1: client > hub tcp/9"}


@pytest.mark.parametrize("title", ["Hub < -- > Vault", "Hub <--> Vault"])
def test_an_arrow_for_both_ways_may_have_blanks(page, title):
    found = page(
        f"# Ports\n\n## {title}\n\n| What | UDP | TCP |\n|-|-|-|\n| News | -- | 9 |\n"
    )
    assert flows(found) == {"A1: hub > vault tcp/9", "A1: vault > hub tcp/9"}


def test_a_column_about_ports_without_any_is_none_of_ports(page):
    found = page(
        "| Port number | Protocol | Port purpose | Source | Destination |\n|-|-|-|-|-|\n"
        "| 9 | TCP | News | App | d.org |\n"
    )
    assert flows(found) == {"A1: app > d.org tcp/9"}
    assert found.rules[0]["description"] == "News"


def test_a_column_that_says_whether_a_port_can_be_changed_is_none_of_ports(page):
    found = page(
        "| From | To | Port number | Type | Configurable port |\n|-|-|-|-|-|\n"
        "| App | d.org | 9 | TCP | Yes |\n| App | d.org | 10 | UDP | No |\n"
    )
    assert flows(found) == {"A1: app > d.org tcp/9", "A2: app > d.org udp/10"}


@pytest.mark.parametrize(
    ("host", "ports"),
    [
        ("zork\u2011print.org", "9, 10"),
        ("zork\u2010print.org", "9\u300110"),
        ("zork-print.org", "\uff19\uff0c\uff11\uff10"),
    ],
)
def test_hyphens_and_digits_set_for_their_looks_are_plain_ones(page, host, ports):
    found = page(f"{FLAT}| App | {host} | {ports} | TCP |\n")
    assert flows(found) == {
        "A1: app > zork-print.org tcp/9",
        "A1: app > zork-print.org tcp/10",
    }


def test_addresses_as_sources_are_roles_that_can_be_told_from_numbers(page):
    found = page(
        f"{FLAT}| 192.0.2.0/24 | d.org | 9 TCP | x |\n| 192.0.2.7 | d.org | 9 TCP | x |\n"
        "| 2001:db8::/32 | d.org | 9 TCP | x |\n"
    )
    assert flows(found) == {
        "A1: network-192-0-2-0-24 > d.org tcp/9",
        "A2: host-192-0-2-7 > d.org tcp/9",
        "A3: network-2001-db8-32 > d.org tcp/9",
    }


@pytest.mark.parametrize(
    "note",
    [
        "10 where copies are switched on",
        "TCP port 10 if copies are on",
        "10-20 as well",
    ],
)
def test_a_footnote_with_other_ports_asks_for_more_and_binds_nothing(page, note):
    found = page(f"{FLAT}| App | d.org | TCP 9* | x |\n\n\\* {note}\n")
    assert flows(found) == {"A1: app > d.org tcp/9"}
    assert "when" not in found.rules[0]
    assert found.fates["A1.2"][0] == "open"


def test_a_footnote_with_the_rows_own_port_is_its_condition(page):
    found = page(
        f"{FLAT}| App | d.org | TCP 9* | x |\n\n\\* only if port 9 is enabled\n"
    )
    assert found.rules[0]["when"]


@pytest.mark.parametrize("heading", ["When is it needed?", "Needed", "Applies when"])
def test_a_column_that_asks_when_is_one_of_conditions(page, heading):
    found = page(
        f"| From | To | Port | {heading} |\n|-|-|-|-|\n"
        "| App | d.org | 1 TCP | Always |\n| App | d.org | 2 TCP | With SAML |\n"
    )
    assert [rule.get("when") for rule in found.rules] == [None, "saml"]


def test_what_a_port_is_needed_for_is_its_usage(page):
    head = "| From | To | Port | Needed for |\n|-|-|-|-|\n"
    found = page(f"{head}| App | d.org | 1 TCP | Backups |\n")
    assert [rule.get("when") for rule in found.rules] == [None]
