"""What `compare` says of two catalogues."""

from __future__ import annotations

import pytest

from exporter.config.catalogue import load_catalogue
from exporter.vendor.changes import differences
from exporter.vendor.compare import Change, compare

HEAD = """catalogue: shop
title: Shop
roles: {web: {title: Web}}
placeholders: {db: {title: Database, example: db.example.com}}
rules:
"""
API = {
    "id": "web-api",
    "source": "web",
    "destination": "{host: api.vendor.com}",
    "port": 443,
    "transport": "tcp",
    "usage": "vendor-api",
    "description": "Orders",
}
DB = API | {"id": "web-db", "destination": "{placeholder: db}", "port": 1433}


@pytest.fixture
def catalogue(tmp_path):
    def write(*rules, head=HEAD):
        path = tmp_path / "catalogue.yaml"
        texts = (
            "\n".join(f"    {key}: {value}" for key, value in rule.items())
            for rule in rules
        )
        path.write_text(
            head + "".join(f"  -{text[3:]}\n" for text in texts)
            if rules
            else head + " []"
        )
        return load_catalogue(path)

    return write


def test_a_catalogue_is_the_same_as_itself():
    shipped = load_catalogue("appsanywhere")
    assert compare(shipped, shipped) == []


def test_rules_come_and_go(catalogue):
    changes = compare(catalogue(API), catalogue(DB))
    assert [(c.what, c.name, c.old is None, c.new is None) for c in changes] == [
        ("rule", "web-api", False, True),
        ("rule", "web-db", True, False),
    ]
    assert changes[0].old["destination"] == "api.vendor.com"


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        ("port", 8443, "443", "8443"),
        ("destination", "{host: b.vendor.com}", "api.vendor.com", "b.vendor.com"),
        ("usage", "mail", "vendor-api", "mail"),
        ("severity", "critical", "warning", "critical"),
        ("public", "true", "false", "true"),
        ("rows", "[A1, A2]", "", "A1, A2"),
        ("interval", "30s", "", "30.0"),
        ("timeout", "500ms", "", "0.5"),
        ("notes", "New", "", "New"),
        ("retired", "Gone", "", "Gone"),
    ],
)
def test_each_field_of_a_rule_that_differs(catalogue, key, value, old, new):
    changes = compare(catalogue(API), catalogue(API | {key: value}))
    fields = [
        (field, change.old[field], change.new[field])
        for change in changes
        for field in change.old
        if field != "probe"
    ]
    assert fields == [(key, old, new)]


def test_the_options_of_a_probe_and_what_is_asked_of_tls_are_compared(catalogue):
    other = API | {"probe": "{https: {path: /x}}", "tls": "{verify: false}"}
    [change] = compare(catalogue(API), catalogue(other))
    assert set(change.old) == {"options", "tls"}
    assert '"path": "/x"' in change.new["options"]


def test_a_rule_under_another_id_is_known_by_its_flow(catalogue):
    renamed = catalogue(API | {"id": "web-vendor-api"}, DB)
    assert compare(catalogue(API, DB), renamed) == [
        Change("rule", "web-api", {"id": "web-api"}, {"id": "web-vendor-api"})
    ]
    assert differences(catalogue(API, DB), renamed) == []


def test_an_id_counts_more_than_a_flow(catalogue):
    swapped = catalogue(API | {"id": "web-db"}, DB | {"id": "web-api"})
    changes = compare(catalogue(API, DB), swapped)
    assert [(c.name, c.old["port"], c.new["port"]) for c in changes] == [
        ("web-api", "443", "1433"),
        ("web-db", "1433", "443"),
    ]


def test_a_moved_port_under_another_id_is_a_change(catalogue):
    moved = catalogue(API | {"id": "new", "port": 8443})
    [change] = compare(catalogue(API), moved)
    assert (change.name, change.old["port"], change.new["port"]) == (
        "web-api",
        "443",
        "8443",
    )


def test_two_ports_of_one_host_are_not_taken_for_each_other(catalogue):
    old = catalogue(API, API | {"id": "more", "port": 80})
    new = catalogue(API | {"id": "new", "port": 8443})
    changes = compare(old, new)
    assert [(c.name, c.old is None, c.new is None) for c in changes] == [
        ("web-api", False, True),
        ("more", False, True),
        ("new", True, False),
    ]


def test_flows_know_a_placeholder_by_its_example(catalogue):
    other = HEAD.replace("{db:", "{sql:")
    new = catalogue(DB | {"id": "x", "destination": "{placeholder: sql}"}, head=other)
    assert differences(catalogue(DB), new) == []
    assert {c.what for c in compare(catalogue(DB), new)} == {"placeholder", "rule"}


@pytest.mark.parametrize(
    "extra",
    [
        {"advisory": "true", "port": 80},
        {"expect": "deny", "port": 80},
        {"destination": "{feed: os}"},
    ],
)
def test_flows_leave_out_what_no_document_asks_to_open(catalogue, extra):
    url = '"https://lists.vendor.com/l?os=9"'
    mirrors = f"feeds: {{os: {{title: OS, url: {url}, format: mirrorlist}}}}\nrules:\n"
    head = HEAD.replace("rules:\n", mirrors)
    old, new = (
        catalogue(API, head=head),
        catalogue(API, API | {"id": "b"} | extra, head=head),
    )
    assert differences(old, new) == []
    assert [change.name for change in compare(old, new)] == ["b"]


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (
            "title: Shop",
            "title: Store",
            Change("catalogue", "shop", {"title": "Shop"}, {"title": "Store"}),
        ),
        (
            "title: Web}",
            "title: WWW}",
            Change("role", "web", {"title": "Web"}, {"title": "WWW"}),
        ),
        (
            "db.example.com",
            "sql.example.com",
            Change(
                "placeholder",
                "db",
                {"example": "db.example.com"},
                {"example": "sql.example.com"},
            ),
        ),
        (
            "rules:",
            "notes: [{text: All of it, rows: [A1]}]\nrules:",
            Change("note", "A1: All of it", None, {"text": "All of it", "rows": "A1"}),
        ),
        (
            "{title: Web}",
            "{title: Web}, job: {title: Job, is_a: web}",
            Change("role", "job", None, {"title": "Job", "is_a": "web"}),
        ),
    ],
)
def test_what_stands_around_the_rules_is_compared(catalogue, old, new, change):
    after = catalogue(API, head=HEAD.replace(old, new))
    assert compare(catalogue(API), after) == [change]
    assert differences(catalogue(API), after) == []
