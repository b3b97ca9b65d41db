"""Vendors' pages as catalogues: what is read, what is told, and what never happens."""

from __future__ import annotations

import contextlib
import csv
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exporter.config import yamlfile
from exporter.config.diagnostics import ConfigError
from exporter.model.rule import Usage
from exporter.vendor import drafter, readers
from exporter.vendor import page as page_module
from exporter.vendor.catalogue_writer import written
from exporter.vendor.draft import draft_of
from exporter.vendor.ports import read_ports
from exporter.vendor.readers import read_page
from tests.vendor.drafting import imported

HERE = Path(__file__).parent
PAGES = sorted((HERE / "pages").iterdir())
LINES = (HERE / "rows.csv").read_text(encoding="utf-8").splitlines()
ROWS = {row["row"]: row for row in csv.DictReader(LINES)}
HEAD = "| Source | Destination | Port | Usage |\n|---|---|---|---|\n"


@pytest.fixture
def page(tmp_path):
    def read(text, name="page.md", internal=()):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return imported(path, tmp_path, internal)

    return read


def refusal(path):
    with pytest.raises(ConfigError) as told:
        draft_of(read_page(path), path.name)
    return str(told.value)


# --- The AppsAnywhere page, in four forms ------------------------------------------


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.suffix)
def test_each_form_of_the_page_gives_the_flows_of_its_rows(path, tmp_path):
    found = imported(path, tmp_path).flows
    stated = {
        (
            row["row"],
            row["source"],
            row["destination"],
            int(row["port"]),
            row["transport"],
        )
        for row in ROWS.values()
        if row["destination"]
    }
    assert {flow for flow in found if flow[0][0] != "D"} == stated


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.suffix)
def test_a_row_without_destinations_stands_with_what_it_sums_up(path, tmp_path):
    rules = imported(path, tmp_path).rules
    for name, row in ROWS.items():
        if row["covered_by"]:
            covered = {other for r in rules if name in r["rows"] for other in r["rows"]}
            assert covered == {name, *row["covered_by"].split()}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.suffix)
def test_what_a_person_must_look_at_is_told_at_its_line(path, tmp_path):
    remarks = imported(path, tmp_path).remarks
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [remark.split(": ")[1] for remark in remarks] == ["C7", "G1", "H1"]
    for remark, words in zip(
        remarks, ("Configured Base URL", "Client Devices", "AppsAnywhere"), strict=True
    ):
        name, line, _ = remark.split(":", 2)
        assert name == path.name
        assert words in lines[int(line) - 1]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.suffix)
def test_sections_roles_and_placeholders_are_those_of_the_page(path, tmp_path):
    found = imported(path, tmp_path)
    catalogue = found.catalogue
    assert catalogue.title == "Connectivity"
    sections = {
        entry.written.rows[0][0]: entry.written.section
        for entry in catalogue.definitions
    }
    assert sections["B"] == "AppsAnywhere / Inbound (Internal)"
    assert sections["F"] == "AppsAnywhere / External Destinations"
    assert sections["G"] == "Cloudpaging / Inbound (Internal and External)"
    wider = {role.name: role.is_a for role in catalogue.roles.values()}
    assert wider == {
        "client-device": None,
        "jump-host": None,
        "appsanywhere": None,
        **dict.fromkeys(
            ("appsanywhere01", "appsanywhere02", "appsanywhere03"), "appsanywhere"
        ),
        "analytics": None,
        **dict.fromkeys(("analytics-centos", "analytics-rocky"), "analytics"),
    }
    bound = {r["destination"]["placeholder"] for r in found.rules if "when" in r}
    assert bound == {"parallels"}  # another row needs cloudpaging in any case
    assert catalogue.placeholders["configured_base_url"].url


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.suffix)
def test_sentences_inside_a_destination_become_notes(path, tmp_path):
    entries = imported(path, tmp_path).catalogue.definitions
    notes = {
        row: entry.written.notes for entry in entries for row in entry.written.rows
    }
    listed = "its mirrors are needed too"
    assert {row for row in notes if row[0] != "D" and listed in notes[row]} == {
        *("E10", "E13", "E14", "F5", "F7", "F9", "F13")
    }
    assert {row for row in notes if row[0] != "D" and "An example" in notes[row]} == {
        *("E11", "E12", "E15", "E17", "F8", "F10", "F11", "F12", "F14")
    }


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.suffix)
def test_text_outside_tables_is_kept_as_a_comment(path, tmp_path):
    text = imported(path, tmp_path).text
    assert "# See the port reference of Parallels RAS.\n" in text
    assert "document.write" not in text


# --- Another vendor's ---------------------------------------------------------------

