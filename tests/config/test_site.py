"""What a site file makes of a catalogue: hosts, timings, roles, warnings."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import trustme

from exporter.config.diagnostics import ConfigError
from exporter.config.site import load_site
from exporter.model.endpoint import Endpoint
from exporter.model.rule import AddressPolicy, Denial, Severity, Status, TlsPolicy

pytestmark = pytest.mark.usefixtures("stand_ins")

GOOD = Path(__file__).parent / "good"


@pytest.fixture
def load(tmp_path):
    shutil.copy(GOOD / "catalogue.yaml", tmp_path)

    def load_text(more="", roles="till", **options):
        path = tmp_path / "site.yaml"
        text = f"catalogues: [catalogue.yaml]\nroles: [{roles}]\n{more}"
        path.write_text(text, encoding="utf-8")
        return load_site(path, **options)

    return load_text


def places(site, rule_id):
    return [
        (target.destination, target.port, str(target.status))
        for target in site.targets
        if target.rule.id == rule_id
    ]


def rule(site, rule_id):
    [found] = [rule for rule in site.rules if rule.id == rule_id]
    return found


def test_the_files_are_known_by_their_bytes(load, tmp_path):
    def sha256(name):
        return hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()

    site = load()
    (catalogue,) = site.catalogues
    assert site.sha256 == sha256("site.yaml")
    assert site.hashes == {catalogue.name: sha256("catalogue.yaml")}
    other = load("# a remark\n")
    assert other.hashes == site.hashes
    assert other.sha256 == sha256("site.yaml") != site.sha256


def test_a_bare_site_file_gets_every_default(load):
    site = load()
    assert (site.schedule.interval, site.schedule.timeout) == (60.0, 5.0)
    assert (site.schedule.concurrency, site.schedule.rate) == (256, 200.0)
    assert (site.dns.servers, site.dns.search) == ((), ())
    assert site.tls.ca_file is None
    assert site.proxy is None
    assert site.web.listen == Endpoint("127.0.0.1", 9842)


def test_a_catalogues_timeout_gives_way_to_a_shorter_interval(load, tmp_path):
    file = tmp_path / "catalogue.yaml"
    slow = "id: till-bank, timeout: 10s,"
    file.write_text(file.read_text().replace("id: till-bank,", slow))
    site = load("schedule: {interval: 6s, timeout: 2s}\n")
    found = rule(site, "till-bank")
    assert (found.interval, found.timeout) == (6.0, 3.0)


def test_what_is_written_replaces_the_defaults(load):
    site = load(
        "schedule: {interval: 2m, timeout: 500ms, concurrency: 10, rate: 0.5/s}\n"
        "dns: {servers: [192.0.2.53, '[2001:db8::53]:5353'], search: [Example.AC.uk]}\n"
        "proxy: http://proxy.example.ac.uk:3128\n"
        "web: {listen: ':9843'}\n"
    )
    assert (site.schedule.interval, site.schedule.timeout) == (120.0, 0.5)
    assert (site.schedule.concurrency, site.schedule.rate) == (10, 0.5)
    assert site.dns.servers == ("192.0.2.53", "[2001:db8::53]:5353")
    assert site.dns.search == ("example.ac.uk",)
    assert site.proxy == Endpoint("proxy.example.ac.uk", 3128, tls=False)
    assert site.web.listen == Endpoint("", 9843)


def test_a_placeholder_without_a_value_leaves_its_rule_unset_at_the_example(load):
    site = load()
    assert places(site, "till-bank") == [("bank.example.com", 443, "unset")]
    assert site.warnings == (
        "placeholder bank (The bank) has no value: not probed: till-bank",
        "placeholder depot (Depot) has no value (it is optional): not probed: till-depot",
        "placeholder shop_url (The shop's own page) has no value, nor has depot: not probed: till-page",
    )


def test_a_value_is_probed_in_lower_case_without_its_final_dot(load):
    site = load("placeholders: {bank: Bank.Example.AC.UK.}\n")
    assert places(site, "till-bank") == [("bank.example.ac.uk", 443, "active")]


def test_a_list_makes_one_target_of_each_host(load):
    site = load("placeholders: {bank: [b1.example, 192.0.2.7, '2001:DB8::7']}\n")
    assert places(site, "till-bank") == [
        ("b1.example", 443, "active"),
        ("192.0.2.7", 443, "active"),
        ("2001:db8::7", 443, "active"),
    ]


def test_null_says_that_a_rule_does_not_apply_here(load):
    site = load("placeholders: {bank: null}\n")
    assert places(site, "till-bank") == [("bank.example.com", 443, "not_applicable")]
    assert not any("bank" in warning for warning in site.warnings)


SHUT = (
    "placeholders: {bank: b.example, depot: null}\n"
    "rules: [{id: shut, source: %s, destination: {placeholder: bank}, port: 23, "
    "transport: tcp, usage: administration, description: Shut, expect: deny}]\n"
    "overrides: {shut: {witness: till-bank, denial: [reset]}}\n"
)


def test_a_site_names_the_witness_of_a_rule_and_how_it_is_refused(load):
    site = load(SHUT % "till")
    assert rule(site, "shut").witness == "till-bank"
    assert rule(site, "shut").denial == {Denial.RESET}
    assert not site.warnings


def test_a_control_is_probed_at_the_sites_pace_and_is_no_target(load):
    site = load(
        "schedule: {interval: 2s, timeout: 1s}\n"
        "controls: [{host: 192.0.2.1, port: 443}, {host: 192.0.2.1, port: 443}]\n"
    )
    [control] = site.controls
    assert (control.destination, control.port) == ("192.0.2.1", 443)
    assert (control.rule.probe, control.rule.interval, control.rule.timeout) == (
        *("tcp", 5.0, 1.0),
    )
    assert control.rule.id not in {target.rule.id for target in site.targets}
    assert load().controls == ()


def test_a_witness_that_is_not_probed_from_here_is_warned_of(load):
    [told] = load(SHUT % "office", roles="office").warnings
    assert told == (
        "shut: its witness till-bank is not probed from here: "
        "silence proves no block of b.example"
    )


def test_a_default_passes_on_its_value_and_its_null(load):
    told = load("placeholders: {bank: b.example}\n", roles="till01")
    assert places(told, "till01-backup") == [("b.example", 443, "active")]
    null = load("placeholders: {bank: null}\n", roles="till01")
    assert places(null, "till01-backup") == [
        ("bank2.example.com", 443, "not_applicable")
    ]
    own = load("placeholders: {bank: null, bank_backup: c.example}\n", roles="till01")
    assert places(own, "till01-backup") == [("c.example", 443, "active")]


def test_a_url_brings_its_own_port_and_a_default_host_takes_the_rules(load):
    url = load("placeholders: {shop_url: 'https://Shop.Example:8443/'}\n")
    assert places(url, "till-page") == [("shop.example", 8443, "active")]
    plain = load("placeholders: {shop_url: 'http://shop.example'}\n")
    assert places(plain, "till-page") == [("shop.example", 80, "active")]
    default = load("placeholders: {depot: depot.example}\n")
    assert places(default, "till-page") == [("depot.example", 443, "active")]


def test_the_example_of_a_url_placeholder_is_listed_with_its_port(load):
    assert places(load(), "till-page") == [("shop.example.com", 8443, "unset")]


def test_a_section_whose_lines_are_all_commented_out_is_empty(load):
    site = load("placeholders:\n  # bank: x\noverrides:\nrules:\n")
    assert places(site, "till-bank") == [("bank.example.com", 443, "unset")]


def test_a_role_runs_its_own_rules_and_those_of_the_wider_role(load):
    site = load(roles="till01")
    statuses = {target.rule.id: str(target.status) for target in site.targets}
    assert statuses == {
        "till-bank": "unset",
        "till01-backup": "unset",
        "till-depot": "unset",
        "till-page": "unset",
        "till-time": "active",
        "till-fax": "retired",
        "office-news": "other_role",
    }


def test_a_wider_role_does_not_run_the_rules_of_its_members(load):
    assert places(load(), "till01-backup") == [("bank2.example.com", 443, "other_role")]


def test_roles_from_the_command_line_replace_those_of_the_file(load):
    site = load(roles_override=("office", "office"))
    assert site.roles == ("office",)
    assert places(site, "office-news") == [("news.example.com", 443, "active")]
    assert places(site, "till-time") == [("time.example.com", 123, "other_role")]


def test_an_unknown_role_from_the_command_line_is_told_as_such(load):
    with pytest.raises(ConfigError, match=r"--role: unknown role 'offce'; did you"):
        load(roles_override=("offce",))


def test_a_role_without_rules_is_warned_of(load, tmp_path):
    with (tmp_path / "more.yaml").open("w") as more:
        more.write("catalogue: more\ntitle: M\nroles: {idle: {title: Idle}}\nrules: []")
    (tmp_path / "site2.yaml").write_text(
        "catalogues: [more.yaml]\nroles: [idle]\n", encoding="utf-8"
    )
    site = load_site(tmp_path / "site2.yaml")
    assert site.warnings == ("role idle has no rules: nothing is probed for it",)


def test_the_nearest_word_decides_how_often_and_how_long(load):
    site = load(
        "schedule: {interval: 30s, timeout: 3s}\n"
        "overrides: {till-depot: {interval: 5m, timeout: 4s}}\n"
    )
    assert (rule(site, "till-bank").interval, rule(site, "till-bank").timeout) == (
        30.0,
        3.0,
    )
    assert rule(load(), "till-depot").interval == 120.0
    assert (rule(site, "till-depot").interval, rule(site, "till-depot").timeout) == (
        300.0,
        4.0,
    )


def test_the_politeness_floor_holds_whatever_is_written(load):
    assert rule(load(), "till-time").interval == 64.0
    hasty = load("schedule: {interval: 1s, timeout: 500ms}\n")
    assert rule(hasty, "till-bank").interval == 5.0
    assert not any("probed every" in warning for warning in hasty.warnings)
    assert rule(hasty, "till-bank").unsent_interval is None
    assert rule(hasty, "till-time").unsent_interval == 5.0
    pushy = load("overrides: {till-time: {interval: 10s}}\n")
    assert rule(pushy, "till-time").interval == 64.0
    assert rule(pushy, "till-time").unsent_interval == 10.0
    assert (
        "till-time: probed every 64s, not every 10s, since ntp asks for that much"
        in pushy.warnings
    )


def test_overrides_change_what_they_name_and_nothing_else(load):
    before = rule(load(), "till-bank")
    after = rule(
        load(
            "overrides:\n  till-bank:\n    severity: critical\n    owner: treasury\n"
            "    addresses: all\n    tls: {verify: false, expected_issuer: Vault}\n"
            "    probe: {https: {path: /alive, statuses: [200, 2xx]}}\n"
            "    notes: Closed on Sundays\n"
        ),
        "till-bank",
    )
    assert after.severity is Severity.CRITICAL
    assert after.owner == "treasury"
    assert after.addresses is AddressPolicy.ALL
    assert after.tls == TlsPolicy(verify=False, expected_issuer="Vault")
    assert after.options == {"path": "/alive", "statuses": (200, "2xx")}
    assert after.notes == "Closed on Sundays"
    assert (after.id, after.port, after.usage, after.catalogue) == (
        before.id,
        before.port,
        before.usage,
        "shop",
    )


def test_the_probe_is_the_ports_own_where_none_is_written(load):
    site = load()
    assert rule(site, "till-bank").probe == "https"
    assert rule(site, "till-time").probe == "ntp"
    assert rule(site, "till-depot").probe == "tcp"


def test_a_site_adds_rules_of_its_own_with_catalogue_placeholders(load):
    site = load(
        "placeholders: {bank: b.example}\n"
        "rules:\n  - {id: own, source: till, destination: {placeholder: bank},"
        " port: 22, transport: tcp, usage: administration, description: Own,"
        " advisory: true}\n"
    )
    assert places(site, "own") == [("b.example", 22, "active")]
    assert rule(site, "own").catalogue == "site"
    assert rule(site, "own").severity is Severity.INFO


def test_a_witness_may_be_a_catalogue_rule(load):
    site = load(
        "rules:\n  - {id: shut, source: till, destination: {placeholder: bank},"
        " port: 23, transport: tcp, usage: administration, description: Shut,"
        " expect: deny, witness: till-bank, denial: [reset]}\n"
    )
    assert rule(site, "shut").witness == "till-bank"


def test_two_catalogues_may_say_the_same_of_a_role(load, tmp_path):
    (tmp_path / "more.yaml").write_text(
        "catalogue: more\ntitle: More\nroles: {till: {title: Till}}\n"
        "placeholders: {bank: {title: The bank, example: bank.example.com}}\n"
        "rules:\n  - {id: more, source: till, destination: {placeholder: bank},"
        " port: 22, transport: tcp, usage: mail, description: More}\n",
        encoding="utf-8",
    )
    (tmp_path / "both.yaml").write_text(
        "catalogues: [catalogue.yaml, more.yaml]\nroles: [till]\n"
        "placeholders: {bank: b.example}\n",
        encoding="utf-8",
    )
    site = load_site(tmp_path / "both.yaml")
    assert places(site, "more") == [("b.example", 22, "active")]


LISTS = """
catalogue: lists
title: Lists
roles: {till: {title: Till}, office: {title: Office}}
feeds:
  os: {title: OS, url: "https://Lists.example.org:8443/os?arch=x", format: mirrorlist}
