"""Devices that answer in everybody's name must not pass for what they answer for.

Every protocol's rule leads to an address without any server behind the device, and
to each kind of device: none of them makes a rule that speaks its protocol hold. For
bare TCP only a negative control tells, and it does.
"""

from __future__ import annotations

import contextlib

import pytest

from exporter.probes.protocols import PROBERS
from tests.lab import command
from tests.lab.middlebox import Middlebox

pytestmark = pytest.mark.lab

NOBODY = "10.9.20.250"
"""An address of the lab that no machine has."""
CONTROL = "192.0.2.1"
"""An address that nobody has anywhere (RFC 5737)."""
TALKING = sorted(
    name for name, one in PROBERS.items() if "tcp" in one.transports and name != "tcp"
)
# What each kind of device may look like; never the service.
DEVICES = {
    "mute": {"timeout"},
    "closing": {"closed", "reset"},
    "closing-on-data": {"closed", "reset", "timeout"},
    "resetting": {"reset"},
    "resetting-on-data": {"reset", "timeout"},
    "garbage": {"malformed", "closed", "timeout", "reset"},
}


def rule(identifier, probe, port, **more):
    return {
        "id": identifier,
        "source": "appsanywhere",
        "destination": {"host": NOBODY},
        "port": port,
        "transport": "tcp",
        "probe": probe,
        "usage": "vendor-api",
        "description": "Something behind a device",
        **more,
    }


BARE = rule("bare", "tcp", 7000)
SHUT = rule("shut", "tcp", 7001, expect="deny")
SHUT_WEB = rule("shut-web", "https", 7002, expect="deny")
RULES = [rule(f"talk-{name}", name, 7100 + i) for i, name in enumerate(TALKING)]


def look(lab, rules, **site):
    """What is told of each rule: verdict, reason, detail."""
    more = {"schedule": {"interval": "5s", "timeout": "1500ms"}, "placeholders": {}}
    file = lab.site("middlebox.yaml", rules=rules, **{**more, **site})
    told = command.check(lab, file, *(one["id"] for one in rules))
    return {
        name: tuple(target[k] for k in ("verdict", "reason", "detail"))
        for name, target in told.items()
    }


@contextlib.contextmanager
def device(lab, behaviour, *places):
    with Middlebox(lab, behaviour) as box, contextlib.ExitStack() as taken:
        for place in places:
            taken.enter_context(box.takes(place))
        yield box


@pytest.mark.parametrize("behaviour", DEVICES)
def test_no_protocol_takes_a_device_for_its_service(lab, behaviour):
    with device(lab, behaviour, NOBODY):
        told = look(lab, [*RULES, BARE])
    assert told["bare"][:2] == ("holds", "answered"), "the device does not answer"
    assert {"https", "ssh", "smtp", "ldaps", "smb", "mssql"} < set(TALKING)
    for one in RULES:
        verdict, reason, _ = told[one["id"]]
        assert verdict == "violated"
        assert reason in DEVICES[behaviour], (one["id"], told[one["id"]])


def test_a_block_page_is_told_by_its_status_and_by_who_sent_it(lab):
    strict = {"http": {"expect_status": ["2xx"]}}
    with device(lab, "block-page", NOBODY):
        told = look(lab, [rule("page", strict, 80), rule("any", "http", 80)])
    verdict, reason, detail = told["page"]
    assert (verdict, reason) == ("violated", "rejected")
    assert "HTTP 403, server: filter, via: 1.1 filter.uni.edu" in detail
    assert told["any"][1] == "answered"


def test_a_captive_portal_is_told_by_where_it_leads(lab):
    strict = {"http": {"location": ["vendor.example"]}}
    with device(lab, "portal", NOBODY):
        told = look(lab, [rule("portal", strict, 80)])
    verdict, reason, detail = told["portal"]
    assert (verdict, reason) == ("violated", "rejected")
    assert "location: http://portal.uni.edu/login, which leads away" in detail


# Public rules of the catalogue over plain HTTP, and those of them that ask for a file.
FILES = {
    "appsanywhere-remi-http": "rpms.remirepo.net",
    "appsanywhere-remi-list": "cdn.remirepo.net",
    "appsanywhere-console-http": "appsanywhereresources.blob.core.windows.net",
}
PUBLIC = FILES | {
    "appsanywhere-vinters-http": "mirrors.vinters.com",
    "appsanywhere-icon-api": "api.appsanywhere.com",
}


@pytest.mark.parametrize(
    ("behaviour", "rules"),
    [("portal", PUBLIC), ("block-page", PUBLIC), ("portal-page", FILES)],
)
def test_what_answers_in_their_place_breaks_the_catalogues_public_hosts(
    lab, behaviour, rules
):
    site = lab.site(f"{behaviour}.yaml", schedule={"timeout": "1500ms"})
    with device(lab, behaviour, *rules.values()):
        captured = command.check(lab, site, *rules)
    free = command.check(lab, site, *rules)
    assert {one["reason"] for one in captured.values()} == {"rejected"}
    assert {one["verdict"] for one in free.values()} == {"holds"}


CONTROLS = [{"host": CONTROL, "port": 443}, {"host": NOBODY, "port": 7003}]


def test_a_control_that_answers_makes_bare_handshakes_untested(lab):
    rules = [BARE, SHUT, SHUT_WEB]
    with device(lab, "mute", NOBODY, CONTROL):
        without = look(lab, rules)
        told = look(lab, rules, controls=CONTROLS)
    assert {name: verdict for name, (verdict, _, _) in without.items()} == {
        "bare": "holds",
        "shut": "violated",
        "shut-web": "violated",
    }
    for verdict, reason, detail in told.values():
        assert (verdict, reason) == ("unknown", "untested")
        assert f"control {CONTROL}:443 answers" in detail


def test_a_control_that_stays_silent_changes_nothing(lab):
    with device(lab, "mute", NOBODY):
        told = look(lab, [BARE, SHUT], controls=CONTROLS[:1])
    assert told["bare"][:2] == ("holds", "answered")
    assert told["shut"][:2] == ("violated", "answered")


def test_what_a_protocol_answered_is_believed_whatever_a_control_does(lab):
    with device(lab, "mute", CONTROL):
        site = lab.site("believed.yaml", controls=CONTROLS[:1])
        told = command.check(lab, site, "appsanywhere-icon-api")
    assert told["appsanywhere-icon-api"]["verdict"] == "holds"


def test_the_service_tells_of_its_controls_as_they_change(lab):
    metric = "connectivity_exporter_control_answered"
    key = (("destination", CONTROL), ("port", "443"))
    site = lab.site(
        "controls.yaml",
        rules=[rule("tcp-web", "tcp", 80) | {"destination": {"host": "10.9.20.33"}}],
        controls=CONTROLS[:1],
        schedule={"interval": "5s", "timeout": "1s"},
        web=command.WEB,
    )
    with command.serving(lab, site) as service:

        def satisfied():
            return service.of_rule("connectivity_rule_satisfied", "tcp-web")

        service.until(lambda: service.values(metric).get(key) == 0)
        service.until(lambda: satisfied() == 1)
        with device(lab, "mute", CONTROL):
            service.until(lambda: service.values(metric)[key] == 1)
            service.until(lambda: satisfied() is None)
            assert f"{CONTROL}:443/tcp" in service.get("/")
            reachable = service.of_rule("connectivity_rule_reachable", "tcp-web")
            assert reachable is None
        service.until(lambda: satisfied() == 1)