SCANNER = """# Scanner: network needs

| Purpose | Host | Protocol / Ports | Required | From |
|---|---|---|---|---|
| Licence server | `lic.vendor.com` | TCP/443, 8443 | yes | Scan Engine |
| Updates | *.up.vendor.com, cdn.vendor.com | TCP 443 | yes | Scan Engine |
| Upload | 203.0.113.0/24 | TCP 443 | no | Scan Engine |
| Relay | 192.0.2.7/32 | TCP: 80; UDP: 500 | no | Scan Engine, Console |
| Media | media.vendor.com | UDP 50000-50059 and TCP 443 | no | Console |
| API | https://api.vendor.com/v1 or api2.vendor.com:443 | 443 (HTTPS) | no | |
| Anything | Any | 443 TCP | no | Console |
| Clock | ntp.vendor.com | 123, 8123 | | Console |
"""


def test_columns_are_known_by_their_meaning_in_any_order(page):
    found = page(SCANNER)
    assert found.flows == {
        ("A1", "scan-engine", "lic.vendor.com", 443, "tcp"),
        ("A1", "scan-engine", "lic.vendor.com", 8443, "tcp"),
        ("A2", "scan-engine", "*.up.vendor.com", 443, "tcp"),
        ("A2", "scan-engine", "cdn.vendor.com", 443, "tcp"),
        ("A3", "scan-engine", "203.0.113.0/24", 443, "tcp"),
        ("A4", "scan-engine", "192.0.2.7", 80, "tcp"),
        ("A4", "scan-engine", "192.0.2.7", 500, "udp"),
        ("A4", "console", "192.0.2.7", 80, "tcp"),
        ("A4", "console", "192.0.2.7", 500, "udp"),
        ("A5", "console", "media.vendor.com", 443, "tcp"),
        ("A5", "console", "media.vendor.com", "50000-50059", "udp"),
        ("A6", "console", "api.vendor.com", 443, "tcp"),
        ("A6", "console", "api2.vendor.com", 443, "tcp"),
        ("A8", "console", "ntp.vendor.com", 123, "udp"),
        ("A8", "console", "ntp.vendor.com", 8123, "tcp"),
    }


def test_what_cannot_be_probed_is_told_and_kept(page):
    found = page(SCANNER)
    assert found.remarks == [
        "page.md:11: A7: names no host: Any",
        "page.md:12: A8: names neither TCP nor UDP: TCP is taken, or UDP for port 123",
    ]
    assert found.fates["A7"] == ("unprovable", "names no host: Any")
    assert "#     Anything | Any | 443 TCP" in found.text


def test_what_the_columns_hold_besides_goes_into_the_notes(page):
    rules = {rule["id"]: rule for rule in page(SCANNER).rules}
    assert rules["scan-engine-lic-vendor-com-443"]["notes"] == "Required: yes."
    notes = rules["console-api-vendor-com-443"]["notes"]
    assert "https://api.vendor.com/v1" in notes


def test_only_hosts_of_the_internet_are_public(page):
    rules = page(SCANNER).rules
    public = {key for r in rules for key in r["destination"] if r.get("public")}
    assert public == {"host", "domain"}
    private = [r["destination"] for r in rules if not r.get("public")]
    assert {"placeholder": "host_192_0_2_7"} in private


@pytest.mark.parametrize(
    ("cell", "pairs"),
    [
        ("443 TCP", {(443, "tcp")}),
        ("80, 443 TCP", {(80, "tcp"), (443, "tcp")}),
        ("80/tcp and 123/udp", {(80, "tcp"), (123, "udp")}),
        ("TCP/443, 8443", {(443, "tcp"), (8443, "tcp")}),
        ("TCP: 25; UDP: 53, 500", {(25, "tcp"), (53, "udp"), (500, "udp")}),
        ("53 TCP/UDP", {(53, "tcp"), (53, "udp")}),
        ("tcp+udp 53", {(53, "tcp"), (53, "udp")}),
        ("443 TCP, 8443", {(443, "tcp"), (8443, "tcp")}),
        ("443", {(443, None)}),
        ("TLS 1.2 on 443", {(443, None)}),
        ("1024-2048 TCP", {("1024-2048", "tcp")}),
        ("443TCP", {(443, "tcp")}),
        ("any", set()),
        ("0, 65536, 9999999 TCP", set()),
    ],
)
def test_ports_and_transports_of_a_cell(cell, pairs):
    read = read_ports(cell)
    found = {
        (span.low if span.low == span.high else str(span), transport)
        for span in read.spans
        for transport in (span.transports or (None,))
    }
    assert found == pairs


def test_a_column_of_tcp_ports_and_one_of_udp_ports(page):
    found = page(
        "| Source | Destination | TCP Ports | UDP Ports |\n|-|-|-|-|\n"
        "| Web | a.vendor.com | 80, 443 | |\n| Web | b.vendor.com | | 500 |\n"
    )
    assert {(flow[0], *flow[3:]) for flow in found.flows} == {
        ("A1", 80, "tcp"),
        ("A1", 443, "tcp"),
        ("A2", 500, "udp"),
    }
    assert found.remarks == []


