"""Exactly which alerts fire, in fleets as they are: two hosts of a role, three sites.

Each story is replayed by promtool with all shipped rules; all that is told at some
minutes is compared, whole. Routes are tried by test_routing.py on the same labels, and
the time between by tests/lab/test_paging.py.
"""

from __future__ import annotations

import pytest

from tests.alerts.topology import (
    ALWAYS,
    PROHIBITED,
    REFUSED,
    Topology,
    during,
    never,
)

SITES = ("north", "south", "east")
USAGES = {"db": "database", "mail": "mail", "api": "vendor-api", "lic": "licensing"}
FIREWALL = "10.9.2.2"


def fleet(world, **faults):
    """Two hosts of the role web at each site; by (site, rule), more of a rule.

    Args:
        world: where they are.
        faults: by site, by rule, arguments of `Host.rule`; by `silent`, by instance,
            when its exporter does not answer.
    """
    silent = faults.pop("silent", {})
    hosts = {}
    for site in SITES:
        for one in "ab":
            name = f"{site}-{one}:9842"
            host = world.host(name, silent=silent.get(name, never), site=site)
            for rule, usage in USAGES.items():
                host.rule(rule, usage, **faults.get(site, {}).get(rule, {}))
            host.rule("ntp", "time", severity="warning", owner="timekeepers")
            hosts[site, one] = host
    return hosts


def found(hosts, site, cause, subject, when, *usages, **about):
    """Both hosts of a site find the same."""
    for one in "ab":
        hosts[site, one].finding("f1", cause, subject, when, *usages, **about)


def a_dead_exporter_in_an_outage():
    world = Topology(90)
    broken = {"broken": during(10, ALWAYS), "seen": PROHIBITED, "finding": "f1"}
    dead = during(30, ALWAYS)
    hosts = fleet(
        world,
        north={"db": broken},
        silent={"north-b:9842": dead},
    )
    hosts["north", "a"].finding("f1", "path", FIREWALL, during(10, ALWAYS), "database")
    hosts["north", "b"].finding("f1", "path", FIREWALL, during(10, 30), "database")
    page, ticket = (
        "critical Finding network site=north",
        "warning ExporterDown site=north",
    )
    return world, {9: [], 14: [page], 40: [page, ticket], 88: [page, ticket]}


def both_exporters_dead_in_an_outage():
    world = Topology(80)
    broken = {"broken": during(10, ALWAYS), "seen": PROHIBITED, "finding": "f1"}
    dead = during(30, ALWAYS)
    silent = {f"north-{one}:9842": dead for one in "ab"}
    hosts = fleet(world, north={"db": broken}, silent=silent)
    found(hosts, "north", "path", FIREWALL, during(10, ALWAYS), "database")
    page = "critical Finding network site=north"
    return world, {14: [page], 40: [page, "critical ExporterDown site=north 2"]}


def an_outage_that_grows():
    world = Topology(100)
    spans = {"db": (10, 75), "mail": (25, 70), "api": (40, 65), "lic": (40, 65)}
    broken = {
        rule: {"broken": during(*span), "hop": "10.4.4.4", "finding": "f1"}
        for rule, span in spans.items()
    }
    hosts = fleet(world, south=broken)
    found(hosts, "south", "path", "10.4.4.4", during(10, 75), "database")
    page = ["critical Finding network site=south"]
    return world, {9: [], 14: page, 30: page, 50: page, 68: page, 74: page, 90: []}


def maintenance_of_a_site_while_another_breaks():
    world = Topology(90)
    muted = {
        rule: {"broken": during(30, 50), "muted": during(20, 60)} for rule in USAGES
    }
    api = {"broken": during(40, ALWAYS), "seen": REFUSED, "finding": "f1"}
    hosts = fleet(world, north=muted, east={"api": api})
    service = ("service", "api.example.org:443", during(40, ALWAYS), "vendor-api")
    found(hosts, "east", *service, owner="vendor")
    page = ["critical Finding vendor site=east"]
    return world, {35: [], 39: [], 46: page, 55: page, 80: page}


