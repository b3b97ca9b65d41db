"""Targets in states that are made by hand, for tests of what explains them."""

from __future__ import annotations

from exporter.diagnose.diagnosis import Diagnosis
from exporter.diagnose.known import Known
from exporter.model.addresses import neighbourhood
from exporter.model.network_path import Hop, Path
from exporter.model.outcome import (
    Icmp,
    Judged,
    Observation,
    Origin,
    Reason,
    Result,
    Stage,
    Verdict,
)
from exporter.model.rule import Expect, Transport
from exporter.monitor.store import Record
from tests import make

NOW = 1_780_000_000.0
SERVERS = ("192.0.2.53", "192.0.2.54")


def target(host="sql.example.ac.uk", port=1433, probe="tcp", **changes):
    """A target whose rule is named by where it leads."""
    transport = changes.setdefault("transport", Transport.TCP)
    changes.setdefault("id", f"{host}-{port}-{transport}".replace(".", "-"))
    return make.target(probe, host, port, **changes)


def address_of(host):
    """An address for each name, so that names of one domain are neighbours."""
    if host.replace(".", "").isdigit() or ":" in host:
        return host
    first, _, domain = host.partition(".")
    return (
        f"10.{len(domain)}.{sum(map(ord, domain)) % 250}.{sum(map(ord, first)) % 250}"
    )


def seen(at, reason=Reason.ANSWERED, stage=None, **changes):
    """What was seen at an address."""
    if stage is None:
        stage = Stage.EXCHANGE if reason is Reason.ANSWERED else Stage.CONNECT
    facts = {"phases": {Stage.RESOLVE: 0.002}, "detail": f"{reason} at {stage}"}
    return Observation(at, stage, reason, **facts | changes)


def record(to, *sightings, verdict=None, path=None, at=NOW - 60):
    """A target with the observations of its addresses, the first of which decides."""
    known = Record(to)
    sightings = sightings or (seen(address_of(to.destination)),)
    verdict = verdict or _verdict(to, sightings[0])
    judged = tuple(Judged(one, _verdict(to, one)) for one in sightings)
    known.add(Result(verdict, sightings[0], judged, 0.01, at))
    known.path = path
    return known


def _verdict(to, one):
    if one.reason in {Reason.UNTESTED, Reason.LOCAL_FAULT, Reason.BUG}:
        return Verdict.UNKNOWN
    good = (one.reason is Reason.ANSWERED) == (to.rule.expect is Expect.ALLOW)
    return Verdict.HOLDS if good else Verdict.VIOLATED


def holds(to, **changes):
    return record(to, seen(address_of(to.destination), **changes))


def silent(to, behind=(), at=NOW - 60):
    """Nothing came back; the routers that spoke, in order."""
    hops = tuple(Hop(n, one) for n, one in enumerate(behind, 1))
    last = behind[-1] if behind else ""
    path = Path(hops, None, None, last, len(behind)) if behind else None
    one = seen(
        address_of(to.destination), Reason.TIMEOUT, detail="no answer within 5 s"
    )
    return record(to, one, path=path, at=at)


def prohibited(to, by="10.0.0.1", reason=Reason.PROHIBITED):
    """A device on the path said no."""
    icmp = Icmp(3, 13, by)
    detail = f"a device on the path ({by}) says: no"
    at = address_of(to.destination)
    one = seen(at, reason, origin=Origin.PATH, icmp=icmp, detail=detail)
    return record(to, one)


def refused(to):
    """A reset came back, whose is not known."""
    return record(to, seen(address_of(to.destination), Reason.REFUSED))


def unresolved(
    to,
    reason=Reason.DNS_FAILURE,
    detail="no usable answer: no answer",
    origin=Origin.NOBODY,
    **when,
):
    """The name was not found."""
    one = seen("", reason, Stage.RESOLVE, detail=detail, origin=origin)
    return record(to, one, **when)


def way(to, *hops):
    """The path to something that answers, for comparison, by its network."""
    steps = tuple(Hop(n, one) for n, one in enumerate(hops, 1))
    end = len(hops) + 1
    path = Path(steps, end, Reason.ANSWERED, hops[-1], len(hops))
    return {neighbourhood(address_of(to.destination)): path}


def known(*records, **changes):
    """Everything that is known, of one round."""
    facts = {"servers": SERVERS, "host": "probe.example.ac.uk", "once": True}
    return Known(list(records), NOW, **facts | changes)


def explain(*records, **changes):
    """What explains them."""
    return Diagnosis().update(known(*records, **changes))


def told(found):
    """Cause, subject and the hosts of each finding's targets."""
    return [
        (str(one.cause), one.subject, sorted({host for _, _, host, _ in one.targets}))
        for one in found
    ]