def test_a_protocol_column_tells_the_transport(page):
    found = page(
        "| From | To | Protocol | Port |\n|-|-|-|-|\n"
        "| Web | a.vendor.com | HTTPS | 8443 |\n| Web | b.vendor.com | UDP | 9 |\n"
        "| Web | c.vendor.com | GRE | 47 |\n"
    )
    assert {(flow[0], *flow[3:]) for flow in found.flows} == {
        ("A1", 8443, "tcp"),
        ("A2", 9, "udp"),
    }
    assert found.remarks == [
        "page.md:5: A3: runs over neither TCP nor UDP, going by 'GRE'"
    ]


def test_an_unknown_protocol_is_no_reason_to_lose_a_row(page):
    found = page(
        "| Step | From | To | Port | Protocol |\n|-|-|-|-|-|\n"
        "| 7 | Web | a.vendor.com | 5432/tcp | PostgreSQL |\n"
        "| 9 | Web | b.vendor.com | 6379 | Zork |\n"
    )
    assert found.flows == {
        ("7", "web", "a.vendor.com", 5432, "tcp"),
        ("9", "web", "b.vendor.com", 6379, "tcp"),
    }
    assert [remark.split(": ")[1] for remark in found.remarks] == ["9"]


@pytest.mark.parametrize("word", ["No", "Deny", "\u274c blocked", "REJECT"])
def test_what_a_page_forbids_is_never_taken_for_a_requirement(page, word):
    found = page(
        "| From | To | Port | Action |\n|-|-|-|-|\n"
        f"| Any | a.vendor.com | 22 TCP | {word} |\n| Web | a.vendor.com | 22 TCP | Allow |\n"
    )
    assert found.flows == {("A2", "web", "a.vendor.com", 22, "tcp")}
    assert found.remarks == [
        f"page.md:3: A1: forbids the traffic (Action: {word}): write its rule by hand"
    ]


def test_a_blank_source_is_that_of_the_row_above_even_if_that_was_not_read(page):
    found = page(
        HEAD + "| Web | a.vendor.com | 1 TCP | |\n| Job | *.vendor.com | any | |\n"
        "| | b.vendor.com | 2 TCP | |\n"
    )
    assert {flow[:2] for flow in found.flows} == {("A1", "web"), ("A3", "job")}


def test_the_client_s_own_port_is_no_requirement(page):
    [flow] = page(
        "| Source | Source Port | Destination | Destination Port |\n|-|-|-|-|\n"
        "| Web | 1024 TCP | a.vendor.com | 443 TCP |\n"
    ).flows
    assert flow == ("A1", "web", "a.vendor.com", 443, "tcp")


def test_a_table_without_sources_is_told_and_no_heading_is_taken_for_one(page):
    found = page(
        "# Needs\n\n## Gateway\n\n| Host | Port |\n|-|-|\n| a.vendor.com | 443 TCP |\n"
    )
    assert found.flows == {("A1", "unstated-source", "a.vendor.com", 443, "tcp")}
    [told] = found.remarks
    assert told.startswith("page.md:5: A: the table names no sources: ")


def test_other_tables_are_told_and_kept_and_get_no_letter(page):
    found = page(
        "| Version | Date |\n|-|-|\n| 1.0 | May |\n\n"
        + HEAD
        + "| Web | a.vendor.com | 443 TCP | |\n"
    )
    assert {flow[0] for flow in found.flows} == {"A1"}
    assert found.remarks == [
        "page.md:1: no table of requirements, going by its headings: not read"
    ]
    assert "#     1.0 | May\n" in found.text


