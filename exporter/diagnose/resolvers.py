"""What is wrong with the resolvers: silent, wrong about every name, or cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.diagnose.common_features import are_strangers, domains_of
from exporter.diagnose.explanation import (
    Explanation,
    counted,
    extent,
    listed,
    seen_of,
    sentence,
)
from exporter.diagnose.features import domain_of
from exporter.diagnose.trouble import Trouble
from exporter.model.endpoint import name_server
from exporter.model.finding import Cause
from exporter.model.outcome import Origin
from exporter.model.rule import Transport

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.diagnose.scene import Scene
    from exporter.diagnose.symptoms import Symptom
    from exporter.model.rule import Target


def all_silent(scene: Scene) -> bool:
    """Whether each of the resolvers is silent when asked by itself."""
    known = scene.known
    watched = [known.resolvers.get((one, Transport.UDP)) for one in known.servers]
    return bool(watched) and all(up is False for up in watched)


def give_no_answer(scene: Scene, silent: Sequence[Symptom], answered: set[str]) -> bool:
    """Whether nothing was answered by the resolvers while names went without."""
    if all_silent(scene):
        return True
    if answered:
        return False
    since = min(one.since for one in silent)
    if any(_is_news(scene, one, since) for one in scene.of(Trouble.NO_NAME)):
        return False
    # One name alone may be its own servers' doing.
    several = any(one.host != silent[0].host for one in silent)
    return several or not _said_by_resolver(silent)


def _is_news(scene: Scene, missing: Symptom, since: float) -> bool:
    """Whether a resolver denied a name after others began to go without an answer."""
    latest = missing.record.latest
    return latest is not None and (
        scene.known.once or latest.finished_timestamp >= since
    )


def _said_by_resolver(silent: Iterable[Symptom]) -> bool:
    return any(" says " in one.seen.detail for one in silent)


def no_answer(scene: Scene, silent: Sequence[Symptom]) -> Explanation:
    """Resolvers that do not answer, or this host, if what leads to them is broken."""
    servers = scene.known.servers
    waiting = _waiting(scene)
    faults = [scene.known.fault(name_server(server)[0]) for server in servers]
    # While one of them can be sent to, it is not this host that keeps names away.
    if faults and None not in faults and faults[0] is not None:
        return _shut_in(servers[0], faults[0], silent, waiting)
    if all(one.seen.origin is Origin.PATH for one in silent):
        return _kept_away(scene, silent, waiting)
    said = "No usable answer comes" if _said_by_resolver(silent) else "No answer comes"
    return Explanation(
        Cause.RESOLVER,
        ", ".join(servers),
        silent,
        f"{said} from {named(servers)}: {extent(silent)}",
        "Please check these resolvers, and that this host may ask them over UDP and TCP"
        " port 53.",
        seen_of(silent) + _watched(scene),
        ("no name was answered meanwhile",),
        waiting,
    )


def _shut_in(
    server: str,
    fault: tuple[str, str],
    silent: Sequence[Symptom],
    waiting: tuple[Target, ...],
) -> Explanation:
    """No resolver is reached, for a part of this host is broken."""
    broken, detail = fault
    return Explanation(
        Cause.THIS_HOST,
        broken,
        silent,
        f"Nothing gets out of this host, for its {broken} is broken: {extent(silent)}",
        f"Please mend the {broken} of this host.",
        (f"{detail}: so no resolver is reached, such as {server}", *seen_of(silent, 1)),
        (),
        waiting,
    )


def _kept_away(
    scene: Scene, silent: Sequence[Symptom], waiting: tuple[Target, ...]
) -> Explanation:
    """No resolver is reached, for a device on the path says that it may not be."""
    servers = scene.known.servers
    return Explanation(
        Cause.PATH,
        ", ".join(servers),
        silent,
        f"A device on the path keeps questions from {named(servers)}: {extent(silent)}",
        f"Please allow UDP and TCP port 53 to {named(servers)}.",
        seen_of(silent) + _watched(scene),
        ("no name was answered meanwhile",),
        waiting,
    )


def named(servers: Sequence[str]) -> str:
    """The resolvers in words, for the middle of a sentence."""
    if not servers:
        return "the resolvers"
    return f"the resolver{'s' if len(servers) > 1 else ''} {listed(servers)}"


def _waiting(scene: Scene) -> tuple[Target, ...]:
    """What waits for a feed that cannot be fetched without names."""
    fetched = {one.known.name for one in scene.known.feeds if one.fetches}
    return tuple(t for t in scene.known.waiting if t.rule.feed not in fetched)


def _watched(scene: Scene) -> tuple[str, ...]:
    states = scene.known.resolvers.items()
    down = [f"{server} over {way.upper()}" for (server, way), up in states if not up]
    return (f"asked by themselves, silent are {listed(down)}",) if down else ()


def deny_every_name(missing: Sequence[Symptom], answered: set[str]) -> bool:
    """Whether names of unrelated domains do not exist, and no other name resolves."""
    return not answered and are_strangers(missing)


def every_name_denied(scene: Scene, missing: Sequence[Symptom]) -> Explanation:
    """Resolvers that answer, and wrongly."""
    servers = scene.known.servers
    domains = domains_of(missing)
    return Explanation(
        Cause.RESOLVER,
        ", ".join(servers),
        missing,
        f"{sentence(named(servers))} say{'s' if len(servers) == 1 else ''} of"
        f" every name that it does not exist: {extent(missing)}",
        "Please check what these resolvers answer: names of unrelated domains exist"
        " elsewhere and not here.",
        seen_of(missing),
        (f"{counted(len(domains), 'unrelated domain')}, and no name resolves",),
    )


def know_own_names_alone(
    scene: Scene, failed: Sequence[Symptom], answered: set[str]
) -> bool:
    """Whether names of strangers fail, and only an organisation's own are answered."""
    if not are_strangers(failed) or not answered:
        return False
    ours = {domain_of(name) for name in answered}
    strangers = {
        one.target.destination for one in scene.known.records if one.target.rule.public
    }
    return len(ours) == 1 and not ours & domains_of(failed) and not answered & strangers