def the_internet_gone_everywhere():
    world = Topology(60)
    lost = during(10, ALWAYS)
    public = {"broken": lost, "hop": "10.1.0.254", "finding": "f1"}
    faults = {site: {"api": public, "lic": public} for site in SITES}
    hosts = fleet(world, **faults)
    for site in SITES:
        found(hosts, site, "path", "10.1.0.254", lost, "vendor-api", "licensing")
    pages = [f"critical Finding network site={site}" for site in SITES]
    return world, {14: pages, 58: pages}


def slow_flapping():
    world = Topology(240)

    def down(minute):
        return minute >= 10 and (minute - 10) % 12 < 5

    mail = {"broken": down, "seen": REFUSED, "finding": "f1"}
    hosts = fleet(world, east={"mail": mail})
    found(hosts, "east", "service", "mail.example.org:443", down, owner="mailers")
    page = "critical Finding mailers site=east"
    ticket = "warning RuleFlapping vendor site=east usage=mail"
    both = [page, ticket]
    return world, {130: both, 157: both, 180: both, 203: both, 236: both}


def a_new_rule_that_never_worked():
    world = Topology(90)
    new = {"broken": during(5, ALWAYS), "proven": False, "finding": "f1"}
    hosts = fleet(world, **{site: {"lic": new} for site in SITES})
    for site in SITES:
        to_open = ("never_proven", "licensing", during(5, ALWAYS), "licensing")
        found(hosts, site, *to_open, severity="warning")
    tickets = [
        f"warning RuleNeverHeld network site={site} usage=licensing" for site in SITES
    ]
    return world, {14: [], 30: tickets, 88: tickets}


def an_older_thresholds_file():
    world = Topology(60, without="flap|burn|tls_expiry|destination_down|objective")
    broken = {"broken": during(10, ALWAYS), "seen": PROHIBITED, "finding": "f1"}
    hosts = fleet(world, south={"db": broken})
    found(hosts, "south", "path", FIREWALL, during(10, ALWAYS), "database")
    return world, {9: [], 14: ["critical Finding network site=south"]}


def what_must_stay_shut_opens_at_one_site():
    world = Topology(40)
    hosts = fleet(world)
    for (site, one), host in hosts.items():
        opened = during(12, ALWAYS) if (site, one) == ("east", "a") else never
        host.rule("shut", "administration", expect="deny", broken=opened, owner="soc")
    page = "critical ForbiddenPathOpen soc site=east usage=administration"
    return world, {11: [], 15: [page], 38: [page]}


def two_prometheus_servers_whose_label_stays():
    world = Topology(40)
    broken = during(10, ALWAYS)
    for replica in "xy":
        for one in "ab":
            host = world.host(f"{one}:9842", replica=replica)
            seen = {"broken": broken, "seen": PROHIBITED, "hop": FIREWALL}
            host.rule("db", "database", **seen, finding="f1")
            host.rule("w", "mail", broken=broken, muted=during(0, 40))
            for rule in ("mail", "api", "lic"):
                host.rule(rule, USAGES[rule])
            host.finding("f1", "path", FIREWALL, broken, "database")
            host.add("connectivity_exporter_config_info", {"sha256": "00"}, lambda _: 1)
            roles = {"source_roles": "web"}
            host.add("connectivity_exporter_roles_info", roles, lambda _: 1)
    pages = [f"critical Finding network replica={replica}" for replica in "xy"]
    return world, {14: pages, 38: pages}


def two_roles_of_one_host_are_one_witness():
    world = Topology(40)
    host = world.host("a:9842")
    seen = {"broken": during(10, ALWAYS), "hop": "10.1.0.9", "owner": "dba"}
    for role in ("web", "batch"):
        host.rule(f"{role}-db", "database", host="db", role=role, **seen)
        for rule in ("mail", "api", "lic"):
            host.rule(f"{role}-{rule}", USAGES[rule], role=role)
    # By rule, of either role; nothing that says the destination is down.
    page = "critical RuleViolated dba usage=database 2"
    return world, {15: [page], 38: [page]}


def an_exporter_started_anew_in_an_outage():
    """It no longer knows that the rule ever held; Prometheus does."""
    world = Topology(90)
    host = world.host("a:9842", silent=during(30, 31))
    for rule in ("mail", "api", "lic"):
        host.rule(rule, USAGES[rule])
    host.rule(
        "db",
        "database",
        broken=during(10, ALWAYS),
        seen=REFUSED,
        owner="dba",
        held=during(0, 30),
        known=lambda minute: not 31 <= minute < 33,
    )
    page = ["critical RuleViolated dba usage=database"]
    return world, {15: page, 29: page, 32: page, 36: page, 60: page, 88: page}