def test_ids_of_rows_may_stand_in_the_page(page):
    found = page(
        "No,Source,Destination,Port\nFW-7,Web,a.vendor.com,443 TCP\n"
        "FW-7,Web,b.vendor.com,443 TCP\n",
        "page.csv",
    )
    assert {flow[0] for flow in found.flows} == {"FW-7", "A2"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_with_any_delimiter_and_quotes(page, delimiter):
    rows = [
        ("Source", "Destination", "Port", "Usage"),
        ("Web", '"a.vendor.com\nb.vendor.com"', "443 TCP", '"Fonts; icons, more"'),
        ("Web", "c.vendor.com", "80 TCP", ""),
    ]
    found = page("\n".join(delimiter.join(row) for row in rows), "page.csv")
    assert {(flow[0], flow[2]) for flow in found.flows} == {
        ("A1", "a.vendor.com"),
        ("A1", "b.vendor.com"),
        ("A2", "c.vendor.com"),
    }
    assert found.catalogue.definitions[0].written.description == "Fonts; icons, more"


def test_text_copied_from_a_browser_has_tabs(page):
    found = page(
        "Needs\n\nSource\tDestination\tPort\nWeb\ta.vendor.com\t443 TCP\n", "page.txt"
    )
    assert found.flows == {("A1", "web", "a.vendor.com", 443, "tcp")}


def test_html_cells_reach_over_rows_and_columns(page):
    found = page(
        "<table><tr><th>Source<th>Destination<th>Port"
        "<tr><td colspan=3><b>Time</b></td>"
        "<tr><td rowspan='2'>Web<td>a.vendor.com<br>b.vendor.com<td rowspan=2>123 UDP"
        "<tr><td>c.vendor.com</table>",
        "page.html",
    )
    assert {(flow[0], flow[1], flow[2]) for flow in found.flows} == {
        ("A1", "web", "a.vendor.com"),
        ("A1", "web", "b.vendor.com"),
        ("A2", "web", "c.vendor.com"),
    }
    assert found.catalogue.definitions[0].written.section == "Time"


def test_titles_may_stand_above_the_headings_of_a_table(page):
    found = page(
        "<table><tr><td colspan=3>Cloud<tr><td>From<td>To<td>Port"
        "<tr><td>Web<td>a.vendor.com<td>443 TCP</table>",
        "page.html",
    )
    assert found.flows == {("A1", "web", "a.vendor.com", 443, "tcp")}
    assert found.catalogue.definitions[0].written.section == "Cloud"
    assert found.remarks == []


def test_headings_may_come_anew_within_a_table(page):
    found = page(
        HEAD + "| Web | a.vendor.com | 1 TCP | |\n"
        "| Port | Usage | Destination | Source |\n| 2 TCP | | b.vendor.com | Web |\n"
    )
    assert {(flow[0], *flow[2:4]) for flow in found.flows} == {
        ("A1", "a.vendor.com", 1),
        ("A2", "b.vendor.com", 2),
    }


def test_a_blank_destination_where_nothing_is_known_of_the_section(page):
    found = page("# Needs\n\n## Gate Way\n\n" + HEAD + "| Web | - | 1 TCP | |\n")
    assert found.flows == {("A1", "web", "gate-way.example", 1, "tcp")}
    [told] = found.remarks
    assert told.startswith(
        "page.md:7: A1: the destination is blank; placeholder gate_way"
    )


def test_words_for_a_destination_become_a_placeholder(page):
    found = page(
        HEAD + "| Web | Your SQL server | 1433 TCP | |\n"
        "| Web | The URL of the portal | 443 TCP | |\n"
        "| Web | Relay (relay.vendor.com) | 25 TCP | |\n"
    )
    assert found.flows == {
        ("A1", "web", "your-sql-server.example", 1433, "tcp"),
        ("A2", "web", "the-url-of-the-portal.example", 443, "tcp"),
        ("A3", "web", "relay.vendor.com", 25, "tcp"),
    }
    assert [remark.split(": ")[1] for remark in found.remarks] == ["A1", "A2"]


def test_a_summary_of_nothing_is_told_and_kept(page):
    found = page(
        HEAD + "| Web | a.vendor.com | 443 TCP | |\n\n"
        "| Source | Port |\n|-|-|\n| Web | 443 TCP |\n| Web | 25 TCP |\n"
    )
    assert found.catalogue.definitions[0].written.rows == ("A1", "B1")
    assert found.remarks == [
        "page.md:8: B2: sums up TCP 25, for which no row names a host"
    ]
    assert "#     Web | 25 TCP\n" in found.text


def test_a_row_without_a_source_is_told(page):
    rows = "| - | a.vendor.com | 1 TCP | |\n| Web | b.vendor.com | 1 TCP | |\n"
    found = page(HEAD + rows)
    assert {flow[0] for flow in found.flows} == {"A2"}
    assert found.remarks == ["page.md:3: A1: names no source"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            "| Web | 1.1.1.1-1.1.1.9 | 1 TCP | |",
            "a range of addresses cannot be probed",
        ),
        ("| Web | a.vendor.com |", "has fewer cells than the table"),
        ("| a.vendor.com | b.vendor.com | c.vendor.com |", "has fewer cells"),
        ("| Web | a.vendor.com | | |", "names no port"),
    ],
)
def test_a_row_that_is_no_rule_is_told_and_kept(page, row, told):
    found = page(HEAD + f"| Web | a.vendor.com | 443 TCP | |\n{row}\n")
    assert {flow[0] for flow in found.flows} == {"A1"}
    assert found.remarks[0].startswith(f"page.md:4: A2: {told}")
    kept = [line for line in found.text.splitlines() if line.startswith("#     ")]
    assert [cell.strip() for cell in row.split("|") if cell.strip()] == [
        cell.strip() for cell in kept[0].strip("# ").split("|") if cell.strip()
    ]


def test_words_with_slashes_and_brackets_are_no_hosts(page):
    found = page(HEAD + "| Web | http://[x the box | 1 TCP | |\n")
    assert {flow[2] for flow in found.flows} == {"http-x-the-box.example"}


