"""What is wrong with a web configuration file, told without its passwords.

Whatever stands where a hash belongs may be a password in the clear, and a message about
it goes to the log and to whoever asked for the reload.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.config.diagnostics import shown

if TYPE_CHECKING:
    from exporter.config.diagnostics import Problem

BCRYPT_HASH = "must be a bcrypt hash such as htpasswd -nB prints"
_USERS = "basic_auth_users"


def without_secrets(problem: Problem) -> Problem:
    """The problem, without the value that stands there if that may be a password."""
    section, _, key = problem.path.partition(".")
    said = problem.message
    if section != _USERS:
        return problem
    if not key and said.startswith("must be a mapping"):
        said = "must have, on each line, a name, a colon, a space and a bcrypt hash"
    elif _shows_value(said, key):
        said = BCRYPT_HASH
    # `alice:secret`, without a space, is a key: the name ends at its first colon.
    return replace(problem, path=problem.path.partition(":")[0], message=said)


def _shows_value(said: str, key: str) -> bool:
    """Whether a message quotes what stands at `key`, and not the key itself."""
    value = said.startswith(("'", '"', "must be text"))
    return value and not said.startswith(shown(key))