def every_fourth_scrape_lost():
    world = Topology(80)
    broken = during(20, ALWAYS)
    for one in "ab":
        host = world.host(f"{one}:9842", silent=lambda minute: minute % 4 == 3)
        host.rule("db", "database", broken=broken, hop="10.1.1.1", finding="f1")
        for rule in ("mail", "api", "lic"):
            host.rule(rule, USAGES[rule])
        host.finding("f1", "path", "10.1.1.1", broken, "database")
    page = "critical Finding network"
    unstable = "warning ExporterUnstable 2"
    both = [page, unstable]
    return world, {30: both, 31: both, 50: both, 79: both}


def the_same_usage_at_two_sites_of_other_weight():
    """What is a ticket at one site is not told by the page of another."""
    world = Topology(40)
    for site, severity in (("north", "critical"), ("south", "warning")):
        host = world.host(f"{site}:9842", site=site)
        for rule in ("mx1", "mx2"):
            host.rule(rule, "mail", broken=during(10, ALWAYS), severity=severity)
        for rule in ("db", "api", "lic"):
            host.rule(rule, USAGES[rule])
    page = "critical UsageDown vendor site=north usage=mail"
    ticket = "warning UsageDown vendor site=south usage=mail"
    return world, {15: [page, ticket], 38: [page, ticket]}


def a_role_gone_at_one_site_while_its_exporter_is_dead_at_another():
    world = Topology(60)
    for site in SITES:
        gone = 20 if site == "north" else ALWAYS
        dead = during(15, ALWAYS) if site == "south" else never
        host = world.host(f"{site}:9842", silent=dead, gone=gone, site=site)
        for rule, usage in USAGES.items():
            host.rule(rule, usage)
    missing = "critical RoleMissing site=north"
    down = "critical ExporterDown site=south"
    return world, {14: [], 40: [missing, down], 58: [missing, down]}


def an_outage_that_gets_another_name():
    """First refused on the path, then names are not to be had either."""
    world = Topology(70)
    hosts = fleet(
        world,
        south={
            rule: {"broken": during(10, 60), "hop": FIREWALL, "finding": "f1"}
            for rule in USAGES
        },
    )
    found(hosts, "south", "path", FIREWALL, during(10, 30), *USAGES.values())
    names = ("resolver", "10.0.0.53", during(30, 60))
    found(hosts, "south", *names, *USAGES.values(), owner="dns")
    page = ["critical Finding network site=south"]
    return world, {14: page, 29: page, 33: page, 38: page, 58: page, 69: []}


def the_critical_part_of_a_cause_mended():
    """What is left is a ticket, as it was before."""
    world = Topology(100)
    host = world.host("a:9842")
    seen = {"seen": PROHIBITED, "finding": "f1"}
    host.rule("db", "database", broken=during(30, 60), **seen)
    host.rule("ntp", "time", severity="warning", broken=during(10, ALWAYS), **seen)
    for rule in ("mail", "api", "lic"):
        host.rule(rule, USAGES[rule])
    host.finding("f1", "path", FIREWALL, during(30, 60), "database", "time")
    mild = during(10, 30, 60, ALWAYS)
    host.finding("f1", "path", FIREWALL, mild, "time", severity="warning")
    page, ticket = "critical Finding network", "warning Finding network"
    return world, {14: [ticket], 36: [page], 59: [page], 70: [ticket], 98: [ticket]}


def one_of_a_pair_not_yet_upgraded():
    """It tells no findings; its peer names the firewall that refuses both."""
    world = Topology(60)
    seen = {"broken": during(10, 50), "seen": PROHIBITED, "hop": FIREWALL}
    for one, finding in (("a", "f1"), ("b", "")):
        host = world.host(f"{one}:9842")
        host.rule("db", "database", finding=finding, **seen)
        for rule in ("mail", "api", "lic"):
            host.rule(rule, USAGES[rule])
        if finding:
            host.finding("f1", "path", FIREWALL, during(10, 50), "database")
    page = ["critical Finding network"]
    return world, {14: page, 20: page, 49: page, 58: []}