def test_flows_that_look_alike_have_ids_of_their_own(page):
    found = page(
        HEAD
        + "| Web | a-b.vendor.com | 1 TCP | |\n| Web | a.b.vendor.com | 1 TCP | |\n"
    )
    assert [entry.written.id for entry in found.catalogue.definitions] == [
        "web-a-b-vendor-com-1",
        "web-a-b-vendor-com-1-2",
    ]


def test_text_without_end_is_cut_and_the_comment_says_where(page):
    found = page(HEAD + "| Web | a.vendor.com | 1 TCP | |\n" + "Words.\n" * 120)
    assert found.text.endswith("# Words.\n# ... and 20 lines more, from line 104 on\n")


def test_a_title_row_without_rows_is_told_and_kept(page):
    found = page(
        HEAD + "| Web | a.vendor.com | 1 TCP | |\n| Needed for nothing | | | |\n"
    )
    assert found.remarks == [
        "page.md:4: only one cell says anything, and no row follows: not read"
    ]
    assert "#     Needed for nothing\n" in found.text


def test_rows_without_a_protocol_are_told_once(page):
    found = page(HEAD + "".join(f"| Web | {n}.vendor.com | 9 | |\n" for n in "ab"))
    [told] = found.remarks
    assert told.startswith("page.md:3: A1: names neither TCP nor UDP: TCP is taken")
    assert told.endswith("; the same for A2")


def test_html_may_leave_out_tags_and_write_letters_as_entities(page):
    found = page(
        "<h2></h2><table><th>Source<th>Host<th>Port<th>Usage<tr><td><h4>Web</h4>"
        "<td>a.vendor.com<td>443&nbsp;TCP<td>Fonts &amp; &#105;cons &lt;new&gt;",
        "page.html",
    )
    assert found.flows == {("A1", "web", "a.vendor.com", 443, "tcp")}
    assert found.catalogue.definitions[0].written.description == "Fonts & icons <new>"


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_may_end_as_on_any_system(page, end):
    rows = "| Web | a.vendor.com | 443 TCP | |\n| Web | b.com | none | |\n"
    found = page((HEAD + rows).replace("\n", end))
    assert {flow[0] for flow in found.flows} == {"A1"}
    assert [remark.split(": ")[0] for remark in found.remarks] == ["page.md:4"]


def test_html_that_hides_the_rest_of_the_page_is_told(page):
    found = page(
        "<table\n class=wide><tr><th>Source<th>Host<th>Port<tr><td>Web<td>a.vendor.com"
        "<td>1 TCP</table>\n<script>\n<table><tr><td>lost",
        "page.html",
    )
    assert found.remarks == [
        "page.html:3: <script> never ends: nothing from here on was read"
    ]


@pytest.mark.parametrize(
    ("host", "internal", "place"),
    [
        ("db.shop.com", ("shop.com",), True),
        ("db.shop.com", ("hop.com",), False),
        ("db.shop.com", (), False),
        ("db.example.org", (), True),
        ("db.local", (), True),
        ("dbserver", (), True),
        ("10.0.0.7", (), True),
        ("9.9.9.9", (), False),
    ],
)
def test_internal_examples_become_placeholders(page, host, internal, place):
    found = page(HEAD + f"| Web | {host} | 1433 TCP | |\n", internal=internal)
    [entry] = found.catalogue.definitions
    assert (entry.written.destination.placeholder is not None) is place
    assert {flow[2] for flow in found.flows} == {host}


def test_two_hosts_of_one_first_name_are_two_placeholders(page):
    found = page(HEAD + "| Web | db.a.test, db.b.test | 1 TCP | |\n").catalogue
    examples = {name: p.example.host for name, p in found.placeholders.items()}
    assert examples == {"db": "db.a.test", "db_2": "db.b.test"}


def test_a_flow_stated_twice_is_one_rule_that_says_both(page):
    found = page(
        HEAD + "| Web | a.vendor.com | 443 TCP | Fonts |\n"
        "| Web | A.vendor.com. | TCP 443 | Icons |\n"
    )
    [entry] = found.catalogue.definitions
    assert entry.written.rows == ("A1", "A2")
    assert (entry.written.description, entry.written.notes) == (
        "Fonts",
        "A2 says: Icons.",
    )


def test_an_id_is_of_the_flow_alone_and_stays_when_rows_come_and_go(page):
    row = "| Web | a.vendor.com | 443 TCP | Fonts |\n"
    longest = ".".join(["a" * 60] * 4)
    [alone] = page(HEAD + row).catalogue.definitions
    among = page(HEAD + f"| Web | {longest}.com | 53 UDP | |\n" + row).catalogue
    assert [entry.written.id for entry in among.definitions][1] == alone.written.id
    assert alone.written.id == "web-a-vendor-com-443"
    assert among.definitions[0].written.id.endswith("-53-udp")


