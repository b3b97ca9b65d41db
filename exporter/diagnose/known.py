"""What a diagnosis may rest on: everything that is known at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from exporter.model.finding import Cause
    from exporter.model.network_path import Path
    from exporter.model.rule import Key, Target, Transport
    from exporter.monitor.controls import Control
    from exporter.monitor.feed_refresh import FeedState
    from exporter.monitor.store import Record


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is known at one moment.

    Attributes:
        records: of the targets that are probed, in the order of the configuration.
        now: Unix time.
        host: this host's name.
        servers: the resolvers in use.
        resolvers: whether each answers, by its address and the transport, where it is
            watched.
        feeds: the feeds in use.
        urls: where each list is fetched, by its name.
        waiting: targets that have no host until their list is fetched.
        controls: what must not answer, and whether it does.
        documents: where each catalogue's document is published, by its name.
        owners: whose each cause is here, where the site says so.
        answering_paths: paths to what answers, by the network that it is in.
        source: the address from which this host sends to another; None if it cannot tell.
        fault: the part of this host, and how that shows, that is proven to keep packets
            to an address from leaving; None if nothing is.
        distances: how many hops away each target's answers used to come from.
        once: this was the only round, so that each name was asked for in it.
    """

    records: Sequence[Record]
    now: float
    host: str = ""
    servers: Sequence[str] = ()
    resolvers: Mapping[tuple[str, Transport], bool] = field(default_factory=dict)
    feeds: Sequence[FeedState] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    waiting: Sequence[Target] = ()
    controls: Sequence[Control] = ()
    documents: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[Cause, str] = field(default_factory=dict)
    answering_paths: Mapping[str, Path] = field(default_factory=dict)
    source: Callable[[str], str | None] = lambda _address: None
    fault: Callable[[str], tuple[str, str] | None] = lambda _address: None
    distances: Mapping[Key, int] = field(default_factory=dict)
    once: bool = False