def the_same_address_in_two_clusters():
    """As of pods: what answers in one cluster is no proof for the other."""
    world = Topology(70)
    for cluster in ("dev", "prod"):
        prod = cluster == "prod"
        silent = during(20, 40) if prod else never
        host = world.host("10.42.0.5:9842", silent=silent, cluster=cluster)
        broken = during(10, ALWAYS) if prod else never
        host.rule("db", "database", broken=broken, seen=PROHIBITED, hop=FIREWALL)
        for rule in ("mail", "api", "lic"):
            host.rule(rule, USAGES[rule])
    page, down = "critical PathBroken network", "critical ExporterDown"
    return world, {19: [page], 32: [page, down], 39: [page, down], 60: [page]}


def a_site_named_by_the_exporter_itself():
    """Its `up` has no such label."""
    world = Topology(60)
    host = world.host("a:9842", silent=during(20, 40), own={"site": "north"})
    host.rule("db", "database", broken=during(10, ALWAYS), owner="dba")
    for rule in ("mail", "api", "lic"):
        host.rule(rule, USAGES[rule])
    page = "critical RuleViolated dba site=north usage=database"
    down = "critical ExporterDown site=north"
    return world, {15: [page], 32: [page, down], 38: [page, down], 58: [page]}


def an_alternative_that_is_enough():
    """Neither a ticket for what is not needed, nor a page that outlives the need."""
    world = Topology(90)
    for one, healed in (("a", 0), ("b", 30)):
        host = world.host(f"{one}:9842", role=one)
        host.rule("main", "mail", broken=during(10, healed))
        spare = {"broken": during(10, ALWAYS), "known": during(0, 10, 10, healed)}
        host.rule("spare", "mail", **spare)
        needed = {"rule": "spare", "source_role": one, "usage": "mail", "port": "443"}
        where = {"destination": "spare.example.org", "protocol": "tcp"}
        instead = lambda m, healed=healed: 1 if m >= max(10, healed) else None  # noqa: E731 - one line says it
        named = {"instead": "main"}
        host.add("connectivity_rule_not_needed", needed | where | named, instead)
        for rule in ("db", "api", "lic"):
            host.rule(rule, USAGES[rule])
    page = ["critical UsageDown vendor usage=mail"]
    return world, {15: page, 29: page, 40: [], 60: [], 88: []}


def an_outage_that_shrinks_and_no_finding_tells():
    """What is left is told by the wide alert until its own fires."""
    world = Topology(80)
    host = world.host("a:9842")
    for rule, usage in USAGES.items():
        until = 60 if rule == "db" else 30
        host.rule(rule, usage, broken=during(10, until), owner="dba")
    wide = ["critical RoleEgressDown network"]
    left = "critical RuleViolated dba usage=database"
    both = [*wide, left]
    told = dict.fromkeys(range(30, 38), wide)
    return world, told | {14: wide, 39: both, 48: [left], 59: [left], 70: []}


def what_held_is_unknown_for_hours():
    """Whatever the finding is called that says so and is told to nobody."""
    world = Topology(150)
    hosts = fleet(world)
    lost = during(20, ALWAYS)
    causes = {
        "unproven": ("application-services", "info"),
        "never_proven": ("directory", "warning"),
        "exporter": ("administration", "critical"),
    }
    for one in "ab":
        host = hosts["east", one]
        for cause, (usage, severity) in causes.items():
            known = {"broken": lost, "known": during(0, 20), "finding": cause}
            host.rule(f"app-{cause}", usage, **known)
            host.finding(cause, cause, "app:443", lost, usage, severity=severity)
    tickets = [
        f"warning VerdictUnknown site=east usage={usage}"
        for usage, _ in causes.values()
    ]
    return world, {30: [], 60: tickets, 100: tickets, 148: tickets}


def a_new_rule_whose_cause_is_known():
    """The firewall that refuses it is no outage until it refuses what held before."""
    world = Topology(120)
    hosts = fleet(world)
    old, new = during(60, 90), during(10, ALWAYS)
    for one in "ab":
        host = hosts["north", one]
        refused = {"seen": PROHIBITED, "finding": "f9"}
        host.rule("new", "analytics", broken=new, proven=False, **refused)
        host.rule("old", "directory", broken=old, **refused)
        host.finding("f9", "path", FIREWALL, new, "analytics")
        host.finding("f9", "path", FIREWALL, old, "directory")
    ticket = ["warning RuleNeverHeld network site=north usage=analytics"]
    page = "critical Finding network site=north"
    return world, {30: ticket, 58: ticket, 66: [page, *ticket], 89: [page], 118: ticket}


