"""Feeds as servers send them, and as nobody should trust them.

The samples under lists/ are made after the formats of real list servers; a number in
a name is the HTTP status that such a list comes with.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporter.config.feed_formats import MAX_BYTES, UselessFeedError, parse
from exporter.config.feeds import Feed, FeedFormat, Member, MemberKind, expand, needed
from exporter.model.addresses import is_public
from exporter.model.rule import Status, Target
from tests import make

LISTS = Path(__file__).parent / "lists"
PAGE = b"""<!DOCTYPE html>
<html><head><title>Blocked</title></head><body>
http://portal.example.net/login
</body></html>
"""
METALINK = """<?xml version="1.0"?>{dtd}
<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file><resources>
{urls}
</resources></file></files></metalink>"""


def read(name):
    form = FeedFormat.METALINK if name.endswith(".xml") else FeedFormat.MIRRORLIST
    return tuple(map(shown, parse((LISTS / name).read_bytes(), form)))


def shown(mirror):
    return f"{'https' if mirror.tls else 'http'} {mirror}"


def lines(*urls, **options):
    content = "\n".join(urls).encode()
    return [str(mirror) for mirror in parse(content, FeedFormat.MIRRORLIST, **options)]


def metalink(*urls, dtd=""):
    content = METALINK.format(dtd=dtd, urls="\n".join(urls)).encode()
    return [shown(mirror) for mirror in parse(content, FeedFormat.METALINK)]


def useless(content, form=FeedFormat.MIRRORLIST):
    with pytest.raises(UselessFeedError) as caught:
        parse(content, form)
    return str(caught.value)


SAMPLES = {
    "rocky-mirrorlist-BaseOS-9.txt": (
        "https mirror-a.example.net:443",
        "http mirror.pulsant.com:80",
        "http mirrors.vinters.com:80",
        "https rocky-linux-europe-west2.production.gcp.mirrors.ctrliq.cloud:443",
        "https ask4.mm.fcix.net:443",
        "https mirror-c.example.org:8443",
    ),
    "fedora-metalink-epel-9.xml": (
        "https mirror.pulsant.com:443",
        "http mirror.pulsant.com:80",
        "https ask4.mm.fcix.net:443",
        "http mirror-d.example.com:80",
    ),
    "fedora-mirrorlist-epel-9.txt": (
        "https mirror.pulsant.com:443",
        "https ask4.mm.fcix.net:443",
        "http mirror-d.example.com:80",
    ),
    "remi-mirror-el9-safe.txt": (
        "http cdn.remirepo.net:80",
        "http rpms.remirepo.net:80",
        "http mirror-e.example.net:80",
        "http mirror-f.example.org:80",
    ),
    "centos7-mirrorlist-as-it-was.txt": (
        "http mirror-g.example.net:80",
        "http mirror-h.example.org:80",
    ),
}
USELESS = {
    "rocky-mirrorlist-invalid-repo.404.txt",
    "fedora-metalink-invalid-repo.404.xml",
    "mirrorlist-missing-parameters.200.txt",
    "mirrorlist-repo-disabled.200.txt",
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_list_gives_its_http_and_https_mirrors_in_the_order_clients_try_them(name):
    assert read(name) == SAMPLES[name]


@pytest.mark.parametrize("name", sorted(USELESS))
def test_a_list_without_a_mirror_is_useless_whatever_its_status(name):
    with pytest.raises(UselessFeedError, match="no mirror that may be used"):
        read(name)


def test_no_sample_is_left_untried():
    assert {path.name for path in LISTS.iterdir()} == {*SAMPLES, *USELESS}


def test_every_spelling_of_one_mirror_is_one_mirror():
    assert lines(
        "\ufeffHTTPS://Mirror.Example.ORG/a/",
        "  https://mirror.example.org.:443/b/ \r",
        "https://mirror.example.org/c/",
        "http://mirror.example.org/",
    ) == ["mirror.example.org:443", "mirror.example.org:80"]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://mirror.example.org/",
        "rsync://mirror.example.org/",
        "file:///etc/passwd",
        "/srv/mirror/",
        "gopher://mirror.example.org:70/",
        "https://user:secret@mirror.example.org/",
        "https://good.example.org@mirror.example.org/",
        "https://mirror.example.org:0/",
        "https://mirror.example.org:65536/",
        "https://mirror.example.org:-1/",
        "https://mirror.example.org:8x/",
        "https:///",
        "https://",
        "https://[::1/",
        "https://mirror.example.org\\@evil.example/",
        "https://mirror.example.org /",
        "https://mirror.exam\x00ple.org/",
        "https://mirror.exam\tple.org/",
        "https://mirror.example.org/a b",
        "https://spiegel.exämple.org/",
        "https://mirror_1.example.org/",
        "see https://mirror.example.org/",
        "https://mirror",
        "https://localhost/",
        "https://db.localhost/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://127.0.0.0x1/",
        "https://mirror.0x7f/",
        "https://0/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[fe80::1%25eth0]/",
        "https://10.9.20.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://[ff02::1]/",
        "https://255.255.255.255/",
    ],
)
def test_whatever_is_not_the_url_of_a_public_host_is_left_out(url):
    assert lines("https://good.example.net/", url) == ["good.example.net:443"]


def test_public_address_literals_are_taken():
    assert lines("http://8.8.8.8/", "https://[2606:4700::1111]:8443/") == [
        "8.8.8.8:80",
        "[2606:4700::1111]:8443",
    ]


def test_private_mirrors_are_taken_where_the_site_allows_them():
    urls = ("https://10.9.20.1/", "http://mirror/", "http://user@10.9.20.2/")
    assert lines(*urls, allow_private=True) == ["10.9.20.1:443", "mirror:80"]


def test_a_page_is_no_list_even_with_urls_on_lines_of_their_own():
    assert useless(PAGE) == "a page with markup came instead of a list"
    assert useless(b"https://good.example.net/\n<p>") == useless(PAGE)
    assert useless(PAGE, FeedFormat.METALINK) != ""


@pytest.mark.parametrize("form", FeedFormat)
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00" * 99, b"\xff\xfe\x00h"])
def test_nothing_and_noise_are_no_list(form, content):
    useless(content, form)


@pytest.mark.parametrize("form", FeedFormat)
def test_more_than_the_limit_is_refused_unread(form):
    line = b"https://mirror.example.org/\n"
    assert "longer than" in useless(line * (MAX_BYTES // len(line) + 1), form)


def test_a_list_of_nothing_but_lines_ends_at_a_bounded_count():
    urls = [f"https://m{number}.example.org/" for number in range(20_000)]
    assert len(lines(*urls)) == 1000


def test_preference_decides_the_order_of_a_metalink_and_equals_keep_theirs():
    assert metalink(
        "<url>http://last.example.org/</url>",
        '<url preference="99">https://third.example.org/x</url>',
        '<url preference="100">https://first.example.org/x</url>',
        '<url preference="100">https://second.example.org/x</url>',
        '<url preference="99999999999">https://odd.example.org/x</url>',
    ) == [
        "https first.example.org:443",
        "https second.example.org:443",
        "https third.example.org:443",
        "http last.example.org:80",
        "https odd.example.org:443",
    ]


@pytest.mark.parametrize(
    "dtd",
    [
        '<!DOCTYPE metalink [<!ENTITY m "https://inside.example.org/">]>',
        '<!DOCTYPE metalink SYSTEM "http://127.0.0.1/evil.dtd">',
        '<!DOCTYPE metalink [<!ENTITY f SYSTEM "file:///etc/hostname">]>',
        "<!DOCTYPE metalink>",
    ],
)
def test_a_metalink_with_a_dtd_is_refused(dtd):
    good = "<url>https://good.example.org/</url>"
    content = METALINK.format(dtd=dtd, urls=good).encode()
    assert "DTD" in useless(content, FeedFormat.METALINK)


def test_entities_that_grow_without_bound_are_refused():
    entities = "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 100}">' for n in range(10)
    )
    content = METALINK.format(dtd=f"<!DOCTYPE m [{entities}]>", urls="<url>&e9;</url>")
    assert "DTD" in useless(content.encode(), FeedFormat.METALINK)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_a_metalink_cut_short_is_no_list(share):
    content = (LISTS / "fedora-metalink-epel-9.xml").read_bytes()
    told = useless(content[: int(len(content) * share)], FeedFormat.METALINK)
    assert told == "not a whole XML document"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<rss/>", "XML, but not Metalink 3.0"),
        (b"<metalink/>", "XML, but not Metalink 3.0"),
        (
            b'<?xml version="1.0" encoding="x-none"?><a/>',
            "XML with a DTD, or in no known encoding",
        ),
        (b"<a>" * 100_000, "not a whole XML document"),
        (b"<a>" * 50_000 + b"</a>" * 50_000, "XML, but not Metalink 3.0"),
    ],
)
def test_other_xml_is_no_list(content, told):
    assert useless(content, FeedFormat.METALINK) == told


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("::ffff:8.8.8.8", True),
        ("2002:808:808::", True),
        ("64:ff9b::a09:1401", False),
        ("::ffff:10.9.20.1", False),
        ("2002:a09:1401::", False),
        ("::ffff:224.0.0.1", False),
        ("2001::f7f7:f7f7", False),  # Teredo, of the client 8.8.8.8
        ("fd09::1", False),
        ("::127.0.0.1", False),  # IPv4-compatible
        ("::ffff:0:7f00:1", False),  # IPv4-translated
        ("64:ff9b:1::7f00:1", False),  # a translator of the site's own
        ("fec0::1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("192.0.2.1", False),
        ("198.18.0.1", False),
        ("240.0.0.1", False),
    ],
)
def test_an_address_is_as_public_as_the_one_it_carries(address, public):
    assert is_public(address) is public


A, B = (
    Member("a.example.org", 443, tls=True),
    Member("b.example.org", 80, tls=False),
)


def waiting(probe="https", status=Status.UNSET, **changes):
    rule = make.rule(probe, id=f"mirrors-{probe}", feed="rocky", **changes)
    return Target(rule, "lists.example.org", 443, status)


def places(targets):
    return [(t.destination, t.port, str(t.status), t.untrusted) for t in targets]


def test_a_list_never_fetched_leaves_its_rule_unset():
    assert expand([waiting()], {"other": (A,)}) == (waiting(),)


@pytest.mark.parametrize(
    ("probe", "found"),
    [("https", [A]), ("tls", [A]), ("http", [B]), ("tcp", [A, B])],
)
def test_a_rule_takes_the_mirrors_of_its_own_kind_with_their_ports(probe, found):
    targets = expand([waiting(probe)], {"rocky": (A, B)})
    assert places(targets) == [(m.host, m.port, "active", True) for m in found]


def test_mirrors_are_trusted_where_the_site_allows_private_ones():
    targets = expand([waiting()], {"rocky": (A,)}, allow_private=True)
    assert places(targets) == [("a.example.org", 443, "active", False)]


def test_a_rule_for_which_the_list_names_nothing_does_not_apply_now():
    targets = expand([waiting("http")], {"rocky": (A,)})
    assert places(targets) == [("lists.example.org", 443, "not_applicable", False)]


def test_rules_of_other_roles_and_other_destinations_stay_as_they_are():
    idle = (waiting(status=one) for one in (Status.OTHER_ROLE, Status.OTHER_SHARD))
    others = (make.target(), *idle)
    assert expand(others, {"rocky": (A,)}) == others
    assert needed(others) == frozenset()
    assert needed((*others, waiting())) == {"rocky"}


# --- Documents of hosts and networks ------------------------------------------------


def document(form, value, select=None, **options):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return parse(content, form, select, **options)


M365 = [
    {
        "id": 1,
        "serviceArea": "Exchange",
        "category": "Optimize",
        "required": True,
        "urls": ["outlook.office.com", "*.mail.office.com"],
        "ips": ["8.8.8.0/24", "2620:1ec::/36"],
        "tcpPorts": "80,443",
        "udpPorts": "443",
    },
    {"id": 9, "serviceArea": "Common", "urls": ["login.office.com"], "tcpPorts": "25"},
    {"id": 10, "serviceArea": "Common", "urls": ["nowhere.office.com"]},
]
AZURE = {
    "values": [
        {
            "name": "Storage.WestEurope",
            "properties": {"region": "westeurope", "addressPrefixes": ["9.9.9.0/28"]},
        },
        {"name": "Sql", "properties": {"addressPrefixes": ["8.8.4.4/32"]}},
    ]
}
AWS = {
    "prefixes": [
        {"ip_prefix": "9.9.9.0/24", "region": "eu-west-1", "service": "S3"},
        {"ip_prefix": "8.8.8.0/24", "region": "us-east-1", "service": "EC2"},
    ],
    "ipv6_prefixes": [
        {"ipv6_prefix": "2600:9000::/28", "region": "eu-west-1", "service": "S3"}
    ],
}
GITHUB = {
    "verifiable_password_authentication": False,
    "ssh_keys": ["ssh-ed25519 AAAA"],
    "hooks": ["9.9.9.0/24"],
    "domains": {"website": ["*.github.com", "github.com"]},
}


@pytest.mark.parametrize(
    ("form", "value", "select", "named"),
    [
        (
            FeedFormat.M365_ENDPOINTS,
            M365,
            {},
            "outlook.office.com *.mail.office.com 8.8.8.0/24 2620:1ec::/36 login.office.com",
        ),
        (FeedFormat.M365_ENDPOINTS, M365, {"id": ("9",)}, "login.office.com"),
        (
            FeedFormat.M365_ENDPOINTS,
            M365,
            {"required": ("true",), "category": ("Optimize", "Allow")},
            "outlook.office.com *.mail.office.com 8.8.8.0/24 2620:1ec::/36",
        ),
        (FeedFormat.AZURE_SERVICE_TAGS, AZURE, {}, "9.9.9.0/28 8.8.4.4"),
        (
            FeedFormat.AZURE_SERVICE_TAGS,
            AZURE,
            {"region": ("westeurope",)},
            "9.9.9.0/28",
        ),
        (FeedFormat.AWS_IP_RANGES, AWS, {}, "9.9.9.0/24 8.8.8.0/24 2600:9000::/28"),
        (
            FeedFormat.AWS_IP_RANGES,
            AWS,
            {"service": ("S3",)},
            "9.9.9.0/24 2600:9000::/28",
        ),
        (FeedFormat.GITHUB_META, GITHUB, {}, "9.9.9.0/24 *.github.com github.com"),
        (
            FeedFormat.GITHUB_META,
            GITHUB,
            {"list": ("domains.website",)},
            "*.github.com github.com",
        ),
    ],
)
def test_a_document_gives_what_is_selected_of_it(form, value, select, named):
    assert " ".join(map(str, document(form, value, select))) == named


def test_a_selection_that_leaves_nothing_is_no_feed():
    with pytest.raises(UselessFeedError, match="names no member"):
        document(FeedFormat.AWS_IP_RANGES, AWS, {"service": ("S4",)})


DOCUMENTS = [one for one in FeedFormat if not one.shuffled]


@pytest.mark.parametrize("form", DOCUMENTS)
@pytest.mark.parametrize(
    "value",
    [
        *(b"<html>log in</html>", b"[", b"[" * 200_000, b'{"a":' * 200_000),
        *(b"null", b"7", b'"text"', b"[]", b"{}", b"[1, [2], null]", b"\xff\xfe"),
        b'{"values": 7, "prefixes": {}, "ipv6_prefixes": null, "hooks": "9.9.9.9"}',
        b'{"values": [{"properties": [1]}], "prefixes": [7], "a": [[1], {}, null]}',
        b'[{"urls": {"a": 1}, "ips": 7, "tcpPorts": [443]}]',
        b'[{"urls": ["a.example.org"], "tcpPorts": "0,70000,x,9-1,,1-2-3"}]',
    ],
)
def test_what_is_no_such_document_is_no_feed(form, value):
    with pytest.raises(UselessFeedError):
        document(form, value)


@pytest.mark.parametrize(
    "name",
    [
        *("0.0.0.0/0", "::/0", "9.0.0.0/7", "2600::/12", "10.0.0.0/8", "127.0.0.0/8"),
        *("192.168.0.0/16", "169.254.0.0/16", "fe80::/64", "ff00::/16", "fc00::/16"),
        *("224.0.0.0/24", "255.255.255.255/32", "10.0.0.1", "169.254.169.254", "::1"),
        *("localhost", "db", "a.localhost", "*", "*.*", "9.9.9.9/24", "9.9.9.0/33"),
        *("https://a.example.org", "a.example.org:443", "a b.example.org", "a\n.org"),
        *("", "-", "../etc", "user@a.example.org", 7, None, True, ["a.example.org"]),
    ],
)
def test_what_is_no_plain_member_of_the_internet_is_left_out(name):
    value = {"good": ["good.example.net"], "bad": [name]}
    named = document(FeedFormat.GITHUB_META, value)
    assert [str(one) for one in named] == ["good.example.net"]


def test_private_members_are_taken_where_the_site_allows_them():
    value = {"own": ["10.0.0.0/24", "10.0.0.1", "db"]}
    named = document(FeedFormat.GITHUB_META, value, allow_private=True)
    assert [str(one) for one in named] == ["10.0.0.0/24", "10.0.0.1", "db"]


def test_a_document_without_end_is_bounded():
    value = {"many": [f"h{number}.example.org" for number in range(50_000)]}
    assert len(document(FeedFormat.GITHUB_META, value)) == 20_000
    sets = [{"ip_prefix": "9.9.9.0/24", "service": "S3"}] * 60_000
    assert len(document(FeedFormat.AWS_IP_RANGES, {"prefixes": sets})) == 1


def feed(form=FeedFormat.M365_ENDPOINTS, limit=10):
    return Feed("cloud", "Cloud", "https://feeds.example.org/a", form, limit, 600.0)


def made(targets):
    return [
        (one.rule.id, one.destination, one.port, str(one.status), str(one.rule.proof))
        for one in targets
    ]


def waiting_for(feed_name, port, transport="tcp", **changes):
    rule = make.rule(
        "tcp", port=port, transport=transport, feed=feed_name, sample=2, **changes
    )
    return Target(rule, "feeds.example.org", port, Status.UNSET)


def test_members_with_ports_are_targets_of_the_rules_for_these_ports():
    members = {"cloud": feed().in_force(document(FeedFormat.M365_ENDPOINTS, M365))}
    mail = waiting_for("cloud", 25)
    assert made(expand([mail], members)) == [
        (mail.rule.id, "login.office.com", 25, "active", "service")
    ]
    https = waiting_for("cloud", 443)
    found = expand([https], members)
    assert [(one.destination, str(one.status)) for one in found][:2] == [
        ("outlook.office.com", "active"),
        ("*.mail.office.com", "unset"),
    ]
    sampled = [one for one in found if str(one.rule.proof) == "sample"]
    assert {one.rule.member_of for one in sampled} == {"8.8.8.0/24", "2620:1ec::/36"}
    assert len(sampled) == 4
    assert all(one.untrusted for one in found)
    none = waiting_for("cloud", 8443)
    assert [one.status for one in expand([none], members)] == [Status.NOT_APPLICABLE]


def test_a_wildcard_of_a_feed_does_not_wait_for_the_feed():
    members = {"cloud": (Member("*.cdn.example.org", kind=MemberKind.DOMAIN),)}
    [target] = expand([waiting_for("cloud", 443)], members)
    assert (target.rule.feed, target.rule.member_of) == (None, "*.cdn.example.org")
    assert needed([target]) == frozenset()


def test_the_limit_is_for_members_of_the_same_ports():
    flows = frozenset({("tcp", 25, 25)})
    many = [Member(f"w{number}.example.org") for number in range(30)]
    mail = [Member(f"m{number}.example.org", flows=flows) for number in range(30)]
    in_force = feed(limit=3).in_force([*many, *mail])
    assert [one.host[0] for one in in_force] == list("wwwmmm")


def test_all_that_is_in_force_is_bounded():
    many = [
        Member(f"h{number}.example.org", flows=frozenset({("tcp", number, number)}))
        for number in range(1, 2000)
    ]
    assert len(feed(limit=50).in_force(many)) == 500
