from __future__ import annotations

import asyncio
import threading

import bcrypt
import pytest

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


async def test_an_unknown_user_costs_as_much_as_the_dearest_known(compared):
    dear = bcrypt.hashpw(b"dear", bcrypt.gensalt(6))
    users = Users(lambda: {"alice": SECRET, "dora": dear, "empty": EMPTY})
    assert not await users.check("nobody", "sécret")
    assert compared == [dear]
    users.close()


async def test_who_guesses_on_and_on_keeps_nobody_else_waiting(
    users, compared, monkeypatch
):
    begun, check = threading.Event(), bcrypt.checkpw
    monkeypatch.setattr(
        bcrypt, "checkpw", lambda *given: begun.wait(30) and check(*given)
    )
    guesses = [
        asyncio.create_task(users.check("empty", f"guess {i}", "192.0.2.66"))
        for i in range(40)
    ]
    await asyncio.sleep(0)
    right = asyncio.create_task(users.check("alice", "sécret", "192.0.2.77"))
    await asyncio.sleep(0)
    begun.set()
    assert await right
    # One of the guesses was being compared, and one may have been next.
    assert compared.index(SECRET) <= 2
    assert await asyncio.gather(*guesses) == [False] * 40


async def test_a_password_waits_only_so_long_to_be_compared(users, monkeypatch):
    monkeypatch.setattr(auth, "_PATIENCE", 0.0)
    ended = threading.Event()
    monkeypatch.setattr(auth.bcrypt, "checkpw", lambda *_: ended.wait(30))
    compared = asyncio.create_task(users.check("alice", "sécret"))
    await asyncio.sleep(0)
    for guess in ("one", "two"):
        with pytest.raises(TimeoutError):
            await users.check("alice", guess)
    ended.set()
    assert await compared
    assert await users.check("alice", "sécret")
