"""Whose a cause is to mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model.finding import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exporter.model.rule import Rule

OWNERS: Mapping[Cause, str] = {
    Cause.THIS_HOST: "host",
    Cause.RESOLVER: "dns",
    Cause.NAME: "dns",
    Cause.PROXY: "proxy",
    Cause.PATH: "network",
    Cause.PATH_MTU: "network",
    Cause.MIDDLEBOX: "network",
    Cause.INTERCEPTION: "network",
    Cause.CLOCK: "host",
    Cause.EXPORTER: "host",
}
"""Where the cause says whose it is; every other is its rules' owner's."""


def owner_of(
    cause: Cause,
    rules: Iterable[Rule],
    said: Mapping[Cause, str],
    *,
    theirs: bool = False,
) -> str:
    """The owner of a cause.

    Args:
        cause: what broke.
        rules: those of what it explains.
        said: what the site says of causes.
        theirs: whether it is the rules' owner's this time, whatever the cause is else.
    """
    usual = said.get(cause, OWNERS.get(cause))
    if usual is not None and not theirs:
        return usual
    own = ", ".join(dict.fromkeys(one.owner for one in rules if one.owner))
    return own or (usual or "")
