"""A captive portal or a filter answers in the place of a public service, over plain HTTP.

Each rule of the shipped catalogues to a public service over plain HTTP meets what such
devices say: none passes for the service. What the service may say itself does.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.field.situation import Case, every, holds, tcp, violated
from tests.servers.threaded import answers

_SHIPPED = Path(__file__).parents[2] / "config" / "catalogues"


def head(status, *lines, body=b""):
    named = (b"HTTP/1.1 " + status, *lines, b"Connection: close", b"", body)
    return answers(b"\r\n".join(named))


_PAGE = b"Content-Type: text/html; charset=utf-8"
_FORM = b"<html><form action=/login></form></html>"
_PORTALS = {
    "page": head(b"200 OK", _PAGE, body=_FORM),
    "page-of-xhtml": head(b"200 OK", b"Content-Type: application/xhtml+xml"),
    "sent-elsewhere": head(b"302 Found", b"Location: http://portal.test/login"),
    "sent-elsewhere-for-now": head(b"307 Go", b"Location: https://10.0.0.1/?u=x"),
    "sent-elsewhere-in-short": head(b"303 See", b"Location: //login.portal.test/"),
    "forbidden": head(b"403 Forbidden", b"Server: filter"),
    "for-legal-reasons": head(b"451 Unavailable For Legal Reasons", _PAGE),
    "password": head(b"407 Proxy Authentication Required"),
    "busy": head(b"503 Service Unavailable", b"Via: 1.1 proxy"),
    "gateway": head(b"502 Bad Gateway", b"X-Squid-Error: ERR_DNS_FAIL 0"),
    "network-login": head(b"511 Network Authentication Required", _PAGE, body=_FORM),
}
_MAY_BE_A_PAGE = {"page", "page-of-xhtml"}
_NOT_KNOWN = {"appsanywhere-icon-api"}
"""What these answer is not known, as their notes say; nor what a mirror's front page is."""


def _public():
    for file in sorted(_SHIPPED.glob("*.yaml")):
        for rule in yaml.safe_load(file.read_text(encoding="utf-8"))["rules"]:
            probe = rule.get("probe", "")
            name = probe if isinstance(probe, str) else next(iter(probe))
            if name == "http" and rule.get("public") and "retired" not in rule:
                yield rule


_RULES = {rule["id"]: rule for rule in _public()}


def _known(rule):
    return rule["id"] not in _NOT_KNOWN and "feed" not in rule["destination"]


def _own(rule):
    """What the service may say itself."""
    options = rule["probe"]["http"]
    extra = [b"X-MS-Request-Id: 1"] if options.get("header") else []
    yield "data", head(b"200 OK", b"Content-Type: text/xml", *extra)
    yield "not-there", head(b"404 Not Found", _PAGE, *extra)
    if not extra:
        for domain in options.get("location", ()):
            yield (
                f"moved-{domain}".replace(".", "-"),
                head(b"301 Moved", b"Location: https://cdn." + domain.encode() + b"/"),
            )


CASES = {
    **{
        f"{name}-{portal}": Case(
            tcp(treatment), rule["probe"], violated("rejected"), rule={"public": True}
        )
        for name, rule in _RULES.items()
        for portal, treatment in _PORTALS.items()
        if _known(rule) or portal not in _MAY_BE_A_PAGE
    },
    **{
        f"{name}-{said}": Case(
            tcp(treatment), rule["probe"], holds(), rule={"public": True}
        )
        for name, rule in _RULES.items()
        for said, treatment in _own(rule)
    },
}
test_situation = every(CASES)


def test_what_is_not_known_is_said_in_the_notes():
    for name in _NOT_KNOWN:
        assert "portal" in _RULES[name]["notes"]
