"""A store with what tells of it, filled by hand, for tests of the expose room."""

from __future__ import annotations

import dataclasses

from exporter.http.admission import Admission
from exporter.http.handlers import Parts
from exporter.metrics.exposition import Exposition
from exporter.metrics.sources import Sources
from exporter.metrics.telemetry import Telemetry
from exporter.metrics.text_format import ExpositionFormat
from exporter.model.finding import Cause, Finding
from exporter.model.outcome import Icmp, Origin, Reason, Stage, Verdict
from exporter.model.rule import Expect, Severity, Status
from exporter.model.tls_facts import TlsError, TlsFacts, Trust
from exporter.monitor.store import Store
from tests import make

NOW = 1_780_000_000.0


class Scene:
    """Targets, what was seen of them, and the exposition over both."""

    def __init__(self, *targets):
        self.all_targets = list(targets)
        self.lag = 0.0
        self.store = Store()
        self.load = None
        self.feeds = []
        self.controls = []
        self.ledgers = []
        self.config_sha256 = ""
        self.catalogues = {}
        self.roles = ("web",)
        self.shard = None
        self.site = ""
        self.resolvers = {}
        self.admission = Admission()
        self.certificate_expiry = None
        self.sources = Sources(
            targets=lambda: self.all_targets,
            lag=lambda: self.lag,
            load=lambda: self.load,
            feeds=lambda: self.feeds,
            controls=lambda: self.controls,
            ledgers=lambda: self.ledgers,
            config_sha256=lambda: self.config_sha256,
            catalogues=lambda: self.catalogues,
            roles=lambda: self.roles,
            shard=lambda: self.shard,
            site=lambda: self.site,
            resolvers=lambda: self.resolvers,
            clients=lambda: self.admission,
            certificate_expiry=lambda: self.certificate_expiry,
        )
        self.telemetry = Telemetry(self.sources)
        self.exposition = Exposition(self.store, self.telemetry)
        self.reload()

    def reload(self, *targets):
        """Puts other targets in force."""
        if targets:
            self.all_targets = list(targets)
        active = [t for t in self.all_targets if t.status is Status.ACTIVE]
        self.store.replace(active)

    async def scrape(self, form=ExpositionFormat.TEXT):
        """The whole exposition as text."""
        return b"".join([c async for c in self.exposition.chunks(form)]).decode()

    async def lines(self, *names, form=ExpositionFormat.TEXT):
        """The sample lines of the named metrics, all per-target ones by default."""
        text = await self.scrape(form)
        wanted = tuple(f"{name}{{" for name in names) or "connectivity_rule_"
        return [line for line in text.splitlines() if line.startswith(wanted)]

    def parts(self, **changes):
        """What the server needs; nothing can be reloaded or probed."""

        async def reload():
            return []

        async def probe_now(_rule):
            return True

        parts = Parts(
            store=self.store,
            exposition=self.exposition,
            targets=lambda: self.all_targets,
            reload=reload,
            probe_now=probe_now,
            wall=lambda: NOW,
            admission=self.admission,
        )
        return dataclasses.replace(parts, **changes)


def tls(**changes):
    facts = {
        "version": "TLSv1.3",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "subject": "CN=web.example.ac.uk",
        "issuer": "CN=Example CA",
        "fingerprint_sha256": "ab" * 32,
        "expiry_timestamp": NOW + 86400 * 30,
        "chain_expiry_timestamp": NOW + 86400 * 20,
        "verified": True,
        "chain_expiry_subject": "CN=Example CA",
        "error": TlsError.NONE,
        "trust": Trust.PUBLIC,
        "intercepted": False,
    }
    return TlsFacts(**facts | changes)


EXPIRED = tls(
    expiry_timestamp=NOW - 86400 * 3,
    verified=False,
    error=TlsError.EXPIRED,
    trust=Trust.NONE,
    intercepted=None,
)


def answered(at=NOW - 10, **changes):
    facts = {
        "stage": Stage.EXCHANGE,
        "latency": 0.0123,
        "source_address": "192.0.2.100",
        "syn_retransmits": 0,
        "phases": {Stage.RESOLVE: 0.0005, Stage.CONNECT: 0.0125},
    }
    return make.result(at=at, **facts | changes)


def prohibited(verdict=Verdict.VIOLATED, at=NOW - 10, **changes):
    facts = {
        "reason": Reason.PROHIBITED,
        "origin": Origin.PATH,
        "icmp": Icmp(3, 13, "10.9.2.2"),
        "detail": "ICMP 3/13 from 10.9.2.2",
    }
    return make.result(verdict, at=at, **facts | changes)


def finding(*targets, name="f1", **changes):
    """A finding that explains the targets."""
    facts = {
        "finding": name,
        "cause": Cause.PATH,
        "subject": "10.9.2.2",
        "since": NOW - 300,
        "severity": Severity.CRITICAL,
        "owner": "network",
        "summary": "10.9.2.2 prohibits everything to port 443/tcp",
        "evidence": ("it says so",),
        "counter_evidence": (),
        "ask": "Please allow these connections.",
        "targets": tuple(target.key for target in targets),
    }
    return Finding(**facts | changes)


def populated():
    """One target of every kind: holds, violated, denied, unknown, new, and idle."""
    api = make.target("https", "api.example.ac.uk", id="api")
    database = make.target("tcp", "sql.example.ac.uk", 1433, id="database")
    closed = make.target("tcp", "inside.example.ac.uk", 9999, id="closed")
    closed = dataclasses.replace(
        closed, rule=dataclasses.replace(closed.rule, expect=Expect.DENY)
    )
    dark = make.target("udp", "dark.example.ac.uk", 514, id="dark")
    new = make.target("tcp", "new.example.ac.uk", id="new")
    unset = dataclasses.replace(make.target(id="unset"), status=Status.UNSET)
    retired = make.target(id="retired", retired="switched off in 2024")
    retired = dataclasses.replace(retired, status=Status.RETIRED)
    scene = Scene(api, database, closed, dark, new, unset, retired)
    scene.store.add(api, answered(tls=tls()))
    scene.store.add(database, answered(at=NOW - 300))
    scene.store.add(database, prohibited())
    scene.store.add(closed, prohibited(Verdict.HOLDS))
    scene.store.add(dark, make.result(Verdict.UNKNOWN, NOW, reason=Reason.UNTESTED))
    return scene
