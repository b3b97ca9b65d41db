"""What `diff` says of a new version of a page: each flow, and no alarm for wording."""

from __future__ import annotations

import pytest

from exporter.config.catalogue import load_catalogue
from exporter.vendor.changes import Effect, differences
from tests.vendor.drafting import imported

PAGE = """# Zork

## Hub

| Source | Destination | Protocol | Port | Use |
|---|---|---|---|---|
| Hub | api.zork.org | TCP | 443 | orders |
| Hub | media.zork.org | UDP | 5000-5100 | calls |
| Hub | Old vault | TCP | 8006 | copies |
| Phone | Hub | TCP | 443, 8443 | sign-in |
| Phone | print.zork.org | TCP | 9100 | optional |
| Hub | Peer | ICMP | | alive? |
| Hub | any | TCP | 80 | web |

Mail goes to mail.zork.org on TCP port 587.
"""


@pytest.fixture
def told(tmp_path):
    def tell(new, old=PAGE, name="new.md", aliases=None):
        catalogues = []
        for side, text, file in (("old", old, "old.md"), ("new", new, name)):
            folder = tmp_path / side
            folder.mkdir()
            (folder / file).write_text(text)
            catalogues.append(imported(folder / file, folder).catalogue)
        return differences(*catalogues, aliases)

    return tell


def alarms(changes):
    return [
        (str(change.effect), change.old, change.new)
        for change in changes
        if change.effect is not Effect.TEXT
    ]


OPEN, CLOSE = map(str, (Effect.OPEN, Effect.CLOSE))


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (
            "| 443 | orders |",
            "| 444 | orders |",
            [
                (OPEN, "", "tcp 444 from hub to api.zork.org"),
                (CLOSE, "tcp 443 from hub to api.zork.org", ""),
            ],
        ),
        (
            "| 443 | orders |",
            "| 443, 7000-7010 | orders |",
            [(OPEN, "", "tcp 7000-7010 from hub to api.zork.org")],
        ),
        (
            "5000-5100",
            "5000-5200",
            [(OPEN, "", "udp 5101-5200 from hub to media.zork.org")],
        ),
        (
            "5000-5100",
            "5050-5100",
            [(CLOSE, "udp 5000-5049 from hub to media.zork.org", "")],
        ),
        ("443, 8443", "8443", [(CLOSE, "tcp 443 from phone to hub", "")]),
        (
            "| Hub | api.zork.org | TCP",
            "| Hub | api.zork.org | TCP, UDP",
            [(OPEN, "", "udp 443 from hub to api.zork.org")],
        ),
        (
            "| Hub | media",
            "| Hub | *.cdn.zork.org | TCP | 443 | pictures |\n| Hub | media",
            [(OPEN, "", "tcp 443 from hub to *.cdn.zork.org")],
        ),
        (
            "| Hub | media",
            "| Hub | 198.51.100.0/24 | UDP | 3478 | new |\n| Hub | media",
            [(OPEN, "", "udp 3478 from hub to 198.51.100.0/24")],
        ),
        (
            "| Hub | media",
            "| Phone | Hub | ICMP | | new |\n| Hub | media",
            [(OPEN, "", "icmp from phone to hub")],
        ),
        (
            "| Hub | Peer | ICMP | | alive? |\n",
            "",
            [(CLOSE, "icmp from hub to peer", "")],
        ),
        (
            "| Hub | Peer | ICMP | | alive? |",
            "| Peer | Hub | ICMP | | alive? |",
            [
                (OPEN, "", "icmp from peer to hub"),
                (CLOSE, "icmp from hub to peer", ""),
            ],
        ),
        (
            "| Phone | Hub | TCP | 443, 8443 | sign-in |\n| Phone |",
            "| Peer | Hub | TCP | 443, 8443 | sign-in |\n| Peer |",
            [
                (OPEN, "", "tcp 443 from peer to hub"),
                (OPEN, "", "tcp 8443 from peer to hub"),
                (OPEN, "", "tcp 9100 from peer to print.zork.org"),
                (CLOSE, "tcp 443 from phone to hub", ""),
                (CLOSE, "tcp 8443 from phone to hub", ""),
                (CLOSE, "tcp 9100 from phone to print.zork.org", ""),
            ],
        ),
        (
            "| Hub | Old vault | TCP | 8006 | copies |\n",
            "",
            [(CLOSE, "tcp 8006 from hub to old-vault.example", "")],
        ),
        (
            "Mail goes",
            "Also open TCP 8444 to gw.zork.org.\n\nMail goes",
            [(OPEN, "", "tcp 8444 from unstated-source to gw.zork.org")],
        ),
        (
            "TCP port 587",
            "TCP port 465",
            [
                (OPEN, "", "tcp 465 from unstated-source to mail.zork.org"),
                (CLOSE, "tcp 587 from unstated-source to mail.zork.org", ""),
            ],
        ),
        (
            "| optional |",
            "| printing |",
            [
                (
                    OPEN,
                    "tcp 9100 from phone to print.zork.org under a condition",
                    "tcp 9100 from phone to print.zork.org in any case",
                )
            ],
        ),
        (
            "| 443 | orders |",
            "| 443 | orders, only if the shop is used |",
            [
                (
                    CLOSE,
                    "tcp 443 from hub to api.zork.org in any case",
                    "tcp 443 from hub to api.zork.org under a condition",
                )
            ],
        ),
        (
            "api.zork.org",
            "api2.zork.org",
            [
                (OPEN, "", "tcp 443 from hub to api2.zork.org"),
                (CLOSE, "tcp 443 from hub to api.zork.org", ""),
            ],
        ),
        (
            "| Hub | any | TCP | 80 |",
            "| Hub | any | TCP | 81 |",
            [
                (OPEN, "Hub | any | TCP | 80 | web", "Hub | any | TCP | 81 | web"),
                (CLOSE, "Hub | any | TCP | 80 | web", "Hub | any | TCP | 81 | web"),
            ],
        ),
        (
            "| Hub | media",
            "| Hub | api.zork.org | TCP | 40 calls | x |\n| Hub | media",
            [(OPEN, "", "Hub | api.zork.org | TCP | 40 calls | x")],
        ),
    ],
)
def test_each_flow_that_changes_is_told(told, old, new, wanted):
    assert old in PAGE
    assert alarms(told(PAGE.replace(old, new))) == wanted


