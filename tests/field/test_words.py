"""What `check` tells a person of a failure, where the first word decides whom to call."""

from __future__ import annotations

import contextlib
import re
import socket

import pytest

from tests.field.situation import Case, Right, nobody, run, tcp, udp, violated
from tests.field.test_what_came import MAIL, NTP, SSH
from tests.servers.threaded import answers, mute, resets, says

_BLAME = r"then silence|inspect|smaller MTU|too large packets"


@contextlib.contextmanager
def mute_on_465(_field, own):
    """Waits for TLS, as what listens on that port does."""
    with socket.create_server((own, 465)):
        yield 465


_ANY = violated(())
CASES = {
    "waits": MAIL["smtp-in-two-parts"],
    "foreign": NTP["ntp-another-requests-packet"],
    "startups": SSH["ssh-too-many"],
    "penalty": SSH["ssh-penalty"],
    "submissions": Case(mute_on_465, {"smtp": {"starttls": True}}, _ANY),
    "submissions-in-tls": Case(mute_on_465, "smtp", _ANY),
    "directory": Case(tcp(resets), "ldaps", _ANY),
    "silent-web": Case(tcp(mute), "https", _ANY),
    "wrong-web": Case(tcp(says(b"SSH-2.0-x\r\n")), "http", _ANY),
    "shut": Case(nobody, "http", _ANY),
    "dead-udp": Case(udp(lambda _: []), "udp", Right("unknown")),
    "portal": Case(
        tcp(answers(b"HTTP/1.1 302 Found\r\nLocation: http://portal.test/\r\n\r\n")),
        "http",
        violated("rejected"),
        rule={"public": True},
    ),
}


def SITE(_field):  # noqa: N802 - see situation.py
    return {}


@pytest.fixture(scope="module")
def words(field, told):
    """What is printed of each rule, in one line."""
    file = field.folder / "site.yaml"
    assert set(told) == set(CASES)

    def of(name):
        for _ in range(5):
            said = run("check", "--config", file, "--rule", name).stdout
            if "This host could not probe" not in said:
                break
        return " ".join(said.split())

    return of


@pytest.mark.parametrize("name", ["waits", "foreign", "startups", "penalty"])
def test_of_what_came_nobody_says_that_it_is_silence(words, name):
    assert not re.search(_BLAME, words(name), re.IGNORECASE)


@pytest.mark.parametrize("name", ["submissions", "submissions-in-tls"])
def test_on_the_port_of_mail_inside_tls_tls_is_named(words, name):
    assert re.search(r"\bTLS\b", words(name))


def test_of_a_directory_that_resets_a_missing_certificate_is_named_first(words):
    said = words("directory").lower()
    assert "certificate" in said
    assert said.find("certificate") < (said.find("inspect") % len(said))


def test_another_protocol_is_quoted(words):
    assert "SSH-2.0-x" in words("wrong-web")


def test_a_refusal_of_a_closed_port_is_no_firewalls(words):
    assert "silence" not in words("shut")


def test_of_datagrams_without_an_answer_nothing_is_claimed(words):
    assert "blocked" not in words("dead-udp")


def test_where_a_portal_leads_is_told(words):
    assert "portal.test" in words("portal")
