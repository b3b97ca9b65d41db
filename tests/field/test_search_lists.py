"""Names that are completed by a search list, and lists with a trap in them.

resolv.conf(5): how many dots a name has decides what is tried first, not whether. What
getent finds is reached, at the address that it finds.
"""

from __future__ import annotations

from tests.field.situation import Case, every, holds, tcp, violated
from tests.servers.threaded import answers

RIGHT, WRONG = "127.0.0.1", "127.0.0.9"
_KNOWN = {
    "db.dept.second.test": RIGHT,
    "short.second.test": RIGHT,
    "www.dept": RIGHT,
    "www.dept.second.test": WRONG,
    "both.second.test": RIGHT,
    "both": WRONG,
    "rooted.dept": RIGHT,
    "rooted.dept.second.test": WRONG,
}
"""At the wrong address nothing answers. `first.test` fails for every name."""


def NAMES(query):  # noqa: N802 - see situation.py
    if query.name.endswith("first.test"):
        return query.answer(rcode=2)
    if query.name.endswith(".wild.second.test"):
        return query.addresses(RIGHT)
    if query.name in _KNOWN:
        return query.addresses(_KNOWN[query.name])
    return query.answer(rcode=3)


def SITE(field):  # noqa: N802 - see situation.py
    servers = [field.names(NAMES)]
    return {"dns": {"servers": servers, "search": ["first.test", "second.test"]}}


def reached(host, **told):
    web = tcp(answers(b"HTTP/1.1 200 OK\r\n\r\n"), RIGHT)
    return Case(web, "http", holds(**told), host=host)


_BY_THE_LIST = "search list made it"


CASES = {
    "a-dotted-name-of-the-list": reached("db.dept", says="db.dept.second.test"),
    "a-vendors-name-that-a-wildcard-answers": reached(
        "api.vendor.wild", says=f"{_BY_THE_LIST} api.vendor.wild.second.test"
    ),
    "behind-a-domain-that-fails": reached("short", never=_BY_THE_LIST),
    "a-dotted-name-as-it-stands": reached("www.dept", never=_BY_THE_LIST),
    "a-name-with-its-root": reached("rooted.dept.", never=_BY_THE_LIST),
    "a-short-name-in-the-list-first": reached("both"),
    "nowhere": Case(
        tcp(answers(b""), RIGHT),
        "http",
        violated("nxdomain", "nowhere.dept", stage="resolve"),
        host="nowhere.dept",
    ),
}
test_situation = every(CASES)