@pytest.mark.parametrize(
    ("port", "words", "usage"),
    [
        (587, "Fonts", Usage.MAIL),
        (443, "Check of certificates", Usage.CERTIFICATE_CHECK),
        (443, "Licence server", Usage.LICENSING),
        (443, "OS updates", Usage.OS_UPDATES),
        (443, "A mirror", Usage.PACKAGE_REPOSITORY),
        (443, "Fonts", Usage.CONTENT_DELIVERY),
        (443, "Whatever", Usage.VENDOR_API),
    ],
)
def test_the_usage_is_a_guess_that_says_so(page, port, words, usage):
    found = page(HEAD + f"| Web | a.vendor.com | {port} TCP | {words} |\n")
    assert found.catalogue.definitions[0].written.usage == usage
    [line] = [line for line in found.text.splitlines() if "usage:" in line]
    assert "  # guessed from " in line or line.endswith(
        "# nothing tells: please choose"
    )


def test_words_that_mean_something_to_yaml_stay_words(page):
    found = page(
        "| Source | Destination | Port | Usage |\n|-|-|-|-|\n"
        '| No | a.vendor.com | 1 TCP | "yes": {no} # [x] \\ & * |\n'
        "| 2024-07-01 | b.vendor.com | 2 TCP | null |\n| 0x10 | c.vendor.com | 3 TCP | ~ |\n"
    ).catalogue
    assert {entry.written.source for entry in found.definitions} == {
        ("no",),
        ("2024-07-01",),
        ("0x10",),
    }
    said = [entry.written.description for entry in found.definitions]
    assert said == ['"yes": {no} # [x] \\ & *', "null", "~"]


# --- Files that cannot be read, and hostile ones -------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "page.md:1: holds no table of requirements that could be read"),
        (b"\x7fELF\0\0\0", "is not text"),
        (b"| Version | Date |\n|-|-|\n| 1.0 | May |\n", "page.md:1: no table of"),
    ],
)
def test_a_file_without_requirements_is_refused(tmp_path, data, message):
    path = tmp_path / "page.md"
    path.write_bytes(data)
    assert message in refusal(path)


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "MAX_BYTES", 100)
    monkeypatch.setattr(page_module, "MAX_ROWS", 3)
    path = tmp_path / "page.md"
    path.write_text("x" * 101)
    assert "is larger than 100 bytes, which is the limit" in refusal(path)
    path.write_text("a|b\n" * 4)
    assert "has more than 3 rows, which is the limit" in refusal(path)


def test_a_page_of_too_many_rules_is_refused(page, monkeypatch):
    monkeypatch.setattr(drafter, "MAX_RULES", 9)
    ports = ", ".join(map(str, range(1, 6)))
    rows = f"| Web | a.vendor.com | {ports} | |\n| Web | b.vendor.com | {ports} | |\n"
    with pytest.raises(ConfigError, match=r":4: makes more than 9 rules"):
        page(HEAD + rows)


def test_cells_without_end_are_told(page):
    rows = "| Web | a.vendor.com | 1 TCP | " + "x" * 4001 + " |\n" + "|x" * 60 + "\n"
    remarks = page(HEAD + rows).remarks
    assert (
        "page.md:3: a cell has more than 4000 characters: the rest is not read"
        in remarks
    )
    assert "page.md:4: has more than 50 cells: the rest is not read" in remarks


def test_a_draft_larger_than_a_catalogue_may_be_is_refused(page, monkeypatch):
    monkeypatch.setattr(yamlfile, "MAX_BYTES", 500)
    with pytest.raises(ConfigError, match=r"makes a catalogue larger than 500 bytes"):
        page(HEAD + "| Web | a.vendor.com | 1 TCP | |\n" * 9 + "\n" + "x" * 300)


def test_broken_csv_is_read_as_far_as_it_goes(page):
    head = "Source,Destination,Port\nWeb,a.vendor.com,1 TCP\n"
    found = page(head + "x" * 140_000 + ",b.vendor.com,1 TCP\n", "page.csv")
    assert {flow[2] for flow in found.flows} == {"a.vendor.com"}
    assert found.remarks == [
        "page.csv:3: is not CSV from here on: field larger than field limit (131072)"
    ]


def test_a_row_of_a_thousand_rules_is_told_and_kept(page):
    hosts = " ".join(f"h{n}.vendor.com" for n in range(250))
    found = page(
        HEAD + f"| Web | {hosts} | 1 TCP | |\n| Web | a.vendor.com | 1 TCP | |\n"
    )
    assert found.remarks == [
        "page.md:3: A1: would be 250 rules; at most 200 are read from a row"
    ]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8", 0), ("utf-8-sig", 0), ("utf-16", 0), ("windows-1252", 1)],
)
def test_encodings(page, encoding, told):
    found = page((HEAD + "| Web | a.vendor.com | 1 TCP | Caf\xe9 |\n").encode(encoding))
    assert found.catalogue.definitions[0].written.description == "Caf\xe9"
    assert len(found.remarks) == told