def a_milder_rule_lost_beside_what_never_held():
    """What is lost decides how urgent it is, not what is to be opened."""
    world = Topology(60)
    host = world.host("a:9842")
    refused = {"seen": PROHIBITED, "finding": "f1"}
    host.rule("new", "analytics", broken=during(5, ALWAYS), proven=False, **refused)
    host.rule("ntp", "time", broken=during(30, ALWAYS), severity="warning", **refused)
    for rule in ("mail", "api", "lic"):
        host.rule(rule, USAGES[rule])
    host.finding("f1", "path", FIREWALL, during(5, ALWAYS), "analytics")
    host.finding("f1", "path", FIREWALL, during(30, ALWAYS), "time")
    opened = "warning RuleNeverHeld network usage=analytics"
    return world, {28: [opened], 58: ["warning Finding network"]}


def a_clock_that_only_certificates_tell_of():
    """None of their owners can do anything about it."""
    world = Topology(60)
    host = world.host("a:9842")
    wrong = during(10, ALWAYS)
    for vendor in ("one", "two", "three"):
        name = f"app-{vendor}"
        host.rule(name, "vendor-api", owner=vendor, finding="c1", reserved=wrong)
        where = {"rule": name, "source_role": "web", "usage": "vendor-api"}
        where |= {"destination": f"{name}.example.org", "port": "443"}
        bad = lambda minute: int(not wrong(minute))  # noqa: E731 - one line says it
        verified = where | {"protocol": "tcp"}
        host.add("connectivity_rule_tls_verified", verified, bad)
    host.finding("c1", "clock", "this host", wrong, "vendor-api", owner="host")
    return world, {9: [], 30: ["warning Finding host"], 58: ["warning Finding host"]}


def pods_replaced_in_an_outage():
    """The new ones never saw it hold; those before them did."""
    world = Topology(90)
    for old, new, at in (("a0", "a1", 30), ("b0", "b1", 33)):
        for one in (old, new):
            before = one == old
            there = {"gone": at} if before else {"born": at}
            host = world.host(f"{one}:9842", **there)
            seen = {"broken": during(10, ALWAYS), "seen": REFUSED, "finding": "f1"}
            host.rule("db", "database", **seen, held=lambda _, old=before: old)
            for rule in ("mail", "api", "lic"):
                host.rule(rule, USAGES[rule])
            host.finding("f1", "service", "db:443", during(10, ALWAYS), "database")
    page = ["critical Finding network"]
    return world, {14: page, 29: page, 40: page, 60: page, 88: page}


STORIES = (
    a_dead_exporter_in_an_outage,
    both_exporters_dead_in_an_outage,
    an_outage_that_grows,
    maintenance_of_a_site_while_another_breaks,
    the_internet_gone_everywhere,
    slow_flapping,
    a_new_rule_that_never_worked,
    an_older_thresholds_file,
    what_must_stay_shut_opens_at_one_site,
    two_prometheus_servers_whose_label_stays,
    two_roles_of_one_host_are_one_witness,
    an_exporter_started_anew_in_an_outage,
    every_fourth_scrape_lost,
    the_same_usage_at_two_sites_of_other_weight,
    a_role_gone_at_one_site_while_its_exporter_is_dead_at_another,
    an_outage_that_gets_another_name,
    the_critical_part_of_a_cause_mended,
    one_of_a_pair_not_yet_upgraded,
    the_same_address_in_two_clusters,
    a_site_named_by_the_exporter_itself,
    an_alternative_that_is_enough,
    an_outage_that_shrinks_and_no_finding_tells,
    what_held_is_unknown_for_hours,
    a_new_rule_whose_cause_is_known,
    a_milder_rule_lost_beside_what_never_held,
    a_clock_that_only_certificates_tell_of,
    pods_replaced_in_an_outage,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_exactly_this_is_told(story, tmp_path):
    world, expected = story()
    said = world.replay(tmp_path, expected)
    assert not said, said