rules:
  - {id: packages, source: till, destination: {feed: os}, port: 443, transport: tcp,
     usage: package-repository, description: Packages}
  - {id: news, source: office, destination: {feed: os}, port: 443, transport: tcp,
     usage: package-repository, description: Packages}
"""


def test_a_rule_that_leads_to_a_feed_waits_with_the_feeds_own_host(tmp_path):
    (tmp_path / "lists.yaml").write_text(LISTS)
    (tmp_path / "site.yaml").write_text("catalogues: [lists.yaml]\nroles: [till]\n")
    site = load_site(tmp_path / "site.yaml")
    assert places(site, "packages") == [("lists.example.org", 443, "unset")]
    assert places(site, "news") == [("lists.example.org", 443, "other_role")]
    assert rule(site, "packages").feed == "os"
    assert not site.warnings
    [known] = site.feeds.known.values()
    assert (known.name, known.limit, known.interval) == ("os", 10, 21600.0)
    assert site.feeds.allow_private is False


def test_private_mirrors_are_allowed_by_the_site_file(load):
    assert load("feeds: {allow_private: true}\n").feeds.allow_private is True


def test_notes_are_told_with_their_rows(load):
    assert load().notes == ("N1: The till must not be dropped.", "Mind the step.")


def test_a_ca_file_lies_beside_the_site_file(load, tmp_path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    assert load("tls: {ca_file: ca.pem}\n").tls.ca_file == tmp_path / "ca.pem"


def test_every_status_is_counted_somewhere(load):
    site = load("placeholders: {bank: null, depot: d.example}\n", roles="till01")
    assert {target.status for target in site.targets} == set(Status) - {
        Status.UNSET,
        Status.UNPROVABLE,
        Status.OTHER_SHARD,
    }
    assert Status.UNSET in {target.status for target in load().targets}


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            "catalogues: catalogue.yaml\nroles: [till]",
            (
                "site.yaml:1: catalogues: must be a list such as [catalogue.yaml], not the "
                "text 'catalogue.yaml'"
            ),
        ),
        (
            "catalogues: [catalogue.yaml, ~]\nroles: [till]",
            "site.yaml:1: catalogues[1]: must be text, not nothing",
        ),
        (
            "catalogues: [catalogue.yaml]\nroles: till",
            "site.yaml:2: roles: must be a list such as [till], not the text 'till'",
        ),
        (
            "catalogues: [catalogue.yaml]\nroles: till, till01",
            (
                "site.yaml:2: roles: must be a list such as [till, till01], not the text "
                "'till, till01'"
            ),
        ),
        (
            "catalogues: [catalogue.yaml]\nroles:\n  -till\n  -till01",
            (
                "site.yaml:2: roles: must be a list such as [till, till01], not the text "
                "'-till -till01'"
            ),
        ),
        (
            "catalogues: [catalogue.yaml]\nroles: [Till]",
            (
                "site.yaml:2: roles[0]: must be lower-case letters, digits and single "
                "hyphens, not the text 'Till'"
            ),
        ),
    ],
)
def test_one_slip_is_one_problem(load, tmp_path, header, said):
    path = tmp_path / "site.yaml"
    names = "placeholders: {bank: bank.example.ac.uk}\noverrides: {till-bank: {}}\n"
    path.write_text(f"{header}\n{names}", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    assert str(caught.value) == f"{tmp_path}/{said}"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        *(
            (word, "must be null where it does not apply, not ")
            for word in (
                "none",
                "None",
                "no",
                "'null'",
                "n/a",
                "'-'",
                "''",
                "off",
                "'False'",
                "[none]",
            )
        ),
        *(
            (word, "must be left out until it is known, not ")
            for word in ("TODO", "tbd", "'?'", "changeme", "[db1.example.ac.uk, tba]")
        ),
        ("a.example, b.example", "must be a list, [a.example, b.example]"),
        ("a.example b.example", "must be a list, [a.example, b.example]"),
        # A bullet that is indented further than the one above it goes on with that.
        (
            "\n    - a.example\n      - b.example",
            "must be a list, [a.example, b.example]",
        ),
        ("a.example;b.example", "must be a list, [a.example, b.example]"),
        (
            "[a.example, ~]",
            (
                "must be a host, a list of hosts, or null where it does not apply, not a "
                "list with nothing"
            ),
        ),
        ("\u201ca.example\u201d", "must be a host, without the sign U+201C: "),
        ("a.example\u00a0", "must be a host, without the sign U+00A0: "),
        ("a\u2013b.example", "must be a host, without the sign U+2013: "),
        ("a\u200b.example", "must be a host, without the sign U+200B: "),
        (
            "b\u00fccher.example",
            "must be in ASCII (an IDN is written xn--bcher-kva.exa",
        ),
        (
            "a.example:443",
            "must be a host without a port, 'a.example', not 'a.example:4",
        ),
        (
            "'{{ bank }}'",
            "must be a host name (letters, digits, hyphens, dots) or an IP",
        ),
    ],
)
def test_what_people_write_for_a_host_is_told_what_to_write(load, value, said):
    with pytest.raises(ConfigError) as caught:
        load(f"placeholders:\n  bank: {value}\n")
    (problem,) = caught.value.problems
    assert problem.message.startswith(said)
    assert problem.line == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "schedule: {interval: 1:00}",
            "must be a duration such as 500ms, 5s, 2m or 6h",
        ),
        ("features: {saml: yes}", "must be true or false, not the text 'yes'"),
        ("proxy: off", "must be such as http://proxy.example.ac.uk:3128, not the text"),
        (
            "schedule: {concurrency: 0256}",
            "'0256' is not a plain decimal number: write p",
        ),
        (
            "site: on",
            "'on' is true or false to some YAML readers: write true or false, ",
        ),
        (
            "web: {listen: '*:9842'}",
            "must be such as 127.0.0.1:9842, [::1]:9842 or :9842",
        ),
    ],
)
def test_who_is_told_to_quote_a_word_may_do_so(load, text, said):
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert caught.value.problems[0].message.startswith(said)


@pytest.mark.parametrize(
    "typo",
    [
        "catalogue: [catalogue.yaml]\nroles: [till]",
        "catalogue: catalogue\nroles: [till]\nrules: [{id: a}]",
        "catalogue: catalogue\nschedule: {}\nrules: [{id: a}]",
        "catalogue: catalogue\nplaceholders: {bank: a.example}",
    ],
)
def test_a_key_without_its_s_makes_no_catalogue(tmp_path, typo):
    path = tmp_path / "site.yaml"
    path.write_text(f"{typo}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="'catalogue'; did you mean 'catalogues'"):
        load_site(path)


CHAIN = """catalogue: chain
placeholders:
  lport: {port: true}
  base: {example: "https://base.example", url: true}
  bank: {example: bank.example, default: DEFAULT}
  kport: {port: true, default: lport}