def test_a_page_says_its_own_encoding(page):
    found = page(
        "<meta charset=iso-8859-2><table><tr><th>Source<th>Host<th>Port<th>Usage"
        "<tr><td>Web<td>a.vendor.com<td>1 TCP<td>\u0142".encode("iso-8859-2"),
        "page.html",
    )
    assert found.catalogue.definitions[0].written.description == "\u0142"
    assert found.remarks == []


def test_a_page_cannot_write_yaml_or_speak_to_a_terminal(page):
    found = page(
        HEAD + "| Web | a.vendor.com | 1 TCP | x<br>rules: []\x1b[31m\x85- id: b |\n"
        "| Web | *.b.com\x1b[2J | 1 TCP | |\n\n\x1b[31mred\u2028rules: []\n"
    )
    assert (
        found.catalogue.definitions[0].written.description == "x rules: [][31m - id: b"
    )
    assert all(
        c.isprintable() or c == "\n" for c in found.text + "".join(found.remarks)
    )


def test_the_name_of_a_file_cannot_write_yaml(page):
    found = page(HEAD + "| Web | a.vendor.com | 1 TCP | |\n", "page\nrules: [].md")
    assert found.text.startswith("# A draft, read from page rules: [].md by")


PIECES = st.sampled_from(
    [
        *("Source", "Destination", "Port", "Usage", "443 TCP", "80-90", "a.vendor.com"),
        *("Web", "*.x.com", "10.0.0.0/8", "|", "||", "\n", "\n|---|---|---|---|\n"),
        *("\t", ",", ";", '"', "# ", "<table>", "</table>", "<tr>", "<td>", "<th>"),
        *("<td rowspan=3>", "<td colspan=9>", "<script>", "</script>", "<!--", "-->"),
        *("(", ")", "[", "](", "\\", "\u2013", "\U0001f600", "\ud7ff", "\x85", "null"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=300), st.lists(PIECES | st.text(max_size=8)).map("".join)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.sampled_from([*readers.FORMS, ""]), st.booleans())
@example("Source|Host|Port\n|", ".md", False)
def test_arbitrary_text_is_a_catalogue_or_a_refusal(tmp_path, text, suffix, headed):
    path = tmp_path / f"page{suffix}"
    rows = "Source|Host|Port|Usage\nWeb|a.vendor.com|443 TCP|x\n"
    head = rows.replace("|", ",") if suffix in (".csv", ".tsv") else rows
    path.write_text((head if headed else "") + text, encoding="utf-8")
    try:
        imported(path, tmp_path)
    except ConfigError as error:
        named = {problem.file for problem in error.problems}
    else:
        named = {path.name}
    assert named <= {path.name, str(path)}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from([*readers.FORMS, ""]))
def test_arbitrary_bytes_are_read_or_refused(tmp_path, data, suffix):
    path = tmp_path / f"page{suffix}"
    path.write_bytes(data)
    try:
        draft = draft_of(read_page(path), path.name)
    except ConfigError:
        return
    assert written(draft, path.name, "draft", "", "")


# --- What is on a page and is no requirement ----------------------------------------

ROW = "| Web | a.vendor.com | 443 TCP | |\n"
OTHER = "| Web | b.vendor.com | 444 TCP | |\n"
HTML_ROW = "<tr><td>Web</td><td>{}</td><td>{}</td></tr>"
HTML_HEAD = "<table><tr><th>Source</th><th>Destination</th><th>Port</th></tr>"


def ports(found):
    return sorted(one.written.port for one in found.catalogue.definitions)


@pytest.mark.parametrize(
    "unmeant",
    [
        f"```\n{HEAD}{OTHER}```\n",
        f"~~~text\n{HEAD}{OTHER}~~~\n",
        "".join(f"    {line}\n" for line in (HEAD + OTHER).splitlines()),
        f"<!--\n{HEAD}{OTHER}-->\n",
        f"<!--\n\n{HEAD}{OTHER}\n-->\n",
        f"<p title='{HTML_HEAD}'>Words</p>\n",
        f"<del>{HTML_HEAD}{HTML_ROW.format('b.vendor.com', '444')}</table></del>\n",
        f"<template>{HTML_HEAD}{HTML_ROW.format('b.vendor.com', '444')}</table></template>\n",
    ],
)
def test_in_markdown_code_comments_and_struck_text_are_no_requirements(page, unmeant):
    assert ports(page(f"# Page\n\n{HEAD}{ROW}\n\n{unmeant}\n")) == [443]


