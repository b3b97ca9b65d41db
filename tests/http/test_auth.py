from __future__ import annotations

import asyncio

import bcrypt
import pytest
from aiohttp import web

from exporter.http import auth
from exporter.http.auth import Users

SECRET = bcrypt.hashpw("sécret".encode(), bcrypt.gensalt(4))
EMPTY = bcrypt.hashpw(b"", bcrypt.gensalt(4))
LONG = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))


@pytest.fixture
def compared(monkeypatch):
    """The hashes that passwords were compared with."""
    hashes = []
    check = bcrypt.checkpw

    def checkpw(password, hashed):
        hashes.append(hashed)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", checkpw)
    return hashes


@pytest.fixture
def users():
    users = Users(lambda: {"alice": SECRET, "empty": EMPTY, "long": LONG})
    yield users
    users.close()


@pytest.mark.parametrize(
    ("name", "password", "right"),
    [
        ("alice", "sécret", True),
        ("alice", "secret", False),
        ("alice", "", False),
        ("bob", "sécret", False),
        ("", "", False),
        ("empty", "", True),
        ("empty", "x" * 73, False),
        ("empty", "\0", False),
        ("long", "x" * 72, True),
        ("long", "x" * 73, False),
        ("long", "x" * 100_000, False),
    ],
)
async def test_only_the_right_password_of_a_known_user_is_right(
    users, name, password, right
):
    assert await users.check(name, password) is right
    assert await users.check(name, password) is right


async def test_a_right_password_is_compared_once_and_a_wrong_one_each_time(
    users, compared
):
    for _ in range(3):
        assert await users.check("alice", "sécret")
        assert not await users.check("alice", "wrong")
    assert len(compared) == 4


async def test_an_unknown_user_costs_a_comparison_too(users, compared):
    assert not await users.check("nobody", "sécret")
    assert not await users.check("alice", "x" * 73)
    assert compared == [SECRET, SECRET]


async def test_what_is_remembered_is_bounded(users, monkeypatch, compared):
    monkeypatch.setattr(auth, "_REMEMBERED", 1)
    for _ in range(2):
        assert await users.check("alice", "sécret")
        assert await users.check("empty", "")
    assert len(compared) == 4


async def test_too_many_at_once_are_turned_away_and_the_rest_served(users):
    outcomes = await asyncio.gather(
        *(users.check("alice", f"guess {i}") for i in range(20)),
        return_exceptions=True,
    )
    refused = [o for o in outcomes if isinstance(o, web.HTTPServiceUnavailable)]
    assert (len(refused), outcomes.count(False)) == (4, 16)
    assert await users.check("alice", "sécret")
