from __future__ import annotations

import pytest

from exporter.model.outcome import ProbeError, Reason
from exporter.probes.wire import ber, ldap
from tests.probes.wire.codec import malformed, never_surprised


def octets(*texts):
    return b"".join(ber.encode(ber.OCTET_STRING, text) for text in texts)


def message(operation, identifier=1, controls=b""):
    return ber.encode(ber.SEQUENCE, ber.integer(identifier), operation, controls)


def entry(**attributes):
    pairs = (
        ber.encode(
            ber.SEQUENCE, octets(name.encode()), ber.encode(ber.SET, octets(*values))
        )
        for name, values in attributes.items()
    )
    return message(ber.encode(0x64, octets(b""), ber.encode(ber.SEQUENCE, *pairs)))


def done(code=0, text=b"", tag=0x65, identifier=1):
    result = ber.encode(tag, ber.integer(code, ber.ENUMERATED), octets(b"", text))
    return message(result, identifier)


ROOT_DSE = entry(dnsHostName=[b"dc1.uni.example"], supportedLDAPVersion=[b"2", b"3"])


def read(data):
    return ldap.SearchReader().feed(data)


def test_the_request_is_a_base_search_without_bind():
    assert ldap.search() == bytes.fromhex(
        "305e 020101  6359  0400  0a0100  0a0100  020100  020105  010100"
        "870b 6f626a656374436c617373"  # (objectClass=*)
        "3039"
        "040b 646e73486f73744e616d65"
        "0414 64656661756c744e616d696e67436f6e74657874"
        "0414 737570706f727465644c44415056657273696f6e"
    )


def test_the_end_is_an_unbind():
    assert ldap.unbind().hex() == "30050201024200"


def test_the_entry_is_told_with_the_result():
    outcome = read(ROOT_DSE + done())
    assert outcome == ldap.Outcome(
        0,
        "",
        {"dnshostname": ("dc1.uni.example",), "supportedldapversion": ("2", "3")},
    )


def test_a_result_alone_is_an_outcome():
    assert read(done(53, b"authenticate first")) == ldap.Outcome(
        53, "authenticate first"
    )


def test_lengths_as_active_directory_writes_them_are_read():
    body = (
        ber.integer(1) + b"\x65\x84\x00\x00\x00\x07" + b"\x0a\x01\x00\x04\x00\x04\x00"
    )
    assert read(b"\x30\x84" + len(body).to_bytes(4) + body) == ldap.Outcome(0, "")


def test_every_prefix_needs_more():
    whole = ROOT_DSE + done()
    for size in range(len(whole)):
        assert read(whole[:size]) is None


def test_bytes_may_come_one_by_one():
    reader = ldap.SearchReader()
    whole = ROOT_DSE + done()
    answers = [reader.feed(whole[at : at + 1]) for at in range(len(whole))]
    assert answers[:-1] == [None] * (len(whole) - 1)
    assert answers[-1] is not None


def test_bytes_after_the_end_are_left_alone():
    assert read(done() + b"anything") == ldap.Outcome(0, "")


def test_a_reference_is_read_over():
    reference = message(ber.encode(0x73, octets(b"ldap://other/")))
    assert read(reference + done()) == ldap.Outcome(0, "")


def test_an_end_that_is_the_last_message_allowed_is_one():
    assert read(ROOT_DSE * 31 + done()).result == 0


def test_controls_may_follow():
    last = message(
        ber.encode(0x65, ber.integer(0, ber.ENUMERATED), octets(b"", b"")),
        controls=ber.encode(0xA0),
    )
    assert read(last) == ldap.Outcome(0, "")


def test_values_are_printable():
    assert read(entry(vendorName=[b"a\r\nb"]) + done()).attributes == {
        "vendorname": (r"a\r\nb",)
    }


def test_a_notice_of_disconnection_is_a_rejection():
    with pytest.raises(ProbeError) as caught:
        read(done(52, b"going down", tag=0x78, identifier=0))
    assert caught.value.reason is Reason.REJECTED
    assert caught.value.detail == "the server ends the session: 52 going down"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 400", id="text"),
        pytest.param(b"\x16\x03\x01", id="TLS"),
        pytest.param(done(identifier=7), id="another message id"),
        pytest.param(done(identifier=0), id="an end that nobody asked for"),
        pytest.param(done(tag=0x78), id="a notice that somebody asked for"),
        pytest.param(done(tag=0x61), id="a bind response"),
        pytest.param(message(b""), id="one part"),
        pytest.param(message(ber.integer(1) * 3), id="four parts"),
        pytest.param(message(ber.encode(0x65)), id="an empty result"),
        pytest.param(message(ber.encode(0x64)), id="an empty entry"),
        pytest.param(
            message(
                ber.encode(
                    0x64,
                    octets(b""),
                    ber.encode(ber.SEQUENCE, ber.encode(ber.SEQUENCE, octets(b"x"))),
                )
            ),
            id="an attribute without values",
        ),
        pytest.param(ROOT_DSE * 32 + done(), id="no end"),
        pytest.param(b"\x30\x84\x7f\xff\xff\xff", id="a huge length"),
    ],
)
def test_anything_else_is_malformed(data):
    malformed(read, data)


def test_no_bytes_surprise_the_reader():
    never_surprised(read, ROOT_DSE + done())


def started(data):
    return ldap.StartTlsReader().feed(data)


def granted(code=0, text=b"", identifier=3, name=b"1.3.6.1.4.1.1466.20037"):
    result = ber.integer(code, ber.ENUMERATED) + octets(b"", text)
    return message(ber.encode(0x78, result, ber.encode(0x8A, name)), identifier)


def test_the_request_for_tls_names_the_operation():
    oid = b"1.3.6.1.4.1.1466.20037"
    assert ldap.start_tls() == bytes.fromhex("301d 020103 7718 8016") + oid


def test_a_server_grants_tls_or_says_why_not():
    assert started(granted()).succeeded
    no = started(granted(52, b"no certificate"))
    assert not no.succeeded
    assert str(no) == "result 52 no certificate"
    # Those who do not know the operation need not name it.
    assert str(started(done(2, tag=0x78, identifier=3))) == "result 2"


def test_every_beginning_of_a_grant_needs_more():
    for size in range(len(granted())):
        assert started(granted()[:size]) is None


def test_what_comes_with_the_grant_was_sent_before_tls():
    assert "before the TLS handshake" in malformed(started, granted() + b"\x30")


def test_what_comes_with_a_refusal_is_left_alone():
    assert started(granted(2) + b"anything").result == 2


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(granted(identifier=1), id="a search's message id"),
        pytest.param(done(identifier=3), id="the end of a search"),
        pytest.param(b"HTTP/1.1 400", id="text"),
        pytest.param(message(ber.encode(0x78), 3), id="an empty result"),
    ],
)
def test_anything_else_is_no_grant(data):
    malformed(started, data)


def test_no_bytes_surprise_the_reader_of_grants():
    never_surprised(started, granted(52, b"no"))


def test_a_datagram_holds_the_whole_search():
    told = ldap.datagram(ROOT_DSE + done())
    assert told.attributes["dnshostname"] == ("dc1.uni.example",)
    for size in range(len(ROOT_DSE + done())):
        malformed(ldap.datagram, (ROOT_DSE + done())[:size])
    never_surprised(ldap.datagram, ROOT_DSE + done())
