"""What a probe leaves in a real server's log: as little as the protocol lets it.

The servers are this file's own. Each has been asked once whether it is up; a test
begins after the line with which that connection ends.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.model.outcome import Reason
from tests.probing import ISSUED
from tests.servers.coturn import coturn
from tests.servers.dovecot import dovecot
from tests.servers.krb5kdc import krb5kdc
from tests.servers.postfix import postfix
from tests.servers.postgresql import postgresql
from tests.servers.slapd import slapd
from tests.servers.smbd import smbd
from tests.servers.sshd import sshd
from tests.servers.xrdp import xrdp


@contextlib.contextmanager
def plain_imap(folder):
    """Dovecot by the one of its ports that does not begin with TLS."""
    with dovecot(folder, ISSUED) as (port, _):
        yield port


# Server: how it starts, and how its log says that a connection came to nothing.
STARTED = {
    "coturn": (coturn, "TCP connection closed by client"),
    "dovecot": (plain_imap, "TLS handshaking"),
    "kdc": (krb5kdc, "closing down fd"),
    "postgres": (lambda folder: postgresql(folder, ISSUED), "connection received"),
    "postfix": (lambda folder: postfix(folder, ISSUED), "commands=0/0"),
    "postfix-plain": (lambda folder: postfix(folder, ISSUED, "none"), "commands=0/0"),
    "slapd": (lambda folder: slapd(folder, ISSUED), "(TLS negotiation failure)"),
    "slapd-plain": (
        lambda folder: slapd(folder, ISSUED, scheme="ldap"),
        "connection lost",
    ),
    "smbd": (smbd, "Server exit"),
    "sshd": (sshd, "Connection closed by"),
    "xrdp": (lambda folder: xrdp(folder, ISSUED), "connection received"),
}
PATIENCE = 10.0
# How smbd begins an entry: when, and at which level.
LEVEL = re.compile(r"\[\d{4}/\d\d/\d\d [\d:.]+, +(\d+)\]")


@dataclass
class Served:
    """A server's port and the lines it has written since the last look."""

    port: int
    log: Path
    read: int = 0

    def until(self, last):
        """All new lines up to the one that holds `last`, which must come."""
        return _await(lambda: self._new(last), f"{last!r} is not in the log")

    def sessions(self):
        """TCP connections that it holds: established, or left by the peer."""
        table = Path("/proc/net/tcp").read_text().splitlines()
        rows = [line.split() for line in table[1:]]
        at = f":{self.port:04X}"
        return [row for row in rows if row[1].endswith(at) and row[3] in {"01", "08"}]

    def _new(self, last):
        with self.log.open("rb") as file:
            file.seek(self.read)
            written = file.read()
        if last.encode() not in written:
            return None
        self.read += len(written)
        return written.decode(errors="replace").splitlines()


def _await(look, complaint):
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end, complaint
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def servers(folder):
    """Starts a server when it is first asked for; ends all with the module."""
    started, numbers = {}, itertools.count()
    with contextlib.ExitStack() as stack:

        def get(name):
            if name not in started:
                start, ended = STARTED[name]
                # One that is not installed has left a folder behind at its first try.
                home = folder / "gentle" / f"{next(numbers)}-{name}"
                port = stack.enter_context(start(home))
                started[name] = Served(port, home / "log")
                started[name].until(ended)
            return started[name]

        yield get


async def test_postfix_logs_a_session_that_ended_well(probe, servers):
    postfix = servers("postfix")
    assert (await probe("smtp", postfix.port)).reason is Reason.ANSWERED
    connected, secured, ended = postfix.until("disconnect from")
    assert connected.endswith("connect from localhost[127.0.0.1]")
    assert "TLS connection established" in secured
    assert ended.endswith("[127.0.0.1] ehlo=2 starttls=1 quit=1 commands=4")


async def test_postfix_is_left_politely_where_it_offers_no_tls(probe, servers):
    postfix = servers("postfix-plain")
    assert (await probe("smtp", postfix.port)).detail == "no STARTTLS offered"
    connected, ended = postfix.until("disconnect from")
    assert connected.endswith("connect from localhost[127.0.0.1]")
    assert ended.endswith("[127.0.0.1] ehlo=1 quit=1 commands=2")