def own_names_alone(
    scene: Scene, failed: Sequence[Symptom], answered: set[str]
) -> Explanation:
    """Resolvers that know their own names and ask nobody else, or in vain."""
    servers = scene.known.servers
    ours = domain_of(next(iter(answered)))
    does = "answers" if len(servers) == 1 else "answer"
    return Explanation(
        Cause.RESOLVER,
        ", ".join(servers),
        failed,
        f"{sentence(named(servers))} {does} for {ours}, and for no name beyond"
        f" it: {extent(failed)}",
        "Please check whom these resolvers ask for names that are not their own, and"
        " that they may do so over UDP and TCP port 53.",
        seen_of(failed),
        (
            f"{counted(len(answered), 'name')} of {ours} resolved meanwhile",
            f"names of {counted(len(domains_of(failed)), 'unrelated domain')} did not",
        ),
    )


def some_down(scene: Scene, found: Sequence[Explanation]) -> list[Explanation]:
    """Resolvers that are gone while others answer: the next to go takes all names along."""
    known = scene.known
    told = {Cause.RESOLVER, Cause.THIS_HOST}
    all_of_them = ", ".join(known.servers)
    if any(one.cause in told or one.subject == all_of_them for one in found):
        return []
    if all_silent(scene):
        return [_all_down(known.servers)]
    down = [
        s for s in known.servers if known.resolvers.get((s, Transport.UDP)) is False
    ]
    return [
        Explanation(
            Cause.RESOLVER,
            server,
            (),
            f"The resolver {server} does not answer; names resolve by the others",
            "Please check this resolver, and that this host may ask it over UDP port 53.",
            (f"asked by itself over UDP, {server} is silent",),
            ("other names resolve",),
        )
        for server in down
    ]


def _all_down(servers: Sequence[str]) -> Explanation:
    """All of them, while nothing has needed a name yet."""
    silent = "is" if len(servers) == 1 else "are"
    return Explanation(
        Cause.RESOLVER,
        ", ".join(servers),
        (),
        f"No answer comes from {named(servers)}, which no rule has missed yet",
        "Please check these resolvers, and that this host may ask them over UDP and TCP"
        " port 53.",
        (f"asked by themselves over UDP, {listed(servers)} {silent} silent",),
    )
