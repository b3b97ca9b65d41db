"""Who may ask: users with passwords, and no page of somebody else's.

Passwords are compared with their bcrypt hashes in one thread, so that a flood of
guesses costs one core at most and never the event loop; what was found right is
remembered under a key of this process. An unknown user takes as long as a known one.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import bcrypt
from aiohttp import hdrs, web

from exporter.http.fairness import FairPool, source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from aiohttp.typedefs import Handler, Middleware

_LONGEST_PASSWORD = 72
"""Bytes; bcrypt knows no more."""
_REMEMBERED = 256
_PATIENCE = 5.0
"""Seconds that a password may wait to be compared."""
_CHALLENGE = {
    hdrs.WWW_AUTHENTICATE: 'Basic realm="connectivity-exporter", charset="UTF-8"'
}
_OWN_SITE = frozenset({"same-origin", "none"})
_HOST = re.compile(r"(\[(?P<address>[0-9a-fA-F:.]+)\]|(?P<name>[^:\[\]]+))(:[0-9]*)?")
_HARMLESS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


class Users:
    """Knows who may come in.

    Args:
        users: gives bcrypt hashes by name; with none of them, everybody may.
    """

    def __init__(self, users: Callable[[], Mapping[str, bytes]]) -> None:
        self._users = users
        self._thread = ThreadPoolExecutor(1, "passwords")
        self._pool = FairPool(1)
        self._key = os.urandom(32)
        self._remembered: dict[bytes, None] = {}

    def asked_for(self) -> bool:
        """Whether a name and password are needed."""
        return bool(self._users())

    async def check(self, name: str, password: str, source: str = "") -> bool:
        """Whether this is a user's name and password.

        Args:
            name: the user's.
            password: as given.
            source: who asks, as `source_of` has it.

        Raises:
            TimeoutError: too many wait to be told.
        """
        users = self._users()
        given = password.encode()
        known = users.get(name)
        digest = self._digest(name.encode(), known or b"", given)
        if digest in self._remembered:
            return True
        # An unknown user takes as long as the one who takes longest.
        right = await self._compare(
            given, known or max(users.values(), key=_cost), source
        )
        if not right or known is None:
            return False
        while len(self._remembered) >= _REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = None
        return True

    async def _compare(self, given: bytes, hashed: bytes, source: str) -> bool:
        fits = len(given) <= _LONGEST_PASSWORD and b"\0" not in given
        async with self._pool.place(source, _PATIENCE):
            right = await asyncio.get_running_loop().run_in_executor(
                self._thread, bcrypt.checkpw, given if fits else b"", hashed
            )
        return right and fits

    def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _digest(self, *parts: bytes) -> bytes:
        keyed = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in parts:
            keyed.update(len(part).to_bytes(8, "big") + part)
        return keyed.digest()


def password_guard(users: Users, open_to_all: Collection[str] = ()) -> Middleware:
    """Lets nobody pass without a user's name and password (RFC 7617).

    Args:
        users: who may pass.
        open_to_all: paths that need neither.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if users.asked_for() and request.path not in open_to_all:
            await _insist(users, request)
        return await handler(request)

    return guard


async def _insist(users: Users, request: web.Request) -> None:
    given = _credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
    if given is None or not await users.check(*given, source_of(request.remote)):
        text = "a user name and password are needed\n"
        raise web.HTTPUnauthorized(text=text, headers=_CHALLENGE)


def _cost(hashed: bytes) -> bytes:
    """What sorts bcrypt hashes by the work they take."""
    return hashed.split(b"$")[2]


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what another site's page makes a browser ask for.

    Only requests that change something are judged. Browsers say where a request
    comes from in one of two headers (W3C Fetch Metadata; RFC 6454); programs that
    are no browser send neither.
    """
    if request.method not in _HARMLESS and _foreign(request):
        raise web.HTTPForbidden(text="refused: this request comes from another site\n")
    return await handler(request)


def _credentials(header: str) -> tuple[str, str] | None:
    """User name and password of an Authorization header, None if it has none."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(token).decode().partition(":")
    except ValueError:
        return None
    return (name, password) if colon else None


def _foreign(request: web.Request) -> bool:
    """Whether one of the two headers names another site; what is not sent says nothing."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get(hdrs.ORIGIN)
    elsewhere = origin is not None and origin.partition("://")[2] != request.host
    return site not in _OWN_SITE or elsewhere


def known_hosts(allowed: Callable[[], Collection[str] | None]) -> Middleware:
    """Answers only requests for names that this server has.

    A page can point a name of its own at this server's address, and is then of the
    same origin (DNS rebinding): only the name in the request tells.

    Args:
        allowed: names beside those of this host itself; None lets every name pass.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        names = allowed()
        host = request.headers.get(hdrs.HOST)
        # A target with a name of its own goes before the header (RFC 9112 3.2.2).
        target = "" if host is None or request.host == host else request.host
        if (
            names is not None
            and host is not None
            and not (_is_one_of(host, names) and _is_known(target, names))
        ):
            text = (
                "this server has no such name (web: {hosts: [...]} in the site file)\n"
            )
            raise web.HTTPMisdirectedRequest(text=text)
        return await handler(request)

    return guard


def is_loopback(host: str) -> bool:
    """Whether a name or address means this host itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_one_of(header: str, names: Collection[str]) -> bool:
    """Whether a Host header (RFC 9110 7.2) names this host or one of `names`."""
    found = _HOST.fullmatch(header)
    if found is None:
        return False
    return _is_known(found["address"] or found["name"], names)


def _is_known(host: str, names: Collection[str]) -> bool:
    """Whether a name or address is this host's or one of `names`; if empty, none is meant."""
    name = host.lower().removesuffix(".")
    return not host or is_loopback(name) or name in names
