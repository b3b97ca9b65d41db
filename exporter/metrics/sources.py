"""What the exporter's own metrics are read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.config.sharding import Shard
    from exporter.model.ledger import Ledger
    from exporter.model.rule import Target, Transport
    from exporter.monitor.controls import Control
    from exporter.monitor.feed_refresh import FeedState


class Load(Protocol):
    """What the scheduler says of itself: probes under way, possible, left out."""

    in_flight: int
    slots: int
    skipped: int


class Clients(Protocol):
    """What the HTTP server says of its clients, by the labels of the families."""

    @property
    def connections(self) -> Mapping[str, int]:
        """How many there are, by class."""

    @property
    def rejected(self) -> Mapping[tuple[str, str], int]:
        """How many were turned away or cut off, by class and reason."""

    @property
    def handshake_failures(self) -> Mapping[str, int]:
        """How many TLS handshakes failed, by reason."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What the exporter's own metrics are read from, at the moment of a scrape.

    Attributes:
        targets: all targets of the configuration in force, whatever their status.
        lag: seconds by which the event loop woke up late the last time.
        load: the scheduler, None where nothing is scheduled.
        feeds: the feeds in use.
        controls: what must not answer, and whether it does.
        ledgers: what became of the requirements of catalogues that keep account.
        config_sha256: of the site file in force, empty where there is none.
        catalogues: the SHA-256 of each catalogue in force, by its name.
        roles: the source roles that this host plays.
        shard: the part of their targets that is probed from here, None for all of them.
        site: the label on every series, empty for none.
        resolvers: whether each answers, by its address and the transport.
        clients: of the HTTP server, None where nothing is served.
        certificate_expiry: end of validity of its certificate, None without TLS.
    """

    targets: Callable[[], Sequence[Target]]
    lag: Callable[[], float]
    load: Callable[[], Load | None] = lambda: None
    feeds: Callable[[], Sequence[FeedState]] = lambda: ()
    controls: Callable[[], Sequence[Control]] = lambda: ()
    ledgers: Callable[[], Sequence[Ledger]] = lambda: ()
    config_sha256: Callable[[], str] = str
    catalogues: Callable[[], Mapping[str, str]] = dict
    roles: Callable[[], Sequence[str]] = lambda: ()
    shard: Callable[[], Shard | None] = lambda: None
    site: Callable[[], str] = str
    resolvers: Callable[[], Mapping[tuple[str, Transport], bool]] = dict
    clients: Callable[[], Clients | None] = lambda: None
    certificate_expiry: Callable[[], float | None] = lambda: None
