"""A certificate does not verify: each cause has another person to call.

So each is told as what it is, in the error and in what people read, and none as another.
"""

from __future__ import annotations

import re

import pytest
from cryptography import x509

from tests.certificates import CLIENT, DAY, authority
from tests.field.situation import (
    HOST,
    ROOT,
    SHIFT,
    Case,
    every,
    holds,
    leaf,
    run,
    tls,
)
from tests.servers.threaded import answers

_WEB = answers(b"HTTP/1.1 200 OK\r\n\r\n")
_FAR = 900 * DAY


def below(name, issuer=ROOT, **more):
    return authority(
        name, issuer, **{"start": SHIFT - _FAR, "end": SHIFT + _FAR} | more
    )


def limits(**names):
    trees = {kind: [x509.DNSName(name)] for kind, name in names.items()}
    empty = {"permitted_subtrees": None, "excluded_subtrees": None}
    return [(x509.NameConstraints(**empty | trees), True)]


def raw(oid, critical):
    nothing = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\5\0")
    return nothing, critical


_ELSEWHERE = below("Elsewhere", also=limits(permitted_subtrees="uni.example"))
_FORBIDDEN = below("Forbidden", also=limits(excluded_subtrees="field.test"))
_SIGNING = below("Signing")
_ENDED = below("Signing", key=_SIGNING.key, end=SHIFT - 10 * DAY)
_REKEYED = below("Signing")
_SHORT = below("No further", most_below=0)
_TOO_DEEP = below("Too deep", _SHORT)
_UNKNOWN = authority("Nobody's", start=SHIFT - _FAR, end=SHIFT + _FAR)


def served(error, *chain, **how):
    """A service whose certificate has an error of its own, or one of several."""
    return Case(
        tls(_WEB, leaf(*chain, **how)),
        "https",
        holds(tls={"verified": False, "error": error}),
        rule={"tls": {"server_name": HOST}},
    )


CASES = {
    "issuer-for-other-names": served("name_constraint", _ELSEWHERE, issuer=_ELSEWHERE),
    "issuer-for-any-name-but": served("name_constraint", _FORBIDDEN, issuer=_FORBIDDEN),
    "critical-and-unknown": served(
        "critical_extension", also=(raw("1.2.3.4.5", True),)
    ),
    "issuer-that-may-have-no-issuers": served(
        "path_length", _TOO_DEEP, _SHORT, issuer=_TOO_DEEP
    ),
    "issuer-ended": served("issuer_expired", _ENDED, issuer=_SIGNING),
    "issuer-re-keyed": served("issuer_key_mismatch", _REKEYED, issuer=_SIGNING),
    "three-days-late": served("expired", start=-90, end=-3),
    "not-begun": served("not_yet_valid", start=3),
    "for-another-name": served("name_mismatch", names=("other.test",)),
    "for-a-tree-above": served("name_mismatch", names=("*.test",)),
    "for-an-address": served("name_mismatch", names=("127.0.0.1",)),
    "without-names": served("no_alternative_name", names=(), common=HOST),
    "self-signed": served("self_signed", issuer=None),
    "nobodys": served("unknown_issuer", _UNKNOWN, issuer=_UNKNOWN),
    "nobodys-alone": served("incomplete_chain", issuer=_UNKNOWN),
    "issuer-not-sent": served("incomplete_chain", issuer=_SIGNING),
    "for-clients-alone": served("invalid_purpose", purposes=(CLIENT,)),
    "good": Case(
        tls(_WEB, leaf(_SIGNING, issuer=_SIGNING)),
        "https",
        holds(tls={"verified": True, "error": ""}),
        rule={"tls": {"server_name": HOST}},
    ),
    "good-in-any-order": Case(
        tls(_WEB, leaf(_UNKNOWN, ROOT, _SIGNING, issuer=_SIGNING)),
        "https",
        holds(tls={"verified": True, "error": ""}),
        rule={"tls": {"server_name": HOST}},
    ),
    "good-for-a-tree": Case(
        tls(_WEB, leaf(names=("*.field.test",))),
        "https",
        holds(tls={"verified": True}),
        rule={"tls": {"server_name": HOST}},
    ),
}
test_situation = every(CASES)
_TOLD = {
    "three-days-late": r"expired|\bended\b",
    "self-signed": r"its own issuer|self.?signed",
    "for-another-name": r"name",
    "issuer-ended": r"issuer|authority|chain",
    "without-names": r"alternative|no name",
}


@pytest.mark.parametrize("name", _TOLD)
def test_whoever_checks_is_told_in_words(field, told, name):
    file = field.folder / "site.yaml"
    said = run("check", "--config", file, "--rule", name)
    words = " ".join(said.stdout.split()).replace(name, "")
    assert (said.exit_code, told[name]["verdict"]) == (0, "holds")
    assert re.search(_TOLD[name], words, re.IGNORECASE), words
    if name == "without-names":
        assert "other names" not in words
    assert run("check", "--config", file, "--rule", name, "--strict").exit_code == 1


def test_of_a_good_one_nothing_is_told(field, told):
    file = field.folder / "site.yaml"
    said = run("check", "--config", file, "--rule", "good", "--strict")
    assert (said.exit_code, told["good"]["verdict"]) == (0, "holds")
    assert "verify" not in said.stdout