def moved(page):
    lines = page.splitlines()
    lines.insert(6, lines.pop(10))
    return "\n".join(lines) + "\n"


def turned(page):
    """The same with its columns in another order."""
    order = (4, 2, 1, 3, 0)
    lines = []
    for line in page.splitlines():
        if not line.startswith("|"):
            lines.append(line)
            continue
        cells = line.strip("|").split("|")
        lines.append("|" + "|".join(cells[i] for i in order) + "|")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda page: page,
        moved,
        turned,
        lambda page: page.replace("orders", "all that is ordered"),
        lambda page: page.replace("443, 8443", "443 and 8443"),
        lambda page: page.replace("5000-5100", "5000 to 5100"),
        lambda page: page.replace("| 443 |", "|   443   |"),
        lambda page: page.replace("## Hub", "## Hub and phones"),
        lambda page: page.replace("| Hub |", "| Zork Hub |"),
        lambda page: page.replace("Old vault", "Vault of old"),
        lambda page: page.replace("alive?", "still alive?"),
        lambda page: page.replace("Mail goes to", "All mail goes to"),
        lambda page: page.replace("| Use |", "| Purpose |"),
        lambda page: page + "\nThis page is new.\n",
        lambda page: page.replace("api.zork.org", "API.zork.org."),
        lambda page: page.replace(
            "| Hub | media", "| Hub | api.zork.org | TCP | 443 | again |\n| Hub | media"
        ),
    ],
)
def test_wording_and_layout_are_no_alarm(told, change):
    assert alarms(told(change(PAGE))) == []


def test_another_name_is_told_as_text(told):
    changes = told(
        PAGE.replace("| Hub |", "| Zork Hub |").replace("Old vault", "Vault of old")
    )
    names = [
        (c.what, c.old, c.new) for c in changes if c.what in ("role", "destination")
    ]
    assert names == [
        ("role", "hub", "zork-hub"),
        ("destination", "old-vault.example", "vault-of-old.example"),
        ("destination", "hub", "zork-hub.example"),
    ]


def test_a_host_is_only_another_name_if_a_person_says_so(told):
    new = PAGE.replace("api.zork.org", "api2.zork.org")
    assert alarms(told(new, aliases={"api.zork.org": "api2.zork.org"})) == []


def test_other_words_are_told_with_both(told):
    [change] = told(PAGE.replace("orders", "all orders"))
    assert (change.effect, change.what, change.name) == (
        Effect.TEXT,
        "requirement",
        "A1",
    )
    assert ("| orders" in change.old, "| all orders" in change.new) == (True, True)


def test_the_words_of_the_row_stand_with_a_flow(told):
    [change, *_] = told(PAGE.replace("| 443 | orders |", "| 443, 444 | orders |"))
    assert change.rows == ("Hub | api.zork.org | TCP | 443, 444 | orders",)


def test_another_form_of_the_same_page_is_no_alarm(told, tmp_path):
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}" for cell in line.strip("|").split("|"))
        for line in PAGE.splitlines()
        if line.startswith("|") and "---" not in line
    )
    html = (
        f"<h1>Zork</h1><h2>Hub</h2><table>{rows}</table><p>{PAGE.splitlines()[-1]}</p>"
    )
    assert alarms(told(html, name="new.html")) == []


def test_a_catalogue_is_the_same_as_itself():
    shipped = load_catalogue("appsanywhere")
    assert differences(shipped, shipped) == []
