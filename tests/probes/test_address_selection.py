"""What stands for several addresses."""

from __future__ import annotations

import dataclasses

import pytest

from exporter.model.outcome import Judged, Reason, Verdict
from exporter.model.tls_facts import TlsError, TlsFacts, Trust
from exporter.probes import address_selection, host_network
from tests import exposing, make

GOOD = TlsFacts(
    version="TLSv1.3",
    cipher="",
    subject="CN=server",
    issuer="CN=authority",
    fingerprint_sha256="aa",
    expiry_timestamp=900.0,
    chain_expiry_timestamp=800.0,
    verified=True,
    error=TlsError.NONE,
    trust=Trust.PUBLIC,
    intercepted=False,
)
ENDED = dataclasses.replace(
    GOOD, verified=False, error=TlsError.EXPIRED, expiry_timestamp=5.0
)
MISNAMED = dataclasses.replace(
    GOOD, verified=False, error=TlsError.NAME_MISMATCH, named=False
)
FORGED = dataclasses.replace(GOOD, intercepted=True, subject="CN=box")
SOON = dataclasses.replace(GOOD, expiry_timestamp=50.0, chain_expiry_timestamp=40.0)


@pytest.mark.parametrize("turned", [1, -1], ids=["first", "last"])
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([GOOD, ENDED], ENDED),
        ([GOOD, MISNAMED], MISNAMED),
        ([ENDED, MISNAMED], dataclasses.replace(ENDED, named=False)),
        ([GOOD, SOON], SOON),
        (
            [MISNAMED, SOON],
            dataclasses.replace(
                MISNAMED, expiry_timestamp=50.0, chain_expiry_timestamp=40.0
            ),
        ),
        ([GOOD, FORGED], FORGED),
        (
            [FORGED, MISNAMED],
            dataclasses.replace(
                FORGED, verified=False, error=TlsError.NAME_MISMATCH, named=False
            ),
        ),
    ],
)
def test_the_worst_certificate_stands_for_all_addresses(facts, expected, turned):
    facts = facts[::turned]
    judged = [
        Judged(
            dataclasses.replace(make.seen(tls=one), address=f"192.0.2.{number}"),
            Verdict.HOLDS,
        )
        for number, one in enumerate([*facts, None])
    ]
    assert address_selection.worst(facts) == expected
    assert address_selection.deciding(judged, Verdict.HOLDS).tls == expected


def test_without_certificates_there_is_none_to_stand_for_them():
    judged = [Judged(make.seen(reason), Verdict.HOLDS) for reason in list(Reason)[:2]]
    assert address_selection.deciding(judged, Verdict.HOLDS).tls is None


LOOPBACK = "00000000000000000000000000000001 01 80 10 80       lo\n"
LINK = "fe800000000000000000000000000001 02 40 20 80     eth0\n"
GLOBAL = "fd000000000000000000000000000001 02 40 00 80     eth0\n"


@pytest.mark.parametrize(
    ("interfaces", "beyond_the_link"),
    [("", False), (LOOPBACK + LINK, False), (LOOPBACK + LINK + GLOBAL, True)],
)
def test_only_an_address_that_goes_beyond_the_link_can_use_ipv6(
    tmp_path, interfaces, beyond_the_link
):
    file = tmp_path / "if_inet6"
    file.write_text(interfaces)
    assert host_network.has_global_ipv6(file) is beyond_the_link


def test_a_system_without_ipv6_has_none(tmp_path):
    assert host_network.has_global_ipv6(tmp_path / "if_inet6") is False


def test_an_intercepted_address_that_verifies_hides_no_error_of_another():
    intercepted = exposing.tls(intercepted=True)
    told = address_selection.worst([intercepted, exposing.EXPIRED])
    assert (told.verified, told.error, told.intercepted) == (
        *(False, exposing.EXPIRED.error),
        True,
    )


def test_the_first_certificate_to_end_at_any_address_keeps_its_name():
    earlier = dataclasses.replace(
        GOOD, chain_expiry_timestamp=40.0, chain_expiry_subject="CN=Old"
    )
    facts = address_selection.worst([GOOD, earlier])
    assert (facts.chain_expiry_timestamp, facts.chain_expiry_subject) == (
        40.0,
        "CN=Old",
    )
