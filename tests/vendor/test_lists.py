"""Sentences, bullets and blocks of code that state requirements outside tables."""

from __future__ import annotations

import pytest

from tests.vendor.test_forms import flows


def opened(found):
    """Flows without the names of their rows."""
    return {flow.partition(": ")[2] for flow in flows(found)}


def test_a_bullet_with_a_direction_is_about_the_heading_above_it(page):
    found = page(
        "# Ports\n\n**Indexer**\n\n* Inbound TCP 9997 from forwarders\n"
        "* Outbound TCP 9887 to store\n* Outbound UDP 123 to time.zork.org\n"
    )
    assert opened(found) == {
        "forwarders > indexer tcp/9997",
        "indexer > store tcp/9887",
        "indexer > time.zork.org udp/123",
    }


@pytest.mark.parametrize(
    ("heading", "line"),
    [
        ("Network requirements", "Inbound TCP 9997 from forwarders"),
        ("Release 7", "Inbound TCP 9997 from forwarders"),
        ("Indexer", "Inbound TCP 9997"),
    ],
)
def test_a_heading_that_names_nobody_leaves_such_a_bullet_open(page, heading, line):
    found = page(f"# Ports\n\n## {heading}\n\n* {line}\n")
    assert (found.rules, found.fates["text-1"][0]) == ([], "open")


def test_a_list_of_hosts_below_ports_has_these_ports(page):
    found = page(
        "<h1>Ports</h1><h2>From the hub to the Internet</h2>"
        "<ul><li>TCP 443<ul><li>a.zork.org</li><li>b.zork.org</li></ul></li>"
        "<li>UDP 3478<ul><li>c.zork.org</li></ul></li></ul>",
        "page.html",
    )
    assert opened(found) == {
        "hub > a.zork.org tcp/443",
        "hub > b.zork.org tcp/443",
        "hub > c.zork.org udp/3478",
    }


def test_hosts_below_a_list_of_ports_are_not_given_the_last_of_them(page):
    found = page("# Ports\n\n- TCP 443\n- UDP 3478\n- a.zork.org\n- b.zork.org\n")
    assert found.rules == []
    assert {fate for fate, _ in found.fates.values()} == {"open"}


def test_a_purpose_beside_ports_below_a_heading_of_both_ends(page):
    found = page(
        "# Ports\n\n## From clients to the hub\n\n- TCP 443: web interface\n"
        "- TCP 22: SSH\n\n## Hub to the Internet\n\n- TCP 80: updates\n"
    )
    assert opened(found) == {"client > hub tcp/443", "client > hub tcp/22"}
    assert found.fates["text-3"][0] == "unprovable"


@pytest.mark.parametrize("fence", ["```text\n{}\n```", "~~~\n{}\n~~~", "    {}"])
def test_code_that_only_lists_hosts_is_read(page, fence):
    hosts = "a.zork.org\n*.b.zork.org"
    block = fence.format(hosts if "\n" in fence else hosts.replace("\n", "\n    "))
    found = page(f"# Hub: ports\n\nTCP 443 from the hub to these:\n\n{block}\n")
    lines = {entry["line"] for entry in found.raw["requirements"]}
    texts = " ".join(entry["text"] for entry in found.raw["requirements"])
    assert "a.zork.org" in texts
    assert "*.b.zork.org" in texts
    assert min(lines) >= 3


def test_code_that_is_code_is_not_read(page):
    found = page(
        "# Hub\n\nThe hub connects to a.zork.org on TCP port 443.\n\n"
        "```\ncurl https://b.zork.org:8443\nc.zork.org\n```\n"
    )
    assert opened(found) == {"hub > a.zork.org tcp/443"}
    assert len(found.fates) == 1


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("The hub pings the relay, which must be allowed.", "hub > relay icmp/None"),
        (
            "Agents must be able to ping the relay (ICMP echo request).",
            "agents > relay icmp/None",
        ),
        (
            "Allow pings (ICMP type 8) from the hub to a.zork.org.",
            "hub > a.zork.org icmp/None",
        ),
    ],
)
def test_a_sentence_that_asks_for_a_ping_is_a_rule(page, sentence, wanted):
    assert opened(page(f"# Hub\n\n{sentence}\n")) == {wanted}


@pytest.mark.parametrize(
    "sentence",
    [
        "Allow ICMP between all nodes.",
        "Allow ICMP type 3 from the hub to a.zork.org.",
        "ICMP must not be blocked.",
        "Echo requests must be allowed.",
        "Allow ping and traceroute from the hub to a.zork.org.",
    ],
)
def test_a_sentence_about_icmp_that_is_not_clear_is_open(page, sentence):
    found = page(f"# Hub\n\nTCP 80 from hub to a.zork.org.\n\n{sentence}\n")
    assert found.fates["text-2"][0] == "open"
    assert len(found.rules) == 1