rules:
  - {id: till-bank, source: till, destination: {placeholder: bank}, port: 1433}
  - {id: till-kiosk, source: till, destination: {host: a.example}, port: {placeholder: kport}}
"""


@pytest.fixture
def chained(tmp_path):
    def load(default, values):
        (tmp_path / "chain.yaml").write_text(CHAIN.replace("DEFAULT", default))
        path = tmp_path / "site.yaml"
        header = "catalogues: [chain.yaml]\nroles: [till]\n"
        path.write_text(f"{header}placeholders: {values}\n", encoding="utf-8")
        return load_site(path)

    return load


def test_the_default_of_a_host_gives_no_port_even_if_it_is_a_url(chained):
    site = chained("base", '{base: "https://apps.example:8443", lport: 27000}')
    assert places(site, "till-bank") == [("apps.example", 1433, "active")]
    assert places(site, "till-kiosk") == [("a.example", 27000, "active")]


def test_a_host_has_no_port_as_its_default(chained, monkeypatch):
    with pytest.raises(ConfigError) as caught:
        chained("kport", "{lport: 27000}")
    (problem,) = caught.value.problems
    assert str(problem).endswith(
        "chain.yaml:5: placeholders.bank.default: kport is a port, and bank is none"
    )
    monkeypatch.setattr(f"{__name__}.CHAIN", CHAIN.replace("lport}", "bank}"))
    with pytest.raises(ConfigError, match="bank is no port, and kport is one"):
        chained("base", "{lport: 27000}")


@pytest.mark.parametrize(
    "wrong",
    ["optional: 5", "example: 'no host'", "example: 5", "port: true, url: true"],
)
def test_a_placeholder_that_is_declared_wrongly_is_not_unknown(chained, wrong):
    with pytest.raises(ConfigError) as caught:
        chained(f"base, {wrong}", "{bank: bank.example}")
    assert all(one.file.endswith("chain.yaml") for one in caught.value.problems)


def test_a_catalogue_that_links_to_itself_is_told_like_any_other(load, tmp_path):
    path = tmp_path / "catalogue.yaml"
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(ConfigError) as caught:
        load()
    said = f"{path}:1: cannot be read: Too many levels of symbolic links"
    assert str(caught.value) == said


def test_a_catalogue_is_no_site_file(load, tmp_path):
    path = tmp_path / "catalogue.yaml"
    with pytest.raises(ConfigError) as caught:
        load_site(path)
    (problem,) = caught.value.problems
    assert problem.path == "catalogue"
    assert problem.message == (
        "this is a catalogue: a site file names it, catalogues: [catalogue.yaml]"
    )