async def test_dovecot_logs_a_goodbye_and_no_login(probe, servers):
    dovecot = servers("dovecot")
    assert (await probe("imap", dovecot.port)).reason is Reason.ANSWERED
    lines = dovecot.until("by logging out")
    (line,) = [one for one in lines if "by logging out" in one]
    assert re.search(r"\(no auth attempts in \d+ secs\): user=<>,", line)
    assert ", TLS, session=" in line


async def test_postgresql_logs_nothing_but_the_connection(probe, servers):
    postgres = servers("postgres")
    assert (await probe("postgres", postgres.port)).reason is Reason.ANSWERED
    _await(lambda: not postgres.sessions(), "the server still holds a connection")
    lines = postgres.until("connection received")
    said = [line.partition(" LOG:  ")[2] for line in lines]
    assert len([one for one in said if one.startswith("connection received")]) == 1
    assert not [one for one in said if "SSL" in one or "startup" in one]


async def test_slapd_logs_a_search_and_an_unbind_and_no_bind(probe, servers):
    slapd = servers("slapd")
    assert (await probe("ldaps", slapd.port)).reason is Reason.ANSWERED
    lines = slapd.until(" closed")
    said = [re.sub(r"^.*?conn=\d+ (fd=\d+|op=\d+) ", "", line) for line in lines]
    verbs = [line.split(" ")[0] for line in said]
    assert verbs == ["ACCEPT", "TLS", "SRCH", "SRCH", "SEARCH", "UNBIND", "closed"]
    # Nothing in brackets after it: neither lost nor broken.
    assert said[-1] == "closed"


async def test_slapd_logs_tls_a_search_and_an_unbind_where_tls_is_asked_for(
    probe, servers
):
    slapd = servers("slapd-plain")
    assert (await probe("ldap", slapd.port)).reason is Reason.ANSWERED
    lines = slapd.until(" closed")
    said = [re.sub(r"^.*?conn=\d+ (fd=\d+|op=\d+) ", "", line) for line in lines]
    verbs = [line.split(" ")[0] for line in said]
    assert verbs[:4] == ["ACCEPT", "EXT", "STARTTLS", "RESULT"]
    assert verbs[4:] == ["TLS", "SRCH", "SRCH", "SEARCH", "UNBIND", "closed"]
    assert said[-1] == "closed"


@pytest.mark.parametrize("udp", [True, False])
async def test_the_kdc_logs_one_request_for_an_unknown_client(probe, servers, udp):
    kdc = servers("kdc")
    seen = await probe("kerberos", kdc.port, udp=udp)
    assert seen.reason is Reason.ANSWERED
    lines = kdc.until("not found in Kerberos" if udp else "closing down fd")
    (request,) = [line for line in lines if "AS_REQ" in line]
    assert "CLIENT_NOT_FOUND: fwprobe-reachability@UNI.EXAMPLE" in request
    assert not [line for line in lines if "rror)" in line]


async def test_sshd_logs_one_line(probe, servers):
    sshd = servers("sshd")
    assert (await probe("ssh", sshd.port)).reason is Reason.ANSWERED
    (line,) = sshd.until("Connection closed by")
    assert re.fullmatch(r"Connection closed by 127.0.0.1 port \d+ \[preauth\]", line)


async def test_smbd_logs_nothing_at_its_usual_level_and_no_login(probe, servers):
    smbd = servers("smbd")
    assert (await probe("smb", smbd.port)).reason is Reason.ANSWERED
    lines = smbd.until("Server exit")
    levels = {int(found[1]) for line in lines if (found := LEVEL.match(line))}
    assert min(levels) > 1
    assert "  Selected protocol SMB3_11" in lines
    assert "Server exit (NT_STATUS_END_OF_FILE)" in lines[-1]
    assert not re.search("session setup|LOGON|Auth:", "\n".join(lines), re.IGNORECASE)


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("smtp", "postfix"),
        ("imap", "dovecot"),
        ("postgres", "postgres"),
        ("rdp", "xrdp"),
        ("stun", "coturn"),
        ("ldaps", "slapd"),
        ("ldap", "slapd-plain"),
        ("kerberos", "kdc"),
        ("smb", "smbd"),
        ("ssh", "sshd"),
    ],
)
async def test_no_session_stays_open(probe, servers, name, server):
    served = servers(server)
    assert (await probe(name, served.port)).reason is Reason.ANSWERED
    _await(lambda: not served.sessions(), "the server still holds a connection")