@pytest.mark.parametrize(
    ("cell", "left"),
    [
        ("~~444~~ 443", [443]),
        ("<del>444</del> 443", [443]),
        ("<s>444<br>445</s> 443", [443]),
        ("443 <!-- 444 -->", [443]),
        ("443<br>444", [443, 444]),
        ("443 <span title='444'></span>", [443]),
        ('443 ![444](picture.png "445")', [443]),
    ],
)
def test_in_a_markdown_cell_only_what_is_seen_counts(page, cell, left):
    found = page(f"# Page\n\n{HEAD}| Web | a.vendor.com | {cell} | |\n")
    assert set(ports(found)) <= set(left)
    assert 443 in ports(found) or found.remarks


@pytest.mark.parametrize(
    "unmeant",
    [
        "<!-- {} -->",
        "<!-- > {} -->",
        "<del>{}</del>",
        "<s>{}</s>",
        "<strike>{}</strike>",
        "<template>{}</template>",
        "<script>{}</script>",
        "<p title='{}'></p>",
        '<img alt="{}">',
    ],
)
def test_in_html_comments_attributes_and_struck_text_are_no_requirements(page, unmeant):
    meant = f"{HTML_HEAD}{HTML_ROW.format('a.vendor.com', '443 TCP')}</table>"
    other = f"{HTML_HEAD}{HTML_ROW.format('b.vendor.com', '444 TCP')}</table>"
    found = page(f"<html>{meant}{unmeant.format(other)}</html>", "page.html")
    assert ports(found) == [443]


def test_a_struck_row_of_html_is_none_and_the_rest_of_its_table_is(page):
    struck = HTML_ROW.format("<s>b.vendor.com</s>", "<s>444 TCP</s>")
    text = f"{HTML_HEAD}{struck}{HTML_ROW.format('a.vendor.com', '443 TCP')}</table>"
    assert ports(page(text, "page.html")) == [443]


def test_a_table_in_html_inside_markdown_is_read_with_its_empty_lines(page):
    rows = "\n\n".join(
        HTML_ROW.format(f"{name}.vendor.com", f"{port} TCP")
        for name, port in (("a", 443), ("b", 444))
    )
    found = page(f"# Page\n\nWords.\n\n{HTML_HEAD}\n\n{rows}\n\n</table>\n\nMore.\n")
    assert ports(found) == [443, 444]


def test_a_markdown_table_without_its_ruler_loses_no_row(page):
    head = "| Source | Destination | Port | Usage |\n"
    assert ports(page(f"# Page\n\nText before.\n\n{head}{ROW}{OTHER}")) == [443, 444]


def test_cells_beyond_the_columns_are_not_lost_without_a_word(page):
    found = page(f"# Page\n\n{HEAD}| Web | a.vendor.com | 443 TCP | API | 444 TCP |\n")
    assert ports(found) == [443]
    assert "444 TCP" in found.text  # in the words of the last column


def test_two_wildcards_of_a_cell_stay_two(page):
    cell = "*.a.vendor.com<br>*.b.vendor.com"
    found = page(f"# P\n\n{HEAD}{ROW}| Web | {cell} | 443 TCP | |\n")
    ends = {flow[2] for flow in found.flows if flow[0] == "A2"}
    assert ends == {"*.a.vendor.com", "*.b.vendor.com"}


HOSTILE = {
    "tags": "<td>" * 16_000,
    "tables": "<table>" * 9_000,
    "open": "<" * 65_536,
    "attributes": "<a " + "x=1 " * 16_000,
    "entities": "&amp;" * 13_000,
    "bold": "*" * 65_536,
    "brackets": "[" * 65_536,
    "links": "[a](" * 16_000,
    "ticks": "`a" * 32_000,
    "quotes": "> " * 32_000,
    "pipes": "|" * 65_536,
    "rulers": "|-" * 32_000 + "\n" + "|-" * 32_000,
    "lists": "".join(" " * (n % 200) + "- a\n" for n in range(600)),
    "comment": "<!--" + "-" * 65_000,
    "asciidoc": "|===\n" + "2.2+|" * 13_000,
    "words": "| A | B | Port |\n|-|-|-|\n" + "| x | to y | 9 to |\n" * 3_000,
    "numbers": "Source|Host|Port\n" + "a|b.c.org|" + "9," * 30_000,
    "sentences": "open port 9 to a.org from b " * 2_300,
    "bars": "a |\n" * 16_000,
    "json": "[" + '{"a": 1},' * 7_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", [".html", ".md", ".txt", ".csv", ".adoc", ".json"])
def test_hostile_text_is_read_in_bounded_time_and_depth(name, form, tmp_path):
    path = tmp_path / f"page{form}"
    path.write_text(HOSTILE[name], encoding="utf-8")
    spent = time.process_time()
    with contextlib.suppress(ConfigError):  # most hold no requirements
        draft_of(read_page(path), path.name)
    # Today at most a second; quadratic readers took a minute and a half.
    assert time.process_time() - spent < 20
