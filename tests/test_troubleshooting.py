"""docs/troubleshooting.md explains every reason, in the words that people are shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporter.model.outcome import Icmp, Origin, Reason, Stage
from exporter.model.rule import Expect, Transport
from exporter.model.tls_facts import TlsError, Trust
from exporter.present import explain
from tests import exposing, make

PAGE = Path(__file__).parent.parent / "docs" / "troubleshooting.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = dict(
    zip(
        re.findall(r"^## (.+)$", TEXT, re.MULTILINE),
        re.split(r"^## .+$", TEXT, flags=re.MULTILINE)[1:],
        strict=True,
    )
)
STAGES = dict.fromkeys(Reason, (Stage.CONNECT,)) | {
    Reason.TIMEOUT: (Stage.CONNECT, Stage.TLS, Stage.EXCHANGE)
}
FIELDS = ("**Seen.**", "**Proves**", "**Does not prove**", "**Call**", "**Ask**")


def target(expect=Expect.ALLOW):
    """The rule that the page takes its examples from."""
    return make.target(
        "mssql",
        "sql01.example.ac.uk",
        1433,
        source="appsanywhere",
        transport=Transport.TCP,
        expect=expect,
    )


def plain(text):
    """Text without line breaks."""
    return " ".join(text.split())


def test_every_reason_has_a_section_and_they_come_in_its_order():
    told = [name.strip("`") for name in SECTIONS if name.startswith("`")]
    assert told == list(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_section_says_what_was_seen_what_it_proves_and_whom_to_ask(reason):
    section = plain(SECTIONS[f"`{reason}`"])
    places = [section.find(field) for field in FIELDS]
    assert -1 not in places
    assert places == sorted(places)
    for stage in STAGES[reason]:
        seen = make.seen(reason, stage)
        assert f"**Seen.** {explain.seen(seen)}" in section
        assert explain.ask(target(), seen) in section


@pytest.mark.parametrize(
    ("reason", "section"),
    [
        (Reason.TIMEOUT, Reason.TIMEOUT),
        (Reason.RESET, Reason.RESET),
        (Reason.CLOSED, Reason.RESET),
    ],
)
def test_where_bytes_came_it_is_not_inspection_that_is_looked_for(reason, section):
    seen = make.seen(reason, Stage.EXCHANGE, heard=3)
    told = explain.ask(target(), seen)
    assert told in plain(SECTIONS[f"`{section}`"])
    assert not re.search("inspect|MTU|silence", told + explain.seen(seen))


def test_a_directory_that_cuts_handshakes_may_lack_a_certificate():
    cut = make.seen(Reason.RESET, Stage.TLS)
    rule = make.target("ldaps", "sql01.example.ac.uk", 636)
    told = explain.ask(rule, cut)
    assert told.index("certificate") < told.index("inspect")
    assert told.split(" Ask ")[0] in plain(SECTIONS["`reset`"])


@pytest.mark.parametrize(
    ("probe", "port", "elsewhere"),
    [
        ("smtp", 465, False),
        ("smtp", 587, True),
        ("imap", 993, False),
        ("imap", 9, True),
    ],
)
def test_a_mail_server_without_a_greeting_may_wait_for_tls(probe, port, elsewhere):
    silent = make.seen(Reason.TIMEOUT, Stage.EXCHANGE)
    told = explain.ask(make.target(probe, "sql01.example.ac.uk", port), silent)
    assert told.split(" Ask ")[0] in plain(SECTIONS["`timeout`"])
    assert ("inspect" in told) is elsewhere


@pytest.mark.parametrize("probe", ["smtp", "imap"])
def test_one_that_is_silent_inside_tls_does_not(probe):
    silent = make.seen(Reason.TIMEOUT, Stage.EXCHANGE, tls=exposing.tls())
    told = explain.ask(make.target(probe, "sql01.example.ac.uk", 993), silent)
    assert "implicit_tls" not in told
    assert "inspecting device" in told


@pytest.mark.parametrize("reason", [Reason.PROHIBITED, Reason.HOST_UNREACHABLE])
def test_what_this_host_says_itself_is_asked_of_this_host(reason):
    seen = make.seen(reason, origin=Origin.SELF, icmp=Icmp(3, 1, "192.0.2.9"))
    assert explain.ask(target(), seen) in plain(SECTIONS[f"`{reason}`"])


def test_what_is_proven_of_this_host_and_of_small_segments_is_there():
    gateway = "gateway 192.0.2.1"
    dead = make.seen(Reason.HOST_UNREACHABLE, origin=Origin.SELF, broken=gateway)
    assert explain.ask(target(), dead) in plain(SECTIONS["`host_unreachable`"])
    large = make.seen(Reason.TIMEOUT, Stage.TLS, small_passes=True)
    assert explain.ask(target(), large) in plain(SECTIONS["`timeout`"])


@pytest.mark.parametrize("reason", [Reason.ANSWERED, Reason.TIMEOUT])
def test_what_to_ask_about_a_rule_that_denies_is_there(reason):
    asked = explain.ask(target(Expect.DENY), make.seen(reason))
    assert asked in plain(SECTIONS["Rules that deny"])


@pytest.mark.parametrize("origin", Origin)
def test_every_origin_is_explained(origin):
    name = f"`{origin}`" if origin else "empty"
    assert f"\n| {name} | " in SECTIONS["Origins"]


def test_every_certificate_error_and_kind_of_trust_is_explained_in_their_order():
    section = SECTIONS["Certificates"]
    told = re.findall(r"^\| (empty|`\w+`) \| ", section, re.MULTILINE)
    errors = [name.strip("`") for name in told if name != "`error`"]
    assert errors == [error or "empty" for error in TlsError]
    assert all(f"`{trust}`" in section for trust in Trust)
