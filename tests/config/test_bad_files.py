"""One small bad file for each mistake, and exactly what is said of it.

Files named `catalogue-...` are read as catalogues, the others as site files; lines
that begin with a colon are of the file itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.config.catalogue import load_catalogue
from exporter.config.diagnostics import ConfigError
from exporter.config.site import load_site
from exporter.model.rule import Usage
from tests.config.standins import STAND_INS

pytestmark = pytest.mark.usefixtures("stand_ins")

BAD = Path(__file__).parent / "bad"
HELD = {"other.yaml"}  # only wrong together with another catalogue
USAGES = ", ".join(sorted(Usage))

EXPECTED = {
    "catalogue-advisory-rows.yaml": [
        ":6: rules[0].rows: an advisory rule is not in the document, so it has no rows",
    ],
    "catalogue-base60.yaml": [
        ":9: rules[0].port: '22:22' is a number in base 60 to some YAML readers: quote it",
    ],
    "catalogue-date.yaml": [
        ":13: rules[0].retired: '2024-07-01' is a date to YAML: quote it for text",
    ],
    "catalogue-default-ring.yaml": [
        ":6: placeholders.a.default: leads in a ring: a -> b -> a",
    ],
    "catalogue-default.yaml": [
        ":6: placeholders.bank.default: unknown placeholder 'depot'; allowed: bank",
    ],
    "catalogue-denial.yaml": [
        ":6: rules[0].denial[0]: unknown word 'rst'; did you mean 'reset'? allowed: reset",
    ],
    "catalogue-description-lines.yaml": [
        ":12: rules[0].description: must be one line of text, not the text 'two\\nlines'",
    ],
    "catalogue-destination-both.yaml": [
        ":8: rules[0].destination: must have exactly one of host, placeholder and mirrors",
    ],
    "catalogue-destination-none.yaml": [
        ":8: rules[0].destination: must have exactly one of host, placeholder and mirrors",
    ],
    "catalogue-destination-text.yaml": [
        ":8: rules[0].destination: must be a mapping with the keys host, placeholder, mirrors, not the text 'a.example.com'",
    ],
    "catalogue-duplicate-id.yaml": [
        ":8: rules[2].id: one is taken, by catalogue-duplicate-id.yaml:6: ids are unique over all files",
    ],
    "catalogue-example.yaml": [
        ":6: placeholders.a.example: must be a host without a port, which the rule has: 'a.example.com:1'",
        ":7: placeholders.b.example: must be a URL such as https://apps.example.ac.uk, not 'b.example.com'",
    ],
    "catalogue-host-half-address.yaml": [
        ":8: rules[0].destination.host: must be a host name or a whole IP address, not 10.0.0.256",
    ],
    "catalogue-host-idn.yaml": [
        ":8: rules[0].destination.host: must be in ASCII (an IDN is written xn--bcher-kva.example): 'bücher.example'",
    ],
    "catalogue-host-port.yaml": [
        ":8: rules[0].destination.host: must be a host without a port, which the rule has: 'a.example.com:443'",
    ],
    "catalogue-host-underscore.yaml": [
        ":8: rules[0].destination.host: must be a host name (letters, digits, hyphens, dots) or an IP address, not 'my_host.example.com'",
    ],
    "catalogue-host-url.yaml": [
        ":8: rules[0].destination.host: must be a host alone, without scheme or path: 'https://a.example.com'",
    ],
    "catalogue-id.yaml": [
        ":6: rules[0].id: must be lower-case letters, digits and single hyphens, not the text 'One_Rule'",
    ],
    "catalogue-interval-long.yaml": [
        ":13: rules[0].interval: must be longer than nothing and at most 24h, not 48h",
    ],
    "catalogue-interval-number.yaml": [
        ":13: rules[0].interval: must be a duration such as 500ms, 5s, 2m or 6h, not the number 60",
    ],
    "catalogue-interval-unit.yaml": [
        ":13: rules[0].interval: must be a duration such as 500ms, 5s, 2m or 6h, not the text '1d'",
    ],
    "catalogue-interval-zero.yaml": [
        ":13: rules[0].interval: must be longer than nothing and at most 24h, not 0s",
    ],
    "catalogue-is-a-ring.yaml": [
        ":5: roles.b.is_a: leads in a ring: b -> c -> b",
        ":7: roles.d.is_a: leads in a ring: d -> d",
    ],
    "catalogue-is-a.yaml": [
        ":4: roles.till.is_a: unknown role 'desk'; allowed: till",
    ],
    "catalogue-many.yaml": [
        ":9: rules[0].port: must be a whole number, not the text 'ssh'",
        f":11: rules[0].usage: unknown word 'mial'; did you mean 'mail'? allowed: {USAGES}",
        ":15: rules[1].source: unknown role 'tll'; did you mean 'till'? allowed: till",
        ":16: rules[1].destination.placeholder: unknown placeholder 'bank'; none is defined",
        ":21: rules[1].witness: belongs to rules with expect: deny only",
    ],
    "catalogue-mirror-list.yaml": [
        ":6: mirrors.a.url: must be a URL without user name or password",
        ":7: mirrors.b.url: must be a URL such as https://apps.example.ac.uk, not 'ftp://lists.example.org'",
        ":8: mirrors.c.url: must be a URL such as https://lists.example.org/mirrorlist?repo=os, not 'https://lists.example.org'",
        ":9: mirrors.d.format: unknown word 'metalnik'; did you mean 'metalink'? allowed: metalink, mirrorlist",
        ":9: mirrors.d.interval: must be at least 10m, not 9m",
        ":9: mirrors.d.limit: must be at most 50, not the number 51",
        ":10: mirrors.e.url: must be a URL such as https://lists.example.org/mirrorlist?repo=os, not the number 7",
    ],
    "catalogue-mirrors.yaml": [
        ":10: rules[0].destination.mirrors: unknown mirror list 'rokcy'; did you mean 'rocky'? allowed: rocky",
    ],
    "catalogue-missing-title.yaml": [
        ":1: title: is required",
    ],
    "catalogue-missing.yaml": [
        ":6: rules[0].description: is required",
        ":6: rules[0].destination: is required",
        ":6: rules[0].port: is required",
        ":6: rules[0].transport: is required",
        ":6: rules[0].usage: is required",
    ],
    "catalogue-nested-unknown.yaml": [
        ":13: rules[0].tls.server_name: must be a host name (letters, digits, hyphens, dots) or an IP address, not 'a b'",
        ":13: rules[0].tls.veryfy: unknown key 'veryfy'; did you mean 'verify'? allowed: expected_issuer, server_name, verify",
    ],
    "catalogue-no-roles.yaml": [
        ":3: roles: must not be empty",
    ],
    "catalogue-no.yaml": [
        ":13: rules[0].public: 'no' is true or false to some YAML readers: write true or false, or quote it",
    ],
    "catalogue-octal.yaml": [
        ":9: rules[0].port: '010' is not a plain decimal number: write plain digits, or quote it for text",
    ],
    "catalogue-placeholder.yaml": [
        ":10: rules[0].destination.placeholder: unknown placeholder 'banc'; did you mean 'bank'? allowed: bank",
    ],
    "catalogue-port-range.yaml": [
        ":9: rules[0].port: must be at most 65535, not the number 70000",
    ],
    "catalogue-port-text.yaml": [
        ":9: rules[0].port: must be a whole number, not the text '443'",
    ],
    "catalogue-port-zero.yaml": [
        ":9: rules[0].port: must be at least 1, not the number 0",
    ],
    "catalogue-probe-list.yaml": [
        ":13: rules[0].probe: must be a name such as https, or one with options such as {https: {path: /alive}}, not a list",
    ],
    "catalogue-probe-option-choice.yaml": [
        ":13: rules[0].probe.choosy.mode: unknown word 'sow'; did you mean 'slow'? allowed: fast, slow",
    ],
    "catalogue-probe-option-kind.yaml": [
        ":13: rules[0].probe.choosy.raw: is not allowed: Input should be a valid bytes, not the text 'x'",
    ],
    "catalogue-probe-option-missing.yaml": [
        ":13: rules[0].probe.named.account: is required",
    ],
    "catalogue-probe-option-type.yaml": [
        ":13: rules[0].probe.https.path: must be text, not the number 7",
        ":13: rules[0].probe.https.statuses[1]: must be a whole number, not true; or must be text, not true",
        ":13: rules[0].probe.https.strict: must be true or false, not the number 1",
    ],
    "catalogue-probe-option-value.yaml": [
        ":13: rules[0].probe.https: path must begin with a slash",
    ],
    "catalogue-probe-option.yaml": [
        ":13: rules[0].probe.https.paht: unknown key 'paht'; did you mean 'path'? allowed: path, patience, statuses, strict",
    ],
    "catalogue-probe-quirk.yaml": [
        ":13: rules[0].probe: 'no' is true or false to some YAML readers: write true or false, or quote it",
    ],
    "catalogue-probe-transport.yaml": [
        ":13: rules[0].probe: ntp runs over udp, not tcp",
    ],
    "catalogue-probe.yaml": [
        ":13: rules[0].probe: unknown probe 'htps'; did you mean 'https'? allowed: choosy, https, named, ntp, tcp, udp",
    ],
    "catalogue-role-name.yaml": [
        ":4: roles.Till One: must be lower-case letters, digits and single hyphens, not the text 'Till One'",
    ],
    "catalogue-rows.yaml": [
        ":13: rules[0].rows: must be a list, not the text 'A1'",
    ],
    "catalogue-rule-text.yaml": [
        ":5: rules[0]: must be a mapping with the keys id, source, destination, port, transport, probe, usage, description, section, rows, severity, owner, expect, witness, denial, interval, timeout, public, tls, addresses, retired, unverifiable, advisory, notes, not the text 'one'",
    ],
    "catalogue-rules-mapping.yaml": [
        ":5: rules: must be a list, not a mapping",
    ],
    "catalogue-severity.yaml": [
        ":13: rules[0].severity: must be one of critical, warning, info, not the number 5",
    ],
    "catalogue-source.yaml": [
        ":7: rules[0].source: unknown role 'tills'; did you mean 'till'? allowed: till",
    ],
    "catalogue-torn.yaml": [
        ":7: rules[0].source: unknown role 'tll'; did you mean 'till'? allowed: till",
        ":8: rules[0].destination.placeholder: unknown placeholder 'bnk'; did you mean 'bank'? allowed: bank",
        ":9: rules[0].port: '22:22' is a number in base 60 to some YAML readers: quote it",
        f":11: rules[0].probe: unknown probe 'shh'; allowed: {', '.join(sorted(STAND_INS))}",
        ":14: rules[1].id: one is taken, by catalogue-torn.yaml:6: ids are unique over all files",
        ":14: rules[1].transport: unknown word 'tcq'; did you mean 'tcp'? allowed: tcp, udp",
        ":14: rules[1].witness: unknown rule 'gone'; did you mean 'one'? allowed: one, three, two",
        ":15: rules[2].source: must be text, not the number 7",
        ":16: rules[3].port: must be at least 1, not the number 0",
    ],
    "catalogue-transport.yaml": [
        ":10: rules[0].transport: unknown word 'tpc'; did you mean 'tcp'? allowed: tcp, udp",
    ],
    "catalogue-unknown-key.yaml": [
        ":13: rules[0].prot: unknown key 'prot'; did you mean 'port'? allowed: addresses, advisory, denial, description, destination, expect, id, interval, notes, owner, port, probe, public, retired, rows, section, severity, source, timeout, tls, transport, unverifiable, usage, witness",
    ],
    "catalogue-unknown-top-key.yaml": [
        ":6: placeholder: unknown key 'placeholder'; did you mean 'placeholders'? allowed: catalogue, mirrors, notes, placeholders, reference, roles, rules, title",
    ],
    "catalogue-usage.yaml": [
        f":11: rules[0].usage: unknown word 'databse'; did you mean 'database'? allowed: {USAGES}",
    ],
    "catalogue-witness-allow.yaml": [
        ":7: rules[1].denial: belongs to rules with expect: deny only",
        ":7: rules[1].witness: belongs to rules with expect: deny only",
    ],
    "catalogue-witness-deny.yaml": [
        ":7: rules[1].witness: one is a deny rule itself, so its success proves no host alive",
    ],
    "catalogue-witness-elsewhere.yaml": [
        ":7: rules[1].witness: one leads to a.example.com, not to this rule's b.example.com",
    ],
    "catalogue-witness-retired.yaml": [
        ":7: rules[1].witness: one is retired, so it is never probed",
    ],
    "catalogue-witness-self.yaml": [
        ":6: rules[0].witness: a rule cannot be its own witness",
    ],
    "catalogue-witness.yaml": [
        ":7: rules[1].witness: unknown rule 'onee'; did you mean 'one'? allowed: one, two",
    ],
    "site-ca-missing.yaml": [
        ":3: tls.ca_file: nowhere.pem cannot be read: No such file or directory",
    ],
    "site-ca-no-pem.yaml": [
        ":3: tls.ca_file: site-ca-no-pem.yaml holds no certificates in PEM form",
    ],
    "site-catalogue-bad.yaml": [
        f"catalogue-usage.yaml:11: rules[0].usage: unknown word 'databse'; did you mean 'database'? allowed: {USAGES}",
        ":2: roles[0]: unknown role 'tiller'; did you mean 'till'? allowed: till",
        ":3: web.listen: must be such as 127.0.0.1:9842, [::1]:9842 or :9842, not the text 'here'",
    ],
    "site-catalogue-twice.yaml": [
        ":1: catalogues[1]: this catalogue stands here twice",
    ],
    "site-clash.yaml": [
        "other.yaml:8: rules[0].id: till-fax is taken, by ../good/catalogue.yaml:18: ids are unique over all files",
        ":1: catalogues[1]: says otherwise of placeholder bank than a catalogue before it",
        ":1: catalogues[1]: says otherwise of role till than a catalogue before it",
    ],
    "site-controls.yaml": [
        ":4: controls[0]: must be a mapping with the keys host, port, not the text '192.0.2.1:443'",
        ":5: controls[1].host: must be a host without a port, which the rule has: '192.0.2.1:443'",
        ":5: controls[1].port: is required",
        ":6: controls[2].port: must be at least 1, not the number 0",
        ":6: controls[2].transport: unknown key 'transport'; did you mean 'port'? allowed: host, port",
    ],
    "site-dns.yaml": [
        ":3: dns.search[0]: must be a host name (letters, digits, hyphens, dots) or an IP address, not 'a b'",
        ":3: dns.servers[0]: must be an IP address, with a port if it is not 53, not 'dns.example.com'",
        ":3: dns.servers[1]: must be an IP address, with a port if it is not 53, not '192.0.2.1:99999'",
    ],
    "site-listen-port.yaml": [
        ":3: web.listen: must be such as 127.0.0.1:9842, [::1]:9842 or :9842, not the text '127.0.0.1:70000'",
    ],
    "site-listen.yaml": [
        ":3: web.listen: must be such as 127.0.0.1:9842, [::1]:9842 or :9842, not the text '127.0.0.1'",
    ],
    "site-mirrors.yaml": [
        ":3: mirrors.allow_private: must be true or false, not the text 'yes please'",
    ],
    "site-missing-catalogue.yaml": [
        "nowhere.yaml:1: cannot be read: No such file or directory",
    ],
    "site-no-catalogue.yaml": [
        ":1: catalogues: must not be empty",
    ],
    "site-no-role.yaml": [
        ":2: roles: must not be empty",
    ],
    "site-override-denial.yaml": [
        ":4: overrides.till-bank.denial: belongs to rules with expect: deny only",
        ":4: overrides.till-bank.witness: belongs to rules with expect: deny only",
        ":5: overrides.shut.witness: till-bank leads to placeholder bank, not to this rule's a.example.com",
        ":6: overrides.shut-two.denial[0]: unknown word 'rst'; did you mean 'reset'? allowed: reset",
        ":7: overrides.shut-three.witness: unknown rule 'till-bnak'; did you mean 'till-bank'? allowed: office-news, shut, shut-three, shut-two, till-bank, till-depot, till-fax, till-page, till-time, till01-backup",
    ],
    "site-override-null.yaml": [
        ":4: overrides.till-bank: must be a mapping with the keys severity, owner, interval, timeout, addresses, witness, denial, tls, probe, notes, not nothing",
    ],
    "site-override-probe.yaml": [
        ":4: overrides.till-bank.probe: ntp runs over udp, not tcp",
        ":5: overrides.till-page.probe.https: path must begin with a slash",
    ],
    "site-override-timeout.yaml": [
        ":4: overrides.till-bank.timeout: must be shorter than the rule's interval in force",
        ":5: overrides.till-depot.interval: must be longer than the timeout in force",
        ":7: rules[0].interval: must be longer than the timeout in force",
        ":8: rules[1].timeout: must be shorter than the rule's interval in force",
    ],
    "site-override-tls.yaml": [
        ":4: overrides.till-bank.tls.veryfy: unknown key 'veryfy'; did you mean 'verify'? allowed: expected_issuer, server_name, verify",
    ],
    "site-override.yaml": [
        ":4: overrides.till-bnak: unknown rule 'till-bnak'; did you mean 'till-bank'? allowed: office-news, till-bank, till-depot, till-fax, till-page, till-time, till01-backup",
        ":5: overrides.till-bank.port: unknown key 'port'; allowed: addresses, denial, interval, notes, owner, probe, severity, timeout, tls, witness",
    ],
    "site-own-rule.yaml": [
        ":4: rules[0].destination.placeholder: unknown placeholder 'nobody'; allowed: bank, bank_backup, depot, shop_url",
        ":4: rules[0].id: till-bank is taken, by ../good/catalogue.yaml:13: ids are unique over all files",
    ],
    "site-placeholder-empty-list.yaml": [
        ":4: placeholders.bank: must be a host, a list of hosts, or null where it does not apply, not an empty list",
    ],
    "site-placeholder-hosts.yaml": [
        ":4: placeholders.bank[1]: must be a host alone, without scheme or path: 'http://x/'",
        ":4: placeholders.bank[2]: ok.example.com stands here twice",
        ":4: placeholders.bank[3]: ok.example.com stands here twice",
        ":5: placeholders.depot: must be an address without brackets: '[::1]'",
    ],
    "site-placeholder-number.yaml": [
        ":4: placeholders.bank: must be a host, a list of hosts, or null where it does not apply, not the number 7",
    ],
    "site-placeholder-quirk.yaml": [
        ":3: placeholders.bank: '22:22' is a number in base 60 to some YAML readers: quote it",
    ],
    "site-placeholder-url-parts.yaml": [
        ":4: placeholders.shop_url[0]: must be a URL without user name or password",
        ":4: placeholders.shop_url[1]: must be a URL of scheme, host and port only, not 'https://shop.example/page'",
        ":4: placeholders.shop_url[2]: must have a port from 1 to 65535, not 0",
        ":4: placeholders.shop_url[3]: must be a URL such as https://apps.example.ac.uk, not 'https://shop.example:x'",
        ":4: placeholders.shop_url[4]: must be a URL such as https://apps.example.ac.uk, not 'ftp://shop.example'",
        ":4: placeholders.shop_url[5]: must be a URL such as https://apps.example.ac.uk, not 'https://'",
    ],
    "site-placeholder-url.yaml": [
        ":4: placeholders.shop_url: must be a URL such as https://apps.example.ac.uk, not 'shop.example.ac.uk'",
    ],
    "site-placeholder.yaml": [
        ":3: placeholders.bnak: unknown placeholder 'bnak'; did you mean 'bank'? allowed: bank, bank_backup, depot, shop_url",
    ],
    "site-proxy-password.yaml": [
        ":3: proxy: must be a URL without user name or password",
    ],
    "site-proxy-port.yaml": [
        ":3: proxy: must be such as http://proxy.example.ac.uk:3128, with the proxy's port, not 'http://proxy.example.com'",
    ],
    "site-proxy.yaml": [
        ":3: proxy: must be such as http://proxy.example.ac.uk:3128, not the text 'proxy.example.com:3128'",
    ],
    "site-role.yaml": [
        ":2: roles[1]: unknown role 'ofice'; did you mean 'office'? allowed: office, till, till01",
    ],
    "site-schedule-timeout.yaml": [
        ":3: schedule.timeout: must be shorter than the interval",
    ],
    "site-schedule.yaml": [
        ":3: schedule.concurrency: must be at least 1, not the number 0",
        ":3: schedule.rate: must be a rate such as 200/s, not the number 200",
        ":3: schedule.timeout: must be shorter than the interval",
    ],
    "site-unknown-catalogue.yaml": [
        ":1: catalogues[0]: unknown catalogue 'appsanywere'; did you mean 'appsanywhere'? allowed: appsanywhere; or a path ending in .yaml",
    ],
    "site-unknown-key.yaml": [
        ":3: role: unknown key 'role'; did you mean 'roles'? allowed: catalogues, controls, dns, mirrors, overrides, placeholders, proxy, roles, rules, schedule, tls, web",
    ],
    "yaml-alias.yaml": [
        ":2: roles: anchors and aliases are not supported: write the value out",
        ":3: rules: anchors and aliases are not supported: write the value out",
    ],
    "yaml-anchor.yaml": [
        ":1: catalogues: anchors and aliases are not supported: write the value out",
    ],
    "yaml-control.yaml": [
        ":2: is not YAML: control characters are not allowed",
    ],
    "yaml-deep.yaml": [
        ":1: is nested deeper than 12 levels, which is the limit",
    ],
    "yaml-duplicate.yaml": [
        ":3: roles: stands here twice, first on line 2",
    ],
    "yaml-empty.yaml": [
        ":1: must be a mapping with the keys catalogues, roles, placeholders, schedule, overrides, dns, tls, proxy, mirrors, rules, controls, web, not nothing",
    ],
    "yaml-key-escape.yaml": [
        (
            r":3: \x1b[31mred: unknown key '\x1b[31mred'; allowed: "
            "catalogues, controls, dns, mirrors, overrides, placeholders, proxy, roles, "
            "rules, schedule, tls, web"
        ),
    ],
    "yaml-key.yaml": [
        ":3: a key must be text, not a list, a mapping or an alias",
    ],
    "yaml-latin1.yaml": [
        ":2: is not UTF-8 text at byte 19",
    ],
    "yaml-list.yaml": [
        ":1: must be a mapping with the keys catalogues, roles, placeholders, schedule, overrides, dns, tls, proxy, mirrors, rules, controls, web, not a list",
    ],
    "yaml-merge.yaml": [
        ":4: dns.<<: '<<' is a merge key, which is not supported: write the keys out",
    ],
    "yaml-number-key.yaml": [
        ":3: 7: a key must be text: quote it",
    ],
    "yaml-syntax.yaml": [
        ":2: is not YAML: while parsing a flow sequence did not find expected ',' or ']'",
    ],
    "yaml-tab.yaml": [
        ":2: is not YAML: a tab stands where only spaces may: indent with spaces",
    ],
    "yaml-tag.yaml": [
        ":2: roles: tags (`!name`) are not supported: quote text, leave others plain",
    ],
    "yaml-two-documents.yaml": [
        ":2: a second document begins: a file holds only one",
    ],
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_mistake_is_told_with_its_line_and_what_is_allowed(name, monkeypatch):
    monkeypatch.chdir(BAD)
    load = load_catalogue if name.startswith("catalogue") else load_site
    with pytest.raises(ConfigError) as caught:
        load(Path(name))
    told = [line.removeprefix(name) for line in str(caught.value).splitlines()]
    assert told == EXPECTED[name]


def test_no_bad_file_is_left_untried():
    assert {path.name for path in BAD.iterdir()} - HELD == set(EXPECTED)