def test_a_sentence_of_pings_that_asks_for_nothing_is_passed_over(page):
    found = page(
        "# Hub\n\nTCP 80 from hub to a.zork.org. Use ping to see whether it is there.\n"
    )
    assert len(found.fates) == 1


def test_a_port_in_brackets_behind_its_application(page):
    found = page("# Ports\n\nThe hub connects to a.zork.org by HTTPS (443).\n")
    assert opened(found) == {"hub > a.zork.org tcp/443"}


@pytest.mark.parametrize("intro", ["Optional:", "Only if copies are made:", "If used:"])
def test_what_leads_over_to_a_list_binds_each_line_of_it(page, intro):
    found = page(
        "# Hub\n\nNeeded:\n\n- a.zork.org (TCP 443)\n\n"
        f"{intro}\n\n- b.zork.org (TCP 443)\n- c.zork.org (TCP 80)\n\n"
        "The hub connects to d.zork.org on TCP port 22.\n\nAnd the hub to e.zork.org, TCP 9.\n"
    )
    bound = {rule["destination"]["host"][0]: "when" in rule for rule in found.rules}
    assert {name for name, when in bound.items() if when} >= {"b", "c"}
    assert not bound["a"]
    assert not bound["e"]


def test_what_leads_over_to_a_table_binds_its_rows(page):
    table = "| From | To | Port |\n|-|-|-|\n| Hub | {} | TCP 9 |\n"
    found = page(
        f"# Hub\n\nThese are optional:\n\n{table.format('a.zork.org')}\n"
        f"These are needed:\n\n{table.format('b.zork.org')}"
    )
    assert ["when" in rule for rule in found.rules] == [True, False]


@pytest.mark.parametrize("line", ["27018: TCP, shards", "27018, TCP: shards"])
def test_a_port_with_its_transport_behind_a_sign_is_taken_down(page, line):
    found = page(f"# Hub\n\nTCP 80 from hub to a.zork.org.\n\n{line}\n")
    assert found.fates["text-2"][0] == "open"


def test_a_ports_list_may_end_in_a_comma_and_its_transport(page):
    found = page("# Hub\n\nThe hub connects to a.zork.org on port 80 to 82, TCP.\n")
    assert opened(found) == {"hub > a.zork.org tcp/80-82"}


def test_oppure_is_an_or(page):
    found = page(
        "| Sorgente | Destinazione | Porta |\n|-|-|-|\n| Hub | a.zork.org | TCP 25 oppure 587 |\n"
    )
    assert len({rule["any_of"] for rule in found.rules}) == 1


HOSTS = (
    "- `a.zork.org` \u2013 telemetry\n- b.zork.org (uploads, optional)\n- `*.c.zork.org`: files\n"
    "- d.zork.org and e.zork.org - logs\n- f.zork.org\n- g.zork.org: UDP 8\n"
)
OPENED = {
    *(f"{host}.zork.org tcp/443" for host in ("a", "b", "*.c", "d", "e", "f")),
    "g.zork.org udp/8",
}


@pytest.mark.parametrize(
    "above", ["Allow HTTPS (TCP 443) to these hosts:", "## Hosts to allow on TCP 443"]
)
def test_hosts_with_words_beside_have_the_ports_above_them(page, above):
    found = page(f"# Hub\n\n{above}\n\n{HOSTS}")
    assert {flow.partition("> ")[2] for flow in flows(found)} == OPENED
    assert [rule["destination"] for rule in found.rules if "when" in rule] == [
        {"host": "b.zork.org"}
    ]
    assert {rule["source"] for rule in found.rules} == {"unstated-source"}


@pytest.mark.parametrize(
    "line",
    [
        "a.zork.org - telemetry",
        "a.zork.org (instead of b.zork.org, TCP 443)",
        "a.zork.org: replaces b.zork.org",
    ],
)
def test_a_host_with_words_and_no_clear_port_is_open(page, line):
    found = page(
        f"# Hub\n\nIt needs some hosts.\n\n- {line}\n\n## TCP 9\n\n- c.zork.org: replaces d.zork.org\n"
    )
    assert {fate for fate, _ in found.fates.values()} == {"open"}


def test_what_a_list_below_was_to_say_is_no_destination(page):
    found = page("# Hub ports\n\nAllow TCP 443 to these hosts:\n\nSee the next page.\n")
    assert found.fates["text-1"][0] == "open"


def test_a_title_about_what_to_do_names_no_ends(page):
    found = page("# Hub\n\n## Hosts to allow on UDP 9\n\na.zork.org\n")
    assert {rule["source"] for rule in found.rules} == {"unstated-source"}


@pytest.mark.parametrize(
    ("said", "transports"),
    [
        ("port 90 TCP/UDP", "tcp udp"),
        ("90/tcp/udp", "tcp udp"),
        ("90 (TCP/UDP)", "tcp udp"),
        ("90 (TCP and UDP, inbound)", "tcp udp"),
        ("90 (UDP, inbound)", "udp"),
        ("90/tcp+udp", "tcp udp"),
        ("port 90 (tcp, udp)", "tcp udp"),
        ("UDP, TCP 90", "tcp udp"),
        ("TCP+UDP 90", "tcp udp"),
        ("90 UDP oder TCP", "tcp udp"),
        ("port 90 over TCP and UDP", "tcp udp"),
        ("port 90 using UDP", "udp"),
    ],
)
def test_no_transport_of_a_sentence_is_dropped(page, said, transports):
    found = page(f"# Hub ports\n\n- {said} to d.org\n")
    assert opened(found) == {
        f"unstated-source > d.org {transport}/90" for transport in transports.split()
    }


def test_a_transport_apart_from_the_ports_is_asked_about(page):
    found = page("# Hub ports\n\n- port 9 to d.org, unless UDP is blocked\n")
    assert found.fates["text-1"][0] == "open"


def test_ports_with_their_own_transports_stay_apart(page):
    found = page("# Hub ports\n\n- 80/TCP, UDP 53 to d.org\n- TCP 8, UDP 9 to e.org\n")
    assert opened(found) == {
        f"unstated-source > {flow}"
        for flow in ("d.org tcp/80", "d.org udp/53", "e.org tcp/8", "e.org udp/9")
    }


@pytest.mark.parametrize(
    "line",
    [
        "- **App** \u2192 **Store**: 80/tcp",
        "- App -> Store, TCP 80",
        "The Store must be reachable from App on TCP 80.",
    ],
)
def test_an_arrow_or_who_is_reached_names_both_ends(page, line):
    assert opened(page(f"# Hub ports\n\n{line}\n")) == {"app > store tcp/80"}


def test_who_is_reachable_is_no_source(page):
    found = page(
        "# Hub ports\n\nThe Store is accessible to browsers on TCP 80.\n\n"
        "Note: the Hub should be available on TCP 81.\n"
    )
    assert opened(found) == {
        "browser > store tcp/80",
        "unstated-source > hub tcp/81",
    }


@pytest.mark.parametrize(
    ("heading", "source"),
    [
        ("From the App to the Store", "app"),
        ("App -> Store", "app"),
        ("Inbound to the Store", "unstated-source"),
        ("Ports that must be open on the Store", "unstated-source"),
        ("Ports that the Store listens on", "unstated-source"),
    ],
)
def test_lines_of_ports_lead_where_their_heading_says(page, heading, source):
    found = page(
        f"# Hub\n\n## {heading}\n\n- 80/tcp (HTTP)\n- 81/udp and 82/udp\n- TCP 83   Files\n"
    )
    assert opened(found) == {
        f"{source} > store {flow}" for flow in ("tcp/80", "udp/81", "udp/82", "tcp/83")
    }


@pytest.mark.parametrize("heading", ["Ports to open", "Ports used by default", "Ports"])
def test_a_heading_that_names_no_listener_leaves_them_open(page, heading):
    found = page(f"# Hub\n\n## {heading}\n\n- 80/tcp (HTTP)\n")
    assert found.fates["text-1"][0] == "open"


@pytest.mark.parametrize(
    ("sentence", "flow"),
    [
        (
            "The App downloads updates from d.org over TCP port 90.",
            "app > d.org tcp/90",
        ),
        ("Agents pull their rules from d.org (TCP 90).", "agents > d.org tcp/90"),
        ("Browsers access the Store on TCP port 90.", "browser > store tcp/90"),
        (
            "Agents must be able to contact the Store on UDP 90.",
            "agents > store udp/90",
        ),
        (
            "The Store accepts database connections from the App on TCP 90.",
            "app > store tcp/90",
        ),
        ("Theatres connect to the Store on TCP 90.", "theatres > store tcp/90"),
        ("TCP 90: tills connect to the Store", "tills > store tcp/90"),
        ("Allow access to the Store on TCP 90.", "unstated-source > store tcp/90"),
    ],
)
def test_a_verb_says_who_opens_the_connection(page, sentence, flow):
    assert opened(page(f"# Hub ports\n\n{sentence}\n")) == {flow}


@pytest.mark.parametrize(
    "sentence",
    [
        "Updates come from d.org on TCP port 90.",
        "It fetches them from d.org on TCP 90 or from the cache.",
        "Remote access via TCP 90.",
    ],
)
def test_who_fetches_must_be_said(page, sentence):
    found = page(f"# Hub ports\n\n{sentence}\n")
    assert found.fates["text-1"][0] == "open"
